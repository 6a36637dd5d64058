"""The page of a case, and what an officer does on it besides judging and deciding."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from caisse.fund.access import queries as access
from caisse.fund.audit import queries as record
from caisse.fund.casework import consents, looking, queries
from caisse.fund.casework.actions import applications, examination
from caisse.fund.casework.errors import CaseworkRefusal
from caisse.fund.casework.lifecycle import CLOSED
from caisse.fund.casework.models import Case
from caisse.fund.casework.telling import TELLING_FIELDS
from caisse.fund.desk import screen as screens
from caisse.fund.desk import words
from caisse.fund.desk.forms import AssignForm, NoteForm, ProfessionForm, ReturnForm
from caisse.fund.desk.gates import OFFICERS, case_page, may
from caisse.fund.desk.views.answering import acting, officer, today, told
from caisse.fund.desk.views.documents import pane
from caisse.fund.desk.words import pick, word


@require_safe
@case_page()
def case(request: HttpRequest, case: Case) -> HttpResponse:
    """The case: sheet beside documents, what was asked, notes, history, who else it concerns."""
    return show(request, case)


def show(request: HttpRequest, case: Case, *, status: int = 200, **forms: Any) -> HttpResponse:
    """The page of a case; ``forms`` come back as they were typed. The reading is on the record."""
    examination.note_reading(case_id=case.pk, what="case", **acting(request))
    case = looking.case_of_number(case.number) or case
    made = screens.screen_of(case, today())
    works = may(request, OFFICERS)
    shown = {
        **screens.head_of(case),
        "screen": made,
        **pane(request, made, judge=works),
        "works": works,
        "open": case.state not in CLOSED,
        "questions": case.questions.select_related("asked_by").order_by("-pk"),
        "history": screens.history_of(case),
        "letters": looking.letters_of(case),
        "signatures": case.signatures.order_by("void_at", "signer_code"),
        "asks_signatures": works and case.state == "in_review" and bool(consents.lacking(case)),
        "hand_over": case.hand_overs.filter(void_at__isnull=True).first(),
        "related": _related(case),
        "needs_board": queries.needs_board(case),
        "audits": may(request, ("supervisor", "auditor")),
        **_proposal(request, case),
        **_forms(case),
        **forms,
    }
    return render(request, "desk/case.html", shown, status=status)


def _forms(case: Case) -> dict[str, Any]:
    made: dict[str, Any] = {
        "assign_form": AssignForm(colleagues=_colleagues(case), initial={"to": case.assigned_to_id}),
        "note_form": NoteForm(auto_id="note_%s"),
    }
    if case.state == "draft" and case.door == "mail":
        made["profession_form"] = ProfessionForm(case=case, initial={"profession": case.profession})
    return made


def _colleagues(case: Case) -> list[tuple[int, str]]:
    found = {user.pk: user.name for role in OFFICERS for user in access.holders_of(role, today())}
    return sorted(((pk, name) for pk, name in found.items() if pk != case.owner_id), key=lambda one: one[1])


def _proposal(request: HttpRequest, case: Case) -> dict[str, Any]:
    """The decision that is open, and whether this officer may confirm it."""
    decision = case.decisions.select_related("proposed_by", "confirmed_by").order_by("-pk").first()
    shown: dict[str, Any] = {"decision": decision, "outcomes": words.OUTCOMES}
    if decision is not None:
        shown["outcome_label"] = word(words.OUTCOMES, decision.outcome)
    if case.state == "proposed" and decision is not None:
        shown["may_confirm"] = decision.proposed_by_id != request.user.pk and may(request, OFFICERS)
        shown["return_form"] = ReturnForm(initial={"seen": looking.version_of(case)}, auto_id="return_%s")
    return shown


def _related(case: Case) -> dict[str, Any]:
    found = looking.related(case)
    catalogue = queries.catalogue_of(case)
    labels = {
        name: pick(one.label) for name, one in catalogue.content.fields.items() if name in TELLING_FIELDS
    }
    cases = [
        {
            "case": one, "kind": pick(catalogue.case_kinds[one.kind].label),
            "by": [labels[name] for name in names], "state": word(words.CASE_STATES, one.state),
            "tone": words.CASE_TONES.get(one.state, ""),
        }
        for one, names in found.cases
    ]  # fmt: skip
    providers = [(one, [labels[name] for name in names]) for one, names in found.providers]
    others = [one for one, _names in found.providers if one.pk != case.provider_id]
    return {"cases": cases, "providers": providers, "several": len(found.providers) > 1 or bool(others)}


@require_POST
@case_page(*OFFICERS)
def take(request: HttpRequest, case: Case) -> HttpResponse:
    """Take a case nobody works on."""
    try:
        examination.take_case(case_id=case.pk, **officer(request))
    except CaseworkRefusal as error:
        told(request, error)
    return redirect("desk:case", number=case.number)


@require_POST
@case_page(*OFFICERS)
def assign(request: HttpRequest, case: Case) -> HttpResponse:
    """Give the case to a colleague or back to the queue."""
    form = AssignForm(request.POST, colleagues=_colleagues(case))
    if not form.is_valid():
        return show(request, case, status=400, assign_form=form)
    try:
        examination.assign_case(case_id=case.pk, to_id=form.cleaned_data["to"], **officer(request))
    except CaseworkRefusal as error:
        told(request, error)
    else:
        messages.success(request, _("Assigned."))
    return redirect("desk:case", number=case.number)


@require_POST
@case_page(*OFFICERS)
def note(request: HttpRequest, case: Case) -> HttpResponse:
    """Keep a note for colleagues; sent twice it is kept once."""
    form = NoteForm(request.POST, auto_id="note_%s")
    if not form.is_valid():
        return show(request, case, status=400, note_form=form)
    try:
        examination.write_note(case_id=case.pk, text=form.cleaned_data["text"], **officer(request))
    except CaseworkRefusal as error:
        told(request, error)
        return show(request, case, status=409, note_form=form)
    return redirect("desk:case", number=case.number)


@require_POST
@case_page(*OFFICERS)
def profession(request: HttpRequest, case: Case) -> HttpResponse:
    """Say which profession a case is about that came by mail."""
    form = ProfessionForm(request.POST, case=case)
    if not form.is_valid():
        return show(request, case, status=400, profession_form=form)
    try:
        applications.choose_profession(
            case_id=case.pk, profession=form.cleaned_data["profession"], **acting(request)
        )
    except CaseworkRefusal as error:
        told(request, error)
    return redirect("desk:case", number=case.number)


@require_safe
@case_page("supervisor")
def audit(request: HttpRequest, case: Case) -> HttpResponse:
    """The record's events about a case; looking at them is on the record too."""
    examination.note_reading(case_id=case.pk, what="audit", **acting(request))
    events = record.events_about("case", case.number)
    names = screens.names_of([event.by for event in events])
    rows = [(event, names.get(event.by, event.by)) for event in events]
    return render(request, "desk/case_audit.html", {"case": case, "rows": rows})
