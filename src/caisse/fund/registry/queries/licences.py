"""Licences with the codes that rest on them, as they were known at a time."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection

from caisse.fund.registry.queries.known import KNOWN, moment

_LICENCES = f"""
    SELECT l.id, l.provider_id, l.kind, l.number, l.issued_on, p.valid_from, p.valid_until, p.why,
        l.document_sha256, coalesce((
            SELECT array_agg(c.code ORDER BY c.code) FROM registry_licensedcode x
            JOIN registry_providercode c ON c.id = x.code_id
            WHERE x.licence_id = l.id AND NOT EXISTS (
                SELECT 1 FROM registry_recorded k WHERE k.number = x.revision AND k.at > %(known_at)s)
        ), '{{{{}}}}')
    FROM registry_licence l JOIN registry_licenceperiod p ON p.licence_id = l.id
    WHERE {{which}} AND {KNOWN.format(t="p")} ORDER BY p.valid_until NULLS LAST, l.id
"""


@dataclass(frozen=True, slots=True)
class LicenceHeld:
    """A licence with its days; ``why`` says why it ends, ``codes`` rest on it."""

    licence_id: int
    provider_id: int
    kind: str
    number: str
    issued_on: date | None
    valid_from: date
    valid_until: date | None
    why: str
    document_sha256: str
    codes: tuple[int, ...]

    def holds_on(self, day: date) -> bool:
        """True when it holds on a day."""
        return self.valid_from <= day and (self.valid_until is None or day < self.valid_until)


def _licences(which: str, known_at: datetime | None, **values: object) -> list[LicenceHeld]:
    with connection.cursor() as cursor:
        cursor.execute(_LICENCES.format(which=which), {"known_at": moment(known_at), **values})
        return [LicenceHeld(*row[:9], tuple(row[9])) for row in cursor.fetchall()]


def licences_of(
    provider_id: int, on: date | None = None, known_at: datetime | None = None
) -> list[LicenceHeld]:
    """A provider's licences, those that hold on a day or all, as known at ``known_at``; by their ends."""
    found = _licences("l.provider_id = %(provider)s", known_at, provider=provider_id)
    return found if on is None else [one for one in found if one.holds_on(on)]


def expiring_licences(on: date, within_days: int) -> list[LicenceHeld]:
    """Licences that hold on a day and end within so many days of it, the first to end first."""
    which = "p.valid_from <= %(on)s AND p.valid_until > %(on)s AND p.valid_until <= %(last)s"
    return _licences(which, None, on=on, last=on + timedelta(days=within_days))


def ended_licences(on: date, within_days: int) -> list[LicenceHeld]:
    """Licences that ended in the days up to ``on`` and that none of their kind continues, the last first."""
    continued = """NOT EXISTS (
        SELECT 1 FROM registry_licence m JOIN registry_licenceperiod q ON q.licence_id = m.id
        WHERE m.provider_id = l.provider_id AND m.kind = l.kind AND q.superseded IS NULL
            AND q.valid_from <= %(on)s AND (q.valid_until IS NULL OR q.valid_until > %(on)s))"""
    which = f"p.valid_until <= %(on)s AND p.valid_until > %(first)s AND {continued}"
    return _licences(which, None, on=on, first=on - timedelta(days=within_days))[::-1]
