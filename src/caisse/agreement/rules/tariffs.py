"""The published tables as arrays by act and time: what a line's act is and costs on its day of service."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.money import tariff_cents
from caisse.agreement.rules.fingerprints import hash_words
from caisse.agreement.tables import Tables

Codes = NDArray[np.int64]

#: No such act, edition or tariff.
NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class TariffIndex:
    """Acts by number (their place in ``acts``) and time by span (between two days on which a table changes).

    The arrays of shape (spans, acts + 1) say what holds in a span; the last column is the unknown act.
    ``tariff`` is in cents, ``NONE`` without a key letter. ``editions`` names the numbers in ``edition``.
    """

    acts: pl.Enum
    turns: NDArray[np.int32]
    edition: NDArray[np.int16]
    is_priced: NDArray[np.bool_]
    is_doctors_only: NDArray[np.bool_]
    tariff: NDArray[np.int64]
    is_collective: NDArray[np.bool_]
    editions: tuple[str, ...]
    act_hashes: NDArray[np.uint64]

    @property
    def unknown(self) -> int:
        """The number that stands for an act in none of the tables."""
        return len(self.acts.categories)

    def act_codes(self, acts: pl.Series) -> Codes:
        """The number of each act of a String column."""
        coded = acts.cast(self.acts, strict=False).to_physical().cast(pl.Int64)
        return coded.fill_null(self.unknown).to_numpy()

    def places(self, act_codes: Codes, days: NDArray[np.int32]) -> Codes:
        """The place of (act, day) in the flattened arrays of shape (spans, acts + 1)."""
        spans = np.searchsorted(self.turns, days, side="right")
        return spans * (self.unknown + 1) + act_codes


@lru_cache(maxsize=8)
def tariff_index(tables: Tables) -> TariffIndex:
    """The arrays of ``tables``, built once and kept."""
    names = sorted({*tables.acts["act"], *tables.collective_codes["act"]})
    number = {name: at for at, name in enumerate(names)}
    editions = tuple(tables.acts["edition"].unique().sort())
    edition_number = {name: at for at, name in enumerate(editions)}
    turns = _turns(tables)
    shape = (len(turns) + 1, len(names) + 1)
    edition = np.full(shape, NONE, np.int16)
    doctors = np.zeros(shape, bool)
    tariff = np.full(shape, NONE, np.int64)
    priced = np.zeros(shape, bool)
    letters = _key_letter_of_span(tables, turns)
    priced[letters != NONE] = True
    columns = ("act", "edition", "valid_from", "valid_until", "coefficient_hundredths", "doctors_only")
    for name, label, start, end, coefficient, only in _rows(tables.acts, columns):
        held = slice(*_spans(turns, start, end))
        at = number[name]
        edition[held, at] = edition_number[label]
        doctors[held, at] = only
        tariff[held, at] = [
            NONE if letter == NONE else tariff_cents(coefficient, int(letter)) for letter in letters[held]
        ]
    collective = np.zeros(len(names) + 1, bool)
    collective[[number[name] for name in tables.collective_codes["act"]]] = True
    return TariffIndex(
        acts=pl.Enum(names),
        turns=turns,
        edition=edition.ravel(),
        is_priced=priced.ravel(),
        is_doctors_only=doctors.ravel(),
        tariff=tariff.ravel(),
        is_collective=collective,
        editions=editions,
        act_hashes=np.append(hash_words(names), np.uint64(0)),
    )


def _turns(tables: Tables) -> NDArray[np.int32]:
    """The days (from 1970-01-01) on which an edition or a key letter begins or ends."""
    days: set[int] = set()
    for frame in (tables.acts, tables.key_letters):
        for column in ("valid_from", "valid_until"):
            days.update(frame[column].to_physical().drop_nulls().unique().to_list())
    return np.array(sorted(days), np.int32)


def _rows(frame: pl.DataFrame, columns: Iterable[str]) -> Iterable[tuple[Any, ...]]:
    return frame.select(
        pl.col(name).to_physical() if name.startswith("valid_") else pl.col(name) for name in columns
    ).iter_rows()


def _spans(turns: NDArray[np.int32], start: int, end: int | None) -> tuple[int, int]:
    """The spans [first, last) of a period; a span is counted by the turns at or before it."""
    first = int(np.searchsorted(turns, start, side="right"))
    return first, len(turns) + 1 if end is None else int(np.searchsorted(turns, end, side="right"))


def _key_letter_of_span(tables: Tables, turns: NDArray[np.int32]) -> NDArray[np.int64]:
    """The key letter of each span in hundred-thousandths of a euro, ``NONE`` where none is published."""
    letters = np.full(len(turns) + 1, NONE, np.int64)
    for start, end, value in _rows(tables.key_letters, ("valid_from", "valid_until", "value_100000ths")):
        letters[slice(*_spans(turns, start, end))] = value
    return letters
