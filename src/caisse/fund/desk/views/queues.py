"""Where an officer's day begins: the queues, the search, the next case."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from caisse.agreement.tables.professions import Catalogue, catalogue_on
from caisse.fund.access.gates import desk_page
from caisse.fund.casework import queues
from caisse.fund.casework.actions import examination
from caisse.fund.casework.errors import CaseworkRefusal
from caisse.fund.casework.lifecycle import CLOSED
from caisse.fund.casework.models import Case
from caisse.fund.desk import words
from caisse.fund.desk.forms import FilterForm
from caisse.fund.desk.gates import OFFICERS, may, reader_page, reads_cases, roles_of
from caisse.fund.desk.screen import applicant_of
from caisse.fund.desk.views.answering import officer, today
from caisse.fund.desk.words import pick, word

PER_PAGE = 50
#: What a list can be put in order by: the parameter and the column.
ORDERS = {
    "number": "number",
    "kind": "kind",
    "profession": "profession",
    "since": "state_at",
    "due": "due_on",
    "assigned": "assigned_to__name",
}
#: Where somebody begins who reads no cases.
_BEGINNINGS = (
    ("editor", "desk:newsletter"),
    ("auditor", "desk:audit"),
    ("administrator", "desk:staff"),
)


@require_safe
@desk_page()
def front(request: HttpRequest) -> HttpResponse:
    """Lead everybody to where his or her work is."""
    held = roles_of(request)
    if reads_cases(held):
        return redirect("desk:queue", name="mine")
    # An administrator's other roles do not open cases, but they open their own pages.
    wanted = next((page for role, page in _BEGINNINGS if role in held), None)
    if wanted is None:
        raise Http404
    return redirect(wanted)


@require_safe
@reader_page()
def queue(request: HttpRequest, name: str) -> HttpResponse:
    """One queue with its cases, narrowed, in order, fifty a page; "all" searches every case."""
    if name not in (*queues.QUEUES, "all"):
        raise Http404
    catalogue = catalogue_on(today())
    form = FilterForm(request.GET, catalogue=catalogue)
    found = queues.queue(
        name,
        officer_id=request.user.pk,
        on=today(),
        narrowed=_narrowed(form) if form.is_valid() else queues.Filter(),
    )
    found = found.select_related("assigned_to", "provider")
    page = Paginator(_ordered(found, request.GET.get("sort", "")), PER_PAGE).get_page(request.GET.get("page"))
    shown = {
        "name": name,
        "title": word(words.QUEUES, name) if name != "all" else _("All cases"),
        "hint": words.QUEUE_HINTS.get(name, ""),
        "form": form,
        "page": page,
        "rows": [_row(case, catalogue) for case in page],
        "sort": request.GET.get("sort", ""),
        "orders": _orders(request),
    }
    if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
        return render(request, "desk/queue.html#list", shown)
    counts = queues.counts(officer_id=request.user.pk, on=today())
    tabs = [(key, word(words.QUEUES, key), counts.get(key)) for key in queues.QUEUES]
    return render(request, "desk/queue.html", {**shown, "tabs": tabs, "may_take": may(request, OFFICERS)})


def _narrowed(form: FilterForm) -> queues.Filter:
    given = form.cleaned_data
    return queues.Filter(kind=given["kind"], profession=given["profession"], text=given["text"].strip())


def _ordered(found: QuerySet[Case], sort: str) -> QuerySet[Case]:
    column = ORDERS.get(sort.removeprefix("-"))
    if column is None:
        return found
    order = F(column).desc(nulls_last=True) if sort.startswith("-") else F(column).asc(nulls_last=True)
    return found.order_by(order, "pk")


def _orders(request: HttpRequest) -> list[dict[str, Any]]:
    """The headings of the list: the address that puts it in that order, and which order it is in."""
    labels = {
        "number": _("Number"), "kind": _("Kind"), "profession": _("Profession"), "since": _("Since"),
        "due": _("Due"), "assigned": _("Assigned to"),
    }  # fmt: skip
    now = request.GET.get("sort", "")
    found = []
    for key, label in labels.items():
        parameters = request.GET.copy()
        parameters.pop("page", None)
        parameters["sort"] = f"-{key}" if now == key else key
        order = {key: "ascending", f"-{key}": "descending"}.get(now, "")
        found.append({"label": label, "address": f"?{parameters.urlencode()}", "order": order, "key": key})
    return found


def _row(case: Case, catalogue: Catalogue) -> dict[str, Any]:
    kind, profession = catalogue.case_kinds.get(case.kind), catalogue.professions.get(case.profession)
    return {
        "case": case,
        "kind": pick(kind.label) if kind else case.kind,
        "profession": pick(profession.label) if profession else "",
        "applicant": applicant_of(case),
        "state": word(words.CASE_STATES, case.state),
        "tone": words.CASE_TONES.get(case.state, ""),
        "overdue": case.due_on is not None and case.due_on < today() and case.state not in CLOSED,
    }


@require_POST
@reader_page(*OFFICERS)
def take_next(request: HttpRequest) -> HttpResponse:
    """Take the case that has waited longest, whoever else is asking for one at the same moment."""
    waiting = queues.queue("new", officer_id=request.user.pk, on=today()).filter(assigned_to=None)
    for case_id, number in waiting.values_list("pk", "number")[:20]:
        try:
            examination.take_case(case_id=case_id, **officer(request))
        except CaseworkRefusal:
            # A colleague was quicker, or it is one's own: the next one.
            continue
        return redirect("desk:case", number=number)
    messages.info(request, _("No new case is waiting."))
    return redirect(reverse("desk:queue", kwargs={"name": "new"}))
