"""The registry as frames that stay in a worker's memory: a snapshot (Arrow) plus what changed since.

Each job asks the registry for its revision number (one row). If it is the one held, nothing is read; if a few
persons changed, their rows alone are read and merged; else a new snapshot is written to
``HOME/snapshots/registry-<revision>/``. A snapshot can always be made again. 900,000 periods
of insurance take some 35 MB.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path
from threading import Lock

import polars as pl

from caisse.fund.registry import queries as registry

#: More changed persons than this are not merged: a new snapshot is written instead.
MERGED_AT_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Reference:
    """What the registry said at ``revision``, in the frames `caisse.agreement.rules` asks for."""

    revision: int
    insured: pl.DataFrame
    providers: pl.DataFrame
    executing: pl.DataFrame


class ReferenceKeeper:
    """Holds the current `Reference` of one process; safe to call from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: Reference | None = None
        self._lock = Lock()

    def current(self) -> Reference:
        """The registry as it is now: the frames held, or renewed if the registry has changed."""
        with self._lock:
            # The number is read first: rows read afterwards can only be newer, and are then read again.
            revision = registry.current_revision()
            if self._held is None:
                self._held = self._from_disk()
            if self._held is None or self._held.revision != revision:
                self._held = self._renewed(self._held, revision)
            return self._held

    def _from_disk(self) -> Reference | None:
        """The newest snapshot on disk that can be read."""
        for path in snapshot_folders(self._folder, "registry"):
            with suppress(OSError, pl.exceptions.PolarsError):
                frames = (pl.read_ipc(path / f"{name}.arrow").rechunk() for name in _FRAMES)
                return Reference(number_of(path), *frames)
        return None

    def _renewed(self, held: Reference | None, revision: int) -> Reference:
        if held is None or held.revision > revision:
            return self._written(revision)
        changed = registry.insured_persons_changed_since(held.revision, at_most=MERGED_AT_MOST)
        if changed is None:
            return self._written(revision)
        return Reference(
            revision,
            _merged(held.insured, changed),
            registry.provider_codes(),
            registry.executing_relations(),
        )

    def _written(self, revision: int) -> Reference:
        """Write a new snapshot of everything and take it up."""
        with new_snapshot(self._folder, "registry", revision) as folder:
            registry.insured_persons().write_ipc(folder / "insured.arrow", compression="uncompressed")
            registry.provider_codes().write_ipc(folder / "providers.arrow", compression="uncompressed")
            registry.executing_relations().write_ipc(folder / "executing.arrow", compression="uncompressed")
        reference = self._from_disk()
        if reference is None:
            raise OSError(f"the snapshot just written in {self._folder} cannot be read")
        return reference


_FRAMES = ("insured", "providers", "executing")


def _merged(held: pl.DataFrame, changed: pl.DataFrame) -> pl.DataFrame:
    """``held`` with all rows of the changed numbers replaced, still sorted by number."""
    if changed.is_empty():
        return held
    kept = held.join(changed.select("insured_person").unique(), on="insured_person", how="anti")
    return pl.concat([kept, changed]).sort("insured_person", "insured_from").rechunk()


def snapshot_folders(folder: Path, kind: str) -> list[Path]:
    """The finished snapshots of one kind, newest first."""
    found = [path for path in folder.glob(f"{kind}-*") if path.name.removeprefix(f"{kind}-").isdecimal()]
    return sorted(found, key=number_of, reverse=True)


def number_of(path: Path) -> int:
    """The number a snapshot's folder ends with."""
    return int(path.name.rpartition("-")[2])


@contextmanager
def new_snapshot(folder: Path, kind: str, number: int) -> Iterator[Path]:
    """A folder to write a snapshot into; it appears under its name in one step, and older ones then go.

    Processes that still map an older one keep its bytes until they let go of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{kind}.lock").open("a") as lock:
        flock(lock, LOCK_EX)
        unfinished = folder / f".{kind}-{number}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        yield unfinished
        target = folder / f"{kind}-{number}"
        shutil.rmtree(target, ignore_errors=True)
        unfinished.rename(target)
        for older in snapshot_folders(folder, kind):
            if older != target:
                shutil.rmtree(older, ignore_errors=True)
