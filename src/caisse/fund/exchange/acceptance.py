"""How complete uploads become deposits: those that arrive together are judged and written together.

    judge   by name, hash, key and limits: repeats and refusals write nothing
    keep    bytes up to 64 KB go into the row; a larger file is synced and moved into the store before that
    write   deposit, receipt, job and audit event: one statement, one transaction for all that wait

One statement judges and writes, so a small deposit costs one round trip and a share of one sync to disk.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from weakref import WeakSet

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from caisse.agreement.errors import BrokenSystem, InvalidFileName
from caisse.agreement.layouts import names
from caisse.fund.exchange import mailbox_names, receipts
from caisse.fund.exchange.errors import CodeClosed, DepositRefused, UnknownAccount
from caisse.fund.exchange.models import Account
from caisse.fund.exchange.store import LARGEST_IN_ROW, StagedFile, Store
from caisse.fund.exchange.together import Group
from caisse.fund.faults import reach

#: The task that judges a deposit; the exchange knows its name only.
JUDGE_TASK = "caisse.fund.claims.tasks.judge_deposit"
JUDGE_QUEUE = "deposits"
#: Doors announce new deposits at most this often (seconds); workers look twice a second anyway.
_ANNOUNCE_EVERY = 0.02
#: How often a deposit is tried again when another session takes its key or its receipt's name in between.
_ATTEMPTS = 5


def _one_line(statement: str) -> str:
    """Without its indentation: the driver remembers what it found in statements up to 4,096 characters."""
    return " ".join(statement.split())


# Judged: what stands against each deposit: null, "repeat", "account", "name" (its receipt's name is taken),
# or the code of the reason it is refused for. An earlier deposit counts before any limit.
# The look-ups are LATERAL and not EXISTS: PostgreSQL may hash the whole table for an EXISTS. The repeats are
# not ordered by a plain column: PostgreSQL may walk through all deposits of the account in that order.
_ACCEPT = _one_line("""
    WITH item AS MATERIALIZED (
        SELECT * FROM ROWS FROM (json_to_recordset(%(items)s::json) AS (
            id uuid, account bigint, "user" text, provider int, frame text, by text, door text,
            at timestamptz, name text, sha256 text, size bigint, layout int, key_provider int, key_year int,
            key_number int, key_frame text, key_type text, key_reference text, receipt text,
            receipt_name text)) WITH ORDINALITY AS t(
            id, account, "user", provider, frame, by, door, at, name, sha256, size, layout, key_provider,
            key_year, key_number, key_frame, key_type, key_reference, receipt, receipt_name, place)
    ), judged AS MATERIALIZED (
        SELECT i.*, e.id AS earlier_id, e.receipt AS earlier_receipt, e.name AS earlier_name,
            e.received_at AS earlier_at,
            CASE WHEN a.id IS NULL THEN 'account'
                 WHEN e.id IS NOT NULL AND e.sha256 = i.sha256 THEN 'repeat'
                 WHEN e.id IS NOT NULL THEN CASE e.key_state WHEN 'held' THEN 'KEY-004' ELSE 'KEY-001' END
                 WHEN registry_code_closed(i.provider, (i.at AT TIME ZONE %(zone)s)::date) THEN 'PRO-004'
                 WHEN h.sent >= %(per_hour)s THEN 'LIM-002'
                 WHEN w.waiting >= %(waiting)s THEN 'LIM-003'
                 WHEN n.taken THEN 'name' END AS verdict
        FROM item i
        LEFT JOIN exchange_account a ON a.id = i.account AND a.active AND a.user = i.user
            AND a.provider_code = i.provider AND a.frame = i.frame
        LEFT JOIN LATERAL (
            (SELECT d.* FROM exchange_deposit d
             WHERE d.key_provider = i.key_provider AND d.key_year = i.key_year AND d.key_number = i.key_number
               AND d.key_frame = i.key_frame AND d.key_type = i.key_type
               AND d.key_reference = i.key_reference AND d.key_state IN ('held', 'used'))
            UNION ALL
            (SELECT d.* FROM exchange_deposit d
             WHERE d.sha256 = i.sha256 AND d.account_id = i.account AND d.name = i.name
               AND (d.key_state IS NULL OR d.key_state = 'released' AND d.received_at > i.at - %(repeat)s)
             ORDER BY d.received_at + interval '0' DESC LIMIT 1)
            LIMIT 1
        ) e ON true
        LEFT JOIN LATERAL (
            SELECT count(*) AS sent FROM (
                SELECT 1 FROM exchange_deposit d
                WHERE d.account_id = i.account AND d.received_at > i.at - interval '1 hour'
                LIMIT %(per_hour)s) lately
        ) h ON %(per_hour)s > 0
        LEFT JOIN LATERAL (
            SELECT count(*) AS waiting FROM (
                SELECT 1 FROM exchange_deposit d
                WHERE d.account_id = i.account AND d.stage IN ('received', 'acknowledged')
                LIMIT %(waiting)s) unanswered
        ) w ON %(waiting)s > 0
        LEFT JOIN LATERAL (
            SELECT true AS taken FROM exchange_delivery v
            WHERE v.account_id = i.account AND v.name = i.receipt_name LIMIT 1
        ) n ON true
    ), fresh AS MATERIALIZED (
        SELECT * FROM judged WHERE verdict IS NULL AND %(write)s
    ), deposit AS (
        INSERT INTO exchange_deposit (
            id, account_id, door, name, sha256, size, received_at, stage, stage_at, layout, key_provider,
            key_year, key_number, key_frame, key_type, key_reference, key_state, receipt, content)
        SELECT id, account, door, name, sha256, size, at, 'received', at, layout, key_provider, key_year,
            key_number, key_frame, key_type, key_reference,
            CASE WHEN key_reference IS NOT NULL THEN 'held' END, receipt, (%(contents)b::bytea[])[place]
        FROM fresh ORDER BY place
    ), delivery AS (
        INSERT INTO exchange_delivery (
            account_id, deposit_id, kind, name, sha256, size, content, delivered_at)
        SELECT account, id, 'receipt', receipt_name, encode(sha256(convert_to(receipt, 'UTF8')), 'hex'),
            octet_length(receipt), convert_to(receipt, 'UTF8'), at
        FROM fresh ORDER BY place
    ), event AS (
        INSERT INTO audit_event (action, by, at, why, subject_type, subject_id, data)
        SELECT 'deposit.received', by, at, '', 'deposit', id::text, jsonb_build_object(
            'account', "user", 'door', door, 'name', name, 'sha256', sha256, 'size', size)
        FROM fresh ORDER BY place
    )
    SELECT verdict, earlier_id, earlier_receipt, earlier_name, earlier_at, (
        SELECT cardinality(procrastinate_defer_jobs_v1(array_agg(ROW(
            %(queue)s, %(task)s, 0, provider::text, NULL, jsonb_build_object('deposit_id', id), NULL
        )::procrastinate_job_to_defer_v1 ORDER BY place))) FROM fresh HAVING count(*) > 0)
    FROM judged ORDER BY place
""")
_ANNOUNCE = """
    SELECT pg_notify('procrastinate_queue_v1#deposits', message),
           pg_notify('procrastinate_any_queue_v1', message)
    FROM (SELECT '{"type": "job_inserted", "job_id": 0}'::text AS message) announcement
"""
_announced_at = 0.0
_with_plans: WeakSet[psycopg.Connection[Any]] = WeakSet()


@dataclass(frozen=True, slots=True)
class Received:
    """An accepted deposit; ``duplicate``: it had been accepted before, and this is the same receipt."""

    deposit_id: uuid.UUID
    receipt: str
    duplicate: bool


@dataclass(slots=True, eq=False)
class Sending:
    """A complete upload on its way to become a deposit, and what became of it."""

    account: Account
    name: str
    staged: StagedFile
    door: str
    by: str
    at: datetime
    parsed: names.FileName | None
    receipt_name: str
    deposit_id: uuid.UUID = field(default_factory=receipts.new_deposit_id)
    receipt: str = ""
    content: bytes | None = None
    #: What the statement reads, in JSON; made by the sender's own thread, not by the one that leads.
    item: str = ""
    outcome: Received | Exception | None = None

    @property
    def key(self) -> tuple[Any, ...]:
        """Provider, year, number, frame, type, reference; all None when the name does not parse."""
        return tuple(self.parsed.key) if self.parsed else (None,) * 6

    @property
    def identity(self) -> tuple[Any, ...]:
        """Two of one identity are never written by one statement: the second has to see the first."""
        return self.key if self.parsed else (self.account.pk, self.name)

    @property
    def order(self) -> tuple[Any, ...]:
        """Two processes take the same keys in the same order."""
        return self.account.pk, self.name


def accept(sending: Sending) -> Received:
    """Make a deposit of a complete upload, durably; raises DepositRefused, or what the broken part raised."""
    parsed, account = sending.parsed, sending.account
    if parsed and (parsed.provider, parsed.frame) != (account.provider_code, account.frame):
        raise DepositRefused("PRO-003", f"{parsed.provider:08d} {parsed.frame} ≠ {account.user}")
    reach("exchange.staged")
    if sending.staged.size <= LARGEST_IN_ROW:
        sending.content = _checked_content(sending.staged)
    else:
        _keep_file(sending)
    if sending.outcome is None:
        sending.receipt = receipts.sign_receipt(receipts.signing_key(settings.HOME), _statement(sending))
        sending.item = _item(sending)
        _accept_together(sending)
    if isinstance(sending.outcome, Received):
        return sending.outcome
    raise sending.outcome or BrokenSystem("a deposit was neither accepted nor refused")


def parse_name(name: str) -> names.FileName | None:
    """The parts of a file name, None when it does not follow the rule."""
    try:
        return names.parse(name)
    except InvalidFileName:
        return None


def _checked_content(staged: StagedFile) -> bytes:
    if staged.content is not None:
        return staged.content
    content = staged.read()
    if len(content) != staged.size or hashlib.sha256(content).hexdigest() != staged.sha256:
        raise BrokenSystem("an upload changed while it was accepted")
    return content


def _keep_file(sending: Sending) -> None:
    """Move a large file into the store, unless it is refused or a repeat: that fills no disk."""
    sending.item = _item(sending)
    _ask([sending], write=False)
    if sending.outcome is None:
        # The bytes are durable before the row that speaks of them: a row without its bytes is never seen.
        Store(settings.HOME.store).keep(sending.staged)
        reach("exchange.stored")


def _accept(batch: Sequence[Sending]) -> None:
    """Accept all; when the database refuses them together, each is tried alone."""
    reach("exchange.accepted.before_commit")
    try:
        _ask(batch, write=True)
    except (DatabaseError, InterfaceError) as error:
        for sending in batch:
            _try_again(sending, error)
        return
    for sending in batch:
        if sending.outcome is None:
            _try_again(sending, BrokenSystem("no free name for a receipt was found"))


def _try_again(sending: Sending, error: Exception) -> None:
    """Another session took the key or the name, or the server was away and may even have committed."""
    for _attempt in range(_ATTEMPTS):
        connection.close_if_unusable_or_obsolete()
        try:
            sending.receipt_name = _free_name(sending)
            sending.item = _item(sending)
            _ask([sending], write=True)
        except (DatabaseError, InterfaceError) as again:
            error = again
        if sending.outcome is not None:
            return
    sending.outcome = error


def _ask(batch: Sequence[Sending], *, write: bool) -> None:
    """Judge all and, if so asked, write those nothing stands against.

    One without an outcome: its receipt's name is taken, or it may be written and was not to be.
    """
    limits = settings.FUND.limits
    rows = _run(_ACCEPT, {
        "items": f"[{','.join(s.item for s in batch)}]",
        "contents": [s.content for s in batch],
        "per_hour": limits.deposits_per_hour,
        "waiting": limits.waiting,
        "repeat": timedelta(minutes=limits.repeat_minutes),
        "queue": JUDGE_QUEUE,
        "task": JUDGE_TASK,
        "write": write,
        "zone": settings.TIME_ZONE,
    })  # fmt: skip
    for sending, row in zip(batch, rows, strict=True):
        verdict = row[0]
        if verdict is None and write:
            sending.outcome = Received(sending.deposit_id, sending.receipt, duplicate=False)
        elif verdict not in (None, "name"):
            sending.outcome = _outcome(sending, *row[:5])


def _outcome(sending: Sending, verdict: str, deposit_id: uuid.UUID, receipt: str, name: str | None,
             received_at: datetime) -> Received | Exception:  # fmt: skip
    limits = settings.FUND.limits
    if verdict == "account":
        return UnknownAccount(sending.account.user)
    if verdict == "repeat":
        return Received(deposit_id, receipt, duplicate=True)
    if verdict == "PRO-004":
        return CodeClosed(sending.account.provider_code)
    if name:
        return DepositRefused(verdict, f"{name}, {received_at:%Y-%m-%d %H:%M:%S}Z")
    return DepositRefused(verdict, str(limits.deposits_per_hour if verdict == "LIM-002" else limits.waiting))


def _free_name(sending: Sending) -> str:
    """The receipt's name with the first number no other delivery of the account has."""
    for candidate in mailbox_names.numbered(f"{sending.name}.receipt.jws"):
        taken = _run("SELECT 1 FROM exchange_delivery WHERE account_id = %s AND name = %s",
                     (sending.account.pk, candidate))  # fmt: skip
        if not taken:
            return candidate
    raise BrokenSystem("numbers ended")


def _statement(sending: Sending) -> receipts.Statement:
    return receipts.Statement(
        issuer=settings.FUND.name,
        deposit_id=sending.deposit_id,
        received_at=sending.at,
        account=sending.account.user,
        provider=sending.account.provider_code,
        frame=sending.account.frame,
        file_type=sending.parsed.type if sending.parsed else None,
        layout=sending.parsed.layout if sending.parsed else None,
        file_name=sending.name,
        sha256=sending.staged.sha256,
        size=sending.staged.size,
    )


def _item(sending: Sending) -> str:
    """A sending as the statement reads it: one object of JSON."""
    account, (provider, year, number, frame, file_type, reference) = sending.account, sending.key
    return json.dumps({
        "id": str(sending.deposit_id), "account": account.pk, "user": account.user,
        "provider": account.provider_code, "frame": account.frame, "by": sending.by, "door": sending.door,
        "at": sending.at.isoformat(), "name": sending.name, "sha256": sending.staged.sha256,
        "size": sending.staged.size, "layout": sending.parsed.layout if sending.parsed else None,
        "key_provider": provider, "key_year": year, "key_number": number, "key_frame": frame,
        "key_type": file_type, "key_reference": reference, "receipt": sending.receipt,
        "receipt_name": sending.receipt_name,
    })  # fmt: skip


def _run(statement: str, values: Any) -> list[tuple[Any, ...]]:
    """The rows of a statement the server has prepared: Django would write all values into it each time."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        if connection.connection not in _with_plans:
            # One plan a connection: planning anew costs several times what running does. It may be made while
            # the tables are still empty, when reading them whole looks cheap; so it must not consider that.
            cursor.execute("SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off")
            _with_plans.add(connection.connection)
        return cursor.execute(statement, values, prepare=True).fetchall()


_accept_together = Group(_accept)


def announce() -> None:
    """Wake a worker, outside any transaction that is synced to disk."""
    global _announced_at  # noqa: PLW0603 - one clock per process, and losing a race costs one message
    now = monotonic()
    if now - _announced_at < _ANNOUNCE_EVERY:
        return
    _announced_at = now
    with connection.cursor() as cursor:
        cursor.execute(_ANNOUNCE)
