"""What a check is, and how amounts and days read in its findings."""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from caisse.agreement.money import text_from_cents_expr

Level = Literal["file", "invoice", "line"]
#: What is not paid: the line or all lines of the invoice; the part above what is due; nothing.
Effect = Literal["refuse", "reduce", "warn"]

NOTHING = pl.lit(None, dtype=pl.String)


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """One rule: ``broken`` is true where it is broken; null counts as not broken.

    ``found`` and ``expected`` are texts, computed only for rows with a finding. ``needs`` names the facts
    without which the check is deferred. Where a code of ``follows`` is found on the same row, this
    finding follows from it and is no root error.
    """

    name: str
    code: str
    level: Level
    article: str
    broken: pl.Expr
    found: pl.Expr = NOTHING
    expected: pl.Expr = NOTHING
    needs: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    effect: Effect = "refuse"


def text(column: str) -> pl.Expr:
    """The value of a column as a finding shows it; days as YYYY-MM-DD."""
    return pl.col(column).cast(pl.String)


def euros(cents: pl.Expr) -> pl.Expr:
    """An amount as a finding shows it, such as ``8.83 EUR``."""
    return pl.concat_str(text_from_cents_expr(cents), pl.lit(" EUR"))


def before(column: str) -> pl.Expr:
    """``before YYYY-MM-DD``: the day is the first on which it is too late."""
    return pl.concat_str(pl.lit("before "), text(column))
