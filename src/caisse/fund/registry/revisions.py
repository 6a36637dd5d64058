"""The registry's revisions: changes happen one after the other, and each says when it was recorded.

The revision row is locked first, so a reader who saw revision n can see every row that carries n or less.
What a change replaces is kept beside the table, with the revision that replaced it.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from caisse.fund.registry.models import Recorded, Revision

#: table -> the columns its `…before` table repeats
_KEPT = {
    "registry_coverage": ("person_id", "fund_id", "insured_from", "insured_until", "revision"),
    "registry_providercode": (
        "provider_id", "code", "profession", "site_id", "speciality", "valid_from", "valid_until", "why",
        "revision",
    ),
}  # fmt: skip

#: One statement: two who make the very first change at once do not both insert the row.
_TAKE = """
    INSERT INTO registry_revision (id, number) VALUES (1, 1)
    ON CONFLICT (id) DO UPDATE SET number = registry_revision.number + 1 RETURNING number
"""


def hold() -> None:
    """Let nobody else change the registry until the transaction ends."""
    if Revision.objects.select_for_update().filter(pk=1).first() is None:
        Revision.objects.get_or_create(pk=1, defaults={"number": 0})
        Revision.objects.select_for_update().get(pk=1)


def take(*, action: str, by: str, at: datetime) -> int:
    """The next revision number, with its recorded time; its lock is held until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE)
        number = cursor.fetchone()[0]
    Recorded.objects.create(number=number, action=action, by=by, at=at)
    return number


def keep_before(table: str, *, where: str, values: Sequence[object], superseded: int) -> None:
    """Keep rows of ``table`` that are about to be changed; ``where`` has a ``%s`` for each of ``values``."""
    columns = ", ".join(_KEPT[table])
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table}before ({columns}, superseded)"
            f" SELECT {columns}, %s FROM {table} WHERE {where}",
            [superseded, *values],
        )
