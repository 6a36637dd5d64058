"""Accounts, what they deposited, and what was delivered to them."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from caisse.agreement.lifecycle import DEPOSIT, DEPOSIT_KEY, final_states

STAGES = tuple(DEPOSIT)
#: Deposits the fund still owes an answer. `returned` waits for a payment run, not for an answer.
UNANSWERED = ("received", "acknowledged")
FINAL_STAGES = final_states(DEPOSIT)
KEY_STATES = tuple(DEPOSIT_KEY)
RECEIPT, ACKNOWLEDGEMENT, RETURN, REFUSAL = "receipt", "acknowledgement", "return", "refusal"
KINDS = (RECEIPT, ACKNOWLEDGEMENT, RETURN, REFUSAL)


class Account(models.Model):
    """Access of one provider code to the exchange under one legal frame; ``user`` is the log-in name."""

    user = models.CharField(max_length=20, unique=True)
    provider_code = models.IntegerField()
    frame = models.CharField(max_length=8)
    password = models.CharField(max_length=200, blank=True)
    active = models.BooleanField(default=True)
    is_test = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="exchange_account_code_frame", fields=["provider_code", "frame"])
        ]


class AccountKey(models.Model):
    """A public SSH key an account may log in with; ``public_key`` is "type base64" without a comment."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="keys")
    public_key = models.TextField()
    fingerprint = models.CharField(max_length=60)
    added_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="exchange_key_once", fields=["account", "public_key"])
        ]


class DepositManager(models.Manager["Deposit"]):
    """Deposits without their bytes, which are fetched only when somebody asks for them."""

    def get_queryset(self) -> models.QuerySet["Deposit"]:
        return super().get_queryset().defer("content")


class Deposit(models.Model):
    """One file received; the row is the index of its bytes and their stage.

    Small files lie in ``content``, others in the store under ``sha256``. The key columns are null when the
    name does not parse; ``key_state`` then is null too.
    """

    objects = DepositManager()

    id = models.UUIDField(primary_key=True)
    account = models.ForeignKey(Account, models.PROTECT, related_name="deposits", db_index=False)
    door = models.CharField(max_length=10)
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    received_at = models.DateTimeField()
    stage = models.CharField(max_length=12, default="received")
    stage_at = models.DateTimeField()
    layout = models.IntegerField(null=True)
    key_provider = models.IntegerField(null=True)
    key_year = models.IntegerField(null=True)
    key_number = models.IntegerField(null=True)
    key_frame = models.CharField(max_length=8, null=True)
    key_type = models.CharField(max_length=12, null=True)
    key_reference = models.CharField(max_length=100, null=True)
    key_state = models.CharField(max_length=8, null=True)
    receipt = models.TextField()
    content = models.BinaryField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="exchange_deposit_stage", condition=Q(stage__in=STAGES)),
            models.CheckConstraint(
                name="exchange_deposit_key_state",
                condition=Q(key_state__isnull=True) | Q(key_state__in=KEY_STATES),
            ),
            models.UniqueConstraint(
                name="exchange_deposit_key",
                fields=["key_provider", "key_year", "key_number", "key_frame", "key_type", "key_reference"],
                condition=Q(key_state__in=("held", "used")),
            ),
            models.UniqueConstraint(
                name="exchange_deposit_keyless",
                fields=["account", "name", "sha256"],
                condition=Q(key_state__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(name="exchange_deposit_account", fields=["account", "received_at"]),
            models.Index(
                name="exchange_deposit_unanswered", fields=["account"], condition=Q(stage__in=UNANSWERED)
            ),
            models.Index(name="exchange_deposit_stage_at", fields=["stage", "stage_at"]),
            models.Index(name="exchange_deposit_sha256", fields=["sha256", "account"]),
        ]


class Delivery(models.Model):
    """One file in an account's out/ box; small ones lie in ``content``, others in the store."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="deliveries", db_index=False)
    deposit = models.ForeignKey(Deposit, models.PROTECT, null=True, related_name="deliveries", db_index=False)
    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    content = models.BinaryField(null=True)
    delivered_at = models.DateTimeField()
    first_collected_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.CheckConstraint(name="exchange_delivery_kind", condition=Q(kind__in=KINDS)),
            models.UniqueConstraint(name="exchange_delivery_name", fields=["account", "name"]),
            # The guard of "answered once": a second answer of a kind to one deposit cannot be stored.
            models.UniqueConstraint(name="exchange_delivery_once", fields=["deposit", "kind"]),
        ]
