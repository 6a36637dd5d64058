"""What was decided, why, and what is stuck; nothing here writes."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from caisse.agreement.errors import WrongUse
from caisse.agreement.money import tariff_cents
from caisse.agreement.tables import Tables, load_tables, reasons
from caisse.fund.claims.models import FindingRow, InvoiceDecision, JudgedFile, LineDecision
from caisse.fund.claims.totals import TOTALS, Discrepancy, untied


@dataclass(frozen=True, slots=True)
class Told:
    """A finding on a line or its invoice, in words."""

    code: str
    severity: str
    found: str | None
    expected: str | None
    follows: str | None
    article: str
    follow_up: str
    text: str


@dataclass(frozen=True, slots=True)
class Trace:
    """How the amount of one line came about. Amounts in cents; the tariff is null when nothing sets it."""

    deposit: uuid.UUID
    invoice_reference: str
    line_reference: str
    act: str
    date_of_service: date
    edition: str | None
    edition_carried_forward: bool
    coefficient_hundredths: int | None
    key_letter_100000ths: int | None
    key_letter_source: str | None
    tariff_cents: int | None
    quantity_paid: int
    asked_cents: int
    paid_cents: int
    patient_cents: int
    refused_cents: int
    outcome: str
    findings: tuple[Told, ...]
    layout: str
    engine: str
    judged_at: datetime


def judged_file(deposit_id: uuid.UUID | str) -> JudgedFile:
    """The judged file of a deposit; raises WrongUse when it was not judged."""
    file = JudgedFile.objects.select_related("deposit__account").filter(deposit_id=deposit_id).first()
    if file is None:
        raise WrongUse(f"Deposit {deposit_id} has not been judged.")
    return file


def explain_line(
    deposit_id: uuid.UUID | str, invoice_reference: str, line_reference: str, *, lang: str = "en"
) -> Trace:
    """Each step from the act to the amount, with edition, key letter, article and reasons."""
    file = judged_file(deposit_id)
    invoice = InvoiceDecision.objects.filter(file=file, invoice_reference=invoice_reference).first()
    line = (
        invoice
        and LineDecision.objects.filter(
            file=file, invoice=invoice.invoice, line_reference=line_reference
        ).first()
    )
    if invoice is None or line is None:
        raise WrongUse(f"No line {line_reference} of invoice {invoice_reference} in deposit {deposit_id}.")
    tables = load_tables()
    act = _holding(tables.acts.filter(pl.col("act") == line.act), line.date_of_service)
    letter = _holding(tables.key_letters, line.date_of_service)
    coefficient = act["coefficient_hundredths"] if act else None
    value = letter["value_100000ths"] if letter else None
    return Trace(
        deposit=file.deposit_id,
        invoice_reference=invoice_reference,
        line_reference=line_reference,
        act=line.act,
        date_of_service=line.date_of_service,
        edition=act["edition"] if act else None,
        edition_carried_forward=bool(act and act["carried_forward"]),
        coefficient_hundredths=coefficient,
        key_letter_100000ths=value,
        key_letter_source=letter["source"] if letter else None,
        tariff_cents=None if coefficient is None or value is None else tariff_cents(coefficient, value),
        quantity_paid=line.quantity_paid,
        asked_cents=line.asked_cents,
        paid_cents=line.paid_cents,
        patient_cents=line.patient_cents,
        refused_cents=line.refused_cents,
        outcome=line.outcome,
        findings=_told(file, line, lang),
        layout=file.layout,
        engine=file.engine,
        judged_at=file.judged_at,
    )


def _holding(rows: pl.DataFrame, on: date) -> dict[str, object] | None:
    """The row whose period holds on that day."""
    until = pl.col("valid_until").is_null() | (pl.col("valid_until") > on)
    found = rows.filter((pl.col("valid_from") <= on) & until)
    return found.row(0, named=True) if found.height else None


def _told(file: JudgedFile, line: LineDecision, lang: str) -> tuple[Told, ...]:
    rows = FindingRow.objects.filter(
        acknowledgement__deposit_id=file.deposit_id, answer="return", invoice=line.invoice
    )
    told = []
    for row in rows.order_by("number"):
        if row.line is None or row.line == line.line:
            reason = reasons.reason(row.code)
            told.append(
                Told(
                    code=row.code,
                    severity=row.severity,
                    found=row.found,
                    expected=row.expected,
                    follows=row.follows,
                    article=reason.article,
                    follow_up=reason.follow_up_text(lang),
                    text=reason.text(lang),
                )
            )
    return tuple(told)


def editions_missing(file: JudgedFile, tables: Tables) -> tuple[str, ...]:
    """Editions a file was judged by that these tables no longer hold; its replay would be no proof."""
    held = set(tables.editions["edition"])
    return tuple(edition for edition in file.table_editions if edition not in held)


def verify_totals() -> tuple[Discrepancy, ...]:
    """Every total of a judged file that its lines and invoices do not add up to. Empty is right."""
    return untied(TOTALS)
