"""What the letters of a case say, and to whom: from the case and its decision to the data of a letter."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from caisse.agreement.identifiers import provider_code
from caisse.fund.casework import queries
from caisse.fund.casework.models import BoardItem, BoardSession, Case, Decision
from caisse.fund.casework.sheet_reading import address_of, lines_of, name_of
from caisse.fund.registry import queries as register


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a letter goes to: the lines of the address, the language, and the mail address if there is one."""

    lines: tuple[str, ...]
    language: str
    email: str = ""
    provider_id: int | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What a letter says: its kind and data, both as `caisse.fund.printing` names them."""

    kind: str
    data: Mapping[str, Any]


#: Takes case, decision and day; gives the letter's kind and what its class asks for besides the head.
Composer = Callable[[Case, Decision | None, date], tuple[str, dict[str, Any]]]


def of_moment(
    case: Case, moment: str, decision: Decision | None, *, on: date
) -> list[tuple[Addressee, Content]]:
    """The letters of a moment of a case (a key of `MOMENTS`), dated ``on``."""
    compose = MOMENTS[moment]
    if moment == "granted":
        compose = GRANTED.get(queries.case_kind(case).effect, _change_confirmed)
    elif case.kind == "appeal" and moment == "refused":
        compose = _appeal_decided
    kind, data = compose(case, decision, on)
    addressee = registered_addressee(case, on) if moment == "cooling_off" else applicant(case, on)
    return [(addressee, Content(kind, {"head": head(addressee, on, case.number), **data}))]


def head(addressee: Addressee, on: date, reference: str = "") -> dict[str, Any]:
    """What stands around every letter."""
    sender = asdict(settings.FUND.sender)
    return {"sender": sender, "to": list(addressee.lines), "on": str(on), "reference": reference}


def applicant(case: Case, on: date) -> Addressee:
    """Who applied: as the sheet says (of the case opposed, for an opposition), else as the register does."""
    told = case.about if case.kind == "appeal" and case.about else case
    sheet = queries.sheet_values(told) if told.profession else {}
    name = name_of(sheet) or case.email
    lines = lines_of(address_of(sheet)) if sheet.get("site_street") else ()
    if not lines and case.provider_id:
        return registered_addressee(case, on)
    return Addressee((name, *lines), case.language, case.email, case.provider_id)


def registered_addressee(case: Case, on: date) -> Addressee:
    """The provider as the register knows it that day, whatever the case says: warnings of abuse go there."""
    provider = case.provider
    if provider is None:
        return Addressee((case.email,), case.language, case.email)
    site = register.standing(case.code, on).site_id if case.code else None
    address = register.address_on(site, on) if site else None
    lines = lines_of(address) if address else ()
    return Addressee((provider.name, *lines), provider.language, provider.email or case.email, provider.pk)


def request_of(case: Case, language: str = "") -> str:
    """What is asked for, in a language (else the case's): the kind of case and the profession."""
    catalogue, language = queries.catalogue_of(case), language or case.language
    kind = catalogue.case_kinds[case.kind].label[language]
    profession = catalogue.professions.get(case.profession)
    return f"{kind}: {profession.label[language]}" if profession else kind


def appeal_of(case: Case) -> dict[str, Any]:
    """To whom and within how many days an opposition is addressed."""
    days = queries.catalogue_of(case).periods["appeal_days"].value
    sender = settings.FUND.sender
    return {"to": "board", "days": days, "address": [sender.name or settings.FUND.name, *sender.lines]}


def _court_of(case: Case) -> dict[str, Any]:
    """Where what the fund confirmed on an opposition is contested, within as many days (art. 455 CSS)."""
    return {"to": "arbitral_council", "days": appeal_of(case)["days"]}


def _acknowledgement(case: Case, _decision: Decision | None, on: date) -> tuple[str, dict[str, Any]]:
    labels = {f"document:{key}": kind.label for key, kind in queries.catalogue_of(case).documents.items()}
    documents = [
        {"label": labels.get(f"document:{one.kind}", {}).get(case.language, one.name), "remark": one.part}
        for one in queries.standing_documents(case)
    ]
    received = timezone.localdate(case.submitted_at) if case.submitted_at else on
    return "acknowledgement", {
        "case": case.number, "request": request_of(case), "received_on": str(received),
        "documents": documents,
    }  # fmt: skip


def _ask_back(case: Case, _decision: Decision | None, on: date) -> tuple[str, dict[str, Any]]:
    points = [
        {"label": label_of(case, question.about), "remark": question.text}
        for question in case.questions.filter(answered_at__isnull=True).order_by("pk")
    ]
    asked = {question.about for question in case.questions.filter(answered_at__isnull=True)}
    points += [
        {"label": label_of(case, f"document:{one.place}"), "remark": one.reason}
        for one in case.documents.filter(state="refused").order_by("pk")
        if f"document:{one.place}" not in asked
    ]
    deadline = (case.due_on or on) - timedelta(days=1)
    return "ask_back", {
        "case": case.number, "request": request_of(case), "points": points, "deadline": str(deadline),
    }  # fmt: skip


def label_of(case: Case, place: str) -> str:
    """The name of a place of the case in its language: of a field, a document or a question of the list."""
    what, _, key = place.partition(":")
    catalogue = queries.catalogue_of(case)
    if what == "sheet":
        fields = catalogue.fields(case.kind, case.profession, case.facts)
        return next((field.label[case.language] for field in fields if field.name == key), key)
    if what == "document":
        kind, _, part = key.partition(":")
        wanted = {(one.document, one.part): one.label for one in queries.requirements(case)}
        known = wanted.get((kind, part)) or catalogue.documents[kind].label
        return known[case.language]
    if what == "fact":
        return catalogue.facts[key].question[case.language]
    return request_of(case)


def _code_granted(case: Case, decision: Decision | None, on: date) -> tuple[str, dict[str, Any]]:
    result = decision.result if decision else {}
    profession = queries.catalogue_of(case).professions[case.profession]
    return "code_granted", {
        "case": case.number, "code": result["code"], "profession": profession.label[case.language],
        "site": list(lines_of(address_of(queries.sheet_values(case)))), "valid_from": result["valid_from"],
        "valid_until": result["valid_until"], "exchange": profession.exchange_on(on),
    }  # fmt: skip


def _code_ended(case: Case, decision: Decision | None, _on: date) -> tuple[str, dict[str, Any]]:
    until = decision.result["valid_until"] if decision else ""
    return "code_ended", {
        "case": case.number, "request": request_of(case), "code": case.code, "valid_until": until,
    }  # fmt: skip


def _change_confirmed(case: Case, decision: Decision | None, on: date) -> tuple[str, dict[str, Any]]:
    effective = (decision.result.get("valid_from") if decision else None) or str(on)
    fields = queries.catalogue_of(case).fields(case.kind, case.profession, case.facts)
    clean = queries.sheet_values(case)
    changes = [
        {"label": field.label[case.language], "now": _masked(field.type, clean[field.name])}
        for field in fields
        if clean.get(field.name) and field.type not in ("long_text", "choice", "code")
    ]
    return "change_confirmed", {
        "case": case.number, "request": request_of(case), "code": case.code, "effective_on": effective,
        "changes": changes,
    }  # fmt: skip


def _masked(kind: str, value: str) -> str:
    """A value as it may stand in a letter: of an account and a national number only the end."""
    return f"… {value[-4:]}" if kind in ("iban", "national_number") else value


def _refusal(case: Case, decision: Decision | None, _on: date) -> tuple[str, dict[str, Any]]:
    grounds = [line.strip() for line in (decision.grounds if decision else "").splitlines() if line.strip()]
    return "refusal", {
        "case": case.number, "request": request_of(case), "grounds": [{"text": text} for text in grounds],
        "appeal": appeal_of(case),
    }  # fmt: skip


def _appeal_received(case: Case, decision: Decision | None, on: date) -> tuple[str, dict[str, Any]]:
    filed = case.entries.filter(kind="appeal").latest("at")
    return "appeal_received", {
        "case": case.number, "about": case.about.number if case.about else "",
        "decided_on": str(timezone.localdate(decision.final_at) if decision and decision.final_at else on),
        "received_on": filed.data["received_on"],
    }  # fmt: skip


def _appeal_decided(case: Case, decision: Decision | None, on: date) -> tuple[str, dict[str, Any]]:
    outcome = "upheld" if decision and decision.outcome == "granted" else "rejected"
    grounds = [line.strip() for line in (decision.grounds if decision else "").splitlines() if line.strip()]
    item = BoardItem.objects.filter(case=case).exclude(outcome="").order_by("-pk").first()
    first = case.about.decisions.filter(final_at__isnull=False).latest("final_at") if case.about else None
    return "appeal_decided", {
        "case": case.number, "about": case.about.number if case.about else "",
        "decided_on": str(timezone.localdate(first.final_at) if first and first.final_at else on),
        "session_on": str(item.session.day if item else on), "outcome": outcome,
        "grounds": [{"text": text} for text in grounds],
        "appeal": _court_of(case) if outcome == "rejected" else None,
    }  # fmt: skip


def _bank_notice(case: Case, decision: Decision | None, on: date) -> tuple[str, dict[str, Any]]:
    sheet = queries.sheet_values(case)
    requested = timezone.localdate(case.submitted_at) if case.submitted_at else on
    until = decision.holds_until if decision and decision.holds_until else on
    return "bank_account_notice", {
        "case": case.number, "code": case.code, "requested_on": str(requested), "effective_on": str(until),
        "account_ending": sheet["new_iban"][-4:],
    }  # fmt: skip


def _closed_unanswered(case: Case, _decision: Decision | None, on: date) -> tuple[str, dict[str, Any]]:
    asked = case.questions.order_by("-asked_at").values_list("asked_at", flat=True).first()
    since = asked or case.state_at
    return "closed_unanswered", {
        "case": case.number, "request": request_of(case), "asked_on": str(timezone.localdate(since)),
        "deadline": str((case.due_on or on) - timedelta(days=1)), "appeal": appeal_of(case),
    }  # fmt: skip


def _exchange_decided(case: Case, decision: Decision | None, on: date) -> tuple[str, dict[str, Any]]:
    result = decision.result if decision else {}
    told = {"code": result["code"], "user": result["user"]}
    if result["verb"] == "activate":
        collect = date.fromisoformat(result["collect_by"]) - timedelta(days=1)
        where = {"case": case.number, "where": result["where"], "collect_by": str(collect)}
        return "exchange_granted", {**told, **where}
    if result["verb"] == "terminate":
        return "exchange_ended", {**told, "effective_on": result["valid_from"], "why": "request"}
    return _change_confirmed(case, decision, on)


MOMENTS: Mapping[str, Composer] = {
    "submitted": _acknowledgement,
    "appealed": _appeal_received,
    "ask_back": _ask_back,
    "granted": _change_confirmed,
    "refused": _refusal,
    "cooling_off": _bank_notice,
    "lapsed": _closed_unanswered,
}
#: Effects whose letter is not the confirmation of a change.
GRANTED: Mapping[str, Composer] = {
    "allot_code": _code_granted,
    "open_site": _code_granted,
    "end_code": _code_ended,
    "reopen_decision": _appeal_decided,
    "change_exchange_account": _exchange_decided,
}


def agenda(session: BoardSession, *, on: date) -> Content:
    """The agenda of a session: every case in its order, with what the office recommends."""
    items = [
        {**_item(item.case), "proposal": item.recommendation}
        for item in session.items.select_related("case").order_by("position")
    ]
    return Content("board_agenda", {**_session(session, on), "items": items})


def minutes(session: BoardSession, *, on: date) -> Content:
    """The minutes of a session: who was present and what was decided; the first named is in the chair."""
    present = [line.strip() for line in session.present.replace(",", "\n").splitlines() if line.strip()]
    items = [
        {**_item(item.case), "outcome": item.outcome, "grounds": item.note}
        for item in session.items.select_related("case").order_by("position")
    ]
    return Content(
        "board_minutes", {**_session(session, on), "chair": present[0], "present": present, "items": items}
    )


def _session(session: BoardSession, on: date) -> dict[str, Any]:
    sender = asdict(settings.FUND.sender)
    return {"sender": sender, "on": str(on), "number": f"{session.day:%Y-%m}", "held_on": str(session.day)}


def _item(case: Case) -> dict[str, str]:
    sheet = queries.sheet_values(case)
    code = f" ({provider_code.format(str(case.code))})" if case.code else ""
    return {
        "case": case.number,
        "applicant": f"{name_of(sheet) or case.email}{code}",
        "request": f"{request_of(case)} ({case.about.number})" if case.about else request_of(case),
    }
