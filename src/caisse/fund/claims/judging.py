"""The life of a deposit inside the fund, step by step; each step starts from the stage in the database.

    received      -> examine, acknowledge  -> acknowledged, or refused when not conform
    acknowledged  -> adjudicate, return    -> returned; payments take it from there

A worker that dies leaves the last committed stage behind; the next one takes the deposit up from there. Wrong
content becomes a finding. Only a broken system raises, and then nothing of the step is stored.
"""

import mmap
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

import polars as pl
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.examination import Examination, examine_file
from caisse.agreement.findings import Finding, findings_frame
from caisse.agreement.rules.adjudication import adjudicate
from caisse.agreement.rules.batch import Batch
from caisse.agreement.tables import load_tables
from caisse.fund.claims import actions, answers
from caisse.fund.claims.facts import gather_facts, note_paid
from caisse.fund.claims.pool import BrokenProcessPool, MappedFile, drop_pool, reading_pool
from caisse.fund.claims.provider_lock import provider_lock
from caisse.fund.exchange.errors import StoreDamaged
from caisse.fund.exchange.models import Deposit
from caisse.fund.exchange.queries import deposit_content, get_deposit
from caisse.fund.exchange.store import Store, hash_bytes
from caisse.fund.faults import reach
from caisse.fund.registry.queries import provider_of_code

#: Who the audit names as the author of what no person did.
WORKER = "claims worker"

#: Below this size (bytes) a file is read in this process: sending it to another costs more than it gains.
POOL_FROM = 2_000_000


class StoredFileChanged(BrokenSystem):
    """A deposit found conform once is not conform now. Its bytes, its layout or the software have changed."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A deposit with the result of its examination and every finding that concerns the file as a whole."""

    deposit: Deposit
    examination: Examination
    findings: pl.DataFrame

    @property
    def conform(self) -> bool:
        """True when no finding is an error."""
        return self.examination.document is not None and not (self.findings["severity"] == "error").any()

    @property
    def lines(self) -> pl.DataFrame | None:
        """The lines asked for, if the file could be read as a request."""
        document = self.examination.document
        return document.tables.get("lines") if document and document.layout.direction == "request" else None

    @property
    def batch(self) -> Batch:
        """The tables of a conform file."""
        document = self.examination.document
        if document is None:
            raise StoredFileChanged(f"deposit {self.deposit.pk}")
        return Batch(document.header, document.tables["invoices"], document.tables["lines"])


def judge_and_note(deposit_id: uuid.UUID | str) -> str:
    """`judge`; a failure of the system is kept for `caisse fund status` and passed on."""
    try:
        return judge(deposit_id)
    except Exception as error:
        # When the database itself is gone, the queue retries all the same; the first failure is what is told.
        with suppress(DatabaseError, InterfaceError):
            connection.close_if_unusable_or_obsolete()
            actions.note_stoppage(deposit_id=deposit_id, error=error, at=timezone.now())
        raise


def judge(deposit_id: uuid.UUID | str) -> str:
    """Take a deposit as far as claims can: to ``returned`` or ``refused``. The stage it is in afterwards.

    Safe to call at any time and any number of times. Raises BrokenSystem, or what the broken part raised.
    """
    provider = get_deposit(deposit_id).account.provider_code
    with provider_lock(provider):
        deposit = get_deposit(deposit_id)
        reach("claims.taken")
        if deposit.stage not in ("received", "acknowledged"):
            return deposit.stage
        examined = examine(deposit)
        reach("claims.examined")
        if deposit.stage == "received":
            acknowledge(examined)
            if not examined.conform:
                return "refused"
        if not examined.conform:
            raise StoredFileChanged(f"deposit {deposit_id}")
        decide(examined)
    actions.forget_stoppage(deposit_id=deposit_id)
    return "returned"


def examine(deposit: Deposit) -> Examined:
    """Identify, validate and read the stored bytes; then what only the fund can check of a whole file.

    The bytes are hashed again meanwhile: raises StoreDamaged when they are not those that were received.
    """
    content = deposit_content(deposit.pk)
    path = Store(settings.HOME.store).path(deposit.sha256)
    large = len(content) >= POOL_FROM
    try:
        with ThreadPoolExecutor(1, "hash") as beside:
            hashed = beside.submit(hash_bytes, content)
            examination = examine_file(
                deposit.name,
                content,
                on=day_of_receipt(deposit),
                provider=deposit.account.provider_code,
                executor=reading_pool() if large else None,
                reopen=MappedFile(str(path)) if large else None,
                known_sha256=deposit.sha256,
            )
        if hashed.result() != (deposit.sha256, deposit.size):
            raise StoreDamaged(f"deposit {deposit.pk}: the stored bytes have changed")
    except BrokenProcessPool:
        drop_pool()
        raise
    finally:
        if isinstance(content, mmap.mmap):
            release(content)
    findings = answers.all_findings(examination, findings_frame(fund_findings(examination)))
    return Examined(deposit, examination, findings)


def day_of_receipt(deposit: Deposit) -> date:
    """The day on which the deposit arrived, in the fund's time zone: the layouts of that day apply."""
    return timezone.localtime(deposit.received_at).date()


def release(content: mmap.mmap) -> None:
    """Unmap the file; tables that still look into it keep it alive until they go."""
    with suppress(BufferError):
        content.close()


def fund_findings(examination: Examination) -> list[Finding]:
    """Is it a file providers send (LAY-001), and is its provider code valid on the sending day (PRO-002)?"""
    document = examination.document
    if document is None:
        return []
    if document.layout.direction != "request":
        return [Finding("LAY-001", found=document.layout.label, expected="a request file")]
    code, day = document.header["billing_provider"], document.header["sent_on"]
    if provider_of_code(code, day):
        return []
    follows = "PRO-001" if any(finding.code == "PRO-001" for finding in examination.findings) else None
    return [Finding("PRO-002", found=f"{code:08d}", expected=f"a code valid on {day}", follows=follows)]


def acknowledge(examined: Examined) -> None:
    """Tell the sender whether the file can be judged: stored, delivered and staged in one transaction."""
    at = timezone.now()
    note = answers.tables_note(load_tables(), examined.lines)
    content = answers.write_acknowledgement(
        examined.examination,
        examined.findings,
        answers.deposit_facts(examined.deposit),
        note=note,
        at=timezone.localtime(at),
    )
    actions.acknowledge_deposit(
        deposit=examined.deposit,
        examination=examined.examination,
        findings=examined.findings,
        content=content,
        conform=examined.conform,
        by=WORKER,
        at=at,
    )


def decide(examined: Examined) -> int:
    """Adjudicate a conform file and return the decisions; the judged file's id."""
    tables = load_tables()
    gathered = gather_facts(examined.deposit.account.provider_code, examined.batch)
    adjudication = adjudicate(examined.batch, gathered.facts, tables)
    if adjudication.deferred:
        raise BrokenSystem(f"checks were left open for want of facts: {', '.join(adjudication.deferred)}")
    reach("claims.adjudicated")
    file_id = actions.return_decisions(
        deposit=get_deposit(examined.deposit.pk),
        batch=examined.batch,
        adjudication=adjudication,
        gathered=gathered,
        tables=tables,
        by=WORKER,
        at=timezone.localtime(),
    )
    if not examined.deposit.account.is_test:
        note_paid(gathered, examined.batch, adjudication, file_id)
    return file_id
