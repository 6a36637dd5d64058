"""Access to the exchange, for those who own a provider: the password, once; a new one; SSH keys."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from caisse.agreement.errors import WrongUse
from caisse.agreement.identifiers import provider_code
from caisse.fund.access import queries
from caisse.fund.access.gates import provider_page, strong_evidence, to_strong_sign_in
from caisse.fund.casework import exchange_access
from caisse.fund.casework.actions import hand_over
from caisse.fund.casework.errors import CaseworkRefusal, UnknownCase
from caisse.fund.casework.exchange_access import Access
from caisse.fund.casework.strong import STRONG_WITHIN
from caisse.fund.portal import words
from caisse.fund.portal.words import word
from caisse.fund.registry import queries as register


@never_cache
@require_safe
@provider_page("exchange")
def access(request: HttpRequest, provider_id: int) -> HttpResponse:
    """The accounts of the provider's codes, and for which code one could or must be asked for."""
    page = register.provider_page(provider_id, timezone.localdate())
    if page is None:
        raise Http404
    today = timezone.localdate()
    found = exchange_access.accesses_of(provider_id, today)
    taken = {one.account.provider_code for one in found}
    others = [
        (provider_code.format(str(one.code)), word(words.EXCHANGE, exchange_access.duty_of(one.code, today)))
        for one in page.codes
        if one.state == "valid" and one.code not in taken
    ]
    shown = {
        "provider": page.provider, "accounts": [(one, words.ACCESS[one.state]) for one in found],
        "others": others, "strong": strong_evidence(request, within=STRONG_WITHIN) is not None,
        "minutes": STRONG_WITHIN,
        "casework": queries.may_act_for(request.user, provider_id, "casework", today),
    }  # fmt: skip
    return render(request, "portal/exchange.html", shown)


def _own(provider_id: int, account_id: int) -> Access:
    found = exchange_access.own_access(provider_id, account_id, timezone.localdate())
    if found is None:
        raise Http404
    return found


def _guarded(
    request: HttpRequest, provider_id: int, account_id: int, act: Callable[..., Any], **given: Any
) -> tuple[Access, Any] | HttpResponse:
    """Do something with an account's secrets; an answer instead when it cannot be done now."""
    found = _own(provider_id, account_id)
    evidence = strong_evidence(request, within=STRONG_WITHIN)
    if evidence is None:
        return to_strong_sign_in(request)
    try:
        done = act(account_id=account_id, user=request.user, evidence=evidence, at=timezone.now(), **given)
    except UnknownCase:
        raise Http404 from None
    except CaseworkRefusal as refusal:
        messages.warning(request, str(refusal.text))
    except WrongUse:
        messages.error(request, _("This is no public SSH key. Copy the one line of your .pub file."))
    else:
        return found, done
    return redirect("portal:exchange", provider_id)


def _secret(request: HttpRequest, provider_id: int, account_id: int, act: Callable[..., str]) -> HttpResponse:
    answer = _guarded(request, provider_id, account_id, act)
    if isinstance(answer, HttpResponse):
        return answer
    found, password = answer
    shown = {"account": found.account, "password": password, "provider_id": provider_id}
    return render(request, "portal/secret.html", shown)


@never_cache
@require_POST
@provider_page("owner")
def collect(request: HttpRequest, provider_id: int, account_id: int) -> HttpResponse:
    """Make and show the password, once."""
    return _secret(request, provider_id, account_id, hand_over.collect_secret)


@never_cache
@require_POST
@provider_page("exchange")
def rotate(request: HttpRequest, provider_id: int, account_id: int) -> HttpResponse:
    """Make and show another password; the old one ends."""
    return _secret(request, provider_id, account_id, hand_over.rotate_secret)


@require_POST
@provider_page("exchange")
def add_key(request: HttpRequest, provider_id: int, account_id: int) -> HttpResponse:
    """Let the account log in with a public SSH key."""
    key = request.POST.get("key", "")[:20_000].strip()
    answer = _guarded(request, provider_id, account_id, hand_over.add_key, public_key=key)
    if isinstance(answer, HttpResponse):
        return answer
    messages.success(request, _("The key is deposited."))
    return redirect("portal:exchange", provider_id)


@require_POST
@provider_page("exchange")
def remove_key(request: HttpRequest, provider_id: int, account_id: int, key_id: int) -> HttpResponse:
    """Let the account log in with that key no more."""
    answer = _guarded(request, provider_id, account_id, hand_over.remove_key, key_id=key_id)
    if isinstance(answer, HttpResponse):
        return answer
    messages.success(request, _("The key is removed."))
    return redirect("portal:exchange", provider_id)
