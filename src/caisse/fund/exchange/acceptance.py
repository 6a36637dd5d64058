"""How a complete upload becomes a deposit: judged by name and hash, then written by one statement."""

import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

from caisse.agreement.errors import InvalidFileName
from caisse.agreement.layouts import names
from caisse.fund.exchange import mailbox_names, receipts
from caisse.fund.exchange.errors import DepositRefused, UnknownAccount
from caisse.fund.exchange.store import StagedFile
from caisse.fund.faults import reach

#: The task that judges a deposit; the exchange knows its name only.
JUDGE_TASK = "caisse.fund.claims.tasks.judge_deposit"
JUDGE_QUEUE = "deposits"
#: Doors announce new deposits at most this often (seconds); workers look twice a second anyway.
_ANNOUNCE_EVERY = 0.02

_RECEIVE = f"SELECT verdict, deposit, receipt, detail FROM exchange_receive_deposit({', '.join(['%s'] * 24)})"
_JUDGE = f"""
    SELECT a.user, a.provider_code, a.frame, j.verdict, j.deposit, j.receipt, j.detail
    FROM exchange_account a CROSS JOIN LATERAL exchange_judge_sending({", ".join(["%s"] * 13)}) j
    WHERE a.id = %s AND a.active
"""
_ANNOUNCE = """
    SELECT pg_notify('procrastinate_queue_v1#deposits', message),
           pg_notify('procrastinate_any_queue_v1', message)
    FROM (SELECT '{"type": "job_inserted", "job_id": 0}'::text AS message) announcement
"""
_announced_at = 0.0


@dataclass(frozen=True, slots=True)
class Received:
    """An accepted deposit; ``duplicate``: it had been accepted before, and this is the same receipt."""

    deposit_id: uuid.UUID
    receipt: str
    duplicate: bool


@dataclass(slots=True)
class Sending:
    """A complete upload on its way to become a deposit; what the account says is added when it is judged."""

    account_id: int
    name: str
    parsed: names.FileName | None
    staged: StagedFile
    door: str
    by: str
    at: datetime
    user: str = ""
    provider: int = 0
    frame: str = ""

    @property
    def key(self) -> tuple[object, ...]:
        return tuple(self.parsed.key) if self.parsed else (None,) * 6


def parse_name(name: str) -> names.FileName | None:
    try:
        return names.parse(name)
    except InvalidFileName:
        return None


def _limits() -> tuple[object, ...]:
    limits = settings.FUND.limits
    return limits.deposits_per_hour, limits.waiting, timedelta(minutes=limits.repeat_minutes)


def judge(sending: Sending) -> Received | None:
    """The earlier acceptance when this is a repeat, None when it may be accepted; raises DepositRefused."""
    judged = (sending.account_id, sending.at, sending.name, sending.staged.sha256, *sending.key, *_limits())
    row = _ask(_JUDGE, (*judged, sending.account_id))
    if row is None:
        raise UnknownAccount(str(sending.account_id))
    sending.user, sending.provider, sending.frame, verdict, deposit_id, receipt, detail = row
    parsed = sending.parsed
    if parsed and (parsed.provider, parsed.frame) != (sending.provider, sending.frame):
        raise DepositRefused("PRO-003", f"{parsed.provider:08d} {parsed.frame} ≠ {sending.user}")
    if verdict not in (None, "repeat"):
        raise DepositRefused(verdict, detail)
    return Received(deposit_id, receipt, duplicate=True) if verdict else None


def write(sending: Sending) -> Received:
    """Deposit, receipt, job and audit event in one statement, which is one transaction."""
    parsed, staged = sending.parsed, sending.staged
    deposit_id = receipts.new_deposit_id()
    layout = parsed.layout if parsed else None
    statement = receipts.Statement(
        issuer=settings.FUND.name,
        deposit_id=deposit_id,
        received_at=sending.at,
        account=sending.user,
        provider=sending.provider,
        frame=sending.frame,
        file_type=parsed.type if parsed else None,
        layout=layout,
        file_name=sending.name,
        sha256=staged.sha256,
        size=staged.size,
    )
    receipt = receipts.sign_receipt(receipts.signing_key(settings.HOME), statement)
    reach("exchange.accepted.before_commit")
    values = (
        *(deposit_id, sending.account_id, sending.user, sending.by, sending.door, sending.at),
        *(sending.name, staged.sha256, staged.size, layout, *sending.key),
        *(receipt, *mailbox_names.split(f"{sending.name}.receipt.jws")),
        *(JUDGE_TASK, str(sending.provider), *_limits()),
    )
    verdict, accepted_id, kept_receipt, detail = _ask(_RECEIVE, values)
    if verdict not in ("received", "repeat"):
        raise DepositRefused(verdict, detail)
    return Received(accepted_id, kept_receipt, duplicate=verdict == "repeat")


def _ask(statement: str, values: tuple[object, ...]) -> Any:
    """The one row of a statement the server has prepared: Django would write all values into it each time."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement, values, prepare=True).fetchone()


def announce() -> None:
    """Wake a worker, outside any transaction that is synced to disk."""
    global _announced_at  # noqa: PLW0603 - one clock per process, and losing a race costs one message
    now = time.monotonic()
    if now - _announced_at < _ANNOUNCE_EVERY:
        return
    _announced_at = now
    with connection.cursor() as cursor:
        cursor.execute(_ANNOUNCE)
