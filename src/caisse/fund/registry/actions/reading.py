"""Whoever looks at personal data of the register is on the record."""

from collections.abc import Iterable
from datetime import datetime

from caisse.fund.audit.actions import record_event


def note_reading(*, provider_id: int, what: str, by: str, at: datetime) -> None:
    """Record that somebody read what the register holds of a provider; ``what`` names the page or entry."""
    record_event(action="provider.read", by=by, at=at, subject=("provider", provider_id), data={"what": what})


def note_listing(*, provider_ids: Iterable[int], what: str, by: str, at: datetime) -> None:
    """Record that somebody saw a list of providers; ``what`` names the list."""
    data = {"providers": sorted(set(provider_ids))}
    record_event(action="provider.listed", by=by, at=at, subject=("providers", what), data=data)
