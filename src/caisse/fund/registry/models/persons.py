"""Who is insured, with which institution, since when and until when."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from caisse.fund.registry.models.periods import no_overlap


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
            no_overlap("registry_one_fund_at_a_time", ("person",), "insured_from", "insured_until"),
        ]


class CoverageBefore(models.Model):
    """A period of insurance as it stood from ``revision`` on until ``superseded``. Never changed itself."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, db_index=False)
    insured_from = models.DateField()
    insured_until = models.DateField(null=True)
    revision = models.BigIntegerField()
    superseded = models.BigIntegerField()
