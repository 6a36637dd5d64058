"""One deposit of a provider at a time, whatever the queue believes: a lock in the database itself."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from caisse.agreement.errors import BrokenSystem

#: First half of the advisory lock's name ("CLAI"); the provider code is the second.
_CLASS = 0x434C4149
_PATIENCE_SECONDS = 20.0
_PAUSE_SECONDS = 0.05


class ProviderBusy(BrokenSystem):
    """Another worker is deciding a deposit of this provider. The job is taken up again later."""


@contextmanager
def provider_lock(provider: int) -> Iterator[None]:
    """Hold the provider's lock; it ends with the block, and with the connection if this process dies.

    Raises ProviderBusy when another process keeps it longer than twenty seconds.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not _call("pg_try_advisory_lock", provider):
        if time.monotonic() > deadline:
            raise ProviderBusy(f"provider {provider}")
        time.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        # After a broken connection there is nothing left to release.
        if connection.is_usable():
            _call("pg_advisory_unlock", provider)


def _call(function: str, provider: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s, %s)", [_CLASS, provider])
        return bool(cursor.fetchone()[0])
