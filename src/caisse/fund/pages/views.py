"""The pages that belong to no room: the way in and out of it, the language, proving who one is."""

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from caisse.fund.access import actions, queries
from caisse.fund.access.callers import may_reach_desk
from caisse.fund.access.gates import signed_in_page


def _back(request: HttpRequest, wanted: str | None) -> str:
    """``wanted`` if it is an address of ours, else the front page."""
    if wanted and url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=True):
        return wanted
    return "/"


@require_POST
def set_language(request: HttpRequest) -> HttpResponse:
    """Change the language of the pages; for a signed-in user also that of his mails, from now on."""
    response = HttpResponseRedirect(_back(request, request.POST.get("next")))
    language = request.POST.get("language", "")
    if language in dict(settings.LANGUAGES):
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME, language, max_age=settings.LANGUAGE_COOKIE_AGE, secure=True,
            httponly=True, samesite=settings.LANGUAGE_COOKIE_SAMESITE,
        )  # fmt: skip
        if request.user.is_authenticated:
            by = queries.actor(request.user)
            actions.set_language(user=request.user, language=language, by=by, at=timezone.now())
    return response


@signed_in_page
def signed_in(request: HttpRequest) -> HttpResponse:
    """Where a user goes who just signed in: staff to the desk, everybody else to the front page."""
    if may_reach_desk(request) and queries.roles_of(request.user, timezone.localdate()):
        return redirect("desk:front")
    return redirect("/")


@signed_in_page
def strong_sign_in(request: HttpRequest) -> HttpResponse:
    """Lead to whichever second factor the user has, and back to ``next``; without one, to setting it up."""
    back = _back(request, request.GET.get("next"))
    types = set(Authenticator.objects.filter(user=request.user).values_list("type", flat=True))
    oidc = (
        settings.FUND.open_id is not None
        and settings.FUND.open_id.strong
        and SocialAccount.objects.filter(user=request.user, provider="oidc").exists()
    )
    if "totp" in types and not oidc:
        return redirect(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': back})}")
    if "webauthn" in types and not oidc:
        return redirect(f"{reverse('mfa_reauthenticate_webauthn')}?{urlencode({'next': back})}")
    if not oidc:
        messages.info(request, _("This page needs a second factor. Set one up; then open the page again."))
        return redirect("mfa_index")
    return render(request, "pages/strong_sign_in.html", {"next": back, "types": types})


def provider_login(request: HttpRequest) -> HttpResponse:
    """Sign in by the OpenID Connect provider; nobody chooses for himself how it is asked."""
    from allauth.socialaccount.providers.openid_connect.views import login  # noqa: PLC0415 - brings an HTTP client

    query = request.GET.copy()
    query.pop("auth_params", None)
    request.GET = query  # type: ignore[assignment]
    return login(request, provider_id="oidc")
