"""Every read of the registry: frames for the adjudication, codes on any day as known at any time, pages."""

from typing import TYPE_CHECKING

from caisse.fund.registry.queries.associations import (
    Execution,
    Member,
    associations_too_small,
    executions_of,
    members_of,
    memberships_of,
)
from caisse.fund.registry.queries.licences import (
    LicenceHeld,
    ended_licences,
    expiring_licences,
    licences_of,
)
from caisse.fund.registry.queries.providers import (
    ProviderPage,
    address_on,
    bank_account_on,
    codes_of,
    codes_of_each,
    kinds_of,
    manager_on,
    names_of,
    provider_by_code,
    provider_by_number,
    provider_page,
)
from caisse.fund.registry.queries.search import find_providers, providers_with
from caisse.fund.registry.queries.standing import (
    STATES,
    Standing,
    is_code_closed,
    standing,
    standings,
)

if TYPE_CHECKING:
    from caisse.fund.registry.queries.frames import (
        CODES_ON_SCHEMA,
        EXECUTING_SCHEMA,
        INSURED_SCHEMA,
        PROVIDERS_SCHEMA,
        Entry,
        codes_valid_on,
        current_revision,
        entries_of,
        executing_relations,
        insured_persons,
        insured_persons_changed_since,
        provider_codes,
        provider_of_code,
    )

__all__ = [
    "CODES_ON_SCHEMA",
    "EXECUTING_SCHEMA",
    "INSURED_SCHEMA",
    "PROVIDERS_SCHEMA",
    "STATES",
    "Entry",
    "Execution",
    "LicenceHeld",
    "Member",
    "ProviderPage",
    "Standing",
    "address_on",
    "associations_too_small",
    "bank_account_on",
    "codes_of",
    "codes_of_each",
    "codes_valid_on",
    "current_revision",
    "ended_licences",
    "entries_of",
    "executing_relations",
    "executions_of",
    "expiring_licences",
    "find_providers",
    "insured_persons",
    "insured_persons_changed_since",
    "is_code_closed",
    "kinds_of",
    "licences_of",
    "manager_on",
    "members_of",
    "memberships_of",
    "names_of",
    "provider_by_code",
    "provider_by_number",
    "provider_codes",
    "provider_of_code",
    "provider_page",
    "providers_with",
    "standing",
    "standings",
]


def __getattr__(name: str) -> object:
    # Frames are loaded when asked for: most who ask the register need no columns.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from caisse.fund.registry.queries import frames  # noqa: PLC0415

    return getattr(frames, name)
