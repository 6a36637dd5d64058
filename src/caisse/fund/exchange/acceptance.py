"""How complete uploads become deposits: those that arrive together are judged and committed together.

    judge   by name, hash and limits     one query for all that wait
    store   sync, move, sync the folder  each sender in its own thread
    write   deposits, receipts, jobs and audit events of all that wait: one statement, one transaction

Whoever comes first leads; meanwhile the next ones gather. So a commit serves as many deposits as arrived in
the time of the one before it, and nobody hears "received" before that commit.
"""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakSet

import psycopg
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from caisse.agreement.errors import BrokenSystem, InvalidFileName
from caisse.agreement.layouts import names
from caisse.fund.exchange import mailbox_names, receipts
from caisse.fund.exchange.errors import DepositRefused, UnknownAccount
from caisse.fund.exchange.store import StagedFile, Store
from caisse.fund.faults import reach

#: The task that judges a deposit; the exchange knows its name only.
JUDGE_TASK = "caisse.fund.claims.tasks.judge_deposit"
JUDGE_QUEUE = "deposits"
#: Doors announce new deposits at most this often (seconds); workers look twice a second anyway.
_ANNOUNCE_EVERY = 0.02
#: Most deposits one transaction takes.
_MOST_TOGETHER = 32
#: How many such transactions a process has under way at once: PostgreSQL syncs them together.
_LEADERS = 3
#: How often a deposit is judged again when another session takes its key or its receipt's name in between.
_ATTEMPTS = 5

# What stands against each deposit: null, "repeat", or the code of the reason it is refused for. An earlier
# deposit counts before any limit: a repeat writes nothing.
_JUDGE = """
    SELECT a.user, a.provider_code, a.frame,
        CASE WHEN e.id IS NOT NULL AND e.sha256 = i.sha256 THEN 'repeat'
             WHEN e.id IS NOT NULL THEN CASE e.key_state WHEN 'held' THEN 'KEY-004' ELSE 'KEY-001' END
             WHEN h.sent >= %(per_hour)s THEN 'LIM-002'
             WHEN w.waiting >= %(waiting)s THEN 'LIM-003' END,
        e.id, e.receipt, e.name, e.received_at,
        EXISTS (SELECT 1 FROM exchange_delivery v WHERE v.account_id = i.account AND v.name = i.receipt_name)
    FROM unnest(
        %(account)s::bigint[], %(at)s::timestamptz[], %(name)s::text[], %(sha256)s::text[],
        %(provider)s::int[], %(year)s::int[], %(number)s::int[], %(frame)s::text[], %(type)s::text[],
        %(reference)s::text[],
        %(receipt_name)s::text[]
    ) WITH ORDINALITY AS i(account, at, name, sha256, provider, year, number, frame, type, reference,
        receipt_name, place)
    LEFT JOIN exchange_account a ON a.id = i.account AND a.active
    LEFT JOIN LATERAL (
        (SELECT d.* FROM exchange_deposit d
         WHERE d.key_provider = i.provider AND d.key_year = i.year AND d.key_number = i.number
           AND d.key_frame = i.frame AND d.key_type = i.type AND d.key_reference = i.reference
           AND d.key_state IN ('held', 'used'))
        UNION ALL
        (SELECT d.* FROM exchange_deposit d
         WHERE d.sha256 = i.sha256 AND d.account_id = i.account AND d.name = i.name
           AND (d.key_state IS NULL OR d.key_state = 'released' AND d.received_at > i.at - %(repeat)s)
         ORDER BY d.received_at DESC LIMIT 1)
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
    ORDER BY i.place
"""
_WRITE = """
    WITH item AS MATERIALIZED (
        SELECT * FROM unnest(
            %(id)s::uuid[], %(account)s::bigint[], %(user)s::text[], %(by)s::text[], %(door)s::text[],
            %(at)s::timestamptz[], %(name)s::text[], %(sha256)s::text[], %(size)s::bigint[],
            %(layout)s::int[], %(provider)s::int[], %(year)s::int[], %(number)s::int[], %(frame)s::text[],
            %(type)s::text[],
            %(reference)s::text[], %(receipt)s::text[], %(receipt_name)s::text[], %(lock)s::text[]
        ) WITH ORDINALITY AS t(id, account, "user", by, door, at, name, sha256, size, layout, provider, year,
            number, frame, type, reference, receipt, receipt_name, lock, place)
    ), deposit AS (
        INSERT INTO exchange_deposit (
            id, account_id, door, name, sha256, size, received_at, stage, stage_at, layout, key_provider,
            key_year, key_number, key_frame, key_type, key_reference, key_state, receipt)
        SELECT id, account, door, name, sha256, size, at, 'received', at, layout, provider, year, number,
            frame, type, reference, CASE WHEN reference IS NOT NULL THEN 'held' END, receipt
        FROM item ORDER BY place
    ), delivery AS (
        INSERT INTO exchange_delivery (
            account_id, deposit_id, kind, name, sha256, size, content, delivered_at)
        SELECT account, id, 'receipt', receipt_name, encode(sha256(convert_to(receipt, 'UTF8')), 'hex'),
            octet_length(receipt), convert_to(receipt, 'UTF8'), at
        FROM item ORDER BY place
    ), event AS (
        INSERT INTO audit_event (action, by, at, why, subject_type, subject_id, data)
        SELECT 'deposit.received', by, at, '', 'deposit', id::text, jsonb_build_object(
            'account', "user", 'door', door, 'name', name, 'sha256', sha256, 'size', size)
        FROM item ORDER BY place
    )
    SELECT cardinality(procrastinate_defer_jobs_v1(array_agg(ROW(
        %(queue)s, %(task)s, 0, lock, NULL, jsonb_build_object('deposit_id', id), NULL
    )::procrastinate_job_to_defer_v1 ORDER BY place))) FROM item
"""
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

    account_id: int
    name: str
    staged: StagedFile
    door: str
    by: str
    at: datetime
    parsed: names.FileName | None
    receipt_name: str
    user: str = ""
    provider: int = 0
    frame: str = ""
    deposit_id: uuid.UUID = field(default_factory=receipts.new_deposit_id)
    receipt: str = ""
    outcome: Received | Exception | None = None
    leads: bool = False
    turn: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def key(self) -> tuple[Any, ...]:
        """Provider, year, number, frame, type, reference; all None when the name does not parse."""
        return tuple(self.parsed.key) if self.parsed else (None,) * 6

    @property
    def identity(self) -> tuple[Any, ...]:
        """Two of one identity are never written by one statement: the second has to see the first."""
        return self.key if self.parsed else (self.account_id, self.name)


class Group:
    """Does ``work`` once for all the sendings of this process that wait for it."""

    def __init__(self, work: Callable[[Sequence[Sending]], None]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._waiting: list[Sending] = []
        self._leaders = 0

    def __call__(self, sending: Sending) -> None:
        """Return once the work is done for ``sending``, by this thread or by another."""
        sending.turn, sending.done = threading.Event(), threading.Event()
        with self._lock:
            self._waiting.append(sending)
            sending.leads = self._leaders < _LEADERS
            self._leaders += sending.leads
        if not sending.leads:
            sending.turn.wait()
        if sending.leads:
            self._lead(sending)
        # Another leader may have taken it along and still be at it.
        sending.done.wait()

    def _lead(self, sending: Sending) -> None:
        """Take all that wait, until ``sending`` itself is done or taken; then hand over."""
        try:
            while not sending.done.is_set():
                with self._lock:
                    batch = self._take()
                if not batch:
                    break
                self._do(batch)
        finally:
            with self._lock:
                follower = next((waiting for waiting in self._waiting if not waiting.leads), None)
                if follower:
                    follower.leads = True
                    follower.turn.set()
                else:
                    self._leaders -= 1

    def _do(self, batch: Sequence[Sending]) -> None:
        try:
            self._work(batch)
        except Exception as error:
            # The other threads wait for an outcome.
            for sending in batch:
                sending.outcome = sending.outcome or error
        finally:
            for sending in batch:
                sending.done.set()
                sending.turn.set()

    def _take(self) -> list[Sending]:
        """The first of every identity among those who wait, in the order they came."""
        batch: dict[tuple[Any, ...], Sending] = {}
        for sending in self._waiting:
            if len(batch) < _MOST_TOGETHER:
                batch.setdefault(sending.identity, sending)
        taken = set(map(id, batch.values()))
        self._waiting = [sending for sending in self._waiting if id(sending) not in taken]
        # Always in one order, so that two processes never wait for each other's keys.
        return sorted(batch.values(), key=lambda sending: (sending.account_id, sending.name))


def accept(sending: Sending) -> Received:
    """Make a deposit of a complete upload, durably; raises DepositRefused, or what the broken part raised."""
    _judge_together(sending)
    if sending.outcome is None:
        # The bytes are durable before the row that speaks of them: a row without its bytes is never seen.
        reach("exchange.staged")
        Store(settings.HOME.store).keep(sending.staged)
        reach("exchange.stored")
        _write_together(sending)
    if isinstance(sending.outcome, Received):
        return sending.outcome
    raise sending.outcome or BrokenSystem("a deposit was neither accepted nor refused")


def parse_name(name: str) -> names.FileName | None:
    """The parts of a file name, None when it does not follow the rule."""
    try:
        return names.parse(name)
    except InvalidFileName:
        return None


def _judge(batch: Sequence[Sending]) -> None:
    """Give those an outcome that are repeats or refused."""
    limits = settings.FUND.limits
    values = {
        **_columns(batch),
        "per_hour": limits.deposits_per_hour,
        "waiting": limits.waiting,
        "repeat": timedelta(minutes=limits.repeat_minutes),
    }
    for sending, row in zip(batch, _ask(_JUDGE, values), strict=True):
        sending.user, sending.provider, sending.frame = row[:3]
        sending.outcome = _verdict(sending, *row[3:8])
        if sending.outcome is None and row[8]:
            sending.receipt_name = _free_name(sending)


def _verdict(sending: Sending, verdict: str | None, deposit_id: uuid.UUID | None, receipt: str | None,
             name: str | None, received_at: datetime | None) -> Received | Exception | None:  # fmt: skip
    parsed, limits = sending.parsed, settings.FUND.limits
    if sending.user is None:
        return UnknownAccount(str(sending.account_id))
    if parsed and (parsed.provider, parsed.frame) != (sending.provider, sending.frame):
        return DepositRefused("PRO-003", f"{parsed.provider:08d} {parsed.frame} ≠ {sending.user}")
    if verdict == "repeat" and deposit_id and receipt:
        return Received(deposit_id, receipt, duplicate=True)
    if name and received_at:
        return DepositRefused(str(verdict), f"{name}, {received_at:%Y-%m-%d %H:%M:%S}Z")
    if verdict:
        return DepositRefused(
            verdict, str(limits.deposits_per_hour if verdict == "LIM-002" else limits.waiting)
        )
    return None


def _free_name(sending: Sending) -> str:
    """The receipt's name with the first number no other delivery of the account has."""
    for candidate in mailbox_names.numbered(sending.receipt_name):
        taken = _ask("SELECT 1 FROM exchange_delivery WHERE account_id = %s AND name = %s",
                     (sending.account_id, candidate))  # fmt: skip
        if not taken:
            return candidate
    raise BrokenSystem("numbers ended")


def _write(batch: Sequence[Sending]) -> None:
    """Write all; when the database refuses them together, each is judged again and tried alone."""
    try:
        _commit(batch)
    except (DatabaseError, InterfaceError) as error:
        for sending in batch:
            _try_again(sending, error)


def _commit(batch: Sequence[Sending]) -> None:
    key = receipts.signing_key(settings.HOME)
    for sending in batch:
        sending.receipt = receipts.sign_receipt(key, _statement(sending))
    reach("exchange.accepted.before_commit")
    _ask(_WRITE, {**_columns(batch), "queue": JUDGE_QUEUE, "task": JUDGE_TASK})
    for sending in batch:
        sending.outcome = Received(sending.deposit_id, sending.receipt, duplicate=False)


def _try_again(sending: Sending, error: Exception) -> None:
    """Another session took the key or the name, or the server was away and may even have committed."""
    for _attempt in range(_ATTEMPTS):
        connection.close_if_unusable_or_obsolete()
        try:
            _judge([sending])
            if sending.outcome is None:
                _commit([sending])
        except (DatabaseError, InterfaceError) as again:
            error = again
        else:
            return
    sending.outcome = error


def _statement(sending: Sending) -> receipts.Statement:
    return receipts.Statement(
        issuer=settings.FUND.name,
        deposit_id=sending.deposit_id,
        received_at=sending.at,
        account=sending.user,
        provider=sending.provider,
        frame=sending.frame,
        file_type=sending.parsed.type if sending.parsed else None,
        layout=sending.parsed.layout if sending.parsed else None,
        file_name=sending.name,
        sha256=sending.staged.sha256,
        size=sending.staged.size,
    )


def _columns(batch: Sequence[Sending]) -> dict[str, list[Any]]:
    """The sendings as one list a column."""
    provider, year, number, frame, file_type, reference = zip(*(s.key for s in batch), strict=True)
    return {
        "id": [s.deposit_id for s in batch], "account": [s.account_id for s in batch],
        "user": [s.user for s in batch], "by": [s.by for s in batch], "door": [s.door for s in batch],
        "at": [s.at for s in batch], "name": [s.name for s in batch],
        "sha256": [s.staged.sha256 for s in batch], "size": [s.staged.size for s in batch],
        "layout": [s.parsed.layout if s.parsed else None for s in batch],
        "provider": list(provider), "year": list(year), "number": list(number), "frame": list(frame),
        "type": list(file_type), "reference": list(reference), "receipt": [s.receipt for s in batch],
        "receipt_name": [s.receipt_name for s in batch], "lock": [str(s.provider) for s in batch],
    }  # fmt: skip


def _ask(statement: str, values: Any) -> list[tuple[Any, ...]]:
    """The rows of a statement the server has prepared: Django would write all values into it each time."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        if connection.connection not in _with_plans:
            # Planning these statements anew for each batch costs several times what running them does.
            cursor.execute("SET plan_cache_mode = force_generic_plan")
            _with_plans.add(connection.connection)
        return cursor.execute(statement, values, prepare=True).fetchall()


_judge_together = Group(_judge)
_write_together = Group(_write)


def announce() -> None:
    """Wake a worker, outside any transaction that is synced to disk."""
    global _announced_at  # noqa: PLW0603 - one clock per process, and losing a race costs one message
    now = time.monotonic()
    if now - _announced_at < _ANNOUNCE_EVERY:
        return
    _announced_at = now
    with connection.cursor() as cursor:
        cursor.execute(_ANNOUNCE)
