"""What a signed-in person is asked to sign for a code, and what was signed."""

from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from caisse.agreement.identifiers import provider_code
from caisse.fund.access.gates import signed_in_page, strong_evidence, to_strong_sign_in
from caisse.fund.access.queries import providers_of
from caisse.fund.casework import consents
from caisse.fund.casework.actions import signatures as signing
from caisse.fund.casework.errors import CaseworkRefusal, UnknownCase
from caisse.fund.casework.models import Signature
from caisse.fund.casework.strong import STRONG_WITHIN
from caisse.fund.portal.forms import WordsForm


def _own(request: HttpRequest) -> tuple[int, ...]:
    return providers_of(request.user, timezone.localdate(), "owner")


def _row(one: Signature) -> tuple[Signature, str]:
    return one, provider_code.format(str(one.signer_code))


@never_cache
@require_safe
@signed_in_page
def signatures(request: HttpRequest) -> HttpResponse:
    """Everything that waits for a signature of the visitor, and what was answered."""
    own = _own(request)
    shown = {
        "waiting": [_row(one) for one in consents.open_signatures(own)],
        "answered": [_row(one) for one in consents.answered_signatures(own)],
    }
    return render(request, "portal/signatures.html", shown)


def _signature(request: HttpRequest, signature_id: int) -> Signature:
    """A signature asked of one of the visitor's codes; for anybody else there is none."""
    found = consents.signature_of(signature_id, _own(request))
    if found is None:
        raise Http404
    return found


@never_cache
@require_safe
@signed_in_page
def signature(request: HttpRequest, signature_id: int) -> HttpResponse:
    """The words to sign, with the choice to sign or to refuse."""
    return _show(request, _signature(request, signature_id), _refusal(request))


def _refusal(request: HttpRequest) -> WordsForm:
    return WordsForm(request.POST or None, label=_("Why you do not sign"))


def _show(request: HttpRequest, found: Signature, form: WordsForm, status: int = 200) -> HttpResponse:
    shown = {
        "signature": found, "code": provider_code.format(str(found.signer_code)),
        "over": consents.is_over(found), "form": form,
        "last_day": found.case.due_on - timedelta(days=1) if found.case.due_on else None,
        "strong": strong_evidence(request, within=STRONG_WITHIN) is not None,
    }  # fmt: skip
    return render(request, "portal/signature.html", shown, status=status)


@require_POST
@signed_in_page
def sign(request: HttpRequest, signature_id: int) -> HttpResponse:
    """Sign, if two factors were proved a moment ago; else lead there first."""
    found = _signature(request, signature_id)
    evidence = strong_evidence(request, within=STRONG_WITHIN)
    if evidence is None:
        return to_strong_sign_in(request)
    try:
        signing.give_signature(signature_id=found.pk, user=request.user, evidence=evidence, at=timezone.now())
        messages.success(request, _("You have signed. Keep the record if you like: it proves it."))
    except UnknownCase:
        raise Http404 from None
    except CaseworkRefusal as refusal:
        messages.warning(request, str(refusal.text))
    return redirect("portal:signature", found.pk)


@require_POST
@signed_in_page
def refuse(request: HttpRequest, signature_id: int) -> HttpResponse:
    """Refuse to sign, with a reason the officer reads."""
    found, form = _signature(request, signature_id), _refusal(request)
    if not form.is_valid():
        return _show(request, found, form, status=400)
    try:
        given = {"reason": form.cleaned_data["text"], "at": timezone.now()}
        signing.refuse_signature(signature_id=found.pk, user=request.user, **given)
        messages.success(request, _("You have refused. An officer reads why."))
    except UnknownCase:
        raise Http404 from None
    except CaseworkRefusal as refusal:
        messages.warning(request, str(refusal.text))
    return redirect("portal:signature", found.pk)


@never_cache
@require_safe
@signed_in_page
def record(request: HttpRequest, signature_id: int) -> HttpResponse:
    """The record of a signature that was given, to keep and to verify."""
    found = _signature(request, signature_id)
    if not found.record:
        raise Http404
    answer = HttpResponse(found.record, content_type="application/jose")
    answer["Content-Disposition"] = f'attachment; filename="{found.case.number}-{found.signer_code}.jws"'
    return answer
