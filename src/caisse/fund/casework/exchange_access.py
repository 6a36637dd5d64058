"""Access to the exchange: who may ask for it, what is open, what waits to be collected, who is missing.

The three verbs of the form are activate, modify and terminate. Whether the exchange is compulsory, optional
or not offered to a profession is dated data of the catalogue.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework.lifecycle import CLOSED
from caisse.fund.casework.models import AccessEnd, Case, HandOver
from caisse.fund.casework.rule_faults import RuleFault, rule_fault
from caisse.fund.exchange.models import Account
from caisse.fund.exchange.queries import accounts_of_code, codes_with_access
from caisse.fund.registry import queries as register

KIND = "exchange_access"


@dataclass(frozen=True, slots=True)
class Access:
    """An account of the exchange as its holder sees it.

    ``state``: open, closed, to_collect (the password waits), not_yet (it waits from
    ``hand_over.available_from`` on) or expired (nobody collected it in time).
    """

    account: Account
    state: str
    hand_over: HandOver | None
    ends_on: date | None
    keys: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class NotConnected:
    """A valid code of a profession that has to exchange electronically, without an open account.

    ``days`` since the code's first day; ``case``: the number of a request under way, else empty.
    """

    code: int
    provider_id: int
    name: str
    profession: str
    since: date
    days: int
    case: str


def duty_of(code: int, on: date) -> str:
    """What the exchange is to the profession of a code on a day: compulsory, optional or not_offered."""
    standing = register.standing(code, on)
    profession = catalogue_on(on).professions.get(standing.profession)
    return profession.exchange_on(on) if profession else "not_offered"


def faults(case: Case, values: Mapping[str, str], on: date) -> list[RuleFault]:
    """Everything that speaks against the request, told on the day ``on``; empty when it may be submitted."""
    if not values.get("provider_code"):
        return []
    code, verb = int(values["provider_code"]), values.get("verb", "")
    own = {row.code for row in register.codes_of(case.provider_id)} if case.provider_id else set()
    if code not in own:
        return [rule_fault("provider_code", "not_your_code", code=code)]
    found = list(_about_code(code, verb, on))
    is_open = any(account.active for account in real_accounts(code))
    if verb == "activate" and is_open:
        found.append(rule_fault("verb", "access_open", code=code))
    if verb in ("modify", "terminate") and not is_open:
        found.append(rule_fault("verb", "no_access", code=code))
    told = timezone.localdate(case.submitted_at) if case.submitted_at else on
    day = date.fromisoformat(values["effective_from"]) if values.get("effective_from") else told
    if day < told:
        found.append(rule_fault("effective_from", "day_past"))
    elif verb == "activate" and not found and register.standing(code, day).state != "valid":
        found.append(rule_fault("effective_from", "not_valid", code=code, day=day))
    return found


def _about_code(code: int, verb: str, on: date) -> Iterator[RuleFault]:
    if duty_of(code, on) == "not_offered":
        yield rule_fault("provider_code", "exchange_not_offered", code=code)
    elif verb != "terminate" and register.standing(code, on).state != "valid":
        yield rule_fault("provider_code", "code_not_valid_today", code=code)


def real_accounts(code: int) -> list[Account]:
    """The accounts of a code, closed ones included, without those for trying out."""
    return [account for account in accounts_of_code(code) if not account.is_test]


def accesses_of(provider_id: int, on: date) -> list[Access]:
    """The accounts of a provider's codes, as they stand on a day."""
    codes = [row.code for row in register.codes_of(provider_id)]
    return [_access(account, on) for code in codes for account in real_accounts(code)]


def access_of(account_id: int, on: date) -> Access | None:
    """An account as it stands on a day."""
    account = Account.objects.filter(pk=account_id, is_test=False).first()
    return _access(account, on) if account else None


def own_access(provider_id: int, account_id: int, on: date) -> Access | None:
    """An account of one of a provider's codes; None for any other, in the same time as for none."""
    codes = [row.code for row in register.codes_of(provider_id)]
    account = Account.objects.filter(pk=account_id, provider_code__in=codes, is_test=False).first()
    return _access(account, on) if account else None


def provider_of(account: Account) -> int | None:
    """The provider whose code the account is for."""
    provider = register.provider_by_code(account.provider_code)
    return provider.pk if provider else None


def _access(account: Account, on: date) -> Access:
    hand_over = HandOver.objects.filter(account=account, void_at__isnull=True).first()
    ends = AccessEnd.objects.filter(account=account, done_at__isnull=True, void_at__isnull=True).first()
    keys = tuple(account.keys.order_by("pk").values_list("pk", "fingerprint"))
    return Access(account, _state(account, hand_over, on), hand_over, ends.day if ends else None, keys)


def _state(account: Account, hand_over: HandOver | None, on: date) -> str:
    if not account.active or register.is_code_closed(account.provider_code, on):
        return "closed"
    if hand_over is None or hand_over.collected_at is not None:
        return "open"
    if on < hand_over.available_from:
        return "not_yet"
    return "to_collect" if on < hand_over.available_until else "expired"


def not_connected(on: date) -> list[NotConnected]:
    """Valid codes that have to exchange on a day and have no open account, the longest due first."""
    catalogue = catalogue_on(on)
    bound = [key for key, one in catalogue.professions.items() if one.exchange_on(on) == "compulsory"]
    import polars as pl  # noqa: PLC0415 - pages that ask nothing of all codes start without it

    codes = register.codes_valid_on(on).filter(pl.col("profession").is_in(bound))
    left = codes.filter(~pl.col("code").is_in(list(codes_with_access()))).sort("valid_from", "code")
    names = register.names_of(left["provider_id"])
    asked = _asked_for()
    return [
        NotConnected(
            row["code"], row["provider_id"], names[row["provider_id"]], row["profession"],
            row["valid_from"], (on - row["valid_from"]).days, asked.get(row["code"], ""),
        )
        for row in left.iter_rows(named=True)
    ]  # fmt: skip


def _asked_for() -> dict[int, str]:
    found = Case.objects.filter(kind=KIND).exclude(state__in=(*CLOSED, "draft"))
    return {code: number for code, number in found.values_list("code", "number") if code is not None}
