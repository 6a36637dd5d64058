"""Half-open periods and deadlines counted in months.

A period holds from its first day up to, not including, its ``until``; None is open. A deadline in months ends
with the day of the last month that has the same number as the day it runs from, or, when that month is too
short, with its last day; the day it runs from does not count (European Convention on the Calculation of
Time-Limits, Basel 16.5.1972, art. 3 and 4(2); in force for Luxembourg).

>>> add_months(date(2023, 12, 31), 2)
datetime.date(2024, 2, 29)
>>> deadline_until(date(2024, 1, 15), 2)  # 15 March still counts, so 16 March is the first day after
datetime.date(2024, 3, 16)
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def holds_on(day: date, valid_from: date | None, valid_until: date | None) -> bool:
    """True when a half-open period holds on a day; None is open on that side."""
    return (valid_from is None or valid_from <= day) and (valid_until is None or day < valid_until)


def holds_on_expr(day: pl.Expr, valid_from: pl.Expr, valid_until: pl.Expr) -> pl.Expr:
    """``holds_on`` over Date columns, false (never null) where the day is null."""
    began = valid_from.is_null() | (valid_from <= day)
    not_ended = valid_until.is_null() | (day < valid_until)
    return (began & not_ended & day.is_not_null()).fill_null(False)


def add_months(day: date, months: int) -> date:
    """The same day ``months`` later (or earlier), or the last day of that month when it is too short."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month0 + 1)[1]
    return date(year, month0 + 1, min(day.day, last))


def add_months_expr(day: pl.Expr, months: int) -> pl.Expr:
    """``add_months`` over a Date column; nulls stay null."""
    return day.dt.offset_by(f"{months}mo")


def deadline_until(start: date, months: int) -> date:
    """The first day on which a deadline of ``months`` from ``start`` has passed."""
    return add_months(start, months) + timedelta(days=1)


def deadline_until_expr(start: pl.Expr, months: int) -> pl.Expr:
    """``deadline_until`` over a Date column; nulls stay null."""
    return add_months_expr(start, months).dt.offset_by("1d")
