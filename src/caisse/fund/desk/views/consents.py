"""Signatures a case needs, and passwords that wait to be collected, from the officer's side."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from caisse.fund.casework import looking
from caisse.fund.casework.actions import hand_over
from caisse.fund.casework.actions import signatures as signing
from caisse.fund.casework.actions.signatures import Assigned
from caisse.fund.casework.errors import CaseworkRefusal
from caisse.fund.casework.models import Case
from caisse.fund.desk.gates import OFFICERS, case_page
from caisse.fund.desk.views.answering import officer, told


@require_POST
@case_page(*OFFICERS)
def ask(request: HttpRequest, case: Case) -> HttpResponse:
    """Ask everybody whom the change needs to sign it."""
    try:
        asked = signing.ask_signatures(case_id=case.pk, **officer(request))
    except CaseworkRefusal as refusal:
        told(request, refusal)
    else:
        text = ngettext("{n} person is asked to sign.", "{n} persons are asked to sign.", asked)
        messages.success(request, text.format(n=asked))
    return redirect("desk:case", case.number)


@require_POST
@case_page(*OFFICERS)
def tell(request: HttpRequest, case: Case) -> HttpResponse:
    """Reach a signer whom no mail reached."""
    code = request.POST.get("code", "")
    if not (code.isascii() and code.isdecimal() and len(code) == 8):
        raise Http404
    try:
        on_paper = signing.tell_by_letter(case_id=case.pk, code=int(code), **officer(request))
    except CaseworkRefusal as refusal:
        told(request, refusal)
    else:
        letter = _("The letter is being made. It stands among the letters: print it and send it today.")
        messages.success(
            request, letter if on_paper else _("There is an address now: the mail is on its way.")
        )
    return redirect("desk:case", case.number)


@require_POST
@case_page(*OFFICERS)
def assign(request: HttpRequest, case: Case, document_id: int) -> HttpResponse:
    """Count a signature in a PDF as that of a member."""
    document, code = looking.document_of(case, document_id), request.POST.get("code", "")
    if document is None:
        raise Http404
    if code.isdecimal() and len(code) == 8:
        given = [Assigned(request.POST.get("field", "")[:200], int(code))]
        try:
            signing.assign_signatures(document_id=document.pk, assigned=given, **officer(request))
            messages.success(request, _("The signature counts."))
        except CaseworkRefusal as refusal:
            told(request, refusal)
    else:
        messages.error(request, _("Choose whose signature it is."))
    return redirect("desk:signed", case.number, document.pk)


@require_POST
@case_page(*OFFICERS)
def offer_again(request: HttpRequest, case: Case) -> HttpResponse:
    """Let the holder of an account collect its password anew."""
    found = case.hand_overs.filter(void_at__isnull=True).first()
    if found is None:
        raise Http404
    try:
        hand_over.renew_hand_over(hand_over_id=found.pk, **officer(request))
        messages.success(request, _("The password can be collected again."))
    except CaseworkRefusal as refusal:
        told(request, refusal)
    return redirect("desk:case", case.number)
