"""Authorisations of collective codes: which lines name one, what it covers, and the amount it grants."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.rules.batch import Batch, Facts
from caisse.agreement.rules.policies import policy
from caisse.agreement.tables import Tables

AUTHORISATIONS_SCHEMA = pl.Schema(
    {
        "reference": pl.String(),
        "laboratory": pl.Int32(),
        "insured_person": pl.Int64(),
        "act": pl.String(),
        "granted_cents": pl.Int64(),
        "valid_from": pl.Date(),
        "valid_until": pl.Date(),
        "status": pl.String(),
    }
)


def collective_lines(
    batch: Batch, facts: Facts, tables: Tables, is_collective: NDArray[np.bool_]
) -> pl.DataFrame:
    """The lines with a collective code that name an authorisation, and what that authorisation says.

    ``row`` is the line, ``is_granted`` says whether there is such a granted authorisation, ``not_covered``
    what it does not cover (null where it covers the line), ``granted_cents`` what it grants. Empty when
    authorisations were not looked up.
    """
    rows = np.flatnonzero(is_collective)
    if facts.authorisations is None:
        rows = rows[:0]
    named = (batch.lines["authorisation_reference"].gather(rows).fill_null("") != "").to_numpy()
    rows = rows[named]
    lines = batch.lines.select(
        "act", "date_of_service", pl.col("authorisation_reference").alias("reference")
    )[rows].with_columns(
        pl.Series("row", rows, dtype=pl.Int64),
        batch.invoices["insured_person"].gather(batch.lines["invoice"].gather(rows)).alias("billed_person"),
    )
    authorisations = pl.DataFrame(schema=AUTHORISATIONS_SCHEMA)
    if facts.authorisations is not None:
        authorisations = facts.authorisations
    granted = granted_authorisations(authorisations)
    prior = tables.collective_codes.select("act", "prior")
    joined: pl.DataFrame = (
        lines.join(granted, on=["reference", "act"], how="left", maintain_order="left")
        .join(prior, on="act", how="left", maintain_order="left")
        .with_columns(
            pl.col("laboratory").is_not_null().alias("is_granted"),
            _not_covered(int(str(batch.header["billing_provider"]))).alias("not_covered"),
        )
    )
    return joined


def granted_authorisations(authorisations: pl.DataFrame) -> pl.DataFrame:
    """The granted ones; one request is for one analysis, so reference and act name one row."""
    return (
        authorisations.filter(pl.col("status").is_in(policy("granted_statuses")))
        .drop("status")
        .unique(["reference", "act"], keep="first", maintain_order=True)
    )


def _not_covered(billing_provider: int) -> pl.Expr:
    """What the authorisation does not cover, in words; null where it covers the line."""
    served = pl.col("date_of_service")
    # An authorisation need not precede the act where the letters do not say "prior" (A1010 art. 3).
    too_early = pl.col("prior") & (served < pl.col("valid_from"))
    return (
        pl.when(pl.col("laboratory") != billing_provider)
        .then(pl.lit("another laboratory"))
        .when(pl.col("insured_person") != pl.col("billed_person"))
        .then(pl.lit("another person"))
        .when(too_early | (served >= pl.col("valid_until")).fill_null(False))
        .then(pl.lit("other days"))
    )
