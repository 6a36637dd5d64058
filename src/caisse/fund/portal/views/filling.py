"""The steps of an application: questions, information sheet, check and submit. Every step saves."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from caisse.agreement.tables.professions import Field, SheetFault
from caisse.fund.casework import queries
from caisse.fund.casework.actions import applications
from caisse.fund.casework.errors import StillMissing
from caisse.fund.casework.models import Case
from caisse.fund.portal import screens
from caisse.fund.portal.forms import FactsForm, SheetForm
from caisse.fund.portal.reach import actor
from caisse.fund.portal.views.shared import frame, step_page
from caisse.fund.portal.views.starting import new_link_of
from caisse.fund.portal.words import pick

#: What a field sends on which others depend: the sheet as it has to be now, saved, and nothing told.
LOOK = "look"
_EITHER = require_http_methods(["GET", "HEAD", "POST"])


def _onward(request: HttpRequest, case: Case, step: str) -> HttpResponse:
    """After saving: to the next step, or to the case's page for whoever comes back later."""
    if request.POST.get("go") == "later":
        messages.success(request, _("Saved. You can go on at any time."))
        return redirect("portal:case", case.number)
    steps = screens.steps_of(case)
    return redirect(f"portal:{steps[steps.index(step) + 1]}", case.number)


@_EITHER
@step_page
def facts(request: HttpRequest, case: Case) -> HttpResponse:
    """Answer the questions that decide what is asked for."""
    if not screens.has_questions(case):
        return redirect("portal:sheet", case.number)
    form = _facts_form(request, case)
    if request.method == "POST":
        before = set(form.fields)
        sound = form.is_valid()
        applications.answer_facts(
            case_id=case.pk, facts=form.facts, counts=form.counts, by=actor(request, case), at=timezone.now()
        )
        case.refresh_from_db()
        if request.POST.get("go") == "later":
            return _onward(request, case, "facts")
        contradictions = queries.catalogue_of(case).check_facts(case.kind, case.profession, case.facts)
        for fault in contradictions:
            form.add_error(fault.field, pick(fault.texts))
        if sound and not contradictions:
            # An answer may ask for a number that was not asked before.
            if set(_facts_form(request, case).fields) - before:
                return redirect("portal:facts", case.number)
            return _onward(request, case, "facts")
    told = {**frame(case, "facts"), "form": form, "link": new_link_of(request, case.number)}
    return render(request, "portal/facts.html", told)


def _facts_form(request: HttpRequest, case: Case) -> FactsForm:
    catalogue = queries.catalogue_of(case)
    asked = catalogue.facts_for(case.kind, case.profession)
    parts = catalogue.counts_for(case.kind, case.profession, case.facts)
    initial = {key: "yes" if value else "no" for key, value in case.facts.items()}
    initial |= {f"count-{part.key}": case.counts.get(part.key, 1) for part in parts}
    return FactsForm(asked, parts, request.POST if request.method == "POST" else None, initial=initial)


@_EITHER
@step_page
def sheet(request: HttpRequest, case: Case) -> HttpResponse:
    """Fill in the information sheet: kept as typed, told what is wrong."""
    fields = queries.catalogue_of(case).fields(case.kind, case.profession, case.facts)
    if request.method == "POST":
        typed = {
            field.name: request.POST.get(field.name, "") for field in fields if _sent(request, field.name)
        }
        applications.fill_sheet(case_id=case.pk, values=typed, by=actor(request, case), at=timezone.now())
        case.refresh_from_db()
        go = request.POST.get("go")
        if go == "later" or (go != LOOK and not _faults(case)):
            return _onward(request, case, "sheet")
    visible = [field for field in fields if field.asked_if.holds({}, frozenset(), case.sheet)]
    steering = {name for field in fields for name in field.asked_if.names("value")}
    form = SheetForm(visible, case.sheet, _faults_to_tell(request, case, visible), steering)
    told = {**frame(case, "sheet"), "form": form, "link": new_link_of(request, case.number)}
    return render(request, "portal/sheet.html", told)


def _faults_to_tell(request: HttpRequest, case: Case, visible: Sequence[Field]) -> list[SheetFault] | None:
    """What is wrong with what the visitor has seen; None when nothing is to be told yet."""
    if request.method != "POST":
        return _faults(case) if "faults" in request.GET else None
    if request.POST.get("go") == LOOK:
        return None
    fresh = {field.name for field in visible if not _sent(request, field.name)}
    if fresh and "on_page" in request.POST:
        messages.info(request, _("Saved. Your answers ask for more: fill in what is new here."))
        return [fault for fault in _faults(case) if fault.field not in fresh]
    return _faults(case)


def _sent(request: HttpRequest, name: str) -> bool:
    """Whether the page had the field: it names its fields, for a box that is not ticked sends nothing."""
    return name in request.POST or name in request.POST.getlist("on_page")


def _faults(case: Case) -> list[SheetFault]:
    _clean, faults = queries.catalogue_of(case).check_sheet(
        case.kind, case.profession, case.facts, case.sheet, on=timezone.localdate()
    )
    return faults


@_EITHER
@step_page
def check(request: HttpRequest, case: Case) -> HttpResponse:
    """Look at everything once more, and hand it in."""
    if request.method == "POST":
        try:
            applications.submit_case(case_id=case.pk, by=actor(request, case), at=timezone.now())
        except StillMissing as refusal:
            messages.warning(request, str(refusal.text))
            return redirect("portal:check", case.number)
        messages.success(request, _("Submitted. We confirm it by mail."))
        return redirect("portal:case", case.number)
    told = frame(case, "check")
    lacking = told["lacking"]
    told |= {
        "lacks": screens.lacks(case, lacking), "facts": screens.fact_lines(case),
        "sheet": screens.sheet_lines(case), "documents": screens.documents_of(case, lacking),
    }  # fmt: skip
    return render(request, "portal/check.html", told)
