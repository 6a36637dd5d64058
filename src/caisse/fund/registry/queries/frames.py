"""The registry as whole frames for the adjudication, and everything ever said of one number."""

from dataclasses import asdict, dataclass
from datetime import date, datetime

import polars as pl
from django.db import connection
from django.db.models import Exists, OuterRef, Q

from caisse.fund.copying import read_frame
from caisse.fund.registry.models import ProviderCode, Revision, Suspension
from caisse.fund.registry.queries.known import CODES, moment
from caisse.fund.registry.queries.standing import IN_FORCE, SUSPENSIONS

INSURED_SCHEMA = pl.Schema(
    {
        "insured_person": pl.Int64(),
        "person": pl.Int64(),
        "fund": pl.String(),
        "insured_from": pl.Date(),
        "insured_until": pl.Date(),
    }
)
PROVIDERS_SCHEMA = pl.Schema(
    {
        "provider": pl.Int32(),
        "profession": pl.String(),
        "valid_from": pl.Date(),
        "valid_until": pl.Date(),
    }
)
EXECUTING_SCHEMA = pl.Schema(
    {
        "billing_provider": pl.Int32(),
        "executing_provider": pl.Int32(),
        "valid_from": pl.Date(),
        "valid_until": pl.Date(),
    }
)

CODES_ON_SCHEMA = pl.Schema(
    {
        "code": pl.Int32(),
        "provider_id": pl.Int64(),
        "profession": pl.String(),
        "speciality": pl.String(),
        "site_id": pl.Int64(),
        "valid_from": pl.Date(),
        "valid_until": pl.Date(),
    }
)

# A person without any period is known but insured on no day: an empty period says exactly that.
_INSURED = """
    SELECT n.number, n.person_id, coalesce(c.fund_id, ''), coalesce(c.insured_from, DATE '1900-01-01'),
           CASE WHEN c.id IS NULL THEN DATE '1900-01-01' ELSE c.insured_until END
    FROM registry_personnumber n LEFT JOIN registry_coverage c USING (person_id)
    {where} ORDER BY n.number, c.insured_from
"""
# The days a code really holds: its period without what suspends it, one row a stretch.
_PROVIDERS = """
    SELECT c.code, c.profession, lower(p.days), upper(p.days) FROM registry_providercode c
    LEFT JOIN (
        SELECT code_id, range_agg(daterange(valid_from, valid_until)) AS days FROM registry_suspension
        WHERE superseded IS NULL GROUP BY code_id
    ) s ON s.code_id = c.id
    CROSS JOIN LATERAL unnest(
        datemultirange(daterange(c.valid_from, c.valid_until)) - coalesce(s.days, '{}')
    ) AS p(days)
    ORDER BY c.code, 3
"""
# Who declared joint invoicing, and members of an association: it bills for them under its common code.
_EXECUTING = """
    SELECT billing, executing, lower(p.days), upper(p.days) FROM (
        SELECT billing, executing, range_agg(days) AS days FROM (
            SELECT b.code AS billing, e.code AS executing, daterange(r.valid_from, r.valid_until) AS days
            FROM registry_executingrelation r
            JOIN registry_providercode b ON b.id = r.billing_id
            JOIN registry_providercode e ON e.id = r.executing_id
            WHERE r.superseded IS NULL
            UNION ALL
            SELECT b.code, e.code, daterange(m.valid_from, m.valid_until) FROM registry_membership m
            JOIN registry_providercode b ON b.provider_id = m.association_id
            JOIN registry_providercode e ON e.id = m.member_id
            WHERE m.superseded IS NULL
        ) every_one GROUP BY 1, 2
    ) joined CROSS JOIN LATERAL unnest(joined.days) AS p(days) ORDER BY 1, 2, 3
"""
_CHANGED_PERSONS = """
    SELECT person_id FROM registry_coverage WHERE revision > %s
    UNION SELECT person_id FROM registry_personnumber WHERE revision > %s LIMIT %s
"""

# What is registered and what stood there before, of one provider code or of one person.
_ENTRIES = """
    SELECT e.what, e.starts, e.ends, r.at, e.superseded IS NOT NULL, s.at FROM (
        SELECT profession AS what, valid_from AS starts, valid_until AS ends, revision,
            NULL::bigint AS superseded
        FROM registry_providercode WHERE code = %(number)s
        UNION ALL SELECT profession, valid_from, valid_until, revision, superseded
        FROM registry_providercodebefore WHERE code = %(number)s
        UNION ALL SELECT c.fund_id, c.insured_from, c.insured_until, c.revision, NULL
        FROM registry_coverage c JOIN registry_personnumber n USING (person_id) WHERE n.number = %(number)s
        UNION ALL SELECT c.fund_id, c.insured_from, c.insured_until, c.revision, c.superseded
        FROM registry_coveragebefore c JOIN registry_personnumber n USING (person_id)
        WHERE n.number = %(number)s
    ) e LEFT JOIN registry_recorded r ON r.number = e.revision
    LEFT JOIN registry_recorded s ON s.number = e.superseded
    ORDER BY e.starts, e.revision
"""
_CODES_ON = f"""
    SELECT c.code, c.provider_id, c.profession, c.speciality, c.site_id, c.valid_from, c.valid_until
    FROM {CODES.format(only="")} c JOIN registry_providercode now ON now.code = c.code
    WHERE {IN_FORCE.format(t="c")} AND NOT EXISTS (
        SELECT 1 FROM ({SUSPENSIONS}) f WHERE f.code_id = now.id)
    ORDER BY c.code
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A period of a code (``what``: profession) or person (institution), and when it was recorded."""

    what: str
    valid_from: date
    valid_until: date | None
    recorded_at: datetime | None
    superseded: bool
    superseded_at: datetime | None

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def entries_of(number: int) -> list[Entry]:
    """Everything that is or was registered under a provider code or a national number, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_ENTRIES, {"number": number})
        return [Entry(*row) for row in cursor.fetchall()]


def current_revision() -> int:
    """The number of the registry's last change; every row that carries it or less can be seen."""
    row = Revision.objects.filter(pk=1).first()
    return row.number if row else 0


def insured_persons() -> pl.DataFrame:
    """Every number with its periods of insurance, as `INSURED_SCHEMA`, sorted by number."""
    return read_frame(_INSURED.format(where=""), dict(INSURED_SCHEMA))


def insured_persons_changed_since(revision: int, *, at_most: int) -> pl.DataFrame | None:
    """All rows of the persons changed after ``revision``; None when they are more than ``at_most``."""
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED_PERSONS, [revision, revision, at_most + 1])
        changed = [row[0] for row in cursor.fetchall()]
    if len(changed) > at_most:
        return None
    if not changed:
        return pl.DataFrame(schema=INSURED_SCHEMA)
    where = "WHERE n.person_id = ANY(%s)"
    return read_frame(_INSURED.format(where=where), dict(INSURED_SCHEMA), (changed,))


def provider_codes() -> pl.DataFrame:
    """The periods in which codes hold, as `PROVIDERS_SCHEMA`; a code that was suspended has several."""
    return read_frame(_PROVIDERS, dict(PROVIDERS_SCHEMA))


def executing_relations() -> pl.DataFrame:
    """Who may execute services that another bills, as `EXECUTING_SCHEMA`."""
    return read_frame(_EXECUTING, dict(EXECUTING_SCHEMA))


def provider_of_code(code: int, on: date) -> ProviderCode | None:
    """The code's row if the code holds on that day (neither ended nor suspended), with its provider."""
    holds = Q(valid_from__lte=on) & (Q(valid_until__isnull=True) | Q(valid_until__gt=on))
    suspended = Suspension.objects.filter(holds, code=OuterRef("pk"), superseded__isnull=True)
    return (
        ProviderCode.objects.select_related("provider").filter(holds, ~Exists(suspended), code=code).first()
    )


def codes_valid_on(on: date, known_at: datetime | None = None) -> pl.DataFrame:
    """Every code that was valid on a day, as it was known at ``known_at``; as `CODES_ON_SCHEMA`."""
    values = {"on": on, "known_at": moment(known_at)}
    return read_frame(_CODES_ON, dict(CODES_ON_SCHEMA), values)
