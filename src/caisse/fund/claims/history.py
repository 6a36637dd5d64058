"""What was paid before: to pay nothing twice, and to judge new lines together with what they stand beside.

``HOME/snapshots/history-<file>/`` holds the fingerprints of every paid line of the judged files up to and
including ``<file>``, and the marks of their samplings and prescriptions, grouped by provider and sorted,
memory-mapped (16 bytes a line and some 40 an invoice; look-ups touch a few). Full keys are compared in the
database. Lines paid since then come from the database. The deposits of one provider are decided one at a
time and a line can only meet those of the same provider, so nothing that counts can be missing.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from threading import Lock

import numpy as np
import polars as pl
from django.conf import settings
from django.db import connection, transaction
from numpy.typing import NDArray

from caisse.agreement.rules.batch import EARLIER_SCHEMA
from caisse.agreement.rules.fingerprints import fingerprint
from caisse.fund.claims.models import JudgedFile
from caisse.fund.claims.paid_lines import KEYS_SCHEMA, Fingerprints, Paid, PaidLines, PaidUnits
from caisse.fund.claims.reference import new_snapshot, number_of, snapshot_folders
from caisse.fund.copying import read_frame

#: A provider's lines paid since the snapshot; beyond this its worker writes a new snapshot after the job.
TAIL_AT_MOST = 2_000_000

_PAID_LINES = """
    SELECT l.file_id, l.line, l.person, l.act, l.date_of_service, coalesce(l.sampled_on, l.date_of_service),
           i.prescribed_on, i.prescriber, f.provider_code
    FROM claims_linedecision l JOIN claims_judgedfile f ON f.id = l.file_id
    JOIN claims_invoicedecision i ON i.file_id = l.file_id AND i.invoice = l.invoice
    WHERE l.outcome <> 'refused' AND l.person IS NOT NULL AND NOT f.is_test
      AND l.file_id > %s AND l.file_id <= %s
"""
_ONE_PROVIDER = " AND f.provider_code = %s"
_CONFIRM = """
    SELECT l.file_id, l.person, l.act, l.date_of_service, f.provider_code,
           (f.judged_at AT TIME ZONE %s)::date, f.deposit_id
    FROM claims_linedecision l JOIN claims_judgedfile f ON f.id = l.file_id
    JOIN unnest(%s::bigint[], %s::int[]) AS wanted(file, line)
      ON l.file_id = wanted.file AND l.line = wanted.line
    WHERE l.outcome <> 'refused' AND NOT f.is_test
"""
_CONFIRMED_SCHEMA = pl.Schema(
    {
        "file": pl.Int32(),
        "person": pl.Int64(),
        "act": pl.String(),
        "date_of_service": pl.Date(),
        "billing_provider": pl.Int32(),
        "paid_on": pl.Date(),
        "deposit": pl.String(),
    }
)
# Each run of lines is looked up in the primary key, whatever the planner knows of a table just written.
_PAID_IN = """
    SELECT l.file_id, l.line,
           l.person, l.act_paid, l.date_of_service, coalesce(l.sampled_on, l.date_of_service),
           l.quantity_paid, i.prescriber, i.prescribed_on, i.prescription_reference, f.provider_code,
           i.invoice_reference, l.line_reference, (f.judged_at AT TIME ZONE %s)::date, f.deposit_id
    FROM unnest(%s::bigint[], %s::int[], %s::int[]) AS run(file, first, last)
    JOIN claims_judgedfile f ON f.id = run.file AND NOT f.is_test
    CROSS JOIN LATERAL (
        SELECT * FROM claims_linedecision
        WHERE file_id = run.file AND line BETWEEN run.first AND run.last OFFSET 0) AS l
    JOIN claims_invoicedecision i ON i.file_id = l.file_id AND i.invoice = l.invoice
    WHERE l.outcome <> 'refused' AND l.person IS NOT NULL
"""


def sampled_another_day() -> pl.Expr:
    """The column ``sampled_on`` as a decision keeps it: null where it is the day of service."""
    return pl.when(pl.col("sampled_on") != pl.col("date_of_service")).then("sampled_on").alias("sampled_on")


@dataclass(frozen=True, slots=True)
class ProviderHistory:
    """The history of one provider, as `caisse.agreement.rules` asks for it.

    ``parts``: the mapped snapshot and what was paid since; joining them would copy the whole snapshot.
    ``until`` is the newest judged file in it, ``snapshot`` the newest one in the snapshot.
    """

    snapshot: int
    until: int
    parts: tuple[Paid, ...]

    @property
    def fingerprints(self) -> tuple[Fingerprints, ...]:
        """Each part's, in ascending order."""
        return tuple(part.lines.fingerprints for part in self.parts)

    @property
    def unit_marks(self) -> tuple[Fingerprints, ...]:
        """Each part's marks of samplings and prescriptions, in ascending order."""
        return tuple(part.units.fingerprints for part in self.parts)

    @property
    def tail_rows(self) -> int:
        """Lines paid since the snapshot."""
        return sum(len(part.lines.fingerprints) for part in self.parts[1:])

    def followed_by(self, until: int, keys: pl.DataFrame) -> "ProviderHistory":
        """This history and the paid lines of the judged files after it, up to and including ``until``."""
        if keys.is_empty():
            return replace(self, until=until)
        snapshot, *tail = self.parts
        added = Paid.of(keys)
        return replace(self, until=until, parts=(snapshot, tail[0].merged(added) if tail else added))

    def confirm(self, candidates: pl.DataFrame) -> pl.DataFrame:
        """Those of ``candidates`` that were really paid, compared on their full keys in the database."""
        keys = ("person", "act", "date_of_service", "billing_provider")
        marks = fingerprint(*(candidates[key] for key in keys))
        earlier = _rows_in_database(pl.concat([part.lines.rows_of(marks) for part in self.parts]))
        wanted = candidates.select(
            "line",
            pl.col("person").cast(pl.Int64),
            pl.col("act").cast(pl.String),
            "date_of_service",
            pl.col("billing_provider").cast(pl.Int32),
        )
        found = wanted.join(earlier, on=keys, how="inner").sort("paid_on", "file", maintain_order=True)
        return found.unique("line", keep="first", maintain_order=True).select("line", "paid_on", "deposit")

    def paid_in(self, marks: Fingerprints) -> pl.DataFrame:
        """The lines behind these marks of samplings and prescriptions, from the database in one query."""
        runs = pl.concat([part.units.rows_of(marks) for part in self.parts]).unique()
        if runs.is_empty():
            return pl.DataFrame(schema=EARLIER_SCHEMA)
        wanted = (runs[name].to_list() for name in ("files", "firsts", "lasts"))
        schema = {"file": pl.Int32(), "line": pl.Int32(), **EARLIER_SCHEMA}
        found = read_frame(_PAID_IN, schema, (settings.TIME_ZONE, *wanted))
        return found.unique(["file", "line"]).sort("file", "line").select(EARLIER_SCHEMA.names())


def _rows_in_database(rows: pl.DataFrame) -> pl.DataFrame:
    if rows.is_empty():
        return pl.DataFrame(schema=_CONFIRMED_SCHEMA)
    with connection.cursor() as cursor:
        cursor.execute(_CONFIRM, [settings.TIME_ZONE, rows["files"].to_list(), rows["lines"].to_list()])
        found = [(*row[:-1], str(row[-1])) for row in cursor.fetchall()]
    return pl.DataFrame(found, schema=_CONFIRMED_SCHEMA, orient="row")


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """All paid lines up to and including judged file ``until``; ``slices`` says where each provider's lie."""

    until: int = 0
    paid: Paid = field(default_factory=Paid.nothing)
    slices: Mapping[int, tuple[slice, slice]] = field(default_factory=dict)

    def of_provider(self, provider: int) -> Paid:
        if provider not in self.slices:
            return Paid.nothing()
        lines, units = self.slices[provider]
        return Paid(self.paid.lines.part(lines), self.paid.units.part(units))


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
    return ProviderHistory(0, until, (Paid.of(_paid_lines(0, until, provider)),))


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
    return read_frame(query, dict(KEYS_SCHEMA), params)


def extended(held: _Snapshot, added: pl.DataFrame) -> dict[int, Paid]:
    """Every provider's paid lines: those of the snapshot and the rows ``added``."""
    providers = sorted({*held.slices, *added["billing_provider"].unique()})
    return {
        code: held.of_provider(code).merged(Paid.of(added.filter(pl.col("billing_provider") == code)))
        for code in providers
    }


def write_history(folder: Path, until: int, paid: Mapping[int, Paid]) -> None:
    """Write a snapshot of every provider's paid lines under the number of the newest judged file in it."""
    with new_snapshot(folder, "history", until) as target:
        sizes = [[len(getattr(one, kind).fingerprints) for one in paid.values()] for kind in _KINDS]
        np.save(target / "providers.npy", np.array([list(paid), *sizes], np.int64).reshape(3, -1))
        for kind, of_kind in _KINDS.items():
            parts = [of_kind.nothing(), *(getattr(one, kind) for one in paid.values())]
            for name in _names(of_kind):
                whole = np.concatenate([getattr(part, name) for part in parts])
                np.save(target / f"{kind}-{name}.npy", whole)


_KINDS: dict[str, type[PaidLines | PaidUnits]] = {"lines": PaidLines, "units": PaidUnits}


def _names(of_kind: type[PaidLines | PaidUnits]) -> list[str]:
    return [array.name for array in fields(of_kind)]


def _read(folder: Path) -> _Snapshot:
    """The newest snapshot, mapped; an empty one if there is none, or only such as older software wrote."""
    for path in snapshot_folders(folder, "history"):
        with suppress(FileNotFoundError):
            mapped = {
                kind: of_kind(
                    *(np.load(path / f"{kind}-{name}.npy", mmap_mode="r") for name in _names(of_kind))
                )
                for kind, of_kind in _KINDS.items()
            }
            providers, *sizes = np.load(path / "providers.npy")
            slices = dict(zip(providers.tolist(), zip(*map(_slices, sizes), strict=True), strict=True))
            return _Snapshot(number_of(path), Paid(mapped["lines"], mapped["units"]), slices)
    return _Snapshot()


def _slices(sizes: NDArray[np.int64]) -> list[slice]:
    ends = np.cumsum(sizes)
    return [slice(int(end - size), int(end)) for end, size in zip(ends, sizes, strict=True)]
