"""What a granted request for the exchange does: an account opened, changed or closed."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from caisse.agreement.tables.frames import frame_of
from caisse.fund.casework import exchange_access, queries
from caisse.fund.casework.actions.hand_over import end_access, offer_hand_over
from caisse.fund.casework.errors import NotAllowed
from caisse.fund.casework.models import AccessEnd, Case, Decision
from caisse.fund.exchange import actions as exchange
from caisse.fund.exchange.models import Account
from caisse.fund.registry import queries as register


def change_exchange_account(*, case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    """Carry out the verb of the form; what the letter tells."""
    values, today = queries.sheet_values(case), timezone.localdate(at)
    found = exchange_access.faults(case, values, today)
    if found:
        raise NotAllowed("; ".join(fault.texts["en"] for fault in found))
    code, verb = int(values["provider_code"]), values["verb"]
    day = max(decision.effective_from or today, today)
    told = {"code": code, "verb": verb, "valid_from": str(day)}
    if verb == "activate":
        account = _account(code, by, at)
        offered = offer_hand_over(case=case, account=account, valid_from=day, by=by, at=at)
        where = f"{settings.FUND.pages.url}/providers/{case.provider_id}/exchange/"
        return {**told, "user": account.user, "where": where, "collect_by": str(offered.available_until)}
    accounts = [account for account in exchange_access.real_accounts(code) if account.active]
    if verb == "terminate":
        for account in accounts:
            end_access(case=case, account=account, day=day, by=by, at=at)
    return {**told, "user": accounts[0].user}


def _account(code: int, by: str, at: datetime) -> Account:
    """The code's account, opened now or again; nobody can log in before the password is collected."""
    frame = frame_of(register.standing(code, timezone.localdate(at)).profession, timezone.localdate(at))
    for account in exchange_access.real_accounts(code):
        if account.frame == frame:
            AccessEnd.objects.filter(account=account, done_at__isnull=True).update(void_at=at)
            exchange.remove_keys(account_id=account.pk, by=by, at=at)
            exchange.set_active(account_id=account.pk, active=True, by=by, at=at, why="activated again")
            return account
    return exchange.create_account(provider_code=code, frame=frame, password=None, by=by, at=at)
