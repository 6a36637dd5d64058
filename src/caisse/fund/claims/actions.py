"""The writes of claims: an acknowledgement, a refusal, a return; each in one transaction with its answer."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import polars as pl
from django.conf import settings
from django.db import transaction

from caisse.agreement.examination import Examination
from caisse.agreement.findings import FINDINGS_SCHEMA
from caisse.agreement.rules.batch import Adjudication, Batch
from caisse.agreement.tables import Tables
from caisse.fund.audit.actions import record_event
from caisse.fund.claims import answers
from caisse.fund.claims.answer_file import stage_answer
from caisse.fund.claims.authorised import authorised_lines
from caisse.fund.claims.facts import Gathered
from caisse.fund.claims.history import sampled_another_day
from caisse.fund.claims.models import Acknowledgement, JudgedFile, Stoppage
from caisse.fund.claims.queue import ask_for_payment
from caisse.fund.copying import copy_frame
from caisse.fund.exchange.actions import deliver_answer, move_stage, settle_key
from caisse.fund.exchange.models import ACKNOWLEDGEMENT, RETURN, Deposit
from caisse.fund.exchange.store import StagedFile
from caisse.fund.faults import reach

_FINDINGS = "claims_findingrow"


def acknowledge_deposit(
    *,
    deposit: Deposit,
    examination: Examination,
    findings: pl.DataFrame,
    content: bytes,
    conform: bool,
    by: str,
    at: datetime,
) -> None:
    """Record and deliver the acknowledgement; not conform, the deposit is refused and its key set free.

    Raises StageConflict when the deposit was acknowledged or refused before.
    """
    stage = "acknowledged" if conform else "refused"
    with transaction.atomic():
        move_stage(deposit_id=deposit.pk, from_stage="received", to_stage=stage, by=by, at=at)
        settle_key(deposit_id=deposit.pk, used=conform, by=by, at=at)
        acknowledgement = _acknowledgement(deposit, examination, conform, at)
        _store_findings(acknowledgement, "acknowledgement", findings)
        reach("claims.acknowledged.before_delivery")
        name = answers.answer_name(deposit.name, "ACC", 1)
        deliver_answer(deposit_id=deposit.pk, kind=ACKNOWLEDGEMENT, name=name, content=content, by=by, at=at)
        data = {"conform": conform, "findings": findings.height, "layout": acknowledgement.layout}
        record_event(action="claims.acknowledge", subject=("deposit", deposit.pk), by=by, at=at, data=data)
        reach(f"claims.{stage}.before_commit")
    reach(f"claims.{stage}.after_commit")


def return_decisions(
    *,
    deposit: Deposit,
    batch: Batch,
    adjudication: Adjudication,
    gathered: Gathered,
    tables: Tables,
    by: str,
    at: datetime,
) -> int:
    """Store the decisions by COPY, deliver the return, and ask for its payment; the judged file's id.

    The payment is a job that commits with the decisions; a test account's return is never paid. Raises
    StageConflict when the deposit was returned before.
    """
    with transaction.atomic():
        move_stage(deposit_id=deposit.pk, from_stage="acknowledged", to_stage="returned", by=by, at=at)
        file = _judged_file(deposit, batch, adjudication, gathered, tables, at)
        reach("claims.returned.before_decisions")
        # The return is written while the decisions travel to the database.
        with ThreadPoolExecutor(1, "return") as writer:
            written = writer.submit(_write_return, deposit, batch, adjudication, file, tables)
            _store_decisions(file, batch, adjudication, gathered)
            _store_findings(file.deposit.acknowledgement, "return", adjudication.findings)
            reach("claims.returned.after_decisions")
            content = written.result()
        name = answers.answer_name(deposit.name, "RETFAC", 1)
        deliver_answer(deposit_id=deposit.pk, kind=RETURN, name=name, content=content, by=by, at=at)
        data = {
            "file": file.pk,
            "lines": file.lines_count,
            "asked": file.asked_cents,
            "paid": file.paid_cents,
        }
        record_event(action="claims.return", subject=("deposit", deposit.pk), by=by, at=at, data=data)
        if not file.is_test:
            ask_for_payment(file_id=file.pk, provider=file.provider_code)
        reach("claims.returned.before_commit")
    reach("claims.returned.after_commit")
    return file.pk


def note_stoppage(*, deposit_id: uuid.UUID | str, error: Exception, at: datetime) -> None:
    """Remember why a deposit could not be judged, for `caisse fund status`; the next success removes it."""
    reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:300]
    row, new = Stoppage.objects.get_or_create(
        deposit_id=deposit_id, defaults={"attempts": 1, "reason": reason, "first_at": at, "last_at": at}
    )
    if not new:
        Stoppage.objects.filter(pk=row.pk).update(attempts=row.attempts + 1, reason=reason, last_at=at)


def forget_stoppage(*, deposit_id: uuid.UUID | str) -> None:
    """Remove the note of an earlier failure."""
    Stoppage.objects.filter(deposit_id=deposit_id).delete()


def _acknowledgement(
    deposit: Deposit, examination: Examination, conform: bool, at: datetime
) -> Acknowledgement:
    return Acknowledgement.objects.create(
        deposit=deposit,
        provider_code=deposit.account.provider_code,
        conform=conform,
        layout=examination.layout.label if examination.layout else "",
        schema_sha256=examination.layout.schema_sha256 if examination.layout else "",
        engine=answers.engine(),
        **answers.totals_of(examination),
        acknowledged_at=at,
    )


def _judged_file(
    deposit: Deposit,
    batch: Batch,
    adjudication: Adjudication,
    gathered: Gathered,
    tables: Tables,
    at: datetime,
) -> JudgedFile:
    days = batch.lines["date_of_service"]
    amounts = ("asked_cents", "paid_cents", "patient_cents", "refused_cents")
    acknowledgement = deposit.acknowledgement
    return JudgedFile.objects.create(
        deposit=deposit,
        provider_code=deposit.account.provider_code,
        file_reference=str(batch.header["file_reference"]),
        processing_group=f"G{at:%Y%m%d}-{deposit.pk.hex[-12:]}",
        layout=acknowledgement.layout,
        schema_sha256=acknowledgement.schema_sha256,
        engine=answers.engine(),
        table_editions=answers.editions_used(tables, days.min(), days.max()),
        registry_revision=gathered.registry_revision,
        authorisations_revision=gathered.authorisations_revision,
        history_until=gathered.history_until,
        is_test=deposit.account.is_test,
        judged_at=at,
        invoices_count=batch.invoices.height,
        lines_count=batch.lines.height,
        **{name: adjudication.invoices[name].sum() for name in amounts},
    )


def _write_return(
    deposit: Deposit, batch: Batch, adjudication: Adjudication, file: JudgedFile, tables: Tables
) -> StagedFile:
    pieces = answers.write_return(
        batch,
        adjudication,
        answers.deposit_facts(deposit),
        group=file.processing_group,
        file_id=file.pk,
        note=answers.tables_note(tables, batch.lines),
        at=file.judged_at,
    )
    return stage_answer(settings.HOME.staging / f"return-{deposit.pk}.part", pieces)


def _store_decisions(file: JudgedFile, batch: Batch, adjudication: Adjudication, gathered: Gathered) -> None:
    """Write one row an invoice and one row a line."""
    number = pl.lit(file.pk, dtype=pl.Int64).alias("file_id")
    persons = gathered.persons(batch.invoices["insured_person"])
    amounts = ("asked_cents", "paid_cents", "patient_cents", "refused_cents", "outcome")
    copy_frame(
        "claims_invoicedecision",
        adjudication.invoices.select(
            number,
            "invoice",
            *batch.invoices.select("invoice_reference", "insured_person"),
            persons.alias("person"),
            *batch.invoices.select("prescriber", "prescribed_on", "prescription_reference"),
            *amounts,
        ),
    )
    copy_frame(
        "claims_linedecision",
        adjudication.lines.select(
            number,
            "line",
            "invoice",
            persons.gather(batch.lines["invoice"]).alias("person"),
            *batch.lines.select("line_reference", "act", "date_of_service", sampled_another_day()),
            _executed_by_another(batch),
            "act_paid",
            "quantity_paid",
            *amounts,
        ),
    )
    if not file.is_test:
        copy_frame("claims_authorisedline", authorised_lines(file.pk, batch, adjudication))


def _executed_by_another(batch: Batch) -> pl.Series:
    """The executing provider's code; null where it is the one that bills."""
    billing = int(str(batch.header["billing_provider"]))
    executing = batch.lines["executing_provider"].alias("executing_code")
    return executing.set(executing == billing, None)


def _store_findings(acknowledgement: Acknowledgement, answer: str, findings: pl.DataFrame) -> None:
    quoted = ("found", "expected")
    copy_frame(
        _FINDINGS,
        findings.select(
            pl.lit(acknowledgement.pk, dtype=pl.Int64).alias("acknowledgement_id"),
            pl.lit(answer).alias("answer"),
            pl.int_range(pl.len(), dtype=pl.Int32).alias("number"),
            *(answers.quoted(name) if name in quoted else pl.col(name) for name in FINDINGS_SCHEMA.names()),
        ),
    )
