"""Who provides, who is insured, since when and until when. Periods are half-open and cannot overlap."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from caisse.fund.registry.models.codes import (
    CodeSeries,
    LapseNotice,
    Licence,
    LicencePeriod,
    LicensedCode,
    ProviderCode,
    ProviderCodeBefore,
    Suspension,
)
from caisse.fund.registry.models.periods import Dated, Days
from caisse.fund.registry.models.persons import Coverage, CoverageBefore, Fund, Person, PersonNumber
from caisse.fund.registry.models.providers import (
    Association,
    BankAccount,
    ExecutingRelation,
    Manager,
    Membership,
    Provider,
    ProviderNumber,
    Site,
    SiteAddress,
)

__all__ = [
    "Association",
    "BankAccount",
    "CodeSeries",
    "Coverage",
    "CoverageBefore",
    "Dated",
    "Days",
    "ExecutingRelation",
    "Fund",
    "LapseNotice",
    "Licence",
    "LicencePeriod",
    "LicensedCode",
    "Manager",
    "Membership",
    "Person",
    "PersonNumber",
    "Provider",
    "ProviderCode",
    "ProviderCodeBefore",
    "ProviderNumber",
    "Recorded",
    "Revision",
    "Site",
    "SiteAddress",
    "Suspension",
]


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
