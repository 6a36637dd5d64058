"""How a case begins, and how its applicant comes back to it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from caisse.fund.casework import links, queries
from caisse.fund.casework.actions.applications import NewCase, Opened, open_case
from caisse.fund.casework.actions.links import mail_link, open_with_link
from caisse.fund.casework.models import Case
from caisse.fund.notices.errors import MailRefused
from caisse.fund.portal import reach
from caisse.fund.portal.forms import NumberForm, StartForm
from caisse.fund.portal.limits import may
from caisse.fund.portal.screens import row_of
from caisse.fund.portal.views.front import today_catalogue
from caisse.fund.portal.words import language, pick

_NEW_LINK = "new_link"
_KIND = "new_code"


@require_http_methods(["GET", "HEAD", "POST"])
def apply(request: HttpRequest, key: str) -> HttpResponse:
    """Begin an application for a code: with an e-mail address, or signed in."""
    catalogue = today_catalogue()
    profession = catalogue.professions.get(key)
    if profession is None or not queries.offers(catalogue, _KIND, key):
        raise Http404
    known = request.user.is_authenticated
    form = StartForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and (known or form.is_valid()):
        opened = _open(request, key, form)
        if opened is not None:
            return redirect("portal:facts", opened.number)
    told = {"profession": profession, "name": pick(profession.label), "form": form}
    return render(request, "portal/apply.html", told)


def _open(request: HttpRequest, profession: str, form: StartForm) -> Opened | None:
    user, at = request.user, timezone.now()
    if user.is_authenticated:
        if not may(request, "open_case", f"user {user.pk}"):
            messages.error(request, _too_often())
            return None
        new = NewCase(_KIND, profession, user.email, language(), "portal", owner_id=user.pk)
        return open_case(new=new, by=reach.actor(request), at=at)
    email = form.cleaned_data["email"]
    if not may(request, "open_case", email):
        form.add_error(None, _too_often())
        return None
    new = NewCase(_KIND, profession, email, language(), "portal")
    try:
        opened = open_with_link(new=new, by="visitor", at=at)
    except MailRefused:
        form.add_error("email", _("We cannot write to this address. Write it as name@example.org."))
        return None
    _remember(request, opened)
    request.session[_NEW_LINK] = links.case_link(opened.number, opened.key)
    return opened


def _too_often() -> str:
    return _(
        "Too many drafts were opened from here in a short time. Go on with one of them, or try again later."
    )


def _remember(request: HttpRequest, opened: Opened) -> None:
    case = queries.case_of_key(opened.number, opened.key)
    if case is not None:
        reach.remember(request, case)


def new_link_of(request: HttpRequest, number: str) -> str:
    """The link to a draft that was just opened: told once."""
    link = str(request.session.get(_NEW_LINK, ""))
    if f"/{number}/" not in link:
        return ""
    del request.session[_NEW_LINK]
    return link


@never_cache
@require_safe
def open_link(request: HttpRequest, number: str, key: str) -> HttpResponse:
    """Follow the link to a case: this session reaches it from now on."""
    return _follow(request, queries.case_of_key(number, key))


@never_cache
@require_safe
def open_again(request: HttpRequest, token: str) -> HttpResponse:
    """Follow a link that was mailed again."""
    return _follow(request, links.case_of_again(token))


def _follow(request: HttpRequest, case: Case | None) -> HttpResponse:
    if case is None:
        return render(request, "portal/no_link.html", status=404)
    reach.remember(request, case)
    return redirect("portal:case", case.number)


@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest) -> HttpResponse:
    """Have the link to a case mailed again: the same answer whether there is such a case or not."""
    form = NumberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        number = form.cleaned_data["number"]
        # Past the limit the answer is the same, too: it says nothing about the number.
        if may(request, "case_link", number):
            mail_link(number=number, by="visitor", at=timezone.now())
        return render(request, "portal/link_sent.html", {"number": number})
    return render(request, "portal/again.html", {"form": form})


@require_safe
def cases(request: HttpRequest) -> HttpResponse:
    """The cases the visitor reaches."""
    rows = [row_of(case) for case in reach.cases_in_reach(request)]
    return render(request, "portal/cases.html", {"rows": rows})
