"""Collecting: every answer is downloaded whole, then kept and booked in one transaction."""

import tempfile
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from caisse.agreement.errors import BrokenSystem, ContentRefused
from caisse.provider import faults, schema
from caisse.provider.answers import ORDER, kind_of, read_answer
from caisse.provider.home import Home, write_durably
from caisse.provider.receipts import NO_KEYS, merge_keys, read_keys
from caisse.provider.reconciliation import Booked, book_answer, retry_unmatched
from caisse.provider.store import Store
from caisse.provider.transport import Door, RemoteFile, no_progress

#: Called with the answer's name, how many are done and how many there are.
Progress = Callable[[str, int, int], None]


def collect(
    store: Store,
    home: Home,
    door: Door,
    *,
    again: bool = False,
    only: Collection[str] | None = None,
    progress: Progress | None = None,
) -> list[Booked]:
    """Download and book every answer not here yet; importing one twice changes nothing.

    ``again`` downloads also those that are here; ``only`` limits to names. Raises Unreachable, LoginRefused;
    what was booked until then stays booked.
    """
    for leftover in home.incoming.iterdir():
        leftover.unlink()
    keys = update_keys(home, door)
    held = _held(store)
    wanted = [
        remote
        for remote in door.list_answers()
        if (again or (remote.name, remote.size) not in held) and (only is None or remote.name in only)
    ]
    wanted.sort(key=lambda remote: (ORDER.index(kind_of(remote.name)), remote.name))
    done = []
    for number, remote in enumerate(wanted, start=1):
        done.append(_collect_one(store, home, door, remote, keys))
        if progress:
            progress(remote.name, number, len(wanted))
    if only is None:
        done += retry_unmatched(store, keys)
        copy_to_inbox(store, home)
    return done


def update_keys(home: Home, door: Door) -> dict[str, Any]:
    """The fund's receipt keys: those pinned and new ones; raises ReceiptRefused when one changed."""
    pinned = home.keys.read_bytes() if home.keys.exists() else None
    try:
        published = door.fetch_keys()
    except ContentRefused:
        # A fund that publishes none now: receipts are verified with the pinned ones, or wait.
        return read_keys(pinned or NO_KEYS)
    merged = merge_keys(pinned, published)
    if merged != pinned:
        write_durably(home.keys, merged)
    return read_keys(merged)


def copy_to_inbox(store: Store, home: Home) -> None:
    """Lay a copy of every answer into the inbox for people to read; the database stays the record."""
    table = schema.answers
    with store.read() as connection:
        rows = connection.execute(sa.select(table.c.id, table.c.name, table.c.sha256)).all()
        for row in rows:
            name = Path(row.name).name
            path = home.inbox / name
            if path.exists() or name.startswith("."):
                continue
            content = connection.scalar(sa.select(table.c.content).where(table.c.id == row.id))
            write_durably(path, content or b"")


def _held(store: Store) -> set[tuple[str, int]]:
    table = schema.answers
    with store.read() as connection:
        return {(name, size) for name, size in connection.execute(sa.select(table.c.name, table.c.size))}


def _collect_one(store: Store, home: Home, door: Door, remote: RemoteFile, keys: dict[str, Any]) -> Booked:
    faults.reach("collect.before_get")
    with tempfile.NamedTemporaryFile(dir=home.incoming, delete=False) as made:
        temporary = Path(made.name)
    try:
        door.get(remote.name, temporary, progress=no_progress)
        content = temporary.read_bytes()
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
    if len(content) != remote.size:
        raise BrokenSystem(
            f"{remote.name} came with {len(content)} of {remote.size} bytes; nothing was booked."
        )
    faults.reach("collect.after_get")
    answer = read_answer(remote.name, content, keys)
    with store.write() as connection:
        booked = book_answer(connection, answer)
        faults.reach("collect.before_commit")
    faults.reach("collect.after_commit")
    path = home.inbox / Path(remote.name).name
    if not path.exists():
        write_durably(path, content)
    faults.reach("collect.after_copy")
    return booked
