"""What still stands of each line while one rule after another is applied."""

from dataclasses import dataclass

import numpy as np
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

    ``act`` and ``edition`` are the numbers of `TariffIndex`, ``unit`` the unit of cumulation.
    """

    batch: Batch
    joined: Joined
    index: TariffIndex
    rules: RuleIndex
    units: Units
    act: Numbers
    edition: NDArray[np.int16]
    unit: Numbers
    payable: NDArray[np.bool_]
    quantity: Numbers

    @classmethod
    def of(cls, batch: Batch, joined: Joined, tables: Tables, payable: NDArray[np.bool_]) -> "Standing":
        """Before the first rule: every payable line with all of its quantity."""
        index, rules = tariff_index(tables), rule_index(tables)
        units = Units(batch, joined)
        return cls(
            batch=batch,
            joined=joined,
            index=index,
            rules=rules,
            units=units,
            act=joined.act_codes,
            edition=index.edition[joined.places],
            unit=units.of(rules.unit, np.arange(batch.lines.height)),
            payable=payable,
            quantity=np.array(batch.lines["quantity"].to_numpy(), np.int64),
        )

    def refuse(self, rows: Numbers) -> None:
        """Nothing of these lines is payable any more."""
        self.payable[rows] = False
        self.quantity[rows] = 0

    def reduce(self, rows: Numbers, excess: Numbers) -> None:
        """Take ``excess`` from the quantity of each line; a line with none left is refused."""
        self.quantity[rows] -= excess
        self.payable[rows] &= self.quantity[rows] > 0

    def act_names(self, rows: Numbers) -> list[str]:
        """The acts of these lines as written."""
        acts = self.batch.lines["act"]
        return [str(acts[int(row)]) for row in rows]
