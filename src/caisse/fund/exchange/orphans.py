"""Files in the store that no row speaks of: what a crash between storing and committing left behind.

A file is taken away in two steps, because a deposit of the same bytes may arrive at any moment and always
puts its own file in place before its row is written:

    set aside   old, and no row needs it: renamed. Was it another file than the one that was looked at, a
                deposit has just put it there, and it goes back at once.
    removed     a day later, if still no row needs it. If one does and its file is missing, it goes back.

Too many orphans mean that the database is another one, or older than the store: then nothing is touched.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction

from caisse.fund.audit.actions import record_event
from caisse.fund.exchange import queries
from caisse.fund.exchange.store import Store

log = logging.getLogger("caisse.worker")

#: An orphan younger than this is left alone (ours): no deposit is under way for so long.
SAFE_AGE = timedelta(days=7)
#: How long a file stays set aside.
ASIDE = timedelta(days=1)
#: More orphans than this, and than one file in a hundred, are no traces of crashes.
_FEW, _ONE_IN = 10, 100
_PREFIX = ".orphan."
#: Hashes named in the audit event; the rest are counted.
_NAMED = 100

#: Those of some hashes that no row needs to lie in the store.
Unknown = Callable[[list[str]], set[str]]


@dataclass(slots=True)
class _Sweep:
    """What one sweep did, by hash."""

    aside: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    put_back: list[str] = field(default_factory=list)


def sweep_orphans(*, store: Store, by: str, at: datetime, safe_age: timedelta = SAFE_AGE,
                  aside: timedelta = ASIDE, unknown: Unknown | None = None,
                  subject: tuple[str, str] = ("exchange", "store")) -> int:  # fmt: skip
    """Set old orphans aside, and remove those set aside earlier; how many were removed. One audit event.

    ``unknown`` and ``subject`` for another store than that of deposits: who knows its rows, and its name.
    """
    unknown = unknown or queries.unknown_hashes
    done = _Sweep()
    _settle(store, done, unknown, before=(at - aside).timestamp())
    orphans, files = _orphans(store, unknown, before=(at - safe_age).timestamp())
    if len(orphans) > max(_FEW, files // _ONE_IN):
        log.error("%d of %d files in %s belong to no row: nothing is swept; see caisse fund verify",
                  len(orphans), files, "/".join(subject))  # fmt: skip
    else:
        for sha256, seen in orphans.items():
            _set_aside(store, sha256, seen, done)
    if done.aside or done.removed or done.put_back:
        _record(done, subject, by=by, at=at)
    return len(done.removed)


def _orphans(store: Store, unknown: Unknown, *, before: float) -> tuple[dict[str, os.stat_result], int]:
    """The old files no row needs, each as it was seen, and how many files there are."""
    found: dict[str, os.stat_result] = {}
    files = 0
    for folder in _folders(store):
        old: dict[str, os.stat_result] = {}
        for path in folder.iterdir():
            if path.name.startswith("."):
                continue
            files += 1
            with contextlib.suppress(FileNotFoundError):
                seen = path.stat()
                if _touched(seen) < before:
                    old[folder.name + path.name] = seen
        found |= {sha256: old[sha256] for sha256 in unknown([*old])} if old else {}
    return found, files


def _set_aside(store: Store, sha256: str, seen: os.stat_result, done: _Sweep) -> None:
    """Rename an orphan, unless a deposit has put its own file there since it was seen."""
    path = store.path(sha256)
    away = path.with_name(_PREFIX + path.name)
    try:
        path.rename(away)
    except FileNotFoundError:
        return
    now = away.stat()
    if (now.st_ino, now.st_mtime_ns, now.st_size) != (seen.st_ino, seen.st_mtime_ns, seen.st_size):
        away.rename(path)
        return
    done.aside.append(sha256)


def _settle(store: Store, done: _Sweep, unknown: Unknown, *, before: float) -> None:
    """Remove what was set aside long ago; put back what a row needs and no longer finds."""
    for folder in _folders(store):
        aside = {folder.name + path.name.removeprefix(_PREFIX): path for path in folder.glob(f"{_PREFIX}*")}
        if not aside:
            continue
        unneeded = unknown([*aside])
        for sha256, away in aside.items():
            if sha256 not in unneeded:
                if not store.path(sha256).exists():
                    away.rename(store.path(sha256))
                    done.put_back.append(sha256)
                else:
                    away.unlink()
            elif _touched(away.stat()) < before:
                away.unlink()
                done.removed.append(sha256)


def _folders(store: Store) -> Iterator[Path]:
    return (folder for folder in sorted(store.folder.iterdir()) if folder.is_dir())


def _touched(seen: os.stat_result) -> float:
    """When the file was last written or put under its name: renaming does not change when it was written."""
    return max(seen.st_mtime, seen.st_ctime)


@transaction.atomic
def _record(done: _Sweep, subject: tuple[str, str], *, by: str, at: datetime) -> None:
    data = {
        what: {"count": len(hashes), "sha256": hashes[:_NAMED]}
        for what, hashes in (("aside", done.aside), ("removed", done.removed), ("put_back", done.put_back))
    }
    record_event(action=f"{subject[0]}.sweep_orphans", subject=subject, by=by, at=at, data=data)
