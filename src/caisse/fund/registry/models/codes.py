"""Codes, what suspends them, and the licences they rest on."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from caisse.fund.registry.models.periods import STANDS, Dated, ends_after_it_begins, no_overlap
from caisse.fund.registry.models.providers import Provider, Site


class ProviderCode(models.Model):
    """An 8-digit code a provider bills under, valid from the first day until (not including) the last.

    Bound to a site and a speciality where they are known. `Suspension` says when it does not hold in between.
    """

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="codes")
    code = models.IntegerField(unique=True)
    profession = models.CharField(max_length=30)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, related_name="codes")
    speciality = models.CharField(max_length=60, blank=True, db_default="")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    why = models.CharField(max_length=200, blank=True, db_default="")
    revision = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="registry_code_eight_digits", condition=Q(code__gte=10_000_000, code__lte=99_999_999)
            ),
            ends_after_it_begins("registry_code_period", empty=True),
            # At another site or for another speciality a provider may hold a second code on the same day.
            no_overlap(
                "registry_one_code_at_a_time",
                (
                    "provider",
                    "profession",
                    Coalesce(F("site"), 0, output_field=models.BigIntegerField()),
                    "speciality",
                ),
                "valid_from",
                "valid_until",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                name="registry_code_ends", fields=["valid_until"], condition=Q(valid_until__isnull=False)
            )
        ]


class ProviderCodeBefore(models.Model):
    """A code as it stood from ``revision`` on until ``superseded`` changed it. Never changed itself."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="+")
    code = models.IntegerField(db_index=True)
    profession = models.CharField(max_length=30)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    speciality = models.CharField(max_length=60, blank=True, db_default="")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    why = models.CharField(max_length=200, blank=True, db_default="")
    revision = models.BigIntegerField()
    superseded = models.BigIntegerField()


class CodeSeries(models.Model):
    """The last number allotted in a range of codes: numbers up to it are never given again."""

    range = models.CharField(max_length=30, primary_key=True)
    last = models.IntegerField()


class Licence(models.Model):
    """A permission of somebody else that codes rest on (autorisation d'exercer, d'établissement …)."""

    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="licences")
    kind = models.CharField(max_length=40)
    number = models.CharField(max_length=60, blank=True)
    issued_on = models.DateField(null=True)
    document_sha256 = models.CharField(max_length=64, blank=True)
    revision = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(name="registry_licence_kind", fields=["kind"])]


class LicencePeriod(Dated):
    """The days on which a licence holds, and why it ends."""

    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="periods")
    why = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            ends_after_it_begins("registry_licence_period"),
            no_overlap("registry_licence_once", ("licence",), "valid_from", "valid_until", STANDS),
        ]
        indexes: ClassVar = [
            models.Index(name="registry_licence_ends", fields=["valid_until"], condition=STANDS)
        ]


class LicensedCode(models.Model):
    """A code that rests on a licence."""

    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, related_name="codes")
    code = models.ForeignKey(ProviderCode, on_delete=models.PROTECT, related_name="licences")
    revision = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="registry_code_licensed_once", fields=["licence", "code"])
        ]


class Suspension(Dated):
    """The days on which a code does not hold although it has not ended.

    ``licence``: whose lapse suspends it; null: a decision. Causes may overlap, one cause cannot.
    """

    code = models.ForeignKey(ProviderCode, on_delete=models.PROTECT, related_name="suspensions")
    licence = models.ForeignKey(Licence, on_delete=models.PROTECT, null=True, related_name="suspensions")
    why = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints: ClassVar = [
            ends_after_it_begins("registry_suspension_period"),
            no_overlap(
                "registry_suspended_once",
                ("code", Coalesce(F("licence"), 0, output_field=models.BigIntegerField())),
                "valid_from",
                "valid_until",
                STANDS,
            ),
        ]


class LapseNotice(models.Model):
    """One consequence of a licence's end that was drawn: each is drawn once, whoever asks how often.

    ``period``: the end it is about. ``code``: null for a warning, which concerns all codes of the licence.
    """

    period = models.ForeignKey(LicencePeriod, on_delete=models.PROTECT, related_name="notices")
    what = models.CharField(max_length=20)
    code = models.ForeignKey(ProviderCode, on_delete=models.PROTECT, null=True, related_name="notices")
    day = models.DateField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="registry_notice_once", fields=["period", "what", "code"], nulls_distinct=False
            )
        ]
