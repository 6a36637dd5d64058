"""Who may see a page: decorators for views. What is refused does not even exist for whoever asks."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from caisse.fund.access import queries
from caisse.fund.access.callers import may_reach_desk

View = Callable[..., HttpResponse]

#: Ways of signing in that prove two factors at once; a recovery code opens the desk, but signs nothing.
_FACTORS = ("totp", "webauthn")


def _is_strong(record: dict[str, Any], *, recovery: bool) -> bool:
    if record.get("method") == "mfa":
        return record.get("type") in _FACTORS or (recovery and record.get("type") == "recovery_codes")
    vouched = settings.FUND.open_id is not None and settings.FUND.open_id.strong
    return vouched and record.get("method") == "socialaccount" and record.get("provider") == "oidc"


def has_second_factor(request: HttpRequest) -> bool:
    """Whether a second factor was used in this session, at whatever time."""
    return any(_is_strong(one, recovery=True) for one in get_authentication_records(request, request.user))


def strong_evidence(request: HttpRequest, *, within: int) -> dict[str, Any] | None:
    """How the user proved two factors in the last ``within`` minutes: {"method", "at"}; None when he did not.

    ``method`` is totp, webauthn or oidc, ``at`` seconds since 1970. A signature keeps this as proof.
    """
    for record in reversed(get_authentication_records(request, request.user)):
        if _is_strong(record, recovery=False) and time.time() - record["at"] <= within * 60:
            return {"method": record.get("type") or "oidc", "at": int(record["at"])}
    return None


def strongly_signed_in(request: HttpRequest, *, within: int) -> bool:
    """Whether the user proved two factors in the last ``within`` minutes."""
    return strong_evidence(request, within=within) is not None


def to_strong_sign_in(request: HttpRequest) -> HttpResponse:
    """Lead to the page where the user proves two factors, or sets up a second one, and then comes back."""
    back = request.get_full_path() if request.method == "GET" else request.META.get("HTTP_REFERER", "/")
    return HttpResponseRedirect(f"{reverse('strong_sign_in')}?{urlencode({'next': back})}")


def signed_in_page(view: View) -> View:
    """The page needs a user who is signed in; others are led to the sign-in page first."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return guarded


def strong_page(within: int) -> Callable[[View], View]:
    """The page needs a user who proved two factors in the last ``within`` minutes, as for a signature."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not strongly_signed_in(request, within=within):
                return to_strong_sign_in(request)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def desk_page(*roles: str) -> Callable[[View], View]:
    """The page is for staff with one of ``roles`` (any role when none is named), with a second factor.

    For other networks and other users it does not exist (404). Staff without the role are told so (403)
    before anything is looked up. The roles of the day are kept in ``request.roles``.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not may_reach_desk(request):
                raise Http404
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            held = queries.roles_of(request.user, timezone.localdate())
            if not held:
                raise Http404
            if not has_second_factor(request):
                return to_strong_sign_in(request)
            if roles and held.isdisjoint(roles):
                raise PermissionDenied
            request.roles = held  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def provider_page(scope: str) -> Callable[[View], View]:
    """The page is for users who may act within ``scope`` for the provider in its address (``provider_id``).

    For anybody else signed in it does not exist (404), whether or not there is such a provider.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, provider_id: int, **kwargs: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            if not queries.may_act_for(request.user, provider_id, scope, timezone.localdate()):
                raise Http404
            return view(request, *args, provider_id=provider_id, **kwargs)

        return guarded

    return decorate
