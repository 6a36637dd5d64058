"""A case after its first step: where it stands, what was asked back, letters, withdrawal, opposition."""

from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from caisse.fund import printing
from caisse.fund.access.gates import signed_in_page
from caisse.fund.casework import links, queries
from caisse.fund.casework.actions import applications, decisions
from caisse.fund.casework.errors import CaseworkRefusal
from caisse.fund.casework.lifecycle import CLOSED
from caisse.fund.casework.models import Case, Decision, Letter
from caisse.fund.portal import reach, screens
from caisse.fund.portal.forms import WordsForm
from caisse.fund.portal.reach import actor, case_page
from caisse.fund.portal.views.documents import pdf_download
from caisse.fund.portal.views.front import by_name
from caisse.fund.portal.views.shared import act, frame, moved_on
from caisse.fund.portal.views.starting import new_link_of
from caisse.fund.portal.words import pick

_EITHER = require_http_methods(["GET", "HEAD", "POST"])


@require_safe
@case_page
def case(request: HttpRequest, case: Case) -> HttpResponse:
    """Where the case stands, what happens next, and everything the fund said of it."""
    return _show(request, case)


def _show(request: HttpRequest, case: Case, answered: WordsForm | None = None) -> HttpResponse:
    told = frame(case)
    lacking = told["lacking"]
    followers = list(case.followed_by.order_by("pk"))
    # A link leads to one case alone: what this visitor does not reach is named, but is no way to go.
    closed_to = [
        one.number for one in (case.about, *followers) if one and not reach.reaches(request, one.number)
    ]
    told |= {
        "lacks": screens.lacks(case, [one for one in lacking if not one.place.startswith("question:")]),
        "questions": _questions(case, answered), "history": screens.history_of(case),
        "letters": letters_of(case.letters),
        "documents": screens.documents_of(case, lacking) if case.profession else [],
        "facts": screens.fact_lines(case), "sheet": screens.sheet_lines(case),
        "last_day": case.due_on - timedelta(days=1) if case.due_on else None,
        "signs": case.state == "awaiting_signatures",
        "holds_until": _holds_until(case), "may_withdraw": case.state not in CLOSED,
        "followers": [screens.row_of(one) for one in followers if one.number not in closed_to],
        "closed_to": closed_to,
        "may_appeal": queries.may_be_opposed(case),
        "may_adopt": request.user.is_authenticated and case.owner_id is None and case.provider_id is None,
        "code": queries.shown_code(case), "link": new_link_of(request, case.number),
        "professions": _professions(case),
    }  # fmt: skip
    return render(request, "portal/case.html", told)


def _questions(case: Case, answered: WordsForm | None) -> list[tuple]:
    """Each open question with what it is about, where that can be changed, and a form for the answer."""
    found = []
    for one in screens.open_questions(case):
        label, address = screens.place_label(case, one.about)
        prefix = f"answer-{one.pk}"
        form = WordsForm(initial={"text": one.answer}, prefix=prefix, label=_("Your answer to the fund"))
        if answered is not None and answered.prefix == prefix:
            form = answered
        found.append((one, label, address, form))
    return found


def _professions(case: Case) -> list[tuple[str, str]]:
    """What a draft that came by mail without a profession can be about."""
    if case.profession or case.state != "draft":
        return []
    catalogue = queries.catalogue_of(case)
    offered = [one for one in by_name(catalogue) if queries.offers(catalogue, case.kind, one.key)]
    return [(one.key, pick(one.label)) for one in offered]


def _holds_until(case: Case) -> object:
    if case.state != "cooling_off":
        return None
    return decisions.open_decision(case).holds_until


def letters_of(letters: object) -> list[tuple[Letter, str]]:
    """Letters that are made, the latest first, with their subjects."""
    made = letters.filter(made_at__isnull=False).order_by("-made_at", "-pk")
    return [(one, printing.subject(one.kind, one.language, one.content)) for one in made]


@require_POST
@case_page
def choose(request: HttpRequest, case: Case) -> HttpResponse:
    """Say which profession a draft is about."""
    wanted = request.POST.get("profession", "")
    if wanted and act(
        request, case, applications.choose_profession, profession=wanted, by=actor(request, case)
    ):
        return redirect("portal:facts", case.number)
    return redirect("portal:case", case.number)


@require_POST
@case_page
def answer(request: HttpRequest, case: Case, question_id: int) -> HttpResponse:
    """Keep the answer to something the fund asked."""
    form = WordsForm(request.POST, prefix=f"answer-{question_id}", label=_("Your answer to the fund"))
    if not form.is_valid():
        messages.error(request, _("Write an answer, or change what the question is about."))
        return _show(request, case, form)
    given = {"question_id": question_id, "answer": form.cleaned_data["text"]}
    if act(request, case, applications.answer_question, **given, by=actor(request, case)):
        messages.success(request, _("Your answer is kept. It is sent when you submit."))
    return redirect("portal:case", case.number)


@_EITHER
@case_page
def withdraw(request: HttpRequest, case: Case) -> HttpResponse:
    """Take the case back, after asking once."""
    if request.method == "POST":
        if act(request, case, applications.withdraw_case, by=actor(request, case)):
            messages.success(request, _("You have taken the case back."))
        return redirect("portal:case", case.number)
    if case.state in CLOSED:
        return redirect("portal:case", case.number)
    return render(request, "portal/withdraw.html", frame(case))


@_EITHER
@case_page
def appeal(request: HttpRequest, case: Case) -> HttpResponse:
    """Oppose a refusal: the opposition counts as received on the day it is sent here."""
    if not queries.may_be_opposed(case):
        return redirect("portal:case", case.number)
    form = WordsForm(
        request.POST or None, label=_("Why you oppose the decision"),
        help_text=_("Say what you disagree with and why. Documents can follow by e-mail."),
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        at, user = timezone.now(), request.user
        try:
            opened = applications.file_appeal(
                case_id=case.pk, text=form.cleaned_data["text"], received_on=timezone.localdate(at),
                email=case.email, door="portal", by=actor(request, case), at=at,
                owner_id=user.pk if user.is_authenticated else None,
            )  # fmt: skip
        except CaseworkRefusal as refusal:
            return moved_on(request, case, refusal)
        filed = queries.case_of_key(opened.number, opened.key)
        if filed is not None:
            reach.remember(request, filed)
        messages.success(
            request,
            _("Your opposition has been received under number {number}.").format(number=opened.number),
        )
        return redirect("portal:case", opened.number)
    days = queries.catalogue_of(case).period("appeal_days")
    return render(request, "portal/appeal.html", {**frame(case), "form": form, "days": days})


@_EITHER
@case_page
def object_here(request: HttpRequest, case: Case) -> HttpResponse:
    """Object to a change that waits, from the case itself."""
    if case.state != "cooling_off":
        return redirect("portal:case", case.number)
    form = _objection_form(request)
    if request.method == "POST" and form.is_valid():
        given = {"text": form.cleaned_data["text"], "by": actor(request, case)}
        if act(request, case, decisions.object_to_change, **given):
            messages.success(request, _("The change is stopped. An officer looks at it."))
        return redirect("portal:case", case.number)
    return render(request, "portal/object.html", {**frame(case), "form": form})


@never_cache
@_EITHER
def object_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """Object to a change by the link in the notice to the old address; shows nothing of the case."""
    decision = links.decision_of_objection(token)
    if decision is None:
        raise Http404
    if not _waits(decision):
        return render(request, "portal/objection_over.html", {"number": decision.case.number})
    form = _objection_form(request)
    if request.method == "POST" and form.is_valid():
        by = f"holder of a link to case {decision.case.number}"
        if act(request, decision.case, decisions.object_to_change, text=form.cleaned_data["text"], by=by):
            return render(request, "portal/objected.html", {"number": decision.case.number})
        return render(request, "portal/objection_over.html", {"number": decision.case.number})
    return render(request, "portal/objection.html", {"form": form, "decision": decision})


def _waits(decision: Decision) -> bool:
    still_open = decision.final_at is None and decision.returned_at is None
    return still_open and decision.case.state == "cooling_off"


def _objection_form(request: HttpRequest) -> WordsForm:
    return WordsForm(
        request.POST or None, label=_("What is wrong with the change"),
        help_text=_("For example: I did not ask for this change."),
    )  # fmt: skip


@require_POST
@signed_in_page
@case_page
def adopt(request: HttpRequest, case: Case) -> HttpResponse:
    """Take a case reached by its link into the signed-in visitor's own list."""
    if act(request, case, applications.adopt_case, user_id=request.user.pk, by=actor(request, case)):
        messages.success(request, _("You find this case in your list from now on."))
    return redirect("portal:case", case.number)


@require_safe
@case_page
def letter(request: HttpRequest, case: Case, letter_id: int) -> HttpResponse:
    """A letter of the fund as PDF."""
    found = case.letters.filter(pk=letter_id, made_at__isnull=False).first()
    if found is None:
        raise Http404
    return pdf_download(found.sha256, f"{found.kind}-{case.number}.pdf")
