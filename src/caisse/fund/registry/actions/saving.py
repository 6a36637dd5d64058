"""What changes of the registry share: rows that are refused when doubled, and rows that must be there."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, models, transaction

from caisse.fund.registry.errors import NotRegistered, PeriodsOverlap
from caisse.fund.registry.models import Provider, ProviderCode


@contextmanager
def refused_as(what: str, error: type[Exception] = PeriodsOverlap) -> Iterator[None]:
    """The database's refusal of a double or overlapping entry inside the block becomes ``error``."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as refusal:
        raise error(what) from refusal


def insert(row: models.Model, what: str, error: type[Exception] = PeriodsOverlap) -> None:
    """Insert ``row``; a double or overlapping one becomes ``error``."""
    with refused_as(what, error):
        row.save(force_insert=True)


def code_row(code: int) -> ProviderCode:
    """The registered code; raises NotRegistered."""
    row = ProviderCode.objects.filter(code=code).first()
    if row is None:
        raise NotRegistered(f"No provider has the code {code}.")
    return row


def require_provider(provider_id: int) -> None:
    """Raises NotRegistered when there is no such provider."""
    if not Provider.objects.filter(pk=provider_id).exists():
        raise NotRegistered(f"There is no provider {provider_id}.")
