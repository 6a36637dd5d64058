"""Who reaches which case: its owner, who acts for its provider, and the session that opened its link."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from caisse.fund.access import queries as access
from caisse.fund.casework import queries
from caisse.fund.casework.actions.examination import note_reading
from caisse.fund.casework.models import Case
from caisse.fund.portal.words import in_order
from caisse.fund.registry import queries as register

_SESSION = "cases"
#: Cases a session remembers without an account; of more the oldest is forgotten.
_MOST = 20

CaseView = Callable[..., HttpResponse]


def remember(request: HttpRequest, case: Case) -> None:
    """Let this session reach the case, as long as the secret of its link stays the same."""
    known = {number: mark for number, mark in _known(request).items() if number != case.number}
    known[case.number] = case.key_hash
    # A session somebody else may have prepared gets another name before it is worth anything.
    request.session.cycle_key()
    request.session[_SESSION] = dict(list(known.items())[-_MOST:])


def _known(request: HttpRequest) -> dict[str, str]:
    return request.session.get(_SESSION, {})


def provider_ids(request: HttpRequest) -> tuple[int, ...]:
    """The providers whose cases the visitor may see today."""
    if not request.user.is_authenticated:
        return ()
    return access.providers_of(request.user, timezone.localdate(), "casework")


@dataclass(frozen=True, slots=True)
class Own:
    """A provider the visitor acts for today, and within which scopes; ``kind`` as the register has it."""

    id: int
    name: str
    kind: str
    casework: bool
    exchange: bool
    owner: bool


def own_providers(request: HttpRequest) -> list[Own]:
    """The providers the visitor acts for today in whatever scope, by name."""
    if not request.user.is_authenticated:
        return []
    today = timezone.localdate()
    within = {
        scope: access.providers_of(request.user, today, scope) for scope in ("casework", "exchange", "owner")
    }
    ids = {*within["casework"], *within["exchange"]}
    names, kinds = register.names_of(ids), register.kinds_of(ids)
    found = [
        Own(key, name, kinds[key], *(key in held for held in within.values())) for key, name in names.items()
    ]
    return sorted(found, key=lambda one: (in_order(one.name), one.id))


def cases_in_reach(request: HttpRequest) -> list[Case]:
    """All cases of the visitor, the newest first."""
    found = {case.pk: case for case in _remembered(request)}
    if request.user.is_authenticated:
        found |= {case.pk: case for case in queries.cases_of(request.user.pk, provider_ids(request))}
    return sorted(found.values(), key=lambda case: (case.opened_at, case.pk), reverse=True)


def _remembered(request: HttpRequest) -> list[Case]:
    tried = (
        queries.case_in_reach(number, user_id=None, provider_ids=(), key_hash=mark)
        for number, mark in _known(request).items()
    )
    return [case for case in tried if case is not None]


def actor(request: HttpRequest, case: Case | None = None) -> str:
    """How the visitor is named in the record."""
    if request.user.is_authenticated:
        return access.actor(request.user)
    return f"applicant of case {case.number}" if case else "visitor"


def reaches(request: HttpRequest, number: str) -> bool:
    """Whether the page of that case would open for the visitor."""
    return _within_reach(request, number) is not None


def _within_reach(request: HttpRequest, number: str) -> Case | None:
    user = request.user
    return queries.case_in_reach(
        number,
        user_id=user.pk if user.is_authenticated else None,
        provider_ids=provider_ids(request),
        key_hash=_known(request).get(number, ""),
    )


def case_of(request: HttpRequest, number: str) -> Case:
    """The case, if it is within the visitor's reach; else 404, as for a number that was never given."""
    user, case = request.user, _within_reach(request, number)
    if case is None:
        raise Http404
    if request.method == "GET" and user.is_authenticated and case.owner_id != user.pk:
        match = request.resolver_match
        what = match.url_name if match else ""
        note_reading(case_id=case.pk, what=what or "", by=actor(request), at=timezone.now())
    return case


def case_page(view: CaseView) -> CaseView:
    """The page of a case within the visitor's reach; the view takes the case in place of its number."""

    @wraps(view)
    def guarded(request: HttpRequest, number: str, **kwargs: Any) -> HttpResponse:
        return view(request, case_of(request, number), **kwargs)

    return guarded
