"""Changes of what the register holds about a provider: site, bank account, manager, licence."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from caisse.fund.casework import queries
from caisse.fund.casework.clock.codes import settle_licences
from caisse.fund.casework.effects.codes import record_licences
from caisse.fund.casework.errors import NotJudged, WrongDay
from caisse.fund.casework.models import Case, Decision
from caisse.fund.casework.sheet_reading import address_of, manager_of
from caisse.fund.registry import actions as registry
from caisse.fund.registry import queries as register


def move_site(*, case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    """Move the practice site of the case's code to another address."""
    site = register.standing(case.code, decision.effective_from).site_id
    if site is None:
        raise WrongDay("The code is bound to no site on that day.")
    address = address_of(queries.sheet_values(case))
    registry.move_site(site_id=site, address=address, valid_from=decision.effective_from, by=by, at=at)
    return {"code": case.code, "valid_from": str(decision.effective_from)}


def record_bank_account(*, case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    """Pay to another account from the day on which the change is carried out, never earlier."""
    sheet = queries.sheet_values(case)
    day = max(decision.effective_from, timezone.localdate(at))
    registry.record_bank_account(
        provider_id=case.provider_id, iban=sheet["new_iban"], holder=sheet["new_account_holder"],
        valid_from=day, by=by, at=at,
    )  # fmt: skip
    return {"valid_from": str(day)}


def record_manager(*, case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    """Enter the new manager and the licence that names him or her (law of 2.9.2011, art. 28(4))."""
    sheet = queries.sheet_values(case)
    registry.record_manager(
        provider_id=case.provider_id, name=manager_of(sheet), number=sheet.get("manager_national_number", ""),
        valid_from=decision.effective_from, by=by, at=at,
    )  # fmt: skip
    return record_licence(case=case, decision=decision, by=by, at=at)


def record_licence(*, case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    """Record licences that continue those before; what their lapse had closed opens again."""
    codes = [case.code] if case.code else [row.code for row in register.codes_of(case.provider_id)]
    if not record_licences(case, codes, by=by, at=at):
        raise NotJudged
    # What was closed for want of it opens now, not when the clock next looks.
    settle_licences(case.provider_id, day=timezone.localdate(at), by=by, at=at)
    return {"code": case.code, "valid_from": str(decision.effective_from)}
