"""What was decided, narrow enough to be stored by COPY; every decision can be replayed from the bytes.

Rows of decisions carry no foreign-key trigger to their file: 250,000 rows are written by one action in one
transaction together with the file they belong to, and `verify_totals` proves that none is orphaned.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

_BALANCED = Q(asked_cents=F("paid_cents") + F("patient_cents") + F("refused_cents"))


class Acknowledgement(models.Model):
    """Whether a deposit can be judged at all: conform or not, under which layout and which engine."""

    deposit = models.OneToOneField("exchange.Deposit", models.PROTECT, related_name="acknowledgement")
    provider_code = models.IntegerField()
    conform = models.BooleanField()
    layout = models.CharField(max_length=60, blank=True)
    schema_sha256 = models.CharField(max_length=64, blank=True)
    engine = models.CharField(max_length=80)
    invoices_count = models.IntegerField(null=True)
    lines_count = models.IntegerField(null=True)
    gross_cents = models.BigIntegerField(null=True)
    net_cents = models.BigIntegerField(null=True)
    acknowledged_at = models.DateTimeField()


class JudgedFile(models.Model):
    """One adjudicated file with all that is needed to judge it again from its bytes."""

    deposit = models.OneToOneField("exchange.Deposit", on_delete=models.PROTECT, related_name="judged_file")
    provider_code = models.IntegerField(db_index=True)
    file_reference = models.CharField(max_length=50)
    processing_group = models.CharField(max_length=40, unique=True)
    layout = models.CharField(max_length=60)
    schema_sha256 = models.CharField(max_length=64)
    engine = models.CharField(max_length=80)
    table_editions = models.JSONField()
    registry_revision = models.BigIntegerField()
    #: The register of authorisations as it was read; 0 when the file named no authorisation.
    authorisations_revision = models.BigIntegerField(default=0)
    #: The newest judged file of this provider whose paid lines were looked at; 0 when there was none.
    history_until = models.BigIntegerField(default=0)
    is_test = models.BooleanField()
    judged_at = models.DateTimeField()
    invoices_count = models.IntegerField()
    lines_count = models.IntegerField()
    asked_cents = models.BigIntegerField()
    paid_cents = models.BigIntegerField()
    patient_cents = models.BigIntegerField()
    refused_cents = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="claims_file_balanced", condition=_BALANCED)]


class InvoiceDecision(models.Model):
    """What was decided about one invoice of a judged file; ``invoice`` is its row number in the file."""

    pk = models.CompositePrimaryKey("file", "invoice")
    file = models.ForeignKey(
        JudgedFile, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="invoices"
    )
    invoice = models.IntegerField()
    invoice_reference = models.CharField(max_length=50)
    insured_person = models.BigIntegerField()
    person = models.BigIntegerField(null=True)
    prescriber = models.IntegerField(null=True)
    prescribed_on = models.DateField(null=True)
    prescription_reference = models.CharField(max_length=50, null=True)
    asked_cents = models.BigIntegerField()
    paid_cents = models.BigIntegerField()
    patient_cents = models.BigIntegerField()
    refused_cents = models.BigIntegerField()
    outcome = models.CharField(max_length=8)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="claims_invoice_balanced", condition=_BALANCED)]


class LineDecision(models.Model):
    """What was decided about one line of a judged file; ``line`` is its row number in the file."""

    pk = models.CompositePrimaryKey("file", "line")
    file = models.ForeignKey(
        JudgedFile, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="lines"
    )
    line = models.IntegerField()
    invoice = models.IntegerField()
    line_reference = models.CharField(max_length=50)
    person = models.BigIntegerField(null=True)
    act = models.CharField(max_length=10)
    act_paid = models.CharField(max_length=10)
    date_of_service = models.DateField()
    #: Null: on the day of service. Mostly so, and 250,000 rows are written at once.
    sampled_on = models.DateField(null=True)
    #: Null: the one that bills. Mostly so.
    executing_code = models.IntegerField(null=True)
    quantity_paid = models.IntegerField()
    asked_cents = models.BigIntegerField()
    paid_cents = models.BigIntegerField()
    patient_cents = models.BigIntegerField()
    refused_cents = models.BigIntegerField()
    outcome = models.CharField(max_length=8)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="claims_line_balanced", condition=_BALANCED)]


class AuthorisedLine(models.Model):
    """A paid line and the authorisation that pays it: nothing else says that an authorisation has been used.

    An authorisation pays one line of each of its acts; the database refuses a second. Lines of test accounts
    use nothing up and do not stand here.
    """

    pk = models.CompositePrimaryKey("file", "line")
    file = models.ForeignKey(JudgedFile, models.PROTECT, db_index=False, related_name="authorised_lines")
    line = models.IntegerField()
    reference = models.CharField(max_length=50)
    act = models.CharField(max_length=10)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="claims_authorisation_used_once", fields=["reference", "act"])
        ]


class FindingRow(models.Model):
    """One finding that was told to the sender, in the acknowledgement or in the return."""

    pk = models.CompositePrimaryKey("acknowledgement", "answer", "number")
    acknowledgement = models.ForeignKey(
        Acknowledgement,
        on_delete=models.PROTECT,
        db_constraint=False,
        db_index=False,
        related_name="findings",
    )
    answer = models.CharField(max_length=15)
    number = models.IntegerField()
    code = models.CharField(max_length=10)
    severity = models.CharField(max_length=8)
    level = models.CharField(max_length=8)
    invoice = models.IntegerField(null=True)
    line = models.IntegerField(null=True)
    invoice_reference = models.CharField(max_length=50, null=True)
    line_reference = models.CharField(max_length=50, null=True)
    xml_line = models.IntegerField(null=True)
    found = models.TextField(null=True)
    expected = models.TextField(null=True)
    follows = models.CharField(max_length=10, null=True)


class Stoppage(models.Model):
    """Why a deposit could not be judged so far: the system failed, not the file. Gone once it is judged."""

    deposit = models.OneToOneField("exchange.Deposit", models.PROTECT, related_name="stoppage")
    attempts = models.IntegerField()
    reason = models.CharField(max_length=300)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
