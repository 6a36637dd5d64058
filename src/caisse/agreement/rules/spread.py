"""Analyses spread over several samplings: an earlier file may have been paid the first of them."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.rules.batch import History
from caisse.agreement.rules.fingerprints import among, prescription_marks

#: One prescription; its reference alone is the practice's own and may come again.
_PRESCRIPTION = ["person", "prescribed_on", "prescriber", "prescription_reference"]


def first_samplings(
    invoices: pl.DataFrame, person: NDArray[np.int64], history: History | None, biller: int
) -> pl.Series:
    """The day of the first sampling on each invoice's prescription, named ``begun_on``.

    That is the invoice's own first sampling, or the first the laboratory ``biller`` was paid for before on
    the same prescription. ``invoices`` has one row an invoice: prescription_reference, prescribed_on,
    prescriber, first_sampled_on, prescription_until. The history is asked only where the own one is too late.
    """
    table = invoices.select(
        pl.int_range(pl.len()).alias("row"),
        pl.Series("person", person),
        *_PRESCRIPTION[1:],
        pl.col("first_sampled_on").alias("begun_on"),
        late=pl.col("first_sampled_on") >= pl.col("prescription_until"),
    )
    begun_on = table["begun_on"]
    late = table.filter("late", pl.col("prescribed_on").is_not_null(), pl.col("prescriber").is_not_null())
    if history is None or late.is_empty():
        return begun_on
    earlier = _first_paid(late, history, biller)
    found = late.join(earlier, on=_PRESCRIPTION, how="inner", nulls_equal=True)
    found = found.filter(pl.col("paid_from") < pl.col("begun_on"))
    return begun_on.scatter(found["row"], found["paid_from"])


def _first_paid(late: pl.DataFrame, history: History, biller: int) -> pl.DataFrame:
    """The first paid sampling (``paid_from``) of each prescription of ``late`` that was paid before."""
    marks = np.unique(
        prescription_marks(
            late["person"].to_numpy(),
            late["prescribed_on"].to_physical().to_numpy(),
            late["prescriber"].cast(pl.Int64).to_numpy(),
        )
    )
    # Equal marks are no proof; the join on the whole key is.
    paid = history.paid_in(marks[among(history.unit_marks, marks)])
    of_biller = paid.filter(pl.col("billing_provider") == biller).cast(
        {"prescriber": late.schema["prescriber"]}
    )
    return of_biller.group_by(_PRESCRIPTION).agg(pl.col("sampled_on").min().alias("paid_from"))
