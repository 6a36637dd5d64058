"""National numbers of natural persons, a whole column at a time; the front door is ``national_number``."""

import calendar
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from stdnum import verhoeff

from caisse.agreement.identifiers.national_number import date_exists

#: First and one past the last number of the right shape.
_LOWEST, _ABOVE = 10**12, 10**13


def _luhn_sums(size: int, *, last_doubled: bool) -> npt.NDArray[np.uint8]:
    """Luhn sum modulo 10 of every block of ``size`` digits, whose last digit is doubled or not."""
    blocks = np.arange(10**size)
    sums = np.zeros(10**size, dtype=np.int64)
    for place in range(size):
        digit = blocks // 10**place % 10
        doubled = digit * 2 // 10 + digit * 2 % 10
        sums += doubled if (place % 2 == 0) == last_doubled else digit
    return (sums % 10).astype(np.uint8)


def _verhoeff_products(size: int, first_place: int) -> npt.NDArray[np.uint8]:
    """Product in the dihedral group of every block of ``size`` digits, whose last digit has ``first_place``.

    The group is associative, so a number's product is the product of its blocks' products.
    """
    multiply = np.array(verhoeff._multiplication_table, dtype=np.uint8)
    permute = np.array(verhoeff._permutation_table, dtype=np.uint8)
    blocks = np.arange(10**size)
    product = np.zeros(10**size, dtype=np.uint8)
    for place in range(size):
        digit = permute[(first_place + place) % 8][blocks // 10**place % 10]
        product = multiply[product, digit]
    return product


type _Bytes = npt.NDArray[np.uint8]
type _Flags = npt.NDArray[np.bool_]


@cache
def _luhn_tables() -> tuple[_Bytes, _Bytes, _Bytes]:
    """Per year, per month and day, per sequence. The eleventh digit is doubled, and every second before."""
    return (
        _luhn_sums(4, last_doubled=False),
        _luhn_sums(4, last_doubled=False),
        _luhn_sums(3, last_doubled=True),
    )


@cache
def _verhoeff_tables() -> tuple[_Bytes, _Bytes, _Bytes, _Bytes]:
    """Per year, month and day, sequence; and pairs of products (10 a + b) to their product."""
    multiply = np.array(verhoeff._multiplication_table, dtype=np.uint8)
    # The check digit itself has place 0, so the eleventh digit has place 1.
    return (
        _verhoeff_products(4, 8),
        _verhoeff_products(4, 4),
        _verhoeff_products(3, 1),
        multiply.reshape(-1),
    )


@cache
def _calendar_tables() -> tuple[_Flags, _Flags]:
    """Which MMDD exist in a leap year, and which years are leap years."""
    days = np.array([date_exists(2000, mmdd // 100, mmdd % 100) for mmdd in range(10_000)])
    years = np.array([calendar.isleap(year) for year in range(10_000)])
    return days, years


def check_column(numbers: pl.Series) -> pl.DataFrame:
    """Checks a whole Int64 column: columns format_ok, date_ok, luhn_ok and verhoeff_ok, never null.

    Where the format is wrong (also null) the other three are False. All four true = ``is_valid``.
    """
    raw = numbers.cast(pl.Int64).fill_null(0).to_numpy()
    format_ok = (raw >= _LOWEST) & (raw < _ABOVE)
    number = np.where(format_ok, raw, _LOWEST).astype(np.uint64)
    birth = number // 100_000
    rest = (number - birth * 100_000).astype(np.uint32)
    sequence, check = rest // 100, rest % 100
    birth = birth.astype(np.uint32)
    year, month_day = birth // 10_000, birth % 10_000
    luhn_digit, verhoeff_digit = check // 10, check % 10
    return pl.DataFrame(
        {
            "format_ok": format_ok,
            "date_ok": format_ok & _dates_exist(year, month_day),
            "luhn_ok": format_ok & (_luhn_digits(year, month_day, sequence) == luhn_digit),
            "verhoeff_ok": format_ok & (_verhoeff_digits(year, month_day, sequence) == verhoeff_digit),
        }
    )


type _Ints = npt.NDArray[np.unsignedinteger[Any]]


def _dates_exist(year: _Ints, month_day: _Ints) -> _Flags:
    days, leap_years = _calendar_tables()
    exists: _Flags = days[month_day] & ((month_day != 229) | leap_years[year])
    return exists


def _luhn_digits(year: _Ints, month_day: _Ints, sequence: _Ints) -> _Bytes:
    by_year, by_month_day, by_sequence = _luhn_tables()
    total = by_year[year] + by_month_day[month_day] + by_sequence[sequence]
    digits: _Bytes = (np.uint8(30) - total) % np.uint8(10)
    return digits


def _verhoeff_digits(year: _Ints, month_day: _Ints, sequence: _Ints) -> _Bytes:
    by_year, by_month_day, by_sequence, product = _verhoeff_tables()
    # Verhoeff multiplies from the last digit to the first.
    right = product[by_sequence[sequence] * np.uint8(10) + by_month_day[month_day]]
    whole = product[right * np.uint8(10) + by_year[year]]
    inverse = np.array([verhoeff._multiplication_table[c].index(0) for c in range(10)], dtype=np.uint8)
    digits: _Bytes = inverse[whole]
    return digits
