"""The secrets of the exchange: a password collected once by its owner, changed by himself, and SSH keys.

A password is made at the moment it is shown. It is never mailed and never kept but as the exchange keeps it.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.access.models import User
from caisse.fund.access.queries import actor, may_act_for
from caisse.fund.audit.actions import record_event
from caisse.fund.casework import exchange_access
from caisse.fund.casework.actions.moving import audit, by_officer, locked, note
from caisse.fund.casework.errors import CaseMoved, NothingToCollect, UnknownCase
from caisse.fund.casework.models import AccessEnd, Case, HandOver
from caisse.fund.casework.strong import proof_of
from caisse.fund.exchange import actions as exchange
from caisse.fund.exchange.models import Account
from caisse.fund.exchange.passwords import new_password


@transaction.atomic
def offer_hand_over(*, case: Case, account: Account, valid_from: date, by: str, at: datetime) -> HandOver:
    """Let the owner of an account collect its password from a day on; an earlier offer is void.

    Whatever password the account had until then logs in no more.
    """
    first = max(valid_from, timezone.localdate(at))
    exchange.set_password(account_id=account.pk, password=new_password(), by=by, at=at)
    HandOver.objects.filter(account=account, void_at__isnull=True).update(void_at=at)
    days = catalogue_on(first).period("hand_over_days")
    made = HandOver.objects.create(
        case=case, account=account, offered_at=at, available_from=first,
        available_until=first + timedelta(days=days),
    )  # fmt: skip
    data = {"account": account.pk, "from": str(first), "until": str(made.available_until)}
    audit(case, "case.hand_over_offered", by=by, at=at, data=data)
    return made


@transaction.atomic
def renew_hand_over(*, hand_over_id: int, officer_id: int, at: datetime) -> HandOver:
    """Offer a password again that nobody collected in time, or that was lost on its way."""
    old = HandOver.objects.select_related("account").filter(pk=hand_over_id).first()
    if old is None:
        raise UnknownCase
    case = locked(old.case_id)
    by = by_officer(case, officer_id)
    old = HandOver.objects.select_for_update().get(pk=hand_over_id)
    if old.void_at is not None or not old.account.active:
        raise CaseMoved("There is a newer one, or the account is closed.")
    made = offer_hand_over(case=case, account=old.account, valid_from=timezone.localdate(at), by=by, at=at)
    note(case, "hand_over_renewed", by=by, at=at, shown=True)
    return made


@transaction.atomic
def collect_secret(*, account_id: int, user: User, evidence: Mapping[str, Any] | None, at: datetime) -> str:
    """Make the password of an account and give it to its owner, once; it cannot be asked for again.

    Raises NotForYou without two factors in the last minutes, UnknownCase for anybody but an owner, and
    NothingToCollect when it was collected, has expired or its code does not hold today.
    """
    account = _account_for(account_id, user, "owner", at)
    proof = proof_of(evidence, at)
    today = timezone.localdate(at)
    hand_over = HandOver.objects.select_for_update().filter(account=account, void_at__isnull=True).first()
    if hand_over is None or exchange_access.access_of(account_id, today).state != "to_collect":
        raise NothingToCollect
    password = new_password()
    exchange.set_password(account_id=account.pk, password=password, by=actor(user), at=at)
    hand_over.collected_at, hand_over.collected_by, hand_over.evidence = at, user, proof
    hand_over.save(update_fields=["collected_at", "collected_by", "evidence"])
    data = {"account": account.pk, "method": proof["method"]}
    note(hand_over.case, "secret_collected", by=actor(user), at=at, shown=True)
    audit(hand_over.case, "case.secret_collected", by=actor(user), at=at, data=data)
    return password


@transaction.atomic
def rotate_secret(*, account_id: int, user: User, evidence: Mapping[str, Any] | None, at: datetime) -> str:
    """Make a new password for an open account and give it to whoever may; the old one ends at once."""
    account = _usable(account_id, user, at)
    proof = proof_of(evidence, at)
    password = new_password()
    exchange.set_password(account_id=account.pk, password=password, by=actor(user), at=at)
    data = {"method": proof["method"]}
    record_event(
        action="account.password_rotated", by=actor(user), at=at, subject=("account", account.pk), data=data
    )
    return password


@transaction.atomic
def add_key(
    *, account_id: int, public_key: str, user: User, evidence: Mapping[str, Any] | None, at: datetime
) -> str:
    """Let an open account log in with a public SSH key; its fingerprint. Raises WrongUse when it is none."""
    account = _usable(account_id, user, at)
    proof_of(evidence, at)
    return exchange.add_key(account_id=account.pk, public_key=public_key, by=actor(user), at=at).fingerprint


@transaction.atomic
def remove_key(
    *, account_id: int, key_id: int, user: User, evidence: Mapping[str, Any] | None, at: datetime
) -> None:
    """Let an account log in with one of its keys no more."""
    account = _account_for(account_id, user, "exchange", at)
    proof_of(evidence, at)
    exchange.remove_key(account_id=account.pk, key_id=key_id, by=actor(user), at=at)


def _usable(account_id: int, user: User, at: datetime) -> Account:
    """The account, when the user may keep its secrets and its first password was collected."""
    account = _account_for(account_id, user, "exchange", at)
    if exchange_access.access_of(account_id, timezone.localdate(at)).state != "open":
        raise NothingToCollect
    return account


def _account_for(account_id: int, user: User, scope: str, at: datetime) -> Account:
    account = Account.objects.select_for_update().filter(pk=account_id, is_test=False).first()
    provider = exchange_access.provider_of(account) if account else None
    if account is None or provider is None or not may_act_for(user, provider, scope, timezone.localdate(at)):
        raise UnknownCase
    return account


@transaction.atomic
def end_access(*, case: Case, account: Account, day: date, by: str, at: datetime) -> None:
    """Close an account from a day on; when that is to come, `end_due_accesses` does it."""
    AccessEnd.objects.filter(account=account, done_at__isnull=True, void_at__isnull=True).update(void_at=at)
    is_due = day <= timezone.localdate(at)
    AccessEnd.objects.create(case=case, account=account, day=day, done_at=at if is_due else None)
    if is_due:
        _close(account, f"case {case.number}", by, at)
    audit(case, "case.access_ends", by=by, at=at, data={"account": account.pk, "day": str(day)})


def _close(account: Account, why: str, by: str, at: datetime) -> None:
    exchange.set_active(account_id=account.pk, active=False, by=by, at=at, why=why)
    HandOver.objects.filter(account=account, void_at__isnull=True).update(void_at=at)


def end_due_accesses(*, on: date, by: str, at: datetime) -> int:
    """Close the accounts whose termination is due by a day; how many. Asked again, nothing happens again."""
    due = AccessEnd.objects.filter(day__lte=on, done_at__isnull=True, void_at__isnull=True)
    ended = 0
    for pk in list(due.order_by("day", "pk").values_list("pk", flat=True)):
        with transaction.atomic():
            row = AccessEnd.objects.select_for_update().get(pk=pk)
            if row.done_at is None and row.void_at is None:
                row.done_at = at
                row.save(update_fields=["done_at"])
                _close(row.account, f"case {row.case.number}", by, at)
                ended += 1
    return ended
