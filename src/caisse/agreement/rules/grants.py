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
        "used_by": pl.String(),
    }
)


def collective_lines(
    batch: Batch, facts: Facts, tables: Tables, is_collective: NDArray[np.bool_]
) -> pl.DataFrame:
    """The lines with a collective code that name an authorisation, and what that authorisation says.

    ``row`` is the line, ``is_granted`` says whether there is such a granted authorisation, ``not_covered``
    what it does not cover (null where it covers the line), ``granted_cents`` what it grants, ``used_by`` the
    line of an earlier file that it has paid, ``analyses`` the granted acts of the same request. Empty when
    authorisations were not looked up.
    """
    rows = np.flatnonzero(is_collective)
    rows = rows[(batch.lines["authorisation_reference"].gather(rows).fill_null("") != "").to_numpy()]
    authorisations = facts.authorisations
    if authorisations is None:
        rows, authorisations = rows[:0], pl.DataFrame(schema=AUTHORISATIONS_SCHEMA)
    invoice = batch.lines["invoice"].gather(rows)
    lines = pl.DataFrame(
        {
            "row": pl.Series(rows, dtype=pl.Int64),
            "act": batch.lines["act"].gather(rows),
            "date_of_service": batch.lines["date_of_service"].gather(rows),
            "reference": batch.lines["authorisation_reference"].gather(rows),
            "billed_person": _stable(facts, batch.invoices["insured_person"].gather(invoice)),
        }
    )
    granted = _granted(authorisations, lines["reference"])
    granted = granted.with_columns(_stable(facts, granted["insured_person"]).alias("granted_person"))
    analyses = granted.group_by("reference").agg(pl.col("act").alias("analyses"))
    return (
        lines.join(granted, on=["reference", "act"], how="left", maintain_order="left")
        .join(analyses, on="reference", how="left", maintain_order="left")
        .join(tables.collective_codes.select("act", "prior"), on="act", how="left", maintain_order="left")
        .with_columns(
            pl.col("laboratory").is_not_null().alias("is_granted"),
            _not_covered(int(str(batch.header["billing_provider"]))).alias("not_covered"),
        )
    )


def _granted(authorisations: pl.DataFrame, references: pl.Series) -> pl.DataFrame:
    """The granted ones of these references; one request is for one analysis: act and reference name one."""
    return (
        authorisations.filter(
            pl.col("reference").is_in(references.unique().implode()),
            pl.col("status").is_in(policy("granted_statuses")),
        )
        .drop("status")
        .unique(["reference", "act"], keep="first", maintain_order=True)
    )


def _stable(facts: Facts, numbers: pl.Series) -> pl.Series:
    """The stable ids behind printed numbers: a person may have been given a new number since."""
    printed = numbers.cast(pl.Int64).to_numpy()
    index = facts.insured_index
    return pl.Series(printed if index is None else index.identities(index.find(printed), printed))


def _not_covered(billing_provider: int) -> pl.Expr:
    """What the authorisation does not cover, in words; null where it covers the line."""
    served = pl.col("date_of_service")
    # An authorisation need not precede the act where the letters do not say "prior" (A1010 art. 3).
    too_early = pl.col("prior") & (served < pl.col("valid_from"))
    return (
        pl.when(pl.col("laboratory") != billing_provider)
        .then(pl.lit("another laboratory"))
        .when(pl.col("granted_person") != pl.col("billed_person"))
        .then(pl.lit("another person"))
        .when(too_early | (served >= pl.col("valid_until")).fill_null(False))
        .then(pl.lit("other days"))
    )
