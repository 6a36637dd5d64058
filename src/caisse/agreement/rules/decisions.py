"""What is paid of each line, and the sums of each invoice. In every row asked = paid + patient + refused."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.rules.batch import OUTCOME, PAID, REDUCED, REFUSED
from caisse.agreement.rules.policies import policy
from caisse.agreement.rules.pricing import AMOUNTS, line_tariff_cents, split_amounts
from caisse.agreement.rules.standing import Standing


def decide_lines(standing: Standing) -> pl.DataFrame:
    """One row a line, as `Adjudication` describes it, from what the rules left standing."""
    lines = standing.batch.lines
    amounts = split_amounts(
        pl.col("gross_cents"),
        # What the rules took from the quantity is not paid for; the tariff of the rest is.
        pl.when(pl.col("quantity_paid") < pl.col("quantity"))
        .then(line_tariff_cents(pl.col("act_tariff_cents"), pl.col("quantity_paid")))
        .otherwise("tariff_cents"),
        payable=pl.col("payable"),
        share_percent=policy("patient_share_percent"),
    )
    cut = (pl.col("quantity_paid") < pl.col("quantity")) | (pl.col("refused_cents") > 0)
    outcome = pl.when(~pl.col("payable")).then(_word(REFUSED)).when(cut).then(_word(REDUCED))
    return (
        lines.select(
            "line",
            "invoice",
            pl.col("act").alias("act_paid"),
            "quantity",
            pl.Series("quantity_paid", np.where(standing.payable, standing.quantity, 0).astype(np.int32)),
            "gross_cents",
            standing.joined.lines["tariff_cents"],
            pl.Series("act_tariff_cents", standing.index.tariff[standing.joined.places]),
            pl.Series("payable", standing.payable),
        )
        .with_columns(amounts.columns())
        .select(
            "line",
            "invoice",
            "act_paid",
            "quantity_paid",
            *AMOUNTS,
            outcome.otherwise(_word(PAID)).alias("outcome"),
        )
    )


def _word(outcome: str) -> pl.Expr:
    return pl.lit(outcome, dtype=OUTCOME)


def decide_invoices(lines: pl.DataFrame, invoice_of: NDArray[np.int64], invoices: int) -> pl.DataFrame:
    """One row an invoice: the sums of its lines; paid when all are, refused when all are, else reduced."""
    sums = {}
    for amount in AMOUNTS:
        sums[amount] = np.zeros(invoices, np.int64)
        np.add.at(sums[amount], invoice_of, lines[amount].to_numpy())
    count = np.bincount(invoice_of, minlength=invoices)
    outcome = lines["outcome"].to_physical().to_numpy()
    all_paid = np.bincount(invoice_of[outcome == _place(PAID)], minlength=invoices) == count
    all_refused = np.bincount(invoice_of[outcome == _place(REFUSED)], minlength=invoices) == count
    word = np.where(all_paid, _place(PAID), np.where(all_refused, _place(REFUSED), _place(REDUCED)))
    return pl.DataFrame(
        {
            "invoice": pl.int_range(invoices, dtype=pl.UInt32, eager=True),
            **sums,
            "outcome": pl.Series(word.astype(np.uint8)).cat.to(OUTCOME),
        }
    )


def _place(outcome: str) -> int:
    return OUTCOME.categories.to_list().index(outcome)
