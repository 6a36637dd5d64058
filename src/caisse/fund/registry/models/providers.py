"""Who provides: names, numbers, sites, accounts, managers, associations and who executes for whom."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from caisse.fund.registry.models.periods import STANDS, Dated, ends_after_it_begins, no_overlap

KINDS = ("person", "company", "association", "institution")
LANGUAGES = ("fr", "de", "en")
NUMBER_KINDS = ("national", "legal", "rcs", "vat")


class Provider(models.Model):
    """A person, company, association or institution that provides care; the id stays whatever changes."""

    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=12, default="person", db_default="person")
    language = models.CharField(max_length=2, default="fr", db_default="fr")
    email = models.CharField(max_length=254, blank=True, db_default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="registry_provider_kind", condition=Q(kind__in=KINDS)),
            models.CheckConstraint(name="registry_provider_language", condition=Q(language__in=LANGUAGES)),
        ]


class ProviderNumber(models.Model):
    """A number a provider is known by elsewhere; no key: it may be replaced, the old one still leads here."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="numbers")
    kind = models.CharField(max_length=8)
    number = models.CharField(max_length=20)
    revision = models.BigIntegerField()
    superseded = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="registry_number_kind", condition=Q(kind__in=NUMBER_KINDS)),
            models.UniqueConstraint(
                name="registry_number_of_one", fields=["kind", "number"], condition=STANDS
            ),
            models.UniqueConstraint(
                name="registry_one_number", fields=["provider", "kind"], condition=STANDS
            ),
        ]
        indexes: ClassVar = [models.Index(name="registry_number_leads", fields=["number", "kind"])]


class Site(models.Model):
    """A place a provider practises at (lieu d'exercice); the id stays when it moves."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="sites")


class SiteAddress(Dated):
    """Where a site is in a period; a site without an address on a day is not open on it."""

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="addresses")
    street = models.CharField(max_length=120)
    house_number = models.CharField(max_length=20, blank=True)
    postcode = models.CharField(max_length=12)
    locality = models.CharField(max_length=80)
    country = models.CharField(max_length=2, default="LU")

    class Meta:
        constraints: ClassVar = [
            ends_after_it_begins("registry_site_period"),
            no_overlap("registry_one_address", ("site",), "valid_from", "valid_until", STANDS),
        ]


class BankAccount(Dated):
    """Where a provider's payments go in a period."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="accounts")
    iban = models.CharField(max_length=34)
    holder = models.CharField(max_length=120)

    class Meta:
        constraints: ClassVar = [
            ends_after_it_begins("registry_account_period"),
            no_overlap("registry_one_account", ("provider",), "valid_from", "valid_until", STANDS),
        ]


class Manager(Dated):
    """Who answers for an establishment in a period (dirigeant, personne responsable)."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="managers")
    name = models.CharField(max_length=120)
    number = models.CharField(max_length=13, blank=True)

    class Meta:
        constraints: ClassVar = [
            ends_after_it_begins("registry_manager_period"),
            no_overlap("registry_one_manager", ("provider",), "valid_from", "valid_until", STANDS),
        ]


class Association(models.Model):
    """What joins the members of a liberal association (its common code is a code of the provider it is)."""

    provider = models.OneToOneField(Provider, on_delete=models.PROTECT, primary_key=True)
    profession = models.CharField(max_length=30)
    speciality = models.CharField(max_length=60, blank=True)
    founded_on = models.DateField()
    revision = models.BigIntegerField()


class Membership(Dated):
    """The days on which a provider, named by its individual code, belongs to an association."""

    association = models.ForeignKey(Association, on_delete=models.PROTECT, related_name="memberships")
    member = models.ForeignKey("registry.ProviderCode", on_delete=models.PROTECT, related_name="memberships")

    class Meta:
        constraints: ClassVar = [
            ends_after_it_begins("registry_membership_period"),
            no_overlap(
                "registry_member_once", ("association", "member"), "valid_from", "valid_until", STANDS
            ),
        ]


class ExecutingRelation(Dated):
    """The days on which a provider may execute what another one bills (groupement à facturation commune)."""

    billing = models.ForeignKey("registry.ProviderCode", on_delete=models.PROTECT, related_name="executed_by")
    executing = models.ForeignKey(
        "registry.ProviderCode", on_delete=models.PROTECT, related_name="executes_for"
    )
    declared_on = models.DateField(null=True)

    class Meta:
        constraints: ClassVar = [
            no_overlap(
                "registry_executing_no_overlap", ("billing", "executing"), "valid_from", "valid_until", STANDS
            ),
        ]
