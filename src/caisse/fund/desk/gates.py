"""Who may see which page of the desk. Administrators of users see no case, whatever else they are."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from caisse.fund.access.gates import desk_page
from caisse.fund.casework.involvement import is_own
from caisse.fund.casework.looking import case_of_number

type View = Callable[..., HttpResponse]

#: Roles that work on cases, and those that may read them.
OFFICERS = ("officer", "supervisor")
READERS = (*OFFICERS, "board_secretary")
SECRETARIES = ("board_secretary", "supervisor")
#: Who writes newsletters, and who may send one that somebody else wrote.
WRITERS = ("editor", "supervisor")
SENDERS = ("editor", "officer", "supervisor", "board_secretary")


def roles_of(request: HttpRequest) -> frozenset[str]:
    """The roles of the user on this day, as the gate of the page found them."""
    return getattr(request, "roles", frozenset())


def may(request: HttpRequest, roles: tuple[str, ...]) -> bool:
    """True when the user has one of the roles."""
    return not roles_of(request).isdisjoint(roles)


def reads_cases(roles: frozenset[str]) -> bool:
    """True when somebody with these roles may read cases and the register."""
    return "administrator" not in roles and not roles.isdisjoint(READERS)


def reader_page(*roles: str) -> Callable[[View], View]:
    """The page shows cases or providers: for whoever may not read them it does not exist (404).

    With ``roles``, others who read cases are told that it is not for them (403).
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not reads_cases(roles_of(request)):
                raise Http404
            if roles and not may(request, roles):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return desk_page()(guarded)

    return decorate


def case_page(*roles: str) -> Callable[[View], View]:
    """The page belongs to the case its address names by ``number``; the view gets it as ``case``.

    A case that does not exist gives the same 404 as one for other eyes; one's own a page that says so (403).
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, number: str, **kwargs: Any) -> HttpResponse:
            case = case_of_number(number)
            if case is None:
                raise Http404
            if is_own(case, request.user.pk):
                return render(request, "desk/own_case.html", {"number": number}, status=403)
            return view(request, *args, case=case, **kwargs)

        return reader_page(*roles)(guarded)

    return decorate
