"""What the fund owes a provider for each return, the provider's balance, and the orders to the bank."""

from typing import ClassVar

from django.db import models
from django.db.models import Q


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
