"""Whose own a case is: who is too close to it to work on it for the fund."""

from collections.abc import Sequence

from django.utils import timezone

from caisse.fund.access.queries import providers_of, user_of
from caisse.fund.casework.models import Case, Signature
from caisse.fund.registry.models import ProviderCode


def own_among(cases: Sequence[Case], user_id: int) -> set[int]:
    """Which of the cases (by primary key) are the user's own: he opened them, or acts today for their
    provider or for one that is asked to sign them.
    """
    own = {case.pk for case in cases if case.owner_id == user_id}
    user = user_of(user_id)
    mandates = set(providers_of(user, timezone.localdate())) if user else set()
    if not mandates:
        return own
    own |= {case.pk for case in cases if case.provider_id in mandates}
    codes = ProviderCode.objects.filter(provider_id__in=mandates).values("code")
    asked = Signature.objects.filter(case__in=cases, void_at__isnull=True, signer_code__in=codes)
    return own | set(asked.values_list("case_id", flat=True))


def is_own(case: Case, user_id: int) -> bool:
    """Whether the user is too close to the case to work on it for the fund."""
    return case.pk in own_among([case], user_id)
