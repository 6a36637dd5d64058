"""Every read of the exchange; whatever an account may see is asked for by its id."""

import mmap
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import connection
from django.db.models import BooleanField, F, Func, Q, QuerySet, Value
from django.utils import timezone

from caisse.fund.exchange import passwords
from caisse.fund.exchange.errors import CodeClosed, UnknownDeposit
from caisse.fund.exchange.models import STAGES, UNANSWERED, Account, AccountKey, Delivery, Deposit
from caisse.fund.exchange.store import Store

#: From when on an unanswered deposit is worth a look.
LATE_AFTER = timedelta(minutes=2)
_MOMENT = "%Y%m%dT%H%M%S.%fZ"


class Place(NamedTuple):
    """Where a file stands in a box: by its moment, then by its name. Both are known to its account alone."""

    at: datetime
    name: str

    def __str__(self) -> str:
        return f"{self.at.astimezone(UTC):{_MOMENT}}-{self.name}"

    @classmethod
    def parse(cls, written: str) -> "Place":
        """The place `str` wrote. Raises ValueError."""
        moment, _, name = written.partition("-")
        if "\0" in name:
            raise ValueError("a name holds no zero byte")
        return cls(datetime.strptime(moment, _MOMENT).replace(tzinfo=UTC), name)


@dataclass(frozen=True, slots=True)
class MailboxEntry:
    """A file as an account sees it: in out/ a delivery, in in/ a deposit that is not answered yet."""

    name: str
    size: int
    at: datetime
    kind: str
    sha256: str
    delivery_id: int | None = None
    deposit_id: uuid.UUID | None = None
    first_collected_at: datetime | None = None

    @property
    def place(self) -> Place:
        return Place(self.at, self.name)


@dataclass(frozen=True, slots=True)
class OpenedDelivery:
    """A delivery ready to be read: ``content`` when small, else ``path`` in the store."""

    delivery_id: int
    name: str
    kind: str
    size: int
    sha256: str
    delivered_at: datetime
    content: bytes | None
    path: Path | None

    def read(self) -> bytes:
        """All of it."""
        return self.content if self.path is None else self.path.read_bytes()


@dataclass(frozen=True, slots=True)
class StageCount:
    """How many deposits are in a stage, and since when the oldest of them."""

    stage: str
    count: int
    oldest: datetime | None


def authenticate_password(user: str, password: str) -> Account | None:
    """The active account ``user`` if ``password`` is right; takes as long when there is no such account.

    Raises CodeClosed when both are right and the registry says that the account's code does not hold today.
    """
    account = _active().filter(user=user.lower()).first()
    if account is None:
        passwords.waste_time(password)
        return None
    if not passwords.is_right(account.pk, account.password, password):
        return None
    if account.code_closed:
        raise CodeClosed(account.provider_code)
    return account


def authenticate_key(user: str, public_key: str) -> Account | None:
    """The active account ``user`` if ``public_key`` ("type base64 [comment]") is one of its keys.

    None as well when the account's code does not hold today: SFTP has no words for a reason at log-in.
    """
    offered = " ".join(public_key.split()[:2])
    return _open().filter(user=user.lower(), keys__public_key=offered).first()


def account_keys(user: str) -> list[str]:
    """The public keys an account may log in with today, as "type base64"; empty when it may not."""
    keys = AccountKey.objects.filter(account__in=_open().filter(user=user.lower())).order_by("id")
    return list(keys.values_list("public_key", flat=True))


def open_accounts(account_ids: set[int]) -> set[int]:
    """Those of the accounts that may be used today: active, and their code not closed."""
    return set(_open().filter(pk__in=account_ids).values_list("pk", flat=True))


def _active() -> QuerySet[Account]:
    """Active accounts; `code_closed`: the registry knows the code, and it does not hold today."""
    closed = Func(
        F("provider_code"), Value(timezone.localdate()), function="registry_code_closed",
        output_field=BooleanField(),
    )  # fmt: skip
    return Account.objects.filter(active=True).annotate(code_closed=closed)


def _open() -> QuerySet[Account]:
    return _active().filter(code_closed=False)


def find_account(user: str) -> Account | None:
    """The account with this log-in name, closed ones included."""
    return Account.objects.filter(user=user.lower()).first()


def accounts_of_code(provider_code: int) -> list[Account]:
    """The accounts opened under a provider code, whatever their legal frame, closed ones included."""
    return list(Account.objects.filter(provider_code=provider_code).order_by("frame"))


def codes_with_access() -> frozenset[int]:
    """The provider codes that have an active account of the real exchange."""
    found = Account.objects.filter(active=True, is_test=False).values_list("provider_code", flat=True)
    return frozenset(found)


def list_mailbox(
    account_id: int, box: str, *, after: Place | None = None, limit: int | None = None
) -> list[MailboxEntry]:
    """What an account sees, oldest first: "in" deposits not answered yet, "out" deliveries."""
    if box == "in":
        deposits = Deposit.objects.filter(account_id=account_id, stage__in=UNANSWERED)
        return [
            MailboxEntry(d.name, d.size, d.received_at, d.stage, d.sha256, deposit_id=d.pk)
            for d in _in_order(deposits, "received_at", after)[:limit]
        ]
    deliveries = _in_order(
        Delivery.objects.filter(account_id=account_id).defer("content"), "delivered_at", after
    )
    return [
        MailboxEntry(
            d.name, d.size, d.delivered_at, d.kind, d.sha256, d.pk, d.deposit_id, d.first_collected_at
        )
        for d in deliveries[:limit]
    ]


def _in_order[M: (Deposit, Delivery)](files: QuerySet[M], moment: str, after: Place | None) -> QuerySet[M]:
    if after is not None:
        later = Q(**{moment: after.at, "name__gt": after.name}) | Q(**{f"{moment}__gt": after.at})
        files = files.filter(later)
    return files.order_by(moment, "name")


def open_delivery(account_id: int, name: str) -> OpenedDelivery | None:
    """The delivery ``name`` in this account's out/ box, None when there is none."""
    found = Delivery.objects.filter(account_id=account_id, name=name).first()
    if found is None:
        return None
    inline = found.content is not None
    return OpenedDelivery(
        found.pk, found.name, found.kind, found.size, found.sha256, found.delivered_at,
        bytes(found.content) if inline else None,
        None if inline else Store(settings.HOME.store).path(found.sha256),
    )  # fmt: skip


def find_deposit(account_id: int, deposit_id: uuid.UUID | str) -> Deposit | None:
    """One of this account's deposits, None when it has none of this id."""
    return Deposit.objects.filter(account_id=account_id, pk=deposit_id).first()


def get_deposit(deposit_id: uuid.UUID | str) -> Deposit:
    """A deposit with its account, for the fund's own work; raises UnknownDeposit."""
    deposit = Deposit.objects.select_related("account").filter(pk=deposit_id).first()
    if deposit is None:
        raise UnknownDeposit(str(deposit_id))
    return deposit


def latest_deposits(*, provider_code: int | None = None, limit: int) -> list[Deposit]:
    """The newest ``limit`` deposits, of one provider code or of all, oldest first."""
    chosen = Deposit.objects.all()
    if provider_code is not None:
        chosen = chosen.filter(account__provider_code=provider_code)
    return list(chosen.order_by("-received_at", "-id")[:limit])[::-1]


def deposit_content(deposit_id: uuid.UUID | str) -> mmap.mmap | bytes:
    """The bytes of a deposit as received; large ones are mapped into memory.

    Raises UnknownDeposit, or StoreDamaged when the file is gone.
    """
    row = Deposit.objects.filter(pk=deposit_id).values_list("sha256", "content").first()
    if row is None:
        raise UnknownDeposit(str(deposit_id))
    sha256, content = row
    return Store(settings.HOME.store).content(sha256) if content is None else bytes(content)


def deposit_path(deposit: Deposit) -> Path | None:
    """Where the bytes of a deposit lie in the store; None when they lie in its row."""
    in_row = Deposit.objects.filter(pk=deposit.pk, content__isnull=False).exists()
    return None if in_row else Store(settings.HOME.store).path(deposit.sha256)


def deposits_by_stage() -> list[StageCount]:
    """Every stage of a deposit's life with its count, in the order of that life."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT stage, count(*), min(stage_at) FROM exchange_deposit GROUP BY stage")
        found = {stage: (count, oldest) for stage, count, oldest in cursor.fetchall()}
    return [StageCount(stage, *found.get(stage, (0, None))) for stage in STAGES]


@dataclass(frozen=True, slots=True)
class StuckDeposit:
    """A deposit whose answer is late, and why as far as the queue knows."""

    deposit_id: uuid.UUID
    name: str
    user: str
    stage: str
    since: datetime
    why: str

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


_STUCK = """
    SELECT d.id, d.name, a.user, d.stage, d.stage_at, j.status::text, j.attempts, j.scheduled_at,
        (SELECT count(*) FROM procrastinate_jobs o WHERE o.lock = j.lock AND o.id < j.id)
    FROM exchange_deposit d JOIN exchange_account a ON a.id = d.account_id
    LEFT JOIN LATERAL (
        SELECT * FROM procrastinate_jobs p
        WHERE p.args ->> 'deposit_id' = d.id::text AND p.queue_name = 'deposits'
        ORDER BY p.id DESC LIMIT 1) j ON true
    WHERE d.stage IN ('received', 'acknowledged') AND d.stage_at < %s ORDER BY d.stage_at LIMIT %s
"""


def stuck_deposits(
    *, at: datetime, late_after: timedelta = LATE_AFTER, limit: int = 100
) -> list[StuckDeposit]:
    """Unanswered deposits late by ``late_after`` at ``at``, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_STUCK, (at - late_after, limit))
        rows = cursor.fetchall()
    working = live_workers()
    return [StuckDeposit(*row[:5], _why(working, *row[5:])) for row in rows]


def _why(
    workers: int, status: str | None, attempts: int | None, again_at: datetime | None, before: int
) -> str:
    """One sentence for the person on duty."""
    if workers == 0:
        return "no worker is running"
    if status is None:
        return "it lost its place in the queue and gets a new one"
    if status == "failed":
        return "its job failed and is queued again"
    if status == "doing":
        return "a worker is at it"
    if attempts and again_at:
        return f"it failed {attempts} time(s) and is tried again at {again_at:%H:%M:%S}Z"
    return (
        f"{before} earlier deposit(s) of the same provider come first" if before else "it waits for a worker"
    )


def live_workers() -> int:
    """How many workers gave a sign of life in the last ten seconds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '10 seconds'"
        )
        return cursor.fetchone()[0]


#: Every file that has to lie in the store: hash, size, and what it is.
_STORED = (
    "SELECT sha256, size, 'deposit ' || id AS what FROM exchange_deposit WHERE content IS NULL UNION ALL"
    " SELECT sha256, size, 'delivery ' || id FROM exchange_delivery WHERE content IS NULL"
)


def stored_hashes() -> Iterator[tuple[str, int, str]]:
    """Hash, size and what it is of every file that has to lie in the store, one row a file and use."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_STORED} ORDER BY 1")
        while rows := cursor.fetchmany(2000):
            yield from rows


def unknown_hashes(hashes: Sequence[str]) -> set[str]:
    """Those of ``hashes`` that no row needs to lie in the store."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT h FROM unnest(%s::text[]) h EXCEPT SELECT sha256 FROM ({_STORED}) stored",
            (list(hashes),),
        )
        return {row[0] for row in cursor.fetchall()}


def contents_in_rows() -> tuple[int, int]:
    """How many deposits and deliveries are kept in their row, and how many bytes that is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(size), 0)::bigint FROM ("
            " SELECT size FROM exchange_deposit WHERE content IS NOT NULL UNION ALL"
            " SELECT size FROM exchange_delivery WHERE content IS NOT NULL) kept"
        )
        return cursor.fetchone()


def damaged_row_contents() -> list[str]:
    """Deposits and deliveries kept in their row whose bytes do not match their hash or size."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT what FROM ("
            " SELECT 'deposit ' || id AS what, content, sha256, size FROM exchange_deposit UNION ALL"
            " SELECT 'delivery ' || id, content, sha256, size FROM exchange_delivery) kept"
            " WHERE content IS NOT NULL AND (encode(sha256(content), 'hex') <> sha256"
            "  OR octet_length(content) <> size) ORDER BY what"
        )
        return [row[0] for row in cursor.fetchall()]


def unanswered_stages() -> list[tuple[uuid.UUID, str]]:
    """Deposits whose stage and whose answers in out/ contradict each other, with what is wrong."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT d.id, CASE
                WHEN NOT 'receipt' = ANY(k.kinds) THEN 'has no receipt'
                WHEN d.stage <> 'received' AND NOT 'acknowledgement' = ANY(k.kinds)
                    THEN 'has no acknowledgement'
                WHEN d.stage = 'received' AND 'acknowledgement' = ANY(k.kinds)
                    THEN 'was acknowledged too early'
                WHEN d.stage IN ('returned', 'paid') AND NOT 'return' = ANY(k.kinds) THEN 'has no return'
                WHEN d.stage NOT IN ('returned', 'paid') AND 'return' = ANY(k.kinds)
                    THEN 'was returned too early'
                END AS wrong
            FROM exchange_deposit d CROSS JOIN LATERAL (
                SELECT coalesce(array_agg(v.kind), '{}') AS kinds
                FROM exchange_delivery v WHERE v.deposit_id = d.id) k
        """)
        return [(deposit, wrong) for deposit, wrong in cursor.fetchall() if wrong]
