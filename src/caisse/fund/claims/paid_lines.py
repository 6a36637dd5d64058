"""Paid lines as sorted arrays: by the fingerprint of each, and by its sampling and its prescription."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.rules.fingerprints import fingerprint, prescription_marks, sampling_marks

Fingerprints = NDArray[np.uint64]

#: What is read of a paid line to find it again; in the order of files and lines.
KEYS_SCHEMA = pl.Schema(
    {
        "file": pl.Int32(),
        "line": pl.Int32(),
        "person": pl.Int64(),
        "act": pl.String(),
        "date_of_service": pl.Date(),
        "sampled_on": pl.Date(),
        "prescribed_on": pl.Date(),
        "prescriber": pl.Int32(),
        "billing_provider": pl.Int32(),
    }
)


@dataclass(frozen=True, slots=True)
class _Sorted:
    """Arrays of one length; the fingerprints are in ascending order."""

    fingerprints: Fingerprints
    files: NDArray[np.int32]

    def merged(self, other: Self) -> Self:
        """Both, still in ascending order."""
        if not len(other.fingerprints):
            return self
        at = np.searchsorted(self.fingerprints, other.fingerprints)
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in fields(self))
        return type(self)(*(np.insert(mine, at, added) for mine, added in pairs))

    def part(self, rows: slice) -> Self:
        """The rows of a slice; nothing is copied."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    def rows_of(self, marks: Fingerprints) -> pl.DataFrame:
        """Every row whose fingerprint is among ``marks``, with the other arrays as columns."""
        wanted = np.unique(marks)
        first = np.searchsorted(self.fingerprints, wanted, side="left")
        count = np.searchsorted(self.fingerprints, wanted, side="right") - first
        rows = np.repeat(first, count) + (np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count))
        return pl.DataFrame({field.name: getattr(self, field.name)[rows] for field in fields(self)[1:]})

    @classmethod
    def nothing(cls) -> Self:
        """No row at all."""
        return cls(np.zeros(0, np.uint64), *(np.zeros(0, np.int32) for _ in fields(cls)[1:]))


@dataclass(frozen=True, slots=True)
class PaidLines(_Sorted):
    """Fingerprints of paid lines, and the judged file and line each stands for."""

    lines: NDArray[np.int32]

    @classmethod
    def of(cls, keys: pl.DataFrame) -> Self:
        """From a frame of `KEYS_SCHEMA`."""
        marks = fingerprint(keys["person"], keys["act"], keys["date_of_service"], keys["billing_provider"])
        order = np.argsort(marks, kind="stable")
        return cls(marks[order], keys["file"].to_numpy()[order], keys["line"].to_numpy()[order])


@dataclass(frozen=True, slots=True)
class PaidUnits(_Sorted):
    """Marks of paid samplings and prescriptions, and the lines of a judged file each stands for.

    Lines of one unit mostly follow one another: a mark stands for a run of them, from the first to the last
    (20 bytes). Lines in between that were refused are in the run too.
    """

    firsts: NDArray[np.int32]
    lasts: NDArray[np.int32]

    @classmethod
    def of(cls, keys: pl.DataFrame) -> Self:
        """From a frame of `KEYS_SCHEMA` in the order of files and lines."""
        rows = _Rows.of(keys)
        later = rows.at(np.flatnonzero(rows.sampled != rows.served))

        def by_sampling(one: _Rows) -> Fingerprints:
            return sampling_marks(one.person, one.sampled, one.biller)

        def by_later_service(one: _Rows) -> Fingerprints:
            return sampling_marks(one.person, one.sampled, one.biller, served_later=True)

        def by_prescription(one: _Rows) -> Fingerprints:
            return prescription_marks(one.person, one.prescribed, one.prescriber)

        runs = [
            _marked_runs(rows, (rows.sampled,), by_sampling),
            _marked_runs(later, (later.sampled,), by_later_service),
            _marked_runs(rows, (rows.prescribed, rows.prescriber), by_prescription),
        ]
        marks, files, firsts, lasts = (np.concatenate(part) for part in zip(*runs, strict=True))
        order = np.argsort(marks, kind="stable")
        return cls(marks[order], files[order], firsts[order], lasts[order])


@dataclass(frozen=True, slots=True)
class _Rows:
    """The columns of paid lines as arrays; days count from 1970-01-01, -1 where there is none."""

    file: NDArray[np.int32]
    line: NDArray[np.int32]
    person: NDArray[np.int64]
    sampled: NDArray[np.int32]
    served: NDArray[np.int32]
    prescribed: NDArray[np.int32]
    prescriber: NDArray[np.int64]
    biller: NDArray[np.int64]

    @classmethod
    def of(cls, keys: pl.DataFrame) -> "_Rows":
        days = ("sampled_on", "date_of_service", "prescribed_on")
        codes = ("prescriber", "billing_provider")
        return cls(
            *(keys[name].to_numpy() for name in ("file", "line", "person")),
            *(keys[name].to_physical().fill_null(-1).to_numpy() for name in days),
            *(keys[name].cast(pl.Int64).fill_null(-1).to_numpy() for name in codes),
        )

    def at(self, rows: NDArray[np.int64]) -> "_Rows":
        return _Rows(*(getattr(self, column.name)[rows] for column in fields(self)))


def _marked_runs(
    rows: _Rows, unit: tuple[NDArray[Any], ...], mark: Callable[[_Rows], Fingerprints]
) -> tuple[NDArray[Any], ...]:
    """Of every run of lines of one file and unit: its mark, its file, its first and its last line."""
    first, last = _runs(rows.file, rows.person, *unit)
    one = rows.at(first)
    return mark(one), one.file, one.line, rows.line[last]


def _runs(*columns: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and the last row of every run of rows with the same values."""
    size = len(columns[0])
    if not size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    begins = np.ones(size, bool)
    begins[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    first = np.flatnonzero(begins)
    return first, np.append(first[1:] - 1, size - 1)


@dataclass(frozen=True, slots=True)
class Paid:
    """Paid lines, to be found by their own keys and by those of their units."""

    lines: PaidLines
    units: PaidUnits

    @classmethod
    def of(cls, keys: pl.DataFrame) -> "Paid":
        """From a frame of `KEYS_SCHEMA`."""
        keys = keys.sort("file", "line")
        return cls(PaidLines.of(keys), PaidUnits.of(keys))

    def merged(self, other: "Paid") -> "Paid":
        """Both."""
        return Paid(self.lines.merged(other.lines), self.units.merged(other.units))

    @classmethod
    def nothing(cls) -> "Paid":
        """Nothing was paid."""
        return cls(PaidLines.nothing(), PaidUnits.nothing())
