from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisse.agreement import validity

days = st.dates(date(1900, 1, 1), date(2100, 12, 31))
open_days = st.none() | days


@pytest.mark.parametrize(
    ("start", "months", "last_day"),
    [
        (date(2024, 1, 15), 2, date(2024, 3, 15)),
        (date(2023, 12, 31), 2, date(2024, 2, 29)),  # the month is too short: its last day
        (date(2022, 12, 31), 2, date(2023, 2, 28)),
        (date(2024, 2, 29), 6, date(2024, 8, 29)),  # not the end of August
        (date(2024, 11, 30), 3, date(2025, 2, 28)),
    ],
)
def test_deadline_ends_with_the_day_of_the_same_number(start: date, months: int, last_day: date) -> None:
    until = validity.deadline_until(start, months)
    assert validity.holds_on(last_day, start, until)
    assert not validity.holds_on(last_day + timedelta(days=1), start, until)


def test_periods_are_half_open() -> None:
    first, until = date(2024, 1, 1), date(2024, 2, 1)
    assert validity.holds_on(first, first, until)
    assert not validity.holds_on(until, first, until)
    assert validity.holds_on(until, first, None)


@given(days, st.integers(-30, 30))
def test_add_months_lands_in_the_right_month(day: date, months: int) -> None:
    later = validity.add_months(day, months)
    assert later.year * 12 + later.month - day.year * 12 - day.month == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


@given(st.lists(open_days, min_size=1), st.integers(-30, 30))
def test_month_columns_agree_with_the_scalar(values: list[date | None], months: int) -> None:
    frame = pl.DataFrame({"day": pl.Series(values, dtype=pl.Date)})
    got = frame.select(
        added=validity.add_months_expr(pl.col("day"), months),
        until=validity.deadline_until_expr(pl.col("day"), months),
    )
    assert got["added"].to_list() == [value and validity.add_months(value, months) for value in values]
    assert got["until"].to_list() == [value and validity.deadline_until(value, months) for value in values]


@given(st.lists(st.tuples(open_days, open_days, open_days)))
def test_period_column_agrees_with_the_scalar(
    rows: list[tuple[date | None, date | None, date | None]],
) -> None:
    frame = pl.DataFrame(rows, schema={"day": pl.Date, "start": pl.Date, "end": pl.Date}, orient="row")
    got = frame.select(validity.holds_on_expr(pl.col("day"), pl.col("start"), pl.col("end"))).to_series()
    assert got.to_list() == [
        day is not None and validity.holds_on(day, start, end) for day, start, end in rows
    ]
