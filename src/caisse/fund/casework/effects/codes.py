"""Codes given and ended by a case."""

from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from caisse.fund.access.actions import grant_mandate
from caisse.fund.casework import queries
from caisse.fund.casework.actions.leaving import close_accounts, leave_with_code
from caisse.fund.casework.errors import NotJudged, WrongDay
from caisse.fund.casework.models import Case, Decision
from caisse.fund.casework.sheet_reading import address_of, day_of, licences_of, manager_of, name_of
from caisse.fund.registry import actions as registry

#: The scope of the mandate the applicant gets for the provider the case made.
OWNER = "owner"
#: The register's kinds of numbers and the fields of the sheet that hold them.
NUMBERS = {
    "national": "national_number",
    "legal": "legal_number",
    "rcs": "trade_register_number",
    "vat": "vat_number",
}


def allot_first_code(*, case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    """Enter the provider with number, site, account and licence, and give it its code."""
    if case.provider_id is None:
        _enter_provider(case, _from(decision), by, at)
    return _site_and_code(case, decision, by, at)


def allot_site_code(*, case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    """Give a provider that has a code another one for a further practice site."""
    return _site_and_code(case, decision, by, at)


def _enter_provider(case: Case, first: date, by: str, at: datetime) -> None:
    sheet = queries.sheet_values(case)
    company = case.facts.get("company") is True
    provider = registry.register_provider(
        name=name_of(sheet), kind="company" if company else "person",
        language=sheet.get("correspondence_language") or case.language,
        email=sheet.get("email") or case.email,
        by=by, at=at,
    )  # fmt: skip
    for kind, field in NUMBERS.items():
        if sheet.get(field):
            registry.record_number(provider_id=provider, kind=kind, number=sheet[field], by=by, at=at)
    # A laboratory abroad is paid by the one that sends the analysis: it gives no account.
    if sheet.get("iban"):
        holder = sheet.get("account_holder") or name_of(sheet)
        registry.record_bank_account(
            provider_id=provider, iban=sheet["iban"], holder=holder, valid_from=first, by=by, at=at
        )
    if manager_of(sheet):
        registry.record_manager(
            provider_id=provider, name=manager_of(sheet), number=sheet.get("manager_national_number", ""),
            valid_from=first, by=by, at=at,
        )  # fmt: skip
    case.provider_id = provider
    if case.owner is not None:
        today = timezone.localdate(at)
        grant_mandate(user=case.owner, provider_id=provider, scope=OWNER, valid_from=today, by=by, at=at)


def _site_and_code(case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    sheet, first, provider = queries.sheet_values(case), _from(decision), case.provider_id
    if provider is None:
        raise NotJudged("The case names no provider.")
    last = day_of(sheet.get("ends_on"))
    until = last + timedelta(days=1) if last else None
    site = registry.open_site(provider_id=provider, address=address_of(sheet), valid_from=first, by=by, at=at)
    code = registry.allot_code(
        provider_id=provider, profession=case.profession, site_id=site,
        speciality=sheet.get("speciality", ""), valid_from=first, valid_until=until, by=by, at=at,
    )  # fmt: skip
    record_licences(case, [code], by=by, at=at)
    case.code = code
    return {
        "code": code, "provider": provider, "site": site, "valid_from": str(first),
        "valid_until": str(until) if until else None,
    }  # fmt: skip


def record_licences(case: Case, codes: list[int], *, by: str, at: datetime) -> int:
    """Enter the licences the case proves and let ``codes`` rest on the main one; how many there were."""
    shown = licences_of(case)
    for licence in shown:
        registry.record_licence(
            provider_id=case.provider_id, kind=licence.kind, number=licence.number,
            issued_on=licence.issued_on, valid_from=licence.valid_from, valid_until=licence.valid_until,
            document_sha256=licence.document_sha256, codes=codes, by=by, at=at,
        )  # fmt: skip
    return len(shown)


def end_code(*, case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    """End the code of the case after its last day; its exchange accounts close when that day is past."""
    until = _from(decision)
    why = f"case {case.number}"
    registry.withdraw_code(code=case.code, valid_until=until, why=why, by=by, at=at)
    leave_with_code(code=case.code, until=until, why=why, by=by, at=at)
    close_accounts(case.code, until, why=why, by=by, at=at)
    return {"code": case.code, "valid_until": str(until)}


def _from(decision: Decision) -> date:
    if decision.effective_from is None:
        raise WrongDay("The decision names no day.")
    return decision.effective_from
