"""What the shell of every page knows: the fund, the languages, and where this user can go."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from caisse.fund.access import queries
from caisse.fund.access.callers import may_reach_desk


def shell(request: HttpRequest) -> dict[str, Any]:
    """Names for all templates; what needs the database is looked up only where a page shows it."""

    def roles() -> frozenset[str]:
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated or not may_reach_desk(request):
            return frozenset()
        return queries.roles_of(user, timezone.localdate())

    def provider_ids() -> tuple[int, ...]:
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return ()
        return queries.providers_of(user, timezone.localdate())

    return {
        "fund_name": settings.FUND.name,
        "languages": settings.LANGUAGES,
        "staff_roles": SimpleLazyObject(roles),
        "own_provider_ids": SimpleLazyObject(provider_ids),
    }
