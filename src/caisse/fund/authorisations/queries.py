"""What was granted: as a frame for the adjudication, as it is or as it was; and row by row for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl
from django.db import connection

from caisse.agreement.rules.grants import AUTHORISATIONS_SCHEMA
from caisse.fund.authorisations.models import Authorisation, Revision

GRANTED, ENDED, WITHDRAWN = "granted", "ended", "withdrawn"

#: One row an act, as the rules read it but for what was used. ``valid_until`` is the earliest end known;
#: ``status`` is granted or withdrawn.
GRANTS_SCHEMA = pl.Schema({name: kind for name, kind in AUTHORISATIONS_SCHEMA.items() if name != "used_by"})
_GRANTS = """
    SELECT a.number, a.laboratory_id, a.insured_person_id, g.act, g.granted_cents, a.valid_from,
           least(a.valid_until, e.valid_until), CASE WHEN e.withdrawn THEN 'withdrawn' ELSE 'granted' END
    FROM authorisations_authorisation a JOIN authorisations_grantedact g ON g.authorisation_id = a.id
    LEFT JOIN (SELECT authorisation_id, min(valid_until) valid_until, bool_or(valid_until IS NULL) withdrawn
               FROM authorisations_ending WHERE revision <= %s GROUP BY 1) e ON e.authorisation_id = a.id
    WHERE a.number = ANY(%s) AND a.revision <= %s ORDER BY a.number, g.act
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One authorisation as a person reads it; ``acts`` maps each collective code to (letters, cents)."""

    number: str
    laboratory: int
    insured_person: int
    acts: dict[str, tuple[str, int]]
    valid_from: date
    valid_until: date | None
    granted_on: date
    status: str
    why: str


def current_revision() -> int:
    """The number of the register's last change; every row that carries it or less can be seen."""
    row = Revision.objects.filter(pk=1).first()
    return row.number if row else 0


def grants(references: Sequence[str], *, revision: int) -> pl.DataFrame:
    """The authorisations with these numbers as they were at ``revision``, as `GRANTS_SCHEMA`; one query."""
    wanted = sorted(references)
    if not wanted:
        return pl.DataFrame(schema=GRANTS_SCHEMA)
    with connection.cursor() as cursor:
        cursor.execute(_GRANTS, [revision, wanted, revision])
        return pl.DataFrame(cursor.fetchall(), schema=GRANTS_SCHEMA, orient="row")


def entries(*, laboratory: int | None = None, limit: int) -> list[Entry]:
    """At most ``limit`` authorisations, the newest first; all, or those of one laboratory."""
    rows = Authorisation.objects.prefetch_related("acts", "endings").order_by("-pk")
    if laboratory is not None:
        rows = rows.filter(laboratory_id=laboratory)
    return [_entry(row) for row in rows[:limit]]


def _entry(row: Authorisation) -> Entry:
    endings = sorted(row.endings.all(), key=lambda ending: ending.revision)
    ends = [end for end in (row.valid_until, *(ending.valid_until for ending in endings)) if end]
    withdrawn = any(ending.valid_until is None for ending in endings)
    return Entry(
        number=row.number,
        laboratory=row.laboratory_id,
        insured_person=row.insured_person_id,
        acts={act.act: (act.letters, act.granted_cents) for act in row.acts.all()},
        valid_from=row.valid_from,
        valid_until=min(ends, default=None),
        granted_on=row.granted_on,
        status=WITHDRAWN if withdrawn else ENDED if endings else GRANTED,
        why=endings[-1].why if endings else "",
    )
