"""What the pages of a case share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from caisse.fund.casework import queries
from caisse.fund.casework.errors import CaseMoved, CaseworkRefusal, UnknownCase
from caisse.fund.casework.models import Case
from caisse.fund.portal import screens
from caisse.fund.portal.reach import case_of

View = Callable[..., HttpResponse]


def frame(case: Case, step: str = "") -> dict[str, Any]:
    """What stands around every page of a case; ``lacking`` is what keeps it from being submitted."""
    lacking = queries.missing(case, on=timezone.localdate()) if screens.may_edit(case) else []
    return {
        "case": case,
        "row": screens.row_of(case),
        "may_edit": screens.may_edit(case),
        "steps": screens.step_lines(case, step, lacking)
        if screens.may_edit(case) and case.profession
        else [],
        "lacking": lacking,
    }


def step_page(view: View) -> View:
    """A step of an application: for a case in reach that its applicant may change now.

    A case that has moved on, as after going back in the browser, is shown as it stands instead.
    """

    @wraps(view)
    def guarded(request: HttpRequest, number: str, **kwargs: Any) -> HttpResponse:
        case = case_of(request, number)
        if not screens.may_edit(case):
            messages.info(request, _("This case has been handed in and cannot be changed now."))
            return redirect("portal:case", case.number)
        if not case.profession:
            return redirect("portal:case", case.number)
        try:
            return view(request, case, **kwargs)
        except CaseMoved as refusal:
            return moved_on(request, case, refusal)

    return guarded


def moved_on(request: HttpRequest, case: Case, refusal: CaseworkRefusal) -> HttpResponse:
    """Tell that something could not be done (any more), and show the case as it stands."""
    messages.warning(request, str(refusal.text))
    return redirect("portal:case", case.number)


def act(request: HttpRequest, case: Case, action: Callable[..., Any], **given: Any) -> bool:
    """Do something with the case; False, with a message, when that cannot be done now."""
    try:
        action(case_id=case.pk, at=timezone.now(), **given)
    except UnknownCase:
        messages.warning(request, str(CaseMoved.text))
        return False
    except CaseworkRefusal as refusal:
        messages.warning(request, str(refusal.text))
        return False
    return True
