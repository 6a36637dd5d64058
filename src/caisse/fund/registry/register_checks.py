"""What must hold in the rows of a register, as whole columns: check digits, periods, nothing twice."""

from collections.abc import Iterable, Sequence

import polars as pl

from caisse.agreement.identifiers import national_number, provider_code
from caisse.fund.registry.register_faults import LINE, Fault, faults_where

#: How an open end is written where a period is shown.
_OPEN = "…"


def national_numbers(rows: pl.DataFrame, column: str) -> list[Fault]:
    """Date of birth and both check digits of every national number."""
    good = national_number.check_column(rows[column])
    broken = ~pl.Series(good.select(pl.all_horizontal(pl.all())).to_series())
    return faults_where(rows, pl.lit(broken), "national_number_digits", column) if broken.any() else []


def provider_codes(rows: pl.DataFrame, column: str) -> list[Fault]:
    """The check digits of every provider code."""
    good = provider_code.check_column(rows[column])
    broken = ~pl.Series(good.select(pl.all_horizontal(pl.all())).to_series())
    return faults_where(rows, pl.lit(broken), "provider_code_digits", column) if broken.any() else []


def one_of(rows: pl.DataFrame, column: str, allowed: Iterable[str], kind: str) -> list[Fault]:
    """Only values that are known."""
    known = sorted(allowed)
    return faults_where(rows, ~pl.col(column).is_in(known), kind, column, allowed=", ".join(known))


def ends(rows: pl.DataFrame, start: str, end: str) -> list[Fault]:
    """No period ends before it begins."""
    bad = rows.filter(pl.col(end) < pl.col(start)).select(LINE, start, end)
    return [
        Fault(line, end, "ends_before", str(until), {"start": str(begin)})
        for line, begin, until in bad.iter_rows()
    ]


def once(rows: pl.DataFrame, keys: Sequence[str], shown: str) -> list[Fault]:
    """One row for each ``keys``."""
    again = rows.sort(LINE).filter(~pl.struct(*keys).is_first_distinct())
    if again.is_empty():
        return []
    first = rows.group_by(*keys).agg(pl.col(LINE).min().alias("first"))
    told = again.join(first, on=list(keys), maintain_order="left").select(
        LINE, pl.col(shown).cast(pl.String), "first"
    )
    return [
        Fault(line, shown, "twice", found, {"other": str(first)}) for line, found, first in told.iter_rows()
    ]


def one_name(rows: pl.DataFrame, key: str) -> list[Fault]:
    """One ``key`` has one name; rows without a name say nothing."""
    named = rows.filter(pl.col("name") != "")
    first = named.unique(key, keep="first", maintain_order=True).select(
        key, pl.col("name").alias("first"), pl.col(LINE).alias("at")
    )
    if first.height == named.height:
        return []
    told = named.join(first, on=key, maintain_order="left").filter(pl.col("name") != pl.col("first"))
    return [
        Fault(line, "name", "other_name", name, {"other": str(at)})
        for line, name, at in told.select(LINE, "name", "at").iter_rows()
    ]


def overlaps(periods: pl.DataFrame, keys: Sequence[str], start: str, end: str) -> list[Fault]:
    """No two periods of one ``keys`` overlap; rows that are registered already have a null `line`."""
    several = periods.filter(pl.col(end).is_null() | (pl.col(end) > pl.col(start)))
    several = several.filter(pl.len().over(*keys) > 1) if several.height else several
    if several.is_empty():
        return []
    before = [
        pl.col(name).shift(1).over(*keys, order_by=start).alias(f"{name}_before")
        for name in (LINE, start, end)
    ]
    told = several.with_columns(before).filter(
        pl.col(f"{start}_before").is_not_null()
        & (pl.col(f"{end}_before").is_null() | (pl.col(f"{end}_before") > pl.col(start)))
    )
    return [_overlap(*row) for row in told.select(
        LINE, start, end, f"{LINE}_before", f"{start}_before", f"{end}_before", pl.lit(start)
    ).iter_rows()]  # fmt: skip


def _overlap(line: int | None, start: object, end: object, line_before: int | None, start_before: object,
             end_before: object, column: str) -> Fault:  # fmt: skip
    """The fault stands on the later period, or on the earlier one when only that is in the file."""
    later, earlier = f"{start} – {end or _OPEN}", f"{start_before} – {end_before or _OPEN}"
    if line is None:
        return Fault(line_before or 0, column, "overlap_registered", earlier, {"other": later})
    if line_before is None:
        return Fault(line, column, "overlap_registered", later, {"other": earlier})
    return Fault(line, column, "overlap", later, {"other": earlier, "line": str(line_before)})
