"""Half-open periods in the database, which itself refuses those that overlap."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.expressions import Combinable

#: What stands now; a row that was superseded tells what was believed before.
STANDS = Q(superseded__isnull=True)


class Days(Func):
    """The half-open period of two date columns; a null end is open."""

    function = "daterange"
    output_field = DateRangeField()


def no_overlap(
    name: str, same: tuple[str | Combinable, ...], start: str, end: str, condition: Q | None = None
) -> ExclusionConstraint:
    """The database refuses two rows with the same ``same`` whose periods overlap, among those it looks at."""
    alike = [(column, RangeOperators.EQUAL) for column in same]
    return ExclusionConstraint(
        name=name,
        expressions=[*alike, (Days(F(start), F(end)), RangeOperators.OVERLAPS)],
        condition=condition,
    )


def ends_after_it_begins(name: str, *, empty: bool = False) -> models.CheckConstraint:
    """A period ends after its first day, or on it where an entry may be annulled by leaving it ``empty``."""
    compared = "valid_until__gte" if empty else "valid_until__gt"
    return models.CheckConstraint(
        name=name, condition=Q(valid_until__isnull=True) | Q(**{compared: F("valid_from")})
    )


class Dated(models.Model):
    """What holds in a period, as it was known from ``revision`` on until ``superseded`` (null: it stands).

    A row's content never changes: `history` supersedes it and enters what holds instead.
    """

    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    revision = models.BigIntegerField()
    superseded = models.BigIntegerField(null=True)

    class Meta:
        abstract = True
