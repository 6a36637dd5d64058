"""The units within which acts are counted, as dense numbers: lines of the same unit have the same number."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.rules.batch import Batch
from caisse.agreement.rules.joined import Joined

Numbers = NDArray[np.int64]

_OF_INVOICES = ("prescriber", "prescribed_on", "prescription_reference")
_OF_LINES = ("sampled_on", "date_of_service")


@dataclass(frozen=True, slots=True)
class Units:
    """Numbers the units of a file's lines."""

    batch: Batch
    joined: Joined

    def of(self, columns: tuple[str, ...], rows: Numbers) -> Numbers:
        """For each of ``rows`` the number, from 0, of its unit: the lines with equal ``columns``.

        The biller is the same in the whole file. Lines of one unit mostly stand together, so runs are
        numbered and not lines.
        """
        values = [self._values(column, rows) for column in columns if column != "billing_provider"]
        if not len(rows) or not values:
            return np.zeros(len(rows), np.int64)
        begins = np.zeros(len(rows), bool)
        begins[0] = True
        for column in values:
            begins[1:] |= column[1:] != column[:-1]
        starts = np.flatnonzero(begins)
        key = np.zeros(len(starts), np.int64)
        size = 1
        for column in values:
            key, size = _combined(key, size, column[starts])
        _, first, number = np.unique(key, return_index=True, return_inverse=True)
        # Numbered as they appear, so that lines in file order are almost sorted by unit.
        in_order = np.empty(len(first), np.int64)
        in_order[np.argsort(first)] = np.arange(len(first))
        of_line: Numbers = in_order[number][np.cumsum(begins) - 1]
        return of_line

    def _values(self, column: str, rows: Numbers) -> Numbers:
        """The column's values at ``rows`` as integers that are equal where the values are."""
        if column == "person":
            return self.joined.person[self.joined.invoice_of[rows]]
        if column in _OF_INVOICES:
            return _as_integers(self.batch.invoices[column].gather(self.joined.invoice_of[rows]))
        if column in _OF_LINES:
            return _as_integers(self.batch.lines[column].gather(rows))
        raise BrokenSystem(f"The tables count within {column!r}, which no file carries.")


def _as_integers(values: pl.Series) -> Numbers:
    coded = values.cast(pl.Categorical) if values.dtype == pl.String else values
    return coded.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()


def _combined(key: Numbers, size: int, column: Numbers) -> tuple[Numbers, int]:
    """A key that is equal where ``key`` and ``column`` are, and one more than its greatest value."""
    low = int(column.min())
    span = int(column.max()) - low + 1
    if size * span >= 2**62:
        distinct, key = np.unique(key, return_inverse=True)
        size = len(distinct)
    if size * span >= 2**62:
        distinct, column = np.unique(column, return_inverse=True)
        low, span = 0, len(distinct)
    return key * span + (column - low), size * span
