"""Providers as pages show them: who it is, where, where payments go."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q

from caisse.fund.registry.models import (
    Association,
    BankAccount,
    Dated,
    Manager,
    Provider,
    ProviderCode,
    ProviderNumber,
    SiteAddress,
)
from caisse.fund.registry.queries.associations import (
    Execution,
    Member,
    executions_among,
    members_of,
    memberships_of,
)
from caisse.fund.registry.queries.known import rows_known
from caisse.fund.registry.queries.licences import LicenceHeld, licences_of
from caisse.fund.registry.queries.standing import Standing, standings


@dataclass(frozen=True, slots=True)
class ProviderPage:
    """Everything registered of a provider, with the standing of its codes on the day asked for."""

    provider: Provider
    association: Association | None
    numbers: list[ProviderNumber]
    codes: list[Standing]
    addresses: list[SiteAddress]
    accounts: list[BankAccount]
    managers: list[Manager]
    licences: list[LicenceHeld]
    members: list[Member]
    memberships: list[Member]
    executions: list[Execution]


def provider_page(provider_id: int, on: date) -> ProviderPage | None:
    """Everything registered of a provider and how it stands on a day; None when there is no such provider."""
    provider = Provider.objects.filter(pk=provider_id).first()
    if provider is None:
        return None
    codes = list(
        ProviderCode.objects.filter(provider=provider).order_by("code").values_list("code", flat=True)
    )
    mine = {"provider_id": provider_id}
    return ProviderPage(
        provider=provider,
        association=Association.objects.filter(pk=provider_id).first(),
        numbers=list(ProviderNumber.objects.filter(provider=provider).order_by("kind", "revision")),
        codes=standings(codes, on),
        addresses=list(
            rows_known(SiteAddress, None, site__provider=provider).order_by("site_id", "valid_from")
        ),
        accounts=list(rows_known(BankAccount, None, **mine)),
        managers=list(rows_known(Manager, None, **mine)),
        licences=licences_of(provider_id),
        members=members_of(provider_id),
        memberships=memberships_of(provider_id),
        executions=executions_among(codes),
    )


def _on[Row: Dated](model: type[Row], day: date, known_at: datetime | None, **key: object) -> Row | None:
    holds = Q(valid_until__isnull=True) | Q(valid_until__gt=day)
    return rows_known(model, known_at, **key).filter(holds, valid_from__lte=day).first()


def bank_account_on(provider_id: int, on: date, known_at: datetime | None = None) -> BankAccount | None:
    """The account a provider's payments go to on a day, as known at ``known_at`` (None: now)."""
    return _on(BankAccount, on, known_at, provider_id=provider_id)


def address_on(site_id: int, on: date, known_at: datetime | None = None) -> SiteAddress | None:
    """Where a site is on a day, as known at ``known_at``; None when it is not open."""
    return _on(SiteAddress, on, known_at, site_id=site_id)


def manager_on(provider_id: int, on: date, known_at: datetime | None = None) -> Manager | None:
    """Who answers for an establishment on a day, as known at ``known_at``."""
    return _on(Manager, on, known_at, provider_id=provider_id)


def codes_of(provider_id: int) -> list[ProviderCode]:
    """A provider's codes, the oldest first."""
    return codes_of_each([provider_id])[provider_id]


def codes_of_each(provider_ids: Iterable[int]) -> dict[int, list[ProviderCode]]:
    """The codes of each of some providers, the oldest first."""
    found: dict[int, list[ProviderCode]] = {provider_id: [] for provider_id in provider_ids}
    for row in ProviderCode.objects.filter(provider_id__in=found).order_by("valid_from", "code"):
        found[row.provider_id].append(row)
    return found


def names_of(provider_ids: Iterable[int]) -> dict[int, str]:
    """The names of providers, by id."""
    return dict(Provider.objects.filter(pk__in=set(provider_ids)).values_list("pk", "name"))


def kinds_of(provider_ids: Iterable[int]) -> dict[int, str]:
    """What providers are, by id: person, company, association, institution."""
    return dict(Provider.objects.filter(pk__in=set(provider_ids)).values_list("pk", "kind"))


def provider_by_code(code: int) -> Provider | None:
    """Who has or had a code."""
    return Provider.objects.filter(codes__code=code).first()


def provider_by_number(kind: str, number: str) -> Provider | None:
    """Who is known under a number, or else was until it was replaced."""
    found = ProviderNumber.objects.select_related("provider").filter(kind=kind, number=number)
    row = found.filter(superseded__isnull=True).first() or found.order_by("-revision").first()
    return row.provider if row else None
