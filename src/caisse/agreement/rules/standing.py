"""What still stands of each line while one rule after another is applied."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.rules.batch import Batch
from caisse.agreement.rules.joined import Joined
from caisse.agreement.rules.rule_index import RuleIndex, rule_index
from caisse.agreement.rules.tariffs import TariffIndex, tariff_index
from caisse.agreement.rules.units import Units
from caisse.agreement.tables import Tables

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Standing:
    """Lines and the quantity of each that is still payable; the rules take away in place, nothing is added.

    ``act`` and ``edition`` are the numbers of `TariffIndex`, ``unit`` the unit of cumulation. The first
    ``settled`` lines were paid by earlier files (``paid``: how, in words): they count and stay as they are.
    """

    batch: Batch
    joined: Joined
    index: TariffIndex
    rules: RuleIndex
    units: Units
    act: Numbers
    edition: NDArray[np.int16]
    place: Numbers
    unit: Numbers
    payable: NDArray[np.bool_]
    quantity: Numbers
    settled: int = 0
    paid: pl.Series | None = None

    @classmethod
    def of(
        cls,
        batch: Batch,
        joined: Joined,
        tables: Tables,
        payable: NDArray[np.bool_],
        paid: pl.Series | None = None,
    ) -> "Standing":
        """Before the first rule: every payable line with all of its quantity; the first were ``paid``."""
        index, rules = tariff_index(tables), rule_index(tables)
        units = Units(batch, joined)
        edition = index.edition[joined.places]
        return cls(
            batch=batch,
            joined=joined,
            index=index,
            rules=rules,
            units=units,
            act=joined.act_codes,
            edition=edition,
            # No rule speaks of what is in no edition: any edition's row says so.
            place=np.maximum(edition, 0) * np.int64(index.unknown + 1) + joined.act_codes,
            unit=units.of(rules.unit, np.arange(batch.lines.height)),
            payable=payable,
            quantity=np.array(batch.lines["quantity"].to_numpy(), np.int64),
            settled=0 if paid is None else len(paid),
            paid=paid,
        )

    def told_of(self, words: str, rows: Numbers, otherwise: pl.Series) -> pl.Series:
        """``otherwise``, or ``words`` about how the line of ``rows`` was paid where an earlier file did."""
        if self.paid is None:
            return otherwise
        place = pl.Series(np.where(rows < self.settled, rows, -1)).replace(-1, None)
        told = pl.DataFrame({"paid": self.paid.gather(place), "otherwise": otherwise})
        return told.select(pl.coalesce(pl.format(words, "paid"), "otherwise")).to_series()

    def held[Kind: np.generic](self, values: NDArray[Kind], rows: Numbers | None = None) -> NDArray[Kind]:
        """The value for each line (of ``rows``) in an array of `RuleIndex` of shape (editions, acts + 1)."""
        place = self.place if rows is None else self.place[rows]
        return values.ravel()[place]

    def refuse(self, rows: Numbers) -> None:
        """Nothing of these lines is payable any more."""
        self.payable[rows] = False
        self.quantity[rows] = 0

    def reduce(self, rows: Numbers, excess: Numbers) -> None:
        """Take ``excess`` from the quantity of each line; a line with none left is refused."""
        self.quantity[rows] -= excess
        self.payable[rows] &= self.quantity[rows] > 0
