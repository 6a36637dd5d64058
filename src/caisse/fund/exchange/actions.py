"""Every write of the exchange: one named function, one transaction, one audit event."""

import base64
import binascii
import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, connection, transaction

from caisse.agreement.errors import BrokenSystem, WrongUse
from caisse.agreement.lifecycle import DEPOSIT, DEPOSIT_KEY, may_move
from caisse.fund.audit.actions import record_event
from caisse.fund.exchange import acceptance, mailbox_names, passwords
from caisse.fund.exchange.acceptance import (
    JUDGE_QUEUE,  # noqa: F401 - claims asks for both here
    JUDGE_TASK,  # noqa: F401
    Received,
)
from caisse.fund.exchange.errors import (
    AccountExists,
    DepositRefused,
    StageConflict,
    UnknownAccount,
    UnknownDeposit,
)
from caisse.fund.exchange.models import KINDS, REFUSAL, Account, AccountKey, Deposit
from caisse.fund.exchange.store import LARGEST_IN_ROW, StagedFile, Store
from caisse.fund.faults import reach


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file laid into an account's out/ box, under the name it got there."""

    delivery_id: int
    name: str


def receive_deposit(
    *, account: Account, name: str, staged: StagedFile, door: str, by: str, at: datetime
) -> Received:
    """Accept a complete upload: when this returns, bytes, row, receipt and job survive a power cut.

    The same key (or, for a name that does not parse, the same name) with the same bytes gives the same
    receipt again. Raises DepositRefused, having removed the upload and left a note in the account's out/ box.
    """
    if connection.in_atomic_block:
        raise BrokenSystem("a deposit is accepted by a transaction of its own, never inside another")
    try:
        mailbox_names.check(name, settings.FUND.limits.name_length)
        if 0 < settings.FUND.limits.bytes < staged.size:
            raise DepositRefused("LIM-001", f"{staged.size} > {settings.FUND.limits.bytes}")
        parsed, receipt_name = acceptance.parse_name(name), f"{name}.receipt.jws"
        sending = acceptance.Sending(account, name, staged, door, by, at, parsed, receipt_name)
        received = acceptance.accept(sending)
    except DepositRefused as refusal:
        staged.discard()
        refuse_upload(account_id=account.pk, name=name, refusal=refusal, by=by, at=at)
        raise
    if not received.duplicate:
        reach("exchange.accepted.after_commit")
        acceptance.announce()
    # In its row now, or received before; a large file has moved to the store.
    staged.discard()
    return received


def refuse_upload(*, account_id: int, name: str, refusal: DepositRefused, by: str, at: datetime) -> None:
    """Leave a note `{name}.refused.txt` in out/, since SFTP clients do not show why; the newest stay."""
    note = "\r\n\r\n".join(refusal.text(language) for language in ("fr", "de", "en")).encode()
    note_name = mailbox_names.note_name(name)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO exchange_delivery (account_id, kind, name, sha256, size, content, delivered_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (account_id, name) DO UPDATE SET"
            " sha256 = excluded.sha256, size = excluded.size, content = excluded.content,"
            " delivered_at = excluded.delivered_at, first_collected_at = NULL"
            " WHERE exchange_delivery.kind = %s",
            (account_id, REFUSAL, note_name, hashlib.sha256(note).hexdigest(), len(note), note, at, REFUSAL),
        )
        cursor.execute(
            "DELETE FROM exchange_delivery WHERE account_id = %s AND kind = %s AND id NOT IN"
            " (SELECT id FROM exchange_delivery WHERE account_id = %s AND kind = %s"
            "  ORDER BY delivered_at DESC, id DESC LIMIT %s)",
            (account_id, REFUSAL, account_id, REFUSAL, max(1, settings.FUND.limits.refusal_notes)),
        )
        record_event(
            action="deposit.refused_at_door", by=by, at=at, subject=("account", account_id),
            data={"code": refusal.code, "note": note_name},
        )  # fmt: skip


def deliver_answer(
    *, deposit_id: uuid.UUID | str, kind: str, name: str, content: bytes | StagedFile, by: str, at: datetime
) -> Delivered:
    """Lay an answer to a deposit into its sender's out/ box; a taken name gets -2, -3 … after its reference.

    A long answer may be given as a file in staging/. Raises StageConflict when this deposit has an answer of
    this kind already.
    """
    if kind not in KINDS:
        raise WrongUse(f"{kind!r} is no kind of delivery")
    digest, size, in_row = _kept(content)
    with transaction.atomic():
        account_id = _account_of(deposit_id)
        with connection.cursor() as cursor:
            for candidate in mailbox_names.numbered(name):
                cursor.execute(
                    "INSERT INTO exchange_delivery"
                    " (account_id, deposit_id, kind, name, sha256, size, content, delivered_at)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING id",
                    (
                        account_id,
                        deposit_id,
                        kind,
                        candidate,
                        digest,
                        size,
                        in_row,
                        at,
                    ),
                )
                row = cursor.fetchone()
                if row:
                    break
                cursor.execute(
                    "SELECT 1 FROM exchange_delivery WHERE deposit_id = %s AND kind = %s", (deposit_id, kind)
                )
                if cursor.fetchone():
                    raise StageConflict(f"deposit {deposit_id} has its {kind} already")
        record_event(
            action=f"deposit.{kind}_delivered", by=by, at=at, subject=("deposit", deposit_id),
            data={"name": candidate, "sha256": digest, "size": size},
        )  # fmt: skip
    return Delivered(row[0], candidate)


def _kept(content: bytes | StagedFile) -> tuple[str, int, bytes | None]:
    """Hash and size of an answer, and its bytes if they go into the row; else they are in the store now."""
    store = Store(settings.HOME.store)
    if isinstance(content, StagedFile):
        if content.size > LARGEST_IN_ROW:
            store.keep(content)
            return content.sha256, content.size, None
        staged, content = content, content.read()
        staged.discard()
    digest = hashlib.sha256(content).hexdigest()
    if len(content) > LARGEST_IN_ROW:
        store.keep_bytes(content, digest)
        return digest, len(content), None
    return digest, len(content), content


def _account_of(deposit_id: uuid.UUID | str) -> int:
    account_id = Deposit.objects.filter(pk=deposit_id).values_list("account_id", flat=True).first()
    if account_id is None:
        raise UnknownDeposit(str(deposit_id))
    return account_id


def move_stage(*, deposit_id: uuid.UUID | str, from_stage: str, to_stage: str, by: str, at: datetime) -> None:
    """Move a deposit one stage on; raises StageConflict unless it is in ``from_stage`` now.

    The row stays locked until the caller's transaction ends, so two workers never take the same step.
    """
    if not may_move(DEPOSIT, from_stage, to_stage):
        raise StageConflict(f"nothing leads from {from_stage} to {to_stage}")
    with transaction.atomic():
        moved = Deposit.objects.filter(pk=deposit_id, stage=from_stage).update(stage=to_stage, stage_at=at)
        if not moved:
            raise StageConflict(f"deposit {deposit_id} is not {from_stage}")
        record_event(
            action=f"deposit.{to_stage}",
            by=by,
            at=at,
            subject=("deposit", deposit_id),
            data={"from": from_stage},
        )


def settle_key(*, deposit_id: uuid.UUID | str, used: bool, by: str, at: datetime) -> None:
    """Say whether a judged deposit has used up its key; released, the corrected file may use it again.

    A deposit whose name did not parse holds no key and is left as it is. Raises StageConflict when settled
    before.
    """
    target = "used" if used else "released"
    with transaction.atomic():
        state = Deposit.objects.filter(pk=deposit_id).values_list("key_state", flat=True)
        if not state:
            raise UnknownDeposit(str(deposit_id))
        if state[0] is None:
            return
        allowed = [held for held in DEPOSIT_KEY if may_move(DEPOSIT_KEY, held, target)]
        if not Deposit.objects.filter(pk=deposit_id, key_state__in=allowed).update(key_state=target):
            raise StageConflict(f"the key of deposit {deposit_id} is {state[0]} already")
        record_event(action=f"deposit.key_{target}", by=by, at=at, subject=("deposit", deposit_id))


def note_collected(*, account_id: int, delivery_id: int, by: str, at: datetime) -> bool:
    """Note that a delivery was collected in full; True the first time. It stays available afterwards."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE exchange_delivery SET first_collected_at = %s"
            " WHERE id = %s AND account_id = %s AND first_collected_at IS NULL RETURNING name",
            (at, delivery_id, account_id),
        )
        row = cursor.fetchone()
        if row is None:
            return False
        record_event(
            action="delivery.collected",
            by=by,
            at=at,
            subject=("delivery", delivery_id),
            data={"name": row[0]},
        )
    return True


def create_account(*, provider_code: int, frame: str, password: str | None, by: str, at: datetime,
                   is_test: bool = False) -> Account:  # fmt: skip
    """Open an exchange account for a provider code under a legal frame; without password only keys log in."""
    user = f"{provider_code:08d}-{frame.lower()}"
    account = Account(
        user=user, provider_code=provider_code, frame=frame.upper(), is_test=is_test, created_at=at,
        password=make_password(password) if password else "",
    )  # fmt: skip
    with transaction.atomic():
        try:
            with transaction.atomic():
                account.save(force_insert=True)
        except IntegrityError:
            raise AccountExists(user) from None
        record_event(
            action="account.created", by=by, at=at, subject=("account", account.pk),
            data={"user": user, "is_test": is_test, "with_password": bool(password)},
        )  # fmt: skip
    return account


def set_password(*, account_id: int, password: str, by: str, at: datetime) -> None:
    """Replace an account's password."""
    with transaction.atomic():
        if not Account.objects.filter(pk=account_id).update(password=make_password(password)):
            raise UnknownAccount(str(account_id))
        record_event(action="account.password_set", by=by, at=at, subject=("account", account_id))


def strengthen_password(*, account_id: int, password: str, by: str, at: datetime) -> bool:
    """Keep a password that was just found right in today's way if it is kept in a weaker one; True if so."""
    encoded = Account.objects.filter(pk=account_id).values_list("password", flat=True).first()
    if not encoded or not passwords.is_weak(encoded):
        return False
    with transaction.atomic():
        # Only what was checked is replaced: a password changed meanwhile stays.
        Account.objects.filter(pk=account_id, password=encoded).update(password=make_password(password))
        record_event(action="account.password_strengthened", by=by, at=at, subject=("account", account_id))
    return True


def set_active(*, account_id: int, active: bool, by: str, at: datetime, why: str = "") -> None:
    """Close an account, or open it again; its files stay."""
    with transaction.atomic():
        if not Account.objects.filter(pk=account_id).update(active=active):
            raise UnknownAccount(str(account_id))
        action = "account.opened" if active else "account.closed"
        record_event(action=action, by=by, at=at, subject=("account", account_id), why=why)


def add_key(*, account_id: int, public_key: str, by: str, at: datetime) -> AccountKey:
    """Let an account log in with a public SSH key, as in an OpenSSH .pub file; twice is harmless."""
    kind, encoded, fingerprint = _read_key(public_key)
    with transaction.atomic():
        if not Account.objects.filter(pk=account_id).exists():
            raise UnknownAccount(str(account_id))
        key, added = AccountKey.objects.get_or_create(
            account_id=account_id,
            public_key=f"{kind} {encoded}",
            defaults={"fingerprint": fingerprint, "added_at": at},
        )
        if added:
            record_event(
                action="account.key_added", by=by, at=at, subject=("account", account_id),
                data={"fingerprint": fingerprint},
            )  # fmt: skip
    return key


def _read_key(text: str) -> tuple[str, str, str]:
    """Type, base64 and SHA-256 fingerprint of a public key in OpenSSH's form."""
    parts = text.split()
    try:
        blob = base64.b64decode(parts[1], validate=True)
        length = int.from_bytes(blob[:4], "big")
        if blob[4 : 4 + length].decode("ascii") != parts[0]:
            raise ValueError
    except (IndexError, ValueError, binascii.Error):
        raise WrongUse("This is no public SSH key (type base64 [comment], as in a .pub file).") from None
    digest = base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()
    return parts[0], parts[1], f"SHA256:{digest}"


def remove_key(*, account_id: int, key_id: int, by: str, at: datetime) -> bool:
    """Let an account log in with one of its keys no more; False when it has no such key."""
    with transaction.atomic():
        key = AccountKey.objects.select_for_update().filter(pk=key_id, account_id=account_id).first()
        if key is None:
            return False
        key.delete()
        record_event(
            action="account.key_removed", by=by, at=at, subject=("account", account_id),
            data={"fingerprint": key.fingerprint},
        )  # fmt: skip
    return True


def remove_keys(*, account_id: int, by: str, at: datetime) -> int:
    """Take away every key of an account; how many there were."""
    keys = list(AccountKey.objects.filter(account_id=account_id).values_list("pk", flat=True))
    return sum(remove_key(account_id=account_id, key_id=key, by=by, at=at) for key in keys)
