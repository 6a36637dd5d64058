"""Looking up half-open periods by number for whole columns, by binary search in sorted arrays."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

#: Stands for "open" in arrays of days: later than any date a file can carry.
OPEN_END = np.int32(2**31 - 1)

Days = NDArray[np.int32]
Mask = NDArray[np.bool_]
Positions = NDArray[np.int64]


def search_in_order[Number: (np.int64, np.uint64)](
    keys: NDArray[Number], wanted: NDArray[Number]
) -> Positions:
    """`numpy.searchsorted`, but looked up in ascending order, which spares the processor's cache."""
    order = np.argsort(wanted)
    first = np.empty(len(wanted), np.int64)
    first[order] = np.searchsorted(keys, wanted[order], side="left")
    return first


@dataclass(frozen=True, slots=True)
class Matches:
    """Where each wanted number stands in a `PeriodIndex`: its first row and how many rows it has."""

    first: Positions
    count: Positions

    @property
    def known(self) -> Mask:
        """True where the number has at least one row."""
        return self.count > 0


@dataclass(frozen=True, slots=True)
class PeriodIndex:
    """Rows (number, from, until) sorted by number; ``identity`` is the stable id behind each row's number."""

    keys: NDArray[np.int64]
    starts: Days
    ends: Days
    identity: NDArray[np.int64]

    @classmethod
    def build(
        cls,
        frame: pl.DataFrame,
        key: str,
        start: str,
        end: str,
        *,
        identity: str | None = None,
        is_sorted: bool = False,
    ) -> "PeriodIndex":
        """Index ``frame`` by ``key``; a null ``end`` is open. Pass ``is_sorted`` to spare the sorting."""
        table = frame.select(
            pl.col(key).cast(pl.Int64).alias("key"),
            pl.col(start).to_physical().alias("start"),
            pl.col(end).to_physical().fill_null(int(OPEN_END)).alias("end"),
            pl.col(identity or key).cast(pl.Int64).alias("identity"),
        )
        if not (is_sorted and table["key"].is_sorted()):
            table = table.sort("key", maintain_order=True)
        table = table.rechunk()
        return cls(
            keys=table["key"].to_numpy(),
            starts=table["start"].to_numpy(),
            ends=table["end"].to_numpy(),
            identity=table["identity"].to_numpy(),
        )

    def find(self, wanted: NDArray[np.int64]) -> Matches:
        """The rows of each wanted number."""
        first = search_in_order(self.keys, wanted)
        count = np.zeros(len(wanted), np.int64)
        remaining = np.arange(len(wanted))
        while len(remaining):
            rows = first[remaining] + count[remaining]
            inside = rows < len(self.keys)
            hit = np.zeros(len(remaining), bool)
            hit[inside] = self.keys[rows[inside]] == wanted[remaining[inside]]
            remaining = remaining[hit]
            count[remaining] += 1
        return Matches(first.astype(np.int64), count)

    def holds_on(self, matches: Matches, days: Days, rows: Positions | None = None) -> Mask:
        """True where one of the number's periods contains the day; ``rows`` maps each day to its match."""
        holds = np.zeros(len(days), bool)
        for nth in range(int(matches.count.max(initial=0))):
            # Periods are gathered once a number, not once a day: there are several days to a number.
            having = np.flatnonzero(matches.count > nth)
            starts = np.full(len(matches.count), OPEN_END, np.int32)
            ends = np.zeros(len(matches.count), np.int32)
            starts[having] = self.starts[matches.first[having] + nth]
            ends[having] = self.ends[matches.first[having] + nth]
            if rows is not None:
                starts, ends = starts[rows], ends[rows]
            holds |= (starts <= days) & (days < ends)
        return holds

    def identities(self, matches: Matches, otherwise: NDArray[np.int64]) -> NDArray[np.int64]:
        """The stable id behind each number, or ``otherwise`` where the number is unknown."""
        found = otherwise.copy()
        known = matches.known
        found[known] = self.identity[matches.first[known]]
        return found
