"""Rows out of plain bytes."""

import polars as pl
from caisse.agreement.layouts.catalogue import Layout


def read_rows(body: bytes, layout: Layout) -> dict[str, pl.DataFrame] | None:
    return None
