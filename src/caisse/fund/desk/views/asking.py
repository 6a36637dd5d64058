"""Asking the applicant for what is missing or wrong, with the letter shown before it is written."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from caisse.fund.casework import looking, queries
from caisse.fund.casework.actions import examination, previewing
from caisse.fund.casework.actions.holding import hold_case
from caisse.fund.casework.errors import CaseworkRefusal, ReasonNeeded
from caisse.fund.casework.models import Case
from caisse.fund.desk import screen as screens
from caisse.fund.desk.forms import AskBackForm
from caisse.fund.desk.gates import OFFICERS, case_page
from caisse.fund.desk.views.answering import acting, officer, today, told
from caisse.fund.desk.views.deciding import letter_shown, with_new_version


@require_http_methods(["GET", "HEAD", "POST"])
@case_page(*OFFICERS)
def ask_back(request: HttpRequest, case: Case) -> HttpResponse:
    """Write what is asked for each field and document; ``preview`` shows the letter and changes nothing."""
    made = screens.screen_of(case, today())
    places = _places(made)
    if request.method != "POST":
        form = AskBackForm(places=places, initial={"seen": looking.version_of(case), **_faults(made)})
        return _page(request, made, form)
    form = AskBackForm(request.POST, places=places)
    if not form.is_valid():
        return _page(request, made, form, status=400)
    try:
        if "preview" in request.POST:
            previews = previewing.preview_ask_back(
                case_id=case.pk, questions=form.questions(), **officer(request)
            )
            return letter_shown(previews, case)
        with transaction.atomic():
            hold_case(case_id=case.pk, seen=form.cleaned_data["seen"])
            examination.ask_back(case_id=case.pk, questions=form.questions(), **officer(request))
    except ReasonNeeded:
        form.add_error(None, _("Say what is missing or wrong, or refuse a document first."))
        return _page(request, made, form, status=400)
    except CaseworkRefusal as error:
        told(request, error)
        return _page(request, made, with_new_version(form, case), status=409)
    messages.success(request, _("Asked back. The letter is on its way."))
    return redirect("desk:case", number=case.number)


def _places(made: screens.Screen) -> list[tuple[str, str, str]]:
    """Everything that can be asked about, with what stands there now."""
    fields = [(line.place, line.label, line.value) for _section, lines in made.sections for line in lines]
    documents = [
        (f"document:{line.place}", line.label, str(line.state_label))
        for line in made.documents
        if line.state != "online"
    ]
    return [*fields, *documents]


def _faults(made: screens.Screen) -> dict[str, str]:
    """What the catalogue finds wrong with the sheet, as words to begin with: in the applicant's language."""
    case = made.case
    if not case.profession:
        return {}
    _clean, faults = made.catalogue.check_sheet(
        case.kind, case.profession, case.facts, case.sheet, on=today()
    )
    return {f"sheet:{fault.field}": fault.texts[case.language] for fault in faults}


def _page(
    request: HttpRequest, made: screens.Screen, form: AskBackForm, *, status: int = 200
) -> HttpResponse:
    case = made.case
    examination.note_reading(case_id=case.pk, what="asking back", **acting(request))
    shown = {
        **screens.head_of(case),
        "screen": made,
        "form": form,
        "sections": [(section, [form[line.place] for line in lines]) for section, lines in made.sections],
        "document_fields": [form[place] for place in form.places if place.startswith("document:")],
        "refused": [line for line in made.documents if line.state == "refused"],
        "days": queries.case_kind(case).answer_days,
    }
    return render(request, "desk/ask_back.html", shown, status=status)
