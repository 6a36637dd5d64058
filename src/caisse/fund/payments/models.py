"""What the fund owes a provider for each return, orders to the bank, statements of associations."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class PaymentOrder(models.Model):
    """One credit-transfer order to the bank; its file is stored in the fund's home."""

    ordered_at = models.DateTimeField()
    execution_on = models.DateField()
    message_reference = models.CharField(max_length=35, unique=True)
    groups_count = models.IntegerField()
    total_cents = models.BigIntegerField()


class PaymentGroup(models.Model):
    """The payment of one return. One per judged file: the database refuses to pay a return twice."""

    file = models.OneToOneField("claims.JudgedFile", on_delete=models.PROTECT, related_name="payment_group")
    provider_code = models.IntegerField(db_index=True)
    reference = models.CharField(max_length=40, unique=True)
    lines_count = models.IntegerField()
    total_cents = models.BigIntegerField()
    booked_at = models.DateTimeField()
    order = models.ForeignKey(PaymentOrder, on_delete=models.PROTECT, null=True, related_name="groups")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="payments_group_not_negative", condition=Q(total_cents__gte=0))
        ]


class PaymentLine(models.Model):
    """One paid invoice inside a payment group; ``invoice`` is its row number in the judged file."""

    pk = models.CompositePrimaryKey("group", "invoice")
    group = models.ForeignKey(PaymentGroup, on_delete=models.PROTECT, related_name="lines")
    invoice = models.IntegerField()
    amount_cents = models.BigIntegerField()


class Balance(models.Model):
    """All that was ever booked for a provider's code, and how much of it was ordered from the bank."""

    provider_code = models.IntegerField(primary_key=True)
    booked_cents = models.BigIntegerField()
    ordered_cents = models.BigIntegerField()
    groups_count = models.IntegerField()


class AnnualStatement(models.Model):
    """What was charged to an association in a year while a member belonged to it. Never changed.

    One row a version: a corrected one names the version it replaces. Its PDF is that of its letter.
    """

    association = models.ForeignKey("registry.Provider", on_delete=models.PROTECT, related_name="+")
    member = models.ForeignKey("registry.Provider", on_delete=models.PROTECT, related_name="statements")
    year = models.SmallIntegerField()
    version = models.SmallIntegerField()
    reference = models.CharField(max_length=40, unique=True)
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    member_codes = models.JSONField()
    #: Periods of membership in the year, amounts of the association and the member's own, by month.
    figures = models.JSONField()
    lines = models.IntegerField()
    asked_cents = models.BigIntegerField()
    paid_cents = models.BigIntegerField()
    patient_cents = models.BigIntegerField()
    refused_cents = models.BigIntegerField()
    letter = models.OneToOneField("casework.Letter", on_delete=models.PROTECT, related_name="statement")
    issued_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="payments_statement_once", fields=["association", "member", "year", "version"]
            ),
            models.CheckConstraint(
                name="payments_statement_versions",
                condition=Q(version=1, replaces__isnull=True) | Q(version__gt=1, replaces__isnull=False),
            ),
            models.CheckConstraint(
                name="payments_statement_balanced",
                condition=Q(asked_cents=F("paid_cents") + F("patient_cents") + F("refused_cents")),
            ),
        ]
        indexes: ClassVar = [models.Index(name="payments_statement_year", fields=["year", "association"])]
