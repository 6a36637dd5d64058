"""What the fund has registered of a provider, for those who act for it; cases begin here."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from caisse.agreement.identifiers import provider_code
from caisse.agreement.tables.professions import CaseKind
from caisse.fund.access import queries as access
from caisse.fund.access.gates import provider_page
from caisse.fund.casework import queries
from caisse.fund.casework.actions.applications import NewCase, open_case
from caisse.fund.portal import holdings, reach, screens
from caisse.fund.portal.limits import may
from caisse.fund.portal.views.documents import pdf_download
from caisse.fund.portal.views.following import letters_of
from caisse.fund.portal.views.front import today_catalogue
from caisse.fund.portal.words import language, pick
from caisse.fund.registry import queries as register
from caisse.fund.registry.actions.reading import note_reading


@require_safe
@provider_page("casework")
def provider(request: HttpRequest, provider_id: int) -> HttpResponse:
    """Everything registered of a provider."""
    today = timezone.localdate()
    page = register.provider_page(provider_id, today)
    if page is None:
        raise Http404
    owner = access.may_act_for(request.user, provider_id, "owner", today)
    if not owner:
        note_reading(provider_id=provider_id, what="portal", by=reach.actor(request), at=timezone.now())
    cases = queries.cases_of(request.user.pk, [provider_id]).filter(provider_id=provider_id)
    told = {
        "provider": page.provider, "codes": holdings.codes(page, today), "sites": holdings.sites(page, today),
        "licences": holdings.licences(page, today), "accounts": holdings.accounts(page, today),
        "managers": holdings.managers(page, today), "associations": holdings.associations(page),
        "cases": [screens.row_of(case) for case in cases], "kinds": _kinds(page),
        "letters": letters_of(page.provider.letters), "owner": owner,
        "exchange": access.may_act_for(request.user, provider_id, "exchange", today),
    }  # fmt: skip
    return render(request, "portal/provider.html", told)


def _kinds(page: register.ProviderPage) -> list[tuple[CaseKind, str, str]]:
    """The kinds of cases this provider can open."""
    catalogue = today_catalogue()
    professions = {code.profession for code in page.codes if code.profession in catalogue.professions}
    kinds = {kind.key: kind for one in sorted(professions) for kind in catalogue.kinds_for(one)}
    return [
        (kind, pick(kind.label), pick(kind.help)) for kind in kinds.values() if kind.for_whom == "provider"
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@provider_page("casework")
def start(request: HttpRequest, provider_id: int, kind: str) -> HttpResponse:
    """Begin a case of a provider about one of its codes."""
    catalogue, today = today_catalogue(), timezone.localdate()
    held = catalogue.case_kinds.get(kind)
    page = register.provider_page(provider_id, today)
    if held is None or held.for_whom != "provider" or page is None:
        raise Http404
    codes = {code.code: code for code in page.codes if queries.offers(catalogue, kind, code.profession)}
    if not codes:
        raise Http404
    if request.method == "POST":
        text = request.POST.get("code", "")
        chosen = codes.get(int(text)) if text.isdecimal() and len(text) == 8 else None
        if chosen is None:
            messages.error(request, _("Choose the code the case is about."))
        elif not may(request, "open_case", f"provider {provider_id}"):
            messages.error(request, _("Too many drafts were opened in a short time. Go on with one of them."))
        else:
            new = NewCase(
                kind, chosen.profession, request.user.email, language(), "portal",
                owner_id=request.user.pk, provider_id=provider_id, code=chosen.code,
            )  # fmt: skip
            opened = open_case(new=new, by=reach.actor(request), at=timezone.now())
            return redirect("portal:facts", opened.number)
    told = {
        "provider": page.provider, "kind": pick(held.label), "help": pick(held.help),
        "codes": [(code, provider_code.format(str(code))) for code in codes],
    }  # fmt: skip
    return render(request, "portal/start.html", told)


@require_safe
@provider_page("casework")
def letter(request: HttpRequest, provider_id: int, letter_id: int) -> HttpResponse:
    """A letter to the provider as PDF."""
    page = register.provider_page(provider_id, timezone.localdate())
    found = page.provider.letters.filter(pk=letter_id, made_at__isnull=False).first() if page else None
    if found is None:
        raise Http404
    return pdf_download(found.sha256, f"{found.kind}-{found.pk}.pdf")
