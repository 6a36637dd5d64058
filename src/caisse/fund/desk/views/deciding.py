"""Deciding a case: granted or refused, by two persons where the catalogue says so, or sent to the Board."""

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from caisse.fund.casework import looking, queries
from caisse.fund.casework.actions import board, decisions, examination, previewing
from caisse.fund.casework.actions.holding import hold_case
from caisse.fund.casework.errors import CaseMoved, CaseworkRefusal
from caisse.fund.casework.models import Case
from caisse.fund.desk import screen as screens
from caisse.fund.desk.forms import RecommendationForm, ReturnForm, VerdictForm
from caisse.fund.desk.gates import OFFICERS, case_page
from caisse.fund.desk.views import cases
from caisse.fund.desk.views.answering import acting, file_answer, officer, today, told
from caisse.fund.exchange.store import Store


def letter_shown(previews: list[previewing.Preview], case: Case) -> HttpResponse:
    """The letters an act would bring, as one PDF in the browser."""
    if not previews:
        raise Http404
    name = f"{case.number}-{previews[0].kind}.pdf"
    return file_answer(previewing.together(previews), "application/pdf", name, theirs=False)


def with_new_version(form: Form, case: Case) -> Form:
    """The same form as it was typed, for the case as it stands now."""
    data = form.data.copy()
    data["seen"] = looking.version_of(looking.case_of_number(case.number) or case)
    form.data = data
    return form


@require_http_methods(["GET", "HEAD", "POST"])
@case_page(*OFFICERS)
def decide(request: HttpRequest, case: Case) -> HttpResponse:
    """Decide, or look at the letter first (``preview``); the Board's cases get a recommendation instead."""
    if queries.needs_board(case):
        return _to_board(request, case)
    if request.method != "POST":
        return _decide_page(request, case, _fresh(case))
    form = VerdictForm(request.POST)
    if not form.is_valid():
        return _decide_page(request, case, form, status=400)
    given = form.cleaned_data
    verdict = decisions.Verdict(given["outcome"], given["grounds"], given["effective_from"])
    try:
        if "preview" in request.POST:
            return letter_shown(
                previewing.preview_decision(case_id=case.pk, verdict=verdict, **officer(request)), case
            )
        with transaction.atomic():
            hold_case(case_id=case.pk, seen=given["seen"])
            state = decisions.propose_decision(case_id=case.pk, verdict=verdict, **officer(request))
    except CaseworkRefusal as error:
        told(request, error)
        return _decide_page(request, case, with_new_version(form, case), status=409)
    _say_state(request, state)
    return redirect("desk:case", number=case.number)


def _fresh(case: Case) -> VerdictForm:
    wanted = queries.wanted_from(case)
    return VerdictForm(initial={"seen": looking.version_of(case), "effective_from": wanted})


def _decide_page(request: HttpRequest, case: Case, form: Form, *, status: int = 200) -> HttpResponse:
    examination.note_reading(case_id=case.pk, what="decision", **acting(request))
    case = looking.case_of_number(case.number) or case
    made = screens.screen_of(case, today())
    lacking = set(queries.not_accepted(case))
    shown = {
        **screens.head_of(case),
        "screen": made,
        "form": form,
        "lacking": [line for line in made.documents if line.place in lacking],
        "faults": [line for _section, lines in made.sections for line in lines if line.fault],
        "unsigned": queries.unsigned(case).count(),
        "earliest": queries.earliest_effect(case),
        "four_eyes": queries.case_kind(case).four_eyes,
        "cooling_off": queries.cooling_off_days(case),
        "to_board": isinstance(form, RecommendationForm),
        "session": queries.next_session(acting(request)["at"]),
    }
    return render(request, "desk/decide.html", shown, status=status)


def _to_board(request: HttpRequest, case: Case) -> HttpResponse:
    if request.method != "POST":
        form = RecommendationForm(initial={"seen": looking.version_of(case)})
        return _decide_page(request, case, form)
    form = RecommendationForm(request.POST)
    if not form.is_valid():
        return _decide_page(request, case, form, status=400)
    try:
        with transaction.atomic():
            hold_case(case_id=case.pk, seen=form.cleaned_data["seen"])
            board.send_to_board(
                case_id=case.pk, recommendation=form.cleaned_data["recommendation"], **officer(request)
            )
    except CaseworkRefusal as error:
        told(request, error)
        return _decide_page(request, case, with_new_version(form, case), status=409)
    _say_state(request, "awaiting_board")
    return redirect("desk:case", number=case.number)


def _say_state(request: HttpRequest, state: str) -> None:
    texts = {
        "proposed": _("Proposed. A colleague has to confirm it."),
        "awaiting_board": _("On the agenda of the next session of the Board."),
        "cooling_off": _("Granted. It is carried out when the time to object is over."),
        "granted": _("Granted, and carried out. The letter is on its way."),
        "refused": _("Refused. The letter is on its way."),
        "in_review": _("Sent back."),
    }
    messages.success(request, texts.get(state, state))


@require_POST
@case_page(*OFFICERS)
def confirm(request: HttpRequest, case: Case) -> HttpResponse:
    """Confirm what a colleague proposed, or look at the letter first (``preview``)."""
    try:
        if "preview" in request.POST:
            return letter_shown(previewing.preview_confirmation(case_id=case.pk, **officer(request)), case)
        with transaction.atomic():
            hold_case(case_id=case.pk, seen=request.POST.get("seen", ""))
            state = decisions.confirm_decision(case_id=case.pk, **officer(request))
    except CaseworkRefusal as error:
        told(request, error)
        return cases.show(request, case, status=409)
    _say_state(request, state)
    return redirect("desk:case", number=case.number)


@require_POST
@case_page(*OFFICERS)
def give_back(request: HttpRequest, case: Case) -> HttpResponse:
    """Send a proposal back to the colleague, with a reason."""
    form = ReturnForm(request.POST, auto_id="return_%s")
    if not form.is_valid():
        return cases.show(request, case, status=400, return_form=form)
    try:
        with transaction.atomic():
            hold_case(case_id=case.pk, seen=form.cleaned_data["seen"])
            decisions.return_proposal(case_id=case.pk, reason=form.cleaned_data["reason"], **officer(request))
    except CaseMoved as error:
        told(request, error)
        return cases.show(
            request, case, status=409, return_form=with_new_version(form, case), kept_return=True
        )
    except CaseworkRefusal as error:
        told(request, error)
        return cases.show(request, case, status=409, return_form=form)
    _say_state(request, "in_review")
    return redirect("desk:case", number=case.number)


@require_safe
@case_page()
def letter(request: HttpRequest, case: Case, letter_id: int) -> HttpResponse:
    """A letter of the case as it went out."""
    found = looking.letter_of(case, letter_id)
    if found is None:
        raise Http404
    examination.note_reading(case_id=case.pk, what=f"letter {letter_id}", **acting(request))
    content = Store(settings.HOME.documents).path(found.sha256).read_bytes()
    return file_answer(content, "application/pdf", f"{case.number}-{found.kind}.pdf", theirs=False)
