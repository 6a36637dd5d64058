"""Letters that go to everybody concerned: members of an association or of a joint-invoicing group."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from caisse.fund.casework import letter_contents
from caisse.fund.casework.consents import standing_signatures
from caisse.fund.casework.letter_contents import Addressee, Content
from caisse.fund.casework.models import Case, Decision, Signature
from caisse.fund.casework.sheet_reading import lines_of
from caisse.fund.registry import queries as register
from caisse.fund.registry.models import Provider

Letters = list[tuple[Addressee, Content]]


def of_moment(case: Case, moment: str, decision: Decision | None, *, on: date) -> Letters:
    """The letters of a moment of any case, dated ``on``: to one addressee, or to everybody concerned."""
    if moment == "granted" and decision is not None:
        if case.kind == "association":
            return _association(case, decision.result, on)
        if case.kind == "joint_invoicing":
            return _joint_invoicing(case, decision, on)
    if moment == "unsigned":
        return _unsigned(case, on)
    return letter_contents.of_moment(case, moment, decision, on=on)


def _addressee(provider: Provider, code: int, on: date) -> Addressee:
    site = register.standing(code, on).site_id
    address = register.address_on(site, on) if site else None
    lines = lines_of(address) if address else ()
    return Addressee((provider.name, *lines), provider.language, provider.email, provider.pk)


def _addressees(codes: Iterable[int], on: date) -> list[Addressee]:
    """The providers of some codes, each once."""
    found: dict[int, Addressee] = {}
    for code in codes:
        provider = register.provider_by_code(code)
        if provider is not None:
            found.setdefault(provider.pk, _addressee(provider, code, on))
    return list(found.values())


def _association(case: Case, result: dict[str, Any], on: date) -> Letters:
    """To each member, before and after: founded, who joined, who left, ended."""
    data = {"name": result["name"], "code": result["code"]}
    members = [
        {"name": one["name"], "code": one["code"], "member_from": one["member_from"]}
        for one in result["members"]
    ]
    concerned = {one["code"]: one["name"] for one in [*result["concerned"], *result["members"]]}
    written: list[tuple[str, dict[str, Any]]] = []
    if result["founded"]:
        founded = {"case": case.number, "valid_from": result["valid_from"], "members": members}
        written.append(("association_founded", {**data, **founded}))
    for change in ("joined", "left"):
        for code in result[change] if members else ():
            told = {
                "case": case.number, "change": change, "member": concerned[code], "member_code": code,
                "effective_on": result["valid_from"], "members": members,
            }  # fmt: skip
            written.append(("association_changed", {**data, **told}))
    if result["ended_from"]:
        ended = {"valid_until": result["ended_from"], "why": result["why"]}
        written.append(("association_ended", {**data, **ended}))
    return [
        (to, Content(kind, {"head": letter_contents.head(to, on, case.number), **content}))
        for to in _addressees(concerned, on)
        for kind, content in written
    ]


def _joint_invoicing(case: Case, decision: Decision, on: date) -> Letters:
    """To the biller and to everybody who executes: the same confirmation."""
    found = letter_contents.of_moment(case, "granted", decision, on=on)
    content = found[0][1]
    return [
        (to, Content(content.kind, {**content.data, "head": letter_contents.head(to, on, case.number)}))
        for to in _addressees([decision.result["code"], *decision.result["executing"]], on)
    ]


def _unsigned(case: Case, on: date) -> Letters:
    """To everybody who was asked to sign, and to the applicant unless told as one of them."""
    found = _addressees([one.signer_code for one in standing_signatures(case)], on)
    if not any(one.provider_id == case.provider_id and one.email for one in found):
        found.append(letter_contents.applicant(case, on))
    data = {
        "case": case.number, "asked_on": str(timezone.localdate(case.state_at)),
        "deadline": str((case.due_on or on) - timedelta(days=1)), "appeal": letter_contents.appeal_of(case),
    }  # fmt: skip
    return [
        (to, Content("closed_unsigned", {
            "head": letter_contents.head(to, on, case.number), **data,
            "request": letter_contents.request_of(case, to.language),
        }))
        for to in found
    ]  # fmt: skip


def signature_request(
    case: Case, row: Signature, due: date, *, on: date, reminder: bool
) -> tuple[Addressee, Content]:
    """To a signer whom no mail reaches, on paper; ``due``: the first day on which it is too late to sign."""
    to = replace(_addressees([row.signer_code], on)[0], email="")
    return to, Content("signature_request", {
        "head": letter_contents.head(to, on, case.number), "case": case.number, "statement": row.statement,
        "deadline": str(due - timedelta(days=1)), "portal": settings.FUND.pages.url, "reminder": reminder,
    })  # fmt: skip


def association_ended(association_id: int, until: date, members: Iterable[int], *, on: date) -> Letters:
    """To each of its last members (codes): the association ends for too few, without a case of its own."""
    association = Provider.objects.get(pk=association_id)
    codes = register.codes_of(association_id)
    return [
        (to, Content("association_ended", {
            "head": letter_contents.head(to, on), "name": association.name,
            "code": codes[-1].code if codes else None,            "valid_until": str(until), "why": "too_few",
        }))
        for to in _addressees(members, on)
    ]  # fmt: skip
