"""Where everything stands: files by state, what was asked, paid, refused and why, what is still owed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from caisse.agreement.errors import WrongUse
from caisse.agreement.tables import reasons
from caisse.agreement.tables.phrases import translate
from caisse.provider import schema
from caisse.provider.errors import UnknownSending
from caisse.provider.store import Store

#: Stages in which the fund owes an answer.
AWAITED = ("sent", "acknowledged")

#: Days since sending: the upper ends of the ageing columns; the last one is open.
AGES = (30, 60, 90)

NO_REASON = "-"

#: Says that a line is refused with its invoice: the cause stands at the invoice.
FOLLOWS_ITS_INVOICE = "INV-001"


@dataclass(frozen=True, slots=True)
class SendingStatus:
    """One file and how far it is. ``age_days`` counts from its last step; ``overdue``: the answer is late."""

    name: str
    state: str
    layout: int
    invoices: int
    lines: int
    gross_cents: int
    built_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None
    deposit: str | None
    receipted: bool
    attempts: int
    age_days: int
    overdue: bool
    problem: str | None


@dataclass(frozen=True, slots=True)
class UnmatchedAnswer:
    """An answer that is kept but could not be booked, and why."""

    id: int
    name: str
    kind: str
    collected_at: datetime
    problem: str


@dataclass(frozen=True, slots=True)
class Status:
    """The practice's work at a glance: files, oldest first, what is not billed, what needs a person."""

    sendings: tuple[SendingStatus, ...]
    unbilled_invoices: int
    unbilled_lines: int
    unbilled_cents: int
    unmatched: tuple[UnmatchedAnswer, ...]
    unmatched_lines: int


@dataclass(frozen=True, slots=True)
class RefusedFor:
    """What was refused for one reason: a line counts once, for the first reason its answer gives."""

    code: str
    text: str
    follow_up: str
    lines: int
    refused_cents: int


@dataclass(frozen=True, slots=True)
class OwedFile:
    """What the fund owes on one file: asked = paid + patient's share + refused + owed."""

    name: str
    state: str
    sent_at: datetime | None
    age_days: int
    overdue: bool
    lines: int
    asked_cents: int
    paid_cents: int
    patient_cents: int
    refused_cents: int
    owed_cents: int


@dataclass(frozen=True, slots=True)
class Owed:
    """All files together, the refusals by reason, and what is owed by age in days since sending."""

    files: tuple[OwedFile, ...]
    asked_cents: int
    paid_cents: int
    patient_cents: int
    refused_cents: int
    owed_cents: int
    billed_again_cents: int
    refused_for: tuple[RefusedFor, ...]
    ages: dict[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """One reason the fund gave for a file, an invoice or a line, in its words and ours."""

    level: str
    invoice: str | None
    line: str | None
    code: str
    text: str
    found: str | None
    expected: str | None
    remedy: str
    follows: str | None = None


def status(store: Store, *, at: datetime, expected_days: int) -> Status:
    """How far every file is at that moment; files the fund should have answered are overdue."""
    with store.read() as connection:
        sendings, receipts = schema.sendings, schema.receipts
        has_receipt = sa.exists().where(receipts.c.sending_id == sendings.c.id).label("receipted")
        rows = connection.execute(
            sa.select(sendings, has_receipt).order_by(sendings.c.built_at, sendings.c.id)
        )
        found = tuple(_sending_status(row, at, expected_days) for row in rows)
        unbilled = _unbilled(connection)
        strangers = sa.select(sa.func.count()).select_from(schema.unmatched_lines)
        return Status(
            sendings=found,
            unbilled_invoices=unbilled[0],
            unbilled_lines=unbilled[1],
            unbilled_cents=unbilled[2],
            unmatched=_unmatched(connection),
            unmatched_lines=connection.scalar(strangers) or 0,
        )


def _sending_status(row: Any, at: datetime, expected_days: int) -> SendingStatus:
    last = row.answered_at or row.sent_at or row.built_at
    return SendingStatus(
        name=row.name, state=row.stage, layout=row.layout, invoices=row.invoices, lines=row.lines,
        gross_cents=row.gross_cents, built_at=row.built_at, sent_at=row.sent_at, answered_at=row.answered_at,
        deposit=row.deposit, receipted=bool(row.receipted), attempts=row.attempts, age_days=(at - last).days,
        overdue=is_overdue(row.stage, row.sent_at, at, expected_days), problem=row.problem,
    )  # fmt: skip


def is_overdue(stage: str, sent_at: datetime | None, at: datetime, expected_days: int) -> bool:
    """True when the fund should have answered by now."""
    return stage in AWAITED and sent_at is not None and at - sent_at > timedelta(days=expected_days)


def _unbilled(connection: sa.Connection) -> tuple[int, int, int]:
    lines, billings = schema.lines, schema.billings
    billed = sa.and_(
        billings.c.invoice_reference == lines.c.invoice_reference,
        billings.c.line_reference == lines.c.reference,
        billings.c.active == 1,
    )
    query = sa.select(
        sa.func.count(sa.distinct(lines.c.invoice_reference)), sa.func.count(), sa.func.sum(lines.c.net_cents)
    )
    query = query.select_from(lines.outerjoin(billings, billed)).where(billings.c.sending_id.is_(None))
    invoices, count, cents = connection.execute(query).one()
    return invoices, count, int(cents or 0)


def _unmatched(connection: sa.Connection) -> tuple[UnmatchedAnswer, ...]:
    table = schema.answers
    query = sa.select(table.c.id, table.c.name, table.c.kind, table.c.collected_at, table.c.problem)
    rows = connection.execute(query.where(table.c.state == "unmatched").order_by(table.c.id))
    return tuple(
        UnmatchedAnswer(row.id, row.name, row.kind, row.collected_at, row.problem or "") for row in rows
    )


def owed(
    store: Store, *, at: datetime, expected_days: int, overdue: bool = False, language: str = "en"
) -> Owed:
    """What was asked, paid, refused and is still owed; with ``overdue`` only files the fund is late with."""
    with store.read() as connection:
        rows = connection.execute(_sums_by_file()).all()
        all_files = {row.id: _owed_file(row, at, expected_days) for row in rows}
        chosen = [number for number, file in all_files.items() if file.overdue or not overdue]
        files = tuple(all_files[number] for number in chosen)
        refused = _refused_for(connection, chosen, language)
        again = _billed_again(connection, chosen)
        notes = _notes(connection, chosen)
    total = {
        name: sum(getattr(file, name) for file in files)
        for name in ("asked_cents", "paid_cents", "patient_cents", "refused_cents", "owed_cents")
    }
    return Owed(
        files=files, **total, billed_again_cents=again, refused_for=refused, ages=_ages(files), notes=notes
    )


def _sums_by_file() -> sa.Select[Any]:
    sendings, billings, bookings = schema.sendings, schema.billings, schema.bookings
    keys = ("sending_id", "billed_invoice", "billed_line")
    joined = sendings.join(billings, billings.c.sending_id == sendings.c.id).outerjoin(
        bookings, sa.and_(*[bookings.c[key] == billings.c[key] for key in keys])
    )
    asked = sa.func.coalesce(bookings.c.asked_cents, billings.c.net_cents)
    sums = [
        sa.func.coalesce(sa.func.sum(bookings.c[name]), 0).label(name)
        for name in ("paid_cents", "patient_cents", "refused_cents")
    ]
    columns = (sendings.c.id, sendings.c.name, sendings.c.stage, sendings.c.sent_at)
    query = sa.select(
        *columns, sa.func.count().label("lines"), sa.func.sum(asked).label("asked_cents"), *sums
    )
    query = query.select_from(joined).where(sendings.c.stage.in_((*AWAITED, "returned")))
    return query.group_by(*columns).order_by(sendings.c.sent_at, sendings.c.id)


def _owed_file(row: Any, at: datetime, expected_days: int) -> OwedFile:
    asked, paid, patient, refused = (
        int(row.asked_cents), int(row.paid_cents), int(row.patient_cents), int(row.refused_cents),
    )  # fmt: skip
    left = asked - paid - patient - refused
    late = row.sent_at is not None and at - row.sent_at > timedelta(days=expected_days)
    return OwedFile(
        name=row.name, state=row.stage, sent_at=row.sent_at, age_days=(at - (row.sent_at or at)).days,
        # A returned file may still owe lines the return left out.
        overdue=left > 0 and late, lines=row.lines, asked_cents=asked, paid_cents=paid, patient_cents=patient,
        refused_cents=refused, owed_cents=left,
    )  # fmt: skip


def _refused_for(connection: sa.Connection, sendings: Sequence[int], language: str) -> tuple[RefusedFor, ...]:
    bookings, table = schema.bookings, schema.reasons
    keys = ("sending_id", "billed_invoice", "billed_line")
    query = sa.select(*[bookings.c[key] for key in keys], bookings.c.refused_cents)
    query = query.where(bookings.c.refused_cents > 0, bookings.c.sending_id.in_(sendings))
    lines = _table(connection, query, {"sending_id": pl.Int64, "refused_cents": pl.Int64})
    given = sa.select(*[table.c[key] for key in keys], table.c.level, table.c.code).where(
        table.c.sending_id.in_(sendings), table.c.level.in_(("line", "invoice"))
    )
    told = _table(connection, given.order_by(table.c.id), {"sending_id": pl.Int64})
    # Warnings accompany a payment; a refusal is counted for the first reason that can refuse.
    told = told.filter(~pl.col("code").is_in(_warnings()))
    causes = told.filter(pl.col("code") != FOLLOWS_ITS_INVOICE)
    of_line = causes.filter(level="line").unique(keys, keep="first", maintain_order=True)
    of_invoice = causes.filter(level="invoice").unique(keys[:2], keep="first", maintain_order=True)
    joined = lines.join(of_line.select(*keys, "code"), on=keys, how="left").join(
        of_invoice.select(*keys[:2], pl.col("code").alias("of_invoice")), on=keys[:2], how="left"
    )
    any_of_line = told.filter(level="line").unique(keys, keep="first", maintain_order=True)
    joined = joined.join(any_of_line.select(*keys, pl.col("code").alias("any")), on=keys, how="left")
    code = pl.coalesce("code", "of_invoice", "any", pl.lit(NO_REASON)).alias("code")
    sums = joined.group_by(code).agg(pl.len().alias("lines"), pl.col("refused_cents").sum())
    sums = sums.sort("refused_cents", "code", descending=[True, False])
    return tuple(_in_words(code, count, cents, language) for code, count, cents in sums.iter_rows())


def _table(connection: sa.Connection, query: sa.Select[Any], types: dict[str, Any]) -> pl.DataFrame:
    found = connection.execute(query)
    columns = {name: types.get(name, pl.String) for name in found.keys()}  # noqa: SIM118 - a result, no mapping
    return pl.DataFrame([tuple(row) for row in found], schema=columns, orient="row")


def _warnings() -> list[str]:
    return [reason.code for reason in reasons.all_reasons().values() if reason.severity == "warning"]


def _in_words(code: str, lines: int, refused_cents: int, language: str) -> RefusedFor:
    reason = reasons.all_reasons().get(code)
    if reason is None:
        # A newer fund may know more reasons than this installation.
        text = "no reason was given" if code == NO_REASON else "see the answer itself"
        return RefusedFor(code, text, "", lines, refused_cents)
    return RefusedFor(code, reason.text(language), reason.follow_up_text(language), lines, refused_cents)


def _notes(connection: sa.Connection, sendings: Sequence[int]) -> tuple[str, ...]:
    """What the returns say of the tables they were made with, each note once."""
    table = schema.answers
    query = sa.select(table.c.note).where(table.c.sending_id.in_(sendings), table.c.note.is_not(None))
    return tuple(connection.execute(query.distinct().order_by(table.c.note)).scalars())


def reasons_told(store: Store, name: str, *, language: str = "en") -> tuple[Told, ...]:
    """Every reason the fund's answers give for a file, newest file of that name; raises UnknownSending."""
    table = schema.reasons
    with store.read() as connection:
        sending = connection.scalar(sa.select(sa.func.max(schema.sendings.c.id)).filter_by(name=name))
        if sending is None:
            raise UnknownSending(name)
        rows = connection.execute(sa.select(table).where(table.c.sending_id == sending).order_by(table.c.id))
        return tuple(_told(row, language) for row in rows)


def _told(row: Any, language: str) -> Told:
    known = reasons.all_reasons().get(row.code)
    # A return gives what was found in its free text, an acknowledgement our words in it.
    found = row.found if row.level == "file" or row.found else row.text
    return Told(
        level=row.level, invoice=row.billed_invoice, line=row.billed_line, code=row.code,
        text=known.text(language) if known else row.text or "", found=translate(found, language),
        expected=translate(row.expected, language), remedy=known.remedy(language) if known else "",
        follows=row.follows,
    )  # fmt: skip


def _billed_again(connection: sa.Connection, sendings: Sequence[int]) -> int:
    """Refused amounts whose lines stand in a later file."""
    billings, bookings = schema.billings, schema.bookings
    keys = ("sending_id", "billed_invoice", "billed_line")
    joined = bookings.join(billings, sa.and_(*[bookings.c[key] == billings.c[key] for key in keys]))
    query = sa.select(sa.func.sum(bookings.c.refused_cents)).select_from(joined)
    return int(
        connection.scalar(query.where(billings.c.active.is_(None), bookings.c.sending_id.in_(sendings))) or 0
    )


def _ages(files: Sequence[OwedFile]) -> dict[str, int]:
    edges = (0, *AGES)
    ages = {f"{low}-{high}": 0 for low, high in zip(edges, AGES, strict=False)} | {f"over {AGES[-1]}": 0}
    for file in files:
        for name, high in zip(ages, AGES, strict=False):
            if file.age_days <= high:
                ages[name] += file.owed_cents
                break
        else:
            ages[f"over {AGES[-1]}"] += file.owed_cents
    return ages


def export(store: Store, target: Path, file_format: str) -> int:
    """Write every billed line with what became of it to a CSV or Parquet file; returns how many rows."""
    with store.read() as connection:
        frame = _ledger(connection)
    if file_format == "csv":
        frame.write_csv(target)
    elif file_format == "parquet":
        frame.write_parquet(target)
    else:
        raise WrongUse(f"--format {file_format!r}: csv or parquet.")
    return frame.height


def _ledger(connection: sa.Connection) -> pl.DataFrame:
    sendings, billings, bookings = schema.sendings, schema.billings, schema.bookings
    invoices, lines = schema.invoices, schema.lines
    keys = ("sending_id", "billed_invoice", "billed_line")
    joined = (
        billings.join(sendings, sendings.c.id == billings.c.sending_id)
        .join(invoices, invoices.c.reference == billings.c.invoice_reference)
        .join(lines, sa.and_(lines.c.invoice_reference == billings.c.invoice_reference,
                             lines.c.reference == billings.c.line_reference))
        .outerjoin(bookings, sa.and_(*[bookings.c[key] == billings.c[key] for key in keys]))
    )  # fmt: skip
    query = sa.select(
        billings.c.sending_id, sendings.c.name.label("file"), sendings.c.stage, sendings.c.deposit,
        sendings.c.sent_at, billings.c.invoice_reference, billings.c.line_reference,
        billings.c.billed_invoice, billings.c.billed_line, invoices.c.insured_person,
        lines.c.act, lines.c.date_of_service, lines.c.quantity,
        billings.c.gross_cents, billings.c.net_cents.label("asked_cents"), bookings.c.paid_cents,
        bookings.c.patient_cents, bookings.c.refused_cents, bookings.c.outcome, bookings.c.act_paid,
    )  # fmt: skip
    query = query.select_from(joined).order_by(
        billings.c.sending_id, billings.c.billed_invoice, lines.c.position
    )
    cents = ("gross_cents", "asked_cents", "paid_cents", "patient_cents", "refused_cents")
    types = {
        **dict.fromkeys(("sending_id", "insured_person", "quantity", *cents), pl.Int64),
        "date_of_service": pl.Date, "sent_at": pl.Datetime("us", "UTC"),
    }  # fmt: skip
    ledger = _table(connection, query, types)
    table = schema.reasons
    codes = _table(connection, sa.select(*[table.c[key] for key in keys], table.c.code).where(
        table.c.level == "line").order_by(table.c.id), {"sending_id": pl.Int64})  # fmt: skip
    joined_codes = codes.group_by(keys, maintain_order=True).agg(
        pl.col("code").str.join(" ").alias("reasons")
    )
    return ledger.join(joined_codes, on=keys, how="left", maintain_order="left").drop("sending_id")
