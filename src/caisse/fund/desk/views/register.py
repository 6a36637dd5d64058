"""The register as the staff sees it: providers found, one provider on any day as it was known at any time."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from caisse.agreement.tables.professions import Catalogue, catalogue_on
from caisse.fund.casework import exchange_access, following, looking
from caisse.fund.casework.actions import examination
from caisse.fund.casework.involvement import is_own, own_among
from caisse.fund.desk import words
from caisse.fund.desk.forms import AsOfForm, FindForm
from caisse.fund.desk.gates import may, reader_page
from caisse.fund.desk.views.answering import acting, file_answer, today
from caisse.fund.desk.words import pick, word
from caisse.fund.exchange.store import Store
from caisse.fund.registry import queries as register
from caisse.fund.registry.actions.reading import note_listing, note_reading

#: Hits shown at once; whoever has more narrows the search down.
MOST_FOUND = 50


@require_safe
@reader_page()
def search(request: HttpRequest) -> HttpResponse:
    """Look for a provider by name, code or number."""
    form = FindForm(request.GET or None)
    found = None
    if form.is_valid():
        catalogue = catalogue_on(today())
        providers = register.find_providers(form.cleaned_data["q"], limit=MOST_FOUND)
        codes = register.codes_of_each(one.pk for one in providers)
        standings = register.standings([row.code for rows in codes.values() for row in rows], today())
        lines = {one.code: _code(one, catalogue) for one in standings}
        found = [
            (one, word(words.PROVIDER_KINDS, one.kind), [lines[row.code] for row in codes[one.pk]])
            for one in providers
        ]
        note_listing(provider_ids=[one.pk for one, _kind, _codes in found], what="search", **acting(request))
    shown = {"form": form, "found": found, "most": MOST_FOUND}
    return render(request, "desk/register/search.html", shown)


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A code and how it stands, in words."""

    standing: register.Standing
    label: Any
    tone: str
    profession: str


def _code(standing: register.Standing, catalogue: Catalogue) -> CodeLine:
    profession = catalogue.professions.get(standing.profession)
    return CodeLine(
        standing, word(words.STANDINGS, standing.state), words.STANDING_TONES.get(standing.state, ""),
        pick(profession.label) if profession else standing.profession,
    )  # fmt: skip


@require_safe
@reader_page()
def provider(request: HttpRequest, provider_id: int) -> HttpResponse:
    """A provider on a day, as it was known at a time; today as known now unless asked otherwise."""
    return _show(request, provider_id)


def _show(request: HttpRequest, provider_id: int, *, account_id: int | None = None) -> HttpResponse:
    form = AsOfForm(request.GET or None)
    on, known_at = today(), None
    if form.is_valid():
        on, known_at = form.cleaned_data["on"] or on, form.cleaned_data["known_at"]
    page = register.provider_page(provider_id, on)
    if page is None:
        raise Http404
    note_reading(provider_id=provider_id, what="page", **acting(request))
    catalogue, codes = catalogue_on(today()), [one.code for one in page.codes]
    shown = {
        "page": page,
        "kind": word(words.PROVIDER_KINDS, page.provider.kind),
        "language": word(words.LANGUAGES, page.provider.language),
        "form": form if form.is_bound else AsOfForm(initial={"on": on}),
        "on": on,
        "known_at": known_at,
        "numbers": [(word(words.NUMBERS, one.kind), one) for one in page.numbers],
        "codes": [_code(one, catalogue) for one in register.standings(codes, on, known_at)],
        "licences": [
            (_licence(one, catalogue), one, one.holds_on(on))
            for one in register.licences_of(provider_id, known_at=known_at)
        ],
        "accounts": [(one, one.pk == account_id) for one in page.accounts],
        "reveals": may(request, ("supervisor",)),
        "members": _named(register.members_of(provider_id, known_at=known_at)),
        "memberships": _named(register.memberships_of(provider_id, known_at=known_at)),
        "cases": _cases(provider_id, request),
        "letters": [(one, looking.subject_of(one)) for one in looking.letters_to_provider(provider_id)],
    }
    return render(request, "desk/register/provider.html", shown)


def _licence(one: register.LicenceHeld, catalogue: Catalogue) -> str:
    kind = catalogue.licences.get(one.kind)
    return pick(kind.label) if kind else one.kind


def _named(members: list[register.Member]) -> list[tuple[register.Member, str, str]]:
    names = register.names_of(
        {*(one.provider_id for one in members), *(one.association_id for one in members)}
    )
    return [(one, names.get(one.provider_id, ""), names.get(one.association_id, "")) for one in members]


def _cases(provider_id: int, request: HttpRequest) -> list[dict[str, Any]]:
    kinds = catalogue_on(today()).case_kinds
    found = looking.cases_of_provider(provider_id)
    own = own_among(found, request.user.pk)
    return [
        {
            "case": one, "kind": pick(kinds[one.kind].label) if one.kind in kinds else one.kind,
            "state": word(words.CASE_STATES, one.state), "tone": words.CASE_TONES.get(one.state, ""),
        }
        for one in found
        if one.pk not in own
    ]  # fmt: skip


@require_POST
@reader_page("supervisor")
def account(request: HttpRequest, provider_id: int, account_id: int) -> HttpResponse:
    """Show one account number in full; who asked is on the record."""
    page = register.provider_page(provider_id, today())
    if page is None or account_id not in {one.pk for one in page.accounts}:
        raise Http404
    note_reading(provider_id=provider_id, what=f"account {account_id}", **acting(request))
    return _show(request, provider_id, account_id=account_id)


@require_safe
@reader_page()
def letter(request: HttpRequest, provider_id: int, letter_id: int) -> HttpResponse:
    """A letter to a provider as it went out."""
    found = next(
        (
            one
            for one in looking.letters_to_provider(provider_id, limit=1000)
            if one.pk == letter_id and one.made_at
        ),
        None,
    )
    if found is None or (found.case is not None and is_own(found.case, request.user.pk)):
        raise Http404
    if found.case is not None:
        examination.note_reading(case_id=found.case.pk, what=f"letter {letter_id}", **acting(request))
    else:
        note_reading(provider_id=provider_id, what=f"letter {letter_id}", **acting(request))
    content = Store(settings.HOME.documents).path(found.sha256).read_bytes()
    return file_answer(content, "application/pdf", f"{found.kind}-{found.pk}.pdf", theirs=False)


@require_safe
@reader_page()
def expiring(request: HttpRequest) -> HttpResponse:
    """Licences near their end or past it, and who has to be connected to the exchange and is not."""
    catalogue = catalogue_on(today())
    warnings = catalogue.warnings
    steps: list[tuple[int, list[tuple[str, following.EndingLicence]]]] = [
        (step, []) for step in sorted(warnings)
    ]
    for one in following.ending_licences(today()):
        place = next(found for step, found in steps if one.days <= step)
        place.append((_licence(one.licence, catalogue), one))
    lapsed = [(_licence(one.licence, catalogue), one) for one in following.lapsed_licences(today())]
    unconnected = [
        (pick(catalogue.professions[one.profession].label), one)
        for one in exchange_access.not_connected(today())
    ]
    listed = [one.licence.provider_id for _step, found in steps for _label, one in found]
    listed += [one.licence.provider_id for _label, one in lapsed]
    listed += [one.provider_id for _label, one in unconnected]
    note_listing(provider_ids=listed, what="expiring", **acting(request))
    shown = {"steps": steps, "lapsed": lapsed, "unconnected": unconnected}
    return render(request, "desk/register/expiring.html", shown)
