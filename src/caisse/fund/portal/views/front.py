"""Where everybody begins: the start page and the pages of the professions."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from caisse.agreement.tables.professions import Catalogue, Profession, catalogue_on
from caisse.fund.casework.consents import open_signatures
from caisse.fund.portal.catalogue_pages import documents_asked, sources_of
from caisse.fund.portal.reach import own_providers
from caisse.fund.portal.words import EXCHANGE, ROADS, in_order, pick, word


def today_catalogue() -> Catalogue:
    """The catalogue of today."""
    return catalogue_on(timezone.localdate())


def by_name(catalogue: Catalogue) -> list[Profession]:
    """All professions by their names in the language of the page."""
    return sorted(catalogue.professions.values(), key=lambda one: in_order(pick(one.label)))


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """What this is and where to go."""
    offered = [(one.key, pick(one.label)) for one in by_name(today_catalogue()) if one.offered]
    own = own_providers(request)
    waiting = len(open_signatures(one.id for one in own if one.owner))
    return render(request, "portal/front.html", {"professions": offered, "own": own, "waiting": waiting})


@require_safe
def professions(request: HttpRequest) -> HttpResponse:
    """All professions, those without a code too."""
    everything = by_name(today_catalogue())
    listed = [(one.key, pick(one.label), one.offered) for one in everything]
    return render(request, "portal/professions.html", {"professions": listed})


@require_safe
def profession(request: HttpRequest, key: str) -> HttpResponse:
    """What a profession has to know before it applies."""
    catalogue = today_catalogue()
    found = catalogue.professions.get(key)
    if found is None:
        raise Http404
    today = timezone.localdate()
    told = {
        "profession": found,
        "name": pick(found.label),
        "conditions": pick(found.conditions),
        "unoffered": "" if found.offered else pick(found.unoffered),
        "road": word(ROADS, found.road),
        "exchange": word(EXCHANGE, found.exchange_on(today)),
        "documents": documents_asked(catalogue, found) if found.offered else [],
        "kinds": [(pick(kind.label), pick(kind.help)) for kind in _kinds(catalogue, found)],
        "sources": sources_of(catalogue, found),
        "edition": catalogue.edition,
    }
    return render(request, "portal/profession.html", told)


def _kinds(catalogue: Catalogue, found: Profession) -> list:
    if not found.offered:
        return []
    return [kind for kind in catalogue.kinds_for(found.key) if kind.for_whom == "provider"]
