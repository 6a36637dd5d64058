"""What was paid before, so that nothing is paid twice: fingerprints to look up, full keys to be certain.

``HOME/snapshots/history-<file>/`` holds the fingerprints of every paid line of the judged files up to and
including ``<file>``, grouped by provider and sorted, memory-mapped (16 bytes a line; look-ups touch a few).
Lines paid since then come from the database. The deposits of one provider are decided one at a time and a
line can only repeat one of the same provider, so nothing that counts can be missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

import numpy as np
import polars as pl
from django.db import connection, transaction
from numpy.typing import NDArray

from caisse.agreement.rules.fingerprints import fingerprint
from caisse.fund.claims.models import JudgedFile
from caisse.fund.claims.reference import new_snapshot, number_of, snapshot_folders
from caisse.fund.copying import read_frame

Fingerprints = NDArray[np.uint64]

#: A provider's lines paid since the snapshot; beyond this its worker writes a new snapshot after the job.
TAIL_AT_MOST = 2_000_000

_KEYS_SCHEMA = pl.Schema(
    {
        "file": pl.Int32(),
        "line": pl.Int32(),
        "person": pl.Int64(),
        "act": pl.String(),
        "date_of_service": pl.Date(),
        "billing_provider": pl.Int32(),
    }
)
_PAID_LINES = """
    SELECT l.file_id, l.line, l.person, l.act, l.date_of_service, f.provider_code
    FROM claims_linedecision l JOIN claims_judgedfile f ON f.id = l.file_id
    WHERE l.outcome <> 'refused' AND l.person IS NOT NULL AND NOT f.is_test
      AND l.file_id > %s AND l.file_id <= %s
"""
_ONE_PROVIDER = " AND f.provider_code = %s"
_CONFIRM = """
    SELECT l.file_id, l.line, l.person, l.act, l.date_of_service, f.provider_code,
           (f.judged_at AT TIME ZONE 'UTC')::date, f.deposit_id
    FROM claims_linedecision l JOIN claims_judgedfile f ON f.id = l.file_id
    JOIN unnest(%s::bigint[], %s::int[]) AS wanted(file, line)
      ON l.file_id = wanted.file AND l.line = wanted.line
    WHERE l.outcome <> 'refused' AND NOT f.is_test
"""


@dataclass(frozen=True, slots=True)
class PaidLines:
    """Fingerprints of paid lines in ascending order, and the judged file and line each stands for."""

    fingerprints: Fingerprints
    files: NDArray[np.int32]
    lines: NDArray[np.int32]

    @classmethod
    def of(cls, keys: pl.DataFrame) -> "PaidLines":
        """From a frame with the columns of a paid line's full key."""
        marks = fingerprint(keys["person"], keys["act"], keys["date_of_service"], keys["billing_provider"])
        order = np.argsort(marks, kind="stable")
        return cls(marks[order], keys["file"].to_numpy()[order], keys["line"].to_numpy()[order])

    def merged(self, other: "PaidLines") -> "PaidLines":
        """Both, still in ascending order."""
        if not len(other.fingerprints):
            return self
        at = np.searchsorted(self.fingerprints, other.fingerprints)
        return PaidLines(
            np.insert(self.fingerprints, at, other.fingerprints),
            np.insert(self.files, at, other.files),
            np.insert(self.lines, at, other.lines),
        )

    def rows_of(self, marks: Fingerprints) -> pl.DataFrame:
        """Every file and line whose fingerprint is among ``marks``."""
        wanted = np.unique(marks)
        first = np.searchsorted(self.fingerprints, wanted, side="left")
        count = np.searchsorted(self.fingerprints, wanted, side="right") - first
        rows = np.repeat(first, count) + (np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count))
        return pl.DataFrame({"file": self.files[rows], "line": self.lines[rows]})


_NOTHING = PaidLines(np.zeros(0, np.uint64), np.zeros(0, np.int32), np.zeros(0, np.int32))


@dataclass(frozen=True, slots=True)
class ProviderHistory:
    """The history of one provider, as `caisse.agreement.rules` asks for it.

    ``parts``: the mapped snapshot and what was paid since; joining them would copy the whole snapshot.
    ``until`` is the newest judged file in it, ``snapshot`` the newest one in the snapshot.
    """

    snapshot: int
    until: int
    parts: tuple[PaidLines, ...]

    @property
    def fingerprints(self) -> tuple[Fingerprints, ...]:
        """Each part's, in ascending order."""
        return tuple(part.fingerprints for part in self.parts)

    @property
    def tail_rows(self) -> int:
        """Lines paid since the snapshot."""
        return sum(len(part.fingerprints) for part in self.parts[1:])

    def followed_by(self, until: int, keys: pl.DataFrame) -> "ProviderHistory":
        """This history and the paid lines of the judged files after it, up to and including ``until``."""
        if keys.is_empty():
            return replace(self, until=until)
        snapshot, *tail = self.parts
        added = PaidLines.of(keys)
        return replace(self, until=until, parts=(snapshot, tail[0].merged(added) if tail else added))

    def confirm(self, candidates: pl.DataFrame) -> pl.DataFrame:
        """Those of ``candidates`` that were really paid, compared on their full keys in the database."""
        keys = ("person", "act", "date_of_service", "billing_provider")
        marks = fingerprint(*(candidates[key] for key in keys))
        earlier = _rows_in_database(pl.concat([part.rows_of(marks) for part in self.parts]))
        wanted = candidates.select(
            "line",
            pl.col("person").cast(pl.Int64),
            pl.col("act").cast(pl.String),
            "date_of_service",
            pl.col("billing_provider").cast(pl.Int32),
        )
        found = wanted.join(earlier, on=keys, how="inner").sort("paid_on", "file", maintain_order=True)
        return found.unique("line", keep="first", maintain_order=True).select("line", "paid_on", "deposit")


def _rows_in_database(rows: pl.DataFrame) -> pl.DataFrame:
    schema = {
        **{name: kind for name, kind in _KEYS_SCHEMA.items() if name != "line"},
        "paid_on": pl.Date(),
        "deposit": pl.String(),
    }
    if rows.is_empty():
        return pl.DataFrame(schema=schema)
    with connection.cursor() as cursor:
        cursor.execute(_CONFIRM, [rows["file"].to_list(), rows["line"].to_list()])
        found = [(row[0], *row[2:7], str(row[7])) for row in cursor.fetchall()]
    return pl.DataFrame(found, schema=schema, orient="row")


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All paid lines up to and including judged file ``until``; ``slices`` says where each provider's lie."""

    until: int = 0
    paid: PaidLines = _NOTHING
    slices: Mapping[int, slice] = field(default_factory=dict)

    def of_provider(self, provider: int) -> PaidLines:
        part = self.slices.get(provider)
        if part is None:
            return _NOTHING
        return PaidLines(self.paid.fingerprints[part], self.paid.files[part], self.paid.lines[part])


class HistoryKeeper:
    """Holds the mapped snapshot of one process and what was paid since; safe to call from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._snapshot: _Snapshot | None = None
        self._providers: dict[int, ProviderHistory] = {}
        self._lock = Lock()

    def of_provider(self, provider: int) -> ProviderHistory:
        """All that was ever paid to ``provider``; call it under the provider's lock.

        Files judged since the last call that were not noted here are read from the database.
        """
        held = self._held(provider)
        newest = newest_file_of(provider)
        if newest > held.until:
            held = held.followed_by(newest, _paid_lines(held.until, newest, provider))
            self._hold(provider, held)
        return held

    def note(self, provider: int, file: int, history: ProviderHistory, keys: pl.DataFrame) -> None:
        """Take over the paid lines of ``file``, just judged on ``history``: they need not be read again."""
        self._hold(provider, history.followed_by(file, keys))

    def renew(self) -> int:
        """Write a snapshot of everything paid by now and map it; the newest judged file in it."""
        with self._lock:
            held = _read(self._folder)
            until = _settled_until()
            if until > held.until:
                added = _paid_lines(held.until, until, None)
                write_history(self._folder, until, extended(held, added))
            self._snapshot = _read(self._folder)
            self._providers.clear()
            return self._snapshot.until

    def _held(self, provider: int) -> ProviderHistory:
        with self._lock:
            if self._snapshot is None:
                self._snapshot = _read(self._folder)
            until, paid = self._snapshot.until, self._snapshot.of_provider(provider)
            return self._providers.get(provider) or ProviderHistory(until, until, (paid,))

    def _hold(self, provider: int, history: ProviderHistory) -> None:
        with self._lock:
            # One that begins with a snapshot given up meanwhile is complete, but not worth keeping.
            if self._snapshot is not None and history.snapshot == self._snapshot.until:
                self._providers[provider] = history


def history_as_of(provider: int, until: int) -> ProviderHistory:
    """What had been paid to ``provider`` up to judged file ``until`` inclusive, from the database alone."""
    return ProviderHistory(0, until, (PaidLines.of(_paid_lines(0, until, provider)),))


def newest_file_of(provider: int) -> int:
    """The newest judged file of a provider, 0 if it has none."""
    newest = (
        JudgedFile.objects.filter(provider_code=provider).order_by("-pk").values_list("pk", flat=True).first()
    )
    return newest or 0


def _newest_file() -> int:
    return JudgedFile.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def _settled_until() -> int:
    """A file number such that every file up to it is either committed or will never be.

    Numbers are given before a transaction commits. The lock waits for all that have taken one; it is held
    for one look at the index only.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE claims_judgedfile IN SHARE MODE")
        return _newest_file()


def _paid_lines(after: int, until: int, provider: int | None) -> pl.DataFrame:
    query, params = _PAID_LINES, (after, until)
    if provider is not None:
        query, params = query + _ONE_PROVIDER, (after, until, provider)
    return read_frame(query, dict(_KEYS_SCHEMA), params)


def extended(held: _Snapshot, added: pl.DataFrame) -> dict[int, PaidLines]:
    """Every provider's paid lines: those of the snapshot and the rows ``added``."""
    providers = sorted({*held.slices, *added["billing_provider"].unique()})
    return {
        code: held.of_provider(code).merged(PaidLines.of(added.filter(pl.col("billing_provider") == code)))
        for code in providers
    }


def write_history(folder: Path, until: int, paid: Mapping[int, PaidLines]) -> None:
    """Write a snapshot of every provider's paid lines under the number of the newest judged file in it."""
    sizes = [len(lines.fingerprints) for lines in paid.values()]
    with new_snapshot(folder, "history", until) as target:
        np.save(target / "providers.npy", np.array([list(paid), sizes], np.int64).reshape(2, -1))
        for name in ("fingerprints", "files", "lines"):
            parts = (getattr(lines, name) for lines in (_NOTHING, *paid.values()))
            np.save(target / f"{name}.npy", np.concatenate(list(parts)))


def _read(folder: Path) -> _Snapshot:
    """The newest snapshot, mapped; an empty one if there is none."""
    for path in snapshot_folders(folder, "history"):
        arrays = (np.load(path / f"{name}.npy", mmap_mode="r") for name in ("fingerprints", "files", "lines"))
        paid = PaidLines(*arrays)
        providers, sizes = np.load(path / "providers.npy")
        ends = np.cumsum(sizes)
        slices = {
            int(code): slice(int(end - size), int(end))
            for code, size, end in zip(providers, sizes, ends, strict=True)
        }
        return _Snapshot(number_of(path), paid, slices)
    return _Snapshot()
