"""The two answers a judged file gets, as bytes: the acknowledgement and the return."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.metadata import version

import polars as pl
from django.utils import timezone
from lxml import etree

from caisse.agreement.examination import Examination
from caisse.agreement.findings import FINDINGS_SCHEMA, findings_frame
from caisse.agreement.layouts import catalogue, names, writing
from caisse.agreement.rules.batch import Adjudication, Batch
from caisse.agreement.tables import Tables, reasons
from caisse.agreement.tables.phrases import translate
from caisse.fund.exchange.models import Deposit

#: An answer quotes this much of what was found; a hostile file could hold megabytes.
QUOTED_CHARACTERS = 500

#: The columns of a finding that are told in words.
_TOLD = ("found", "expected")

# What XML 1.0 cannot hold, and white space a token may not hold.
_UNWRITABLE = r"[^\x{20}-\x{D7FF}\x{E000}-\x{FFFD}\x{10000}-\x{10FFFF}]+"


@dataclass(frozen=True, slots=True)
class DepositFacts:
    """What an answer repeats of the deposit it answers."""

    deposit: str
    name: str
    sha256: str
    size: int
    received_at: datetime


def deposit_facts(deposit: Deposit) -> DepositFacts:
    """What the answers to ``deposit`` repeat of it."""
    return DepositFacts(
        deposit=str(deposit.pk),
        name=deposit.name,
        sha256=deposit.sha256,
        size=deposit.size,
        received_at=deposit.received_at,
    )


@cache
def engine() -> str:
    """Which software judged: recorded with every decision and told in every acknowledgement."""
    library = ".".join(map(str, etree.LIBXML_VERSION))
    return f"caisse {version('caisse')}, libxml2 {library}, polars {pl.__version__}"


def answer_name(request: str, kind: str, number: int) -> str:
    """The name of an answer; a request whose own name does not parse gets the kind before its stem."""
    try:
        return names.answer_name(names.parse(request), kind, number).format()
    except names.InvalidFileName:
        stem = request.rpartition(".")[0] or request
        return f"{stem}.{kind}.xml"


def write_acknowledgement(
    examination: Examination, findings: pl.DataFrame, deposit: DepositFacts, *, note: str | None, at: datetime
) -> bytes:
    """The acknowledgement of one deposit: conform or not, with every finding in three languages."""
    document = examination.document
    header = document.header if document else {}
    layout = catalogue.find("LAB", "ACC", 1)
    layout_applied = examination.layout
    return writing.write(
        layout,
        {
            "frame": layout.frame,
            "layout": layout.number,
            "type": layout.type,
            "sent_on": timezone.localdate(at),
            "billing_provider": header.get("billing_provider"),
            "file_name": _quotable(deposit.name, 255),
            "file_reference": header.get("file_reference"),
            "deposit": deposit.deposit,
            "file_sha256": deposit.sha256,
            "file_size": deposit.size,
            "received_at": deposit.received_at.isoformat(),
            "conform": not (findings["severity"] == "error").any(),
            "layout_applied": layout_applied.label if layout_applied else None,
            "schema_sha256": layout_applied.schema_sha256 if layout_applied else None,
            "engine": engine(),
            **totals_of(examination),
            "tables_note": note,
        },
        {"findings": _told(findings)},
    )


def totals_of(examination: Examination) -> dict[str, int | None]:
    """How much a readable file asks for, as it says itself."""
    document = examination.document
    tables = document.tables if document else {}
    header = document.header if document else {}
    return {
        "invoices_count": tables["invoices"].height if "invoices" in tables else None,
        "lines_count": tables["lines"].height if "lines" in tables else None,
        "gross_cents": header.get("gross_cents"),
        "net_cents": header.get("net_cents"),
    }


def write_return(
    batch: Batch,
    adjudication: Adjudication,
    deposit: DepositFacts,
    *,
    group: str,
    file_id: int,
    note: str | None,
    at: datetime,
) -> Iterator[bytes]:
    """The return of one judged file in pieces: asked, paid and refused, by invoice and by line."""
    layout = catalogue.find("LAB", "RETFAC", 1)
    amounts = adjudication.invoices.select(
        pl.col("asked_cents", "paid_cents", "patient_cents", "refused_cents").sum()
    ).row(0, named=True)
    paid_gross = amounts["paid_cents"] + amounts["patient_cents"]
    header: Mapping[str, object] = {
        "frame": layout.frame,
        "layout": layout.number,
        "type": layout.type,
        "processing_group": group,
        "sent_on": timezone.localdate(at),
        "paid_count": adjudication.lines.filter(pl.col("outcome") != "refused").height,
        "currency": "EUR",
        "paid_gross_cents": paid_gross,
        "paid_net_cents": amounts["paid_cents"],
        "tables_note": note,
        "file_reference": batch.header["file_reference"],
        "deposit": deposit.deposit,
        "file_sha256": deposit.sha256,
        "received_on": timezone.localdate(deposit.received_at),
        "gross_cents": paid_gross,
        "net_cents": amounts["paid_cents"],
        "file_currency": "EUR",
        "asked_cents": amounts["asked_cents"],
        "patient_cents": amounts["patient_cents"],
        "refused_cents": amounts["refused_cents"],
    }
    findings = _reasons_told(adjudication.findings)
    tables = {
        "invoices": _invoices(batch, adjudication, file_id, timezone.localdate(deposit.received_at)),
        "invoice_findings": findings.filter(
            pl.col("line").is_null() & pl.col("invoice").is_not_null()
        ).select("invoice", "kind", "code", "reason"),
        "lines": _lines(batch, adjudication, file_id),
        "line_findings": findings.filter(pl.col("line").is_not_null()).select(
            "line", "kind", "code", "reason"
        ),
    }
    return writing.write_pieces(layout, header, tables)


def _paid_amounts() -> tuple[pl.Expr, ...]:
    return (
        (pl.col("paid_cents") + pl.col("patient_cents")).alias("gross_cents"),
        pl.col("paid_cents").alias("net_cents"),
        pl.lit("EUR").alias("currency"),
        pl.col("asked_cents", "patient_cents", "refused_cents"),
    )


def _invoices(batch: Batch, adjudication: Adjudication, file_id: int, received_on: date) -> pl.DataFrame:
    return adjudication.invoices.select(
        "invoice",
        batch.invoices["invoice_reference"],
        pl.format("{}-{}", pl.lit(file_id), pl.col("invoice") + 1).alias("invoice_id"),
        pl.lit(received_on).alias("received_on"),
        batch.invoices["insured_person"],
        *_paid_amounts(),
    )


def _lines(batch: Batch, adjudication: Adjudication, file_id: int) -> pl.DataFrame:
    return adjudication.lines.select(
        "line",
        "invoice",
        batch.lines["line_reference"],
        pl.format("{}-{}-{}", pl.lit(file_id), pl.col("invoice") + 1, pl.col("line") + 1).alias("line_id"),
        "act_paid",
        pl.lit(None, pl.String).alias("act_prescribed"),
        "quantity_paid",
        *_paid_amounts(),
    )


@cache
def _reasons() -> pl.DataFrame:
    """Every reason as a row, to be joined to findings by code."""
    return pl.DataFrame(
        [
            {
                "code": reason.code,
                "kind": reason.kind,
                "article": reason.article,
                "follow_up": reason.follow_up,
                "text_fr": reason.text("fr"),
                "text_de": reason.text("de"),
                "text_en": reason.text("en"),
            }
            for reason in reasons.all_reasons().values()
        ]
    )


def _told(findings: pl.DataFrame) -> pl.DataFrame:
    """Findings with the texts of their reasons, in the columns of the acknowledgement."""
    places = ("invoice_reference", "line_reference")
    told = [f"{name}_{language}" for name in _TOLD for language in reasons.LANGUAGES]
    findings = findings.with_columns(
        _in_language(findings, name, language).alias(f"{name}_{language}")
        for name in _TOLD
        for language in reasons.LANGUAGES
    )
    return findings.join(_reasons(), on="code", how="left", maintain_order="left").select(
        "kind",
        "code",
        "level",
        "follows",
        *(quoted(name) for name in places),
        "xml_line",
        *(quoted(name) for name in told),
        "article",
        "follow_up",
        "text_fr",
        "text_de",
        "text_en",
    )


def _reasons_told(findings: pl.DataFrame) -> pl.DataFrame:
    """Findings with one text that says what was found, what was expected, and what it follows from."""
    if findings.is_empty():
        return FINDINGS_SCHEMA.to_frame().with_columns(
            pl.lit(None, pl.String).alias("kind"), pl.lit(None, pl.String).alias("reason")
        )
    findings = findings.with_columns(_in_language(findings, name, "fr") for name in _TOLD)
    parts = (
        pl.format("trouvé: {}", quoted("found")),
        pl.format("attendu: {}", quoted("expected")),
        pl.format("suite de {}", pl.col("follows")),
    )
    text = pl.concat_str(parts, separator="; ", ignore_nulls=True)
    return findings.join(
        _reasons().select("code", "kind"), on="code", how="left", maintain_order="left"
    ).with_columns(pl.when(text != "").then(text).alias("reason"))


def _in_language(findings: pl.DataFrame, column: str, language: str) -> pl.Expr:
    """The column in one language; a file repeats few texts, so each is translated once."""
    texts = findings[column].drop_nulls().unique().to_list()
    told = [translate(text, language) for text in texts]
    return pl.col(column).replace(pl.Series(texts, dtype=pl.String), pl.Series(told, dtype=pl.String))


def quoted(column: str) -> pl.Expr:
    """A text as an answer may quote it: short, only characters XML can hold; null when nothing is left."""
    text = pl.col(column).str.slice(0, QUOTED_CHARACTERS).str.replace_all(_UNWRITABLE, " ").str.strip_chars()
    return pl.when(text != "").then(text).alias(column)


def _quotable(text: str, length: int) -> str:
    frame = pl.DataFrame({"text": [text]}, schema={"text": pl.String()})
    return frame.select(quoted("text")).item()[:length] or "?"


def tables_note(tables: Tables, lines: pl.DataFrame | None) -> str | None:
    """Which editions apply to the lines' days, and that one is carried forward if so (in French)."""
    if lines is None:
        return None
    days = lines.select(
        pl.col("date_of_service").min().alias("first"), pl.col("date_of_service").max().alias("last")
    )
    first, last = days.row(0)
    if first is None:
        return None
    told = [
        f"Nomenclature: édition(s) {', '.join(edition for edition in editions_used(tables, first, last))}."
    ]
    told += [
        note.text("fr") for note in tables.notes if _overlaps(note.valid_from, note.valid_until, first, last)
    ]
    return " ".join(told)


def editions_used(tables: Tables, first: date, last: date) -> dict[str, str]:
    """The editions in force between two days (both included), each with its legal source."""
    rows = tables.editions.iter_rows(named=True)
    return {
        row["edition"]: row["source"]
        for row in rows
        if _overlaps(row["valid_from"], row["valid_until"], first, last)
    }


def _overlaps(start: date, end: date | None, first: date, last: date) -> bool:
    return start <= last and (end is None or first < end)


def all_findings(examination: Examination, more: pl.DataFrame) -> pl.DataFrame:
    """The findings of the examination, then those only the fund can have."""
    return pl.concat([findings_frame(examination.findings), more])
