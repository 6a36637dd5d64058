"""Users and their roles, for administrators, who see nothing else; and the record, for auditors."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from caisse.agreement.errors import WrongUse
from caisse.fund.access import actions, invitations, queries
from caisse.fund.access.gates import desk_page
from caisse.fund.access.models import User
from caisse.fund.audit import queries as record
from caisse.fund.audit.actions import record_event
from caisse.fund.desk import words
from caisse.fund.desk.forms import NewUserForm, RecordForm, RoleForm, WhyForm
from caisse.fund.desk.screen import names_of
from caisse.fund.desk.views.answering import acting, today
from caisse.fund.desk.words import word

#: Events on one page of the record.
PER_PAGE = 100


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page("administrator")
def staff(request: HttpRequest) -> HttpResponse:
    """The members of the staff; a new one gets a link to set a password."""
    form = NewUserForm(request.POST or None, initial={"language": "fr"})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with transaction.atomic():
                made = actions.create_user(
                    email=given["email"], name=given["name"], language=given["language"], **acting(request)
                )
                actions.grant_role(user=made, role=given["role"], valid_from=today(), **acting(request))
                invitations.invite(user=made, **acting(request))
        except actions.EmailTaken:
            form.add_error(
                "email", _("There is a user with this address already. Open that user and add the role.")
            )
        except WrongUse:
            form.add_error("email", _("This is no address a person can sign in with."))
        else:
            messages.success(request, _("Made. A mail says how to set the password."))
            return redirect("desk:member", user_id=made.pk)
    rows = [(one, [word(words.ROLES, role) for role in one.roles]) for one in queries.members(today())]
    return render(
        request, "desk/staff/staff.html", {"rows": rows, "form": form}, status=400 if form.errors else 200
    )


def _member(user_id: int) -> User:
    found = queries.user_of(user_id)
    if found is None:
        raise Http404
    return found


@require_safe
@desk_page("administrator")
def member(request: HttpRequest, user_id: int) -> HttpResponse:
    """One user: roles past and present, and what can be done."""
    return _show(request, _member(user_id))


def _show(request: HttpRequest, found: User, *, status: int = 200, **forms: Any) -> HttpResponse:
    roles = [(word(words.ROLES, one.role), one) for one in queries.role_periods(found)]
    shown = {
        "member": found,
        "roles": roles,
        "today": today(),
        "own": found.pk == request.user.pk,
        "role_form": RoleForm(initial={"valid_from": today()}),
        "why_form": WhyForm(),
        **forms,
    }
    return render(request, "desk/staff/member.html", shown, status=status)


def _changed(request: HttpRequest, user_id: int, change: Callable[[User, str], None]) -> HttpResponse:
    """Carry out what needs a reason; nobody changes his or her own rights."""
    found = _member(user_id)
    if found.pk == request.user.pk:
        messages.error(request, _("Nobody changes his or her own rights. Ask another administrator."))
        return _show(request, found, status=403)
    form = WhyForm(request.POST)
    if not form.is_valid():
        return _show(request, found, status=400, why_form=form)
    try:
        with transaction.atomic():
            change(found, form.cleaned_data["why"])
    except WrongUse:
        messages.error(request, _("This was not done: somebody changed it meanwhile. Look again."))
        return _show(request, _member(user_id), status=409, why_form=form)
    messages.success(request, _("Done."))
    return redirect("desk:member", user_id=user_id)


@require_POST
@desk_page("administrator")
def grant_role(request: HttpRequest, user_id: int) -> HttpResponse:
    """Give a role from a day on."""
    found = _member(user_id)
    form = RoleForm(request.POST)
    if found.pk == request.user.pk:
        messages.error(request, _("Nobody changes his or her own rights. Ask another administrator."))
        return _show(request, found, status=403)
    if not form.is_valid():
        return _show(request, found, status=400, role_form=form)
    given = form.cleaned_data
    try:
        actions.grant_role(user=found, role=given["role"], valid_from=given["valid_from"], **acting(request))
    except actions.RoleHeldAlready:
        form.add_error("role", _("The user has this role already on some of these days."))
        return _show(request, found, status=400, role_form=form)
    messages.success(request, _("Done."))
    return redirect("desk:member", user_id=user_id)


@require_POST
@desk_page("administrator")
def end_role(request: HttpRequest, user_id: int) -> HttpResponse:
    """End a role today."""
    role = request.POST.get("role", "")
    return _changed(
        request,
        user_id,
        lambda user, why: actions.end_role(
            user=user, role=role, valid_until=today(), why=why, **acting(request)
        ),
    )


@require_POST
@desk_page("administrator")
def reset(request: HttpRequest, user_id: int) -> HttpResponse:
    """Take away a lost second factor and mail a new link for the password."""

    def change(user: User, why: str) -> None:
        actions.reset_second_factor(user=user, why=why, **acting(request))
        invitations.invite(user=user, **acting(request))

    return _changed(request, user_id, change)


@require_POST
@desk_page("administrator")
def set_active(request: HttpRequest, user_id: int) -> HttpResponse:
    """Let a user sign in again, or no more."""
    active = request.POST.get("active") == "yes"
    return _changed(
        request,
        user_id,
        lambda user, why: actions.set_active(user=user, active=active, why=why, **acting(request)),
    )


@require_safe
@desk_page("auditor")
def audit(request: HttpRequest) -> HttpResponse:
    """The record's events about a case, or of a day, of one person; what they are about is not shown."""
    users = [(one.pk, one.name) for one in queries.staff_ever()]
    form = RecordForm(request.GET or None, users=users)
    page = None
    if form.is_valid():
        given = form.cleaned_data
        if given["case"]:
            found = record.events_about("case", given["case"])
        else:
            start = timezone.make_aware(datetime.combine(given["day"] or today(), time.min))
            found = record.events_between(
                start,
                start + timedelta(days=1),
                by=f"user {given['user']}" if given["user"] else "",
                action=given["action"],
            )
        page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
        asked = {key: str(value) for key, value in given.items() if value}
        record_event(action="audit.read", subject=("audit", ""), data=asked, **acting(request))
    names = names_of([event.by for event in page]) if page else {}
    rows = [(event, names.get(event.by, event.by)) for event in page] if page else []
    return render(request, "desk/audit/audit.html", {"form": form, "page": page, "rows": rows})
