"""What was known when: a row counts from the moment it was recorded until another one superseded it.

Every statement takes ``known_at``; "infinity" stands for now. Rows from before times were recorded count as
known always.
"""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from caisse.fund.registry.models import Dated, Recorded

#: The standing rows of a `Dated` table as known at ``%(known_at)s``; ``{t}`` is its alias.
KNOWN = """
    (NOT EXISTS (SELECT 1 FROM registry_recorded k WHERE k.number = {t}.revision AND k.at > %(known_at)s)
     AND ({t}.superseded IS NULL
          OR EXISTS (
              SELECT 1 FROM registry_recorded k WHERE k.number = {t}.superseded AND k.at > %(known_at)s)))
"""

#: Codes as known at ``%(known_at)s``, one row a code.
CODES = f"""
    (SELECT c.* FROM (
        SELECT code, provider_id, profession, site_id, speciality, valid_from, valid_until, why, revision,
            NULL::bigint AS superseded FROM registry_providercode {{only}}
        UNION ALL
        SELECT code, provider_id, profession, site_id, speciality, valid_from, valid_until, why, revision,
            superseded FROM registry_providercodebefore {{only}}
    ) c WHERE {KNOWN.format(t="c")})
"""


def rows_known[Row: Dated](model: type[Row], known_at: datetime | None, **key: object) -> QuerySet[Row]:
    """The rows of a `Dated` table as known at ``known_at`` (None: now), the first to begin first."""
    rows = model._default_manager.filter(**key).order_by("valid_from")
    if known_at is None:
        return rows.filter(superseded__isnull=True)
    later = Recorded.objects.filter(at__gt=known_at)
    return rows.filter(
        ~Exists(later.filter(number=OuterRef("revision"))),
        Q(superseded__isnull=True) | Exists(later.filter(number=OuterRef("superseded"))),
    )


def moment(known_at: datetime | None) -> datetime | str:
    """``known_at`` as the statements take it."""
    return "infinity" if known_at is None else known_at
