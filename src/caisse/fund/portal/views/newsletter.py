"""The newsletter: asked for here, confirmed from the mailbox, changed and ended by the links of its mails."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from caisse.fund.notices import subscriptions
from caisse.fund.notices.errors import LinkNotValid, SubscriptionRefused
from caisse.fund.notices.links import subscription_of
from caisse.fund.notices.views import one_click
from caisse.fund.portal.forms import NewsletterForm, SubscribeForm
from caisse.fund.portal.limits import may
from caisse.fund.portal.views.front import today_catalogue
from caisse.fund.portal.words import language

_EITHER = require_http_methods(["GET", "HEAD", "POST"])
_BY = "visitor"


@_EITHER
def subscribe(request: HttpRequest) -> HttpResponse:
    """Ask for the newsletter: the same answer whether the address is known or not."""
    initial = {"language": language()}
    form = SubscribeForm(request.POST or None, catalogue=today_catalogue(), initial=initial)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            # Past the limit the answer is the same, too.
            if may(request, "newsletter", given["email"]):
                subscriptions.subscribe(
                    email=given["email"], professions=given["professions"], language=given["language"],
                    by=_BY, at=timezone.now(),
                )  # fmt: skip
        except SubscriptionRefused:
            form.add_error("email", _("We cannot write to this address. Write it as name@example.org."))
        else:
            return render(request, "portal/newsletter/asked.html")
    return render(request, "portal/newsletter/subscribe.html", {"form": form})


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "portal/newsletter/gone.html", status=404)


@never_cache
@_EITHER
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """Confirm a subscription; the link alone confirms nothing."""
    try:
        if request.method == "POST":
            subscriptions.confirm(token=token, by=_BY, at=timezone.now())
            return render(request, "portal/newsletter/confirmed.html")
        subscription_of("confirm", token)
    except LinkNotValid:
        return _gone(request)
    return render(request, "portal/newsletter/confirm.html")


@never_cache
@_EITHER
def change(request: HttpRequest, token: str) -> HttpResponse:
    """Change language and professions of a subscription."""
    try:
        found = subscription_of("change", token)
        initial = {"language": found.language, "professions": found.professions}
        form = NewsletterForm(request.POST or None, catalogue=today_catalogue(), initial=initial)
        if request.method == "POST" and form.is_valid():
            subscriptions.change(
                token=token, professions=form.cleaned_data["professions"],
                language=form.cleaned_data["language"], by=_BY, at=timezone.now(),
            )  # fmt: skip
            messages.success(request, _("Your subscription is changed."))
            return redirect(request.path)
    except LinkNotValid:
        return _gone(request)
    return render(request, "portal/newsletter/change.html", {"form": form})


@csrf_exempt
@never_cache
@_EITHER
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """End a subscription: by a mail program in one click (RFC 8058), or by the button of the page."""
    if request.method == "POST" and "List-Unsubscribe" in request.POST:
        return one_click(request, token)
    return _unsubscribe(request, token)


@csrf_protect
def _unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    try:
        if request.method == "POST":
            subscriptions.unsubscribe(token=token, by=_BY, at=timezone.now())
            return render(request, "portal/newsletter/ended.html")
        subscription_of("unsubscribe", token)
    except LinkNotValid:
        return _gone(request)
    return render(request, "portal/newsletter/unsubscribe.html")
