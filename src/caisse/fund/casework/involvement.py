"""Whose own a case is: who is too close to it to work on it for the fund."""

from collections.abc import Sequence

from django.utils import timezone

from caisse.fund.access.queries import providers_of, user_of
from caisse.fund.casework import associations, joint_invoicing, queries
from caisse.fund.casework.lifecycle import CLOSED
from caisse.fund.casework.models import Case, Signature
from caisse.fund.registry.models import ProviderCode


def own_among(cases: Sequence[Case], user_id: int) -> set[int]:
    """Which of the cases (by primary key) are the user's own: he opened them, or acts today for their
    provider or for one that is asked, or will have to be asked, to sign them.
    """
    own = {case.pk for case in cases if case.owner_id == user_id}
    user = user_of(user_id)
    mandates = set(providers_of(user, timezone.localdate())) if user else set()
    if not mandates:
        return own
    own |= {case.pk for case in cases if case.provider_id in mandates}
    codes = set(ProviderCode.objects.filter(provider_id__in=mandates).values_list("code", flat=True))
    asked = Signature.objects.filter(case__in=cases, void_at__isnull=True, signer_code__in=codes)
    own |= set(asked.values_list("case_id", flat=True))
    return own | {case.pk for case in cases if case.pk not in own and not codes.isdisjoint(_signers(case))}


def _signers(case: Case) -> tuple[int, ...]:
    """Everybody who has to sign a case that is not closed, as sheet and register stand now, by code."""
    if case.state in CLOSED or case.kind not in (associations.KIND, joint_invoicing.KIND):
        return ()
    values = queries.sheet_values(case)
    if case.kind == associations.KIND:
        change = associations.change_of(case, values)
        return change.signers if change else ()
    group = joint_invoicing.group_of(case, values)
    return group.signers if group else ()


def is_own(case: Case, user_id: int) -> bool:
    """Whether the user is too close to the case to work on it for the fund."""
    return case.pk in own_among([case], user_id)
