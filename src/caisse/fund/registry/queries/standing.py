"""Does a code hold on a day, as it was known at a time? For one code, or all that do."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from caisse.fund.registry.queries.known import CODES, KNOWN, moment

VALID, SUSPENDED, ENDED, NOT_YET, UNKNOWN = STATES = ("valid", "suspended", "ended", "not_yet", "unknown")

IN_FORCE = "{t}.valid_from <= %(on)s AND ({t}.valid_until IS NULL OR {t}.valid_until > %(on)s)"
# What suspends a code on a day: of several causes the one that lasts longest.
SUSPENSIONS = f"""
    SELECT s.code_id, s.valid_from, s.valid_until, s.why, s.licence_id FROM registry_suspension s
    WHERE {IN_FORCE.format(t="s")} AND {KNOWN.format(t="s")}
"""
_STANDING = f"""
    SELECT c.code, c.provider_id, c.profession, c.speciality, c.site_id, c.valid_from, c.valid_until, c.why,
        s.valid_from, s.valid_until, s.why, s.licence_id
    FROM {CODES.format(only="WHERE code = ANY(%(codes)s)")} c
    JOIN registry_providercode now ON now.code = c.code
    LEFT JOIN LATERAL (
        SELECT * FROM ({SUSPENSIONS}) f WHERE f.code_id = now.id
        ORDER BY f.valid_until DESC NULLS FIRST, f.valid_from LIMIT 1
    ) s ON true
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a code stands on a day. ``state``: valid, suspended, ended, not_yet, unknown; ``why`` if known.

    ``suspended_until`` is null while no end is known; ``licence_id``: the lapsed licence that suspends it.
    """

    code: int
    state: str
    provider_id: int | None = None
    profession: str = ""
    speciality: str = ""
    site_id: int | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    why: str = ""
    suspended_from: date | None = None
    suspended_until: date | None = None
    licence_id: int | None = None

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def standing(code: int, on: date, known_at: datetime | None = None) -> Standing:
    """How a code stands on a day, as it was known at ``known_at`` (None: now)."""
    return standings([code], on, known_at)[0]


def standings(codes: Sequence[int], on: date, known_at: datetime | None = None) -> list[Standing]:
    """How each of some codes stands on a day, in their order, as it was known at ``known_at`` (None: now)."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"codes": list(codes), "on": on, "known_at": moment(known_at)})
        found = {row[0]: _standing(row, on) for row in cursor.fetchall()}
    return [found.get(code) or Standing(code, UNKNOWN) for code in codes]


def _standing(row: tuple[Any, ...], on: date) -> Standing:
    code, *what, ended_why, since, until, why, licence_id = row
    start, end = what[4], what[5]
    if on < start:
        return Standing(code, NOT_YET, *what)
    if end is not None and on >= end:
        return Standing(code, ENDED, *what, ended_why)
    if since is not None:
        return Standing(code, SUSPENDED, *what, why, since, until, licence_id)
    return Standing(code, VALID, *what)


def is_code_closed(code: int, on: date) -> bool:
    """True when the registry knows a code and it does not hold that day; a code it does not know: False."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT registry_code_closed(%s, %s)", (code, on))
        return bool(cursor.fetchone()[0])
