"""Who provides, who is insured, since when and until when. Periods are half-open and cannot overlap."""

from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q


class Days(Func):
    """The half-open period of two date columns; a null end is open."""

    function = "daterange"
    output_field = DateRangeField()


def _no_overlap(name: str, same: tuple[str, ...], start: str, end: str) -> ExclusionConstraint:
    """The database refuses two rows with the same ``same`` whose periods overlap."""
    alike = [(column, RangeOperators.EQUAL) for column in same]
    return ExclusionConstraint(
        name=name,
        expressions=[*alike, (Days(F(start), F(end)), RangeOperators.OVERLAPS)],
    )


class Revision(models.Model):
    """One row: the number of the last change, so that resident snapshots know whether they are current."""

    number = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="registry_one_revision", condition=Q(id=1))]


class Recorded(models.Model):
    """When and by whom a revision was made: the recorded time of every row that carries its number."""

    number = models.BigIntegerField(primary_key=True)
    action = models.CharField(max_length=40)
    by = models.CharField(max_length=120)
    at = models.DateTimeField()


class Provider(models.Model):
    """A person or institution that provides care; the id stays when its code changes."""

    name = models.CharField(max_length=120)
    iban = models.CharField(max_length=34, blank=True)


class ProviderCode(models.Model):
    """An 8-digit code a provider bills under, valid from the first day until (not including) the last."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="codes")
    code = models.IntegerField(unique=True)
    profession = models.CharField(max_length=30)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    revision = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_code_eight_digits", condition=Q(code__gte=10_000_000, code__lte=99_999_999)
            ),
            models.CheckConstraint(
                name="registry_code_period",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
            ),
            _no_overlap(
                "registry_one_code_at_a_time", ("provider", "profession"), "valid_from", "valid_until"
            ),
        ]


class ProviderCodeBefore(models.Model):
    """A code as it stood from ``revision`` on until ``superseded`` changed it. Never changed itself."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+")
    code = models.IntegerField(db_index=True)
    profession = models.CharField(max_length=30)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    revision = models.BigIntegerField()
    superseded = models.BigIntegerField()


class ExecutingRelation(models.Model):
    """The period in which a provider may execute services that another one bills."""

    billing = models.ForeignKey(ProviderCode, on_delete=models.PROTECT, related_name="executed_by")
    executing = models.ForeignKey(ProviderCode, on_delete=models.PROTECT, related_name="executes_for")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    revision = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            _no_overlap(
                "registry_executing_no_overlap", ("billing", "executing"), "valid_from", "valid_until"
            ),
        ]


class Fund(models.Model):
    """An institution that insures persons (CSS art. 44)."""

    code = models.CharField(max_length=8, primary_key=True)
    name = models.CharField(max_length=120)


class Person(models.Model):
    """An insured person; the id stays when the national number is replaced."""

    name = models.CharField(max_length=120, blank=True)


class PersonNumber(models.Model):
    """A national number of a person. A replaced number still leads to its person."""

    number = models.BigIntegerField(primary_key=True)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="numbers")
    revision = models.BigIntegerField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_number_thirteen_digits",
                condition=Q(number__gte=10**12, number__lt=10**13),
            ),
        ]


class Coverage(models.Model):
    """The days a person is insured with a fund, from the first until (not including) the last."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="coverages")
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, db_index=False)
    insured_from = models.DateField()
    insured_until = models.DateField(null=True)
    revision = models.BigIntegerField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_coverage_period",
                condition=Q(insured_until__isnull=True) | Q(insured_until__gte=F("insured_from")),
            ),
            _no_overlap("registry_one_fund_at_a_time", ("person",), "insured_from", "insured_until"),
        ]


class CoverageBefore(models.Model):
    """A period of insurance as it stood from ``revision`` on until ``superseded``. Never changed itself."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, db_index=False)
    insured_from = models.DateField()
    insured_until = models.DateField(null=True)
    revision = models.BigIntegerField()
    superseded = models.BigIntegerField()
