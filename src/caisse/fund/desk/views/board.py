"""The Board: its sessions, their agenda, what was decided, the minutes."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework import looking, queries
from caisse.fund.casework.actions import board, examination
from caisse.fund.casework.errors import CaseworkRefusal, ReasonNeeded, WrongDay
from caisse.fund.casework.involvement import is_own
from caisse.fund.casework.models import BoardItem, BoardSession
from caisse.fund.desk import words
from caisse.fund.desk.forms import OutcomeForm, PresentForm, SessionForm
from caisse.fund.desk.gates import SECRETARIES, may, reader_page
from caisse.fund.desk.screen import applicant_of
from caisse.fund.desk.views.answering import acting, file_answer, officer, today, told
from caisse.fund.desk.words import pick, word
from caisse.fund.exchange.store import Store


@require_http_methods(["GET", "HEAD", "POST"])
@reader_page()
def sessions(request: HttpRequest) -> HttpResponse:
    """The sessions; the secretary plans a new one, proposed on the day the catalogue's rhythm gives."""
    keeps = may(request, SECRETARIES)
    if request.method == "POST" and not keeps:
        raise PermissionDenied
    form = SessionForm(
        request.POST or None, initial={"day": catalogue_on(today()).next_board_session(today())}
    )
    if request.method == "POST" and form.is_valid():
        try:
            board.plan_session(day=form.cleaned_data["day"], **acting(request))
        except WrongDay:
            form.add_error("day", _("A session is planned for this day already."))
        else:
            messages.success(request, _("The session is planned."))
            return redirect("desk:board")
    planned = [(one, word(words.SESSION_STATES, one.state), one.items.count()) for one in looking.sessions()]
    shown = {
        "sessions": planned,
        "form": form,
        "keeps": keeps,
        "waiting": looking.waiting_for_board().count(),
    }
    return render(request, "desk/board/sessions.html", shown, status=400 if form.errors else 200)


def _session(session_id: int) -> BoardSession:
    found = looking.session_of(session_id)
    if found is None:
        raise Http404
    return found


@require_safe
@reader_page()
def session(request: HttpRequest, session_id: int) -> HttpResponse:
    """One session: its agenda case by case, with what was decided."""
    return _show(request, _session(session_id))


def _show(
    request: HttpRequest, session: BoardSession, *, status: int = 200, wrong: OutcomeForm | None = None,
    item_id: int | None = None, present_form: PresentForm | None = None,
) -> HttpResponse:  # fmt: skip
    items = looking.items_of(session)
    for item in items:
        examination.note_reading(case_id=item.case_id, what="agenda of the Board", **acting(request))
    records = may(request, SECRETARIES)
    rows = []
    for item in items:
        form = None
        if records and session.state == "convened" and not item.outcome:
            initial = {"effective_from": queries.wanted_from(item.case)}
            form = wrong if item.pk == item_id else OutcomeForm(initial=initial, auto_id=f"item_{item.pk}_%s")
        rows.append({**_row(request, item), "form": form})
    shown = {
        "session": session,
        "state": word(words.SESSION_STATES, session.state),
        "rows": rows,
        "records": records,
        "decided": all(item.outcome for item in items),
        "present_form": present_form or PresentForm(initial={"present": session.present}),
    }
    return render(request, "desk/board/session.html", shown, status=status)


def _row(request: HttpRequest, item: BoardItem) -> dict[str, object]:
    case = item.case
    own = is_own(case, request.user.pk)
    catalogue = queries.catalogue_of(case)
    profession = catalogue.professions.get(case.profession)
    return {
        "item": item,
        "case": case,
        "own": own,
        "applicant": applicant_of(case),
        "kind": pick(catalogue.case_kinds[case.kind].label),
        "profession": pick(profession.label) if profession else "",
        "outcome": word(words.OUTCOMES, item.outcome) if item.outcome else "",
        "tone": words.OUTCOME_TONES.get(item.outcome or "", ""),
    }


@require_POST
@reader_page(*SECRETARIES)
def convene(request: HttpRequest, session_id: int) -> HttpResponse:
    """Fix the agenda; its PDF is made."""
    try:
        board.convene_session(session_id=_session(session_id).pk, **acting(request))
    except CaseworkRefusal as error:
        told(request, error)
    return redirect("desk:session", session_id=session_id)


@require_POST
@reader_page(*SECRETARIES)
def record(request: HttpRequest, session_id: int, item_id: int) -> HttpResponse:
    """Enter what the Board decided on one case; it takes effect at once."""
    found = _session(session_id)
    if not any(item.pk == item_id for item in looking.items_of(found)):
        raise Http404
    form = OutcomeForm(request.POST, auto_id=f"item_{item_id}_%s")
    if not form.is_valid():
        return _show(request, found, status=400, wrong=form, item_id=item_id)
    given = form.cleaned_data
    try:
        board.record_outcome(
            item_id=item_id, outcome=given["outcome"], note_text=given["note"], **officer(request),
            effective_from=given["effective_from"] if given["outcome"] == "granted" else None,
        )  # fmt: skip
    except ReasonNeeded as error:
        form.add_error("note", str(error.text))
        return _show(request, found, status=400, wrong=form, item_id=item_id)
    except CaseworkRefusal as error:
        told(request, error)
        return _show(request, _session(session_id), status=409, wrong=form, item_id=item_id)
    messages.success(request, _("Recorded."))
    return redirect("desk:session", session_id=session_id)


@require_POST
@reader_page(*SECRETARIES)
def close(request: HttpRequest, session_id: int) -> HttpResponse:
    """End the session; the minutes are made."""
    found = _session(session_id)
    form = PresentForm(request.POST)
    if not form.is_valid():
        return _show(request, found, status=400, present_form=form)
    try:
        board.close_session(session_id=found.pk, present=form.cleaned_data["present"], **acting(request))
    except CaseworkRefusal as error:
        told(request, error)
        return _show(request, _session(session_id), status=409, present_form=form)
    messages.success(request, _("The session is held; the minutes are made."))
    return redirect("desk:session", session_id=session_id)


@require_safe
@reader_page()
def paper(request: HttpRequest, session_id: int, what: str) -> HttpResponse:
    """The agenda or the minutes of a session as PDF."""
    found = _session(session_id)
    made = {"agenda": found.agenda, "minutes": found.minutes}.get(what)
    if made is None:
        raise Http404
    for item in looking.items_of(found):
        examination.note_reading(case_id=item.case_id, what=f"{what} of the Board", **acting(request))
    content = Store(settings.HOME.documents).path(made.sha256).read_bytes()
    return file_answer(content, "application/pdf", f"{found.day}-{what}.pdf", theirs=False)
