import calendar

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn, verhoeff

from caisse.agreement.errors import InvalidCheckDigit, InvalidDate, InvalidFormat, InvalidIdentifier
from caisse.agreement.identifiers import national_number

#: Synthetic numbers of the domain report (exchange.md 12.1).
EXAMPLES = ("1980010100187", "2000123199983", "1975000004218", "2024030541761")
IMPOSSIBLE_DATE = "1955022912380"


@st.composite
def numbers(draw: st.DrawFn) -> str:
    year, month = draw(st.integers(1000, 9999)), draw(st.integers(0, 12))
    last = calendar.monthrange(year, month)[1] if month else 31
    return national_number.make(year, month, draw(st.integers(0, last)), draw(st.integers(0, 999)))


def verdicts(number: str) -> tuple[bool, bool, bool, bool]:
    """The scalar oracle of check_column, from python-stdnum and calendar alone."""
    if len(number) != 13 or number[0] == "0" or not number.isdigit():
        return (False, False, False, False)
    year, month, day = int(number[:4]), int(number[4:6]), int(number[6:8])
    last = 31 if month == 0 else calendar.monthrange(year, month)[1] if month <= 12 else -1
    return (True, day <= last, luhn.is_valid(number[:12]), verhoeff.is_valid(number[:11] + number[12]))


@pytest.mark.parametrize("number", EXAMPLES)
def test_examples_of_the_domain_report_hold(number: str) -> None:
    assert national_number.validate(number) == number
    assert national_number.check_column(pl.Series([int(number)])).row(0) == (True, True, True, True)


def test_impossible_date_with_right_check_digits_is_refused() -> None:
    with pytest.raises(InvalidDate):
        national_number.validate(IMPOSSIBLE_DATE)
    assert national_number.check_column(pl.Series([int(IMPOSSIBLE_DATE)])).row(0) == (True, False, True, True)


@pytest.mark.parametrize(
    "text", ["", "19800101001", "0980010100187", "198001010018X", "19800101001877", "١٩٨٠٠١٠١٠٠١٨٧"]
)
def test_wrong_shape(text: str) -> None:
    with pytest.raises(InvalidFormat):
        national_number.validate(text)


def test_both_check_digits_are_computed_over_eleven_digits() -> None:
    # Over twelve digits, as some code on the web does it, the Verhoeff digit of this number would be another.
    over_twelve = verhoeff.calc_check_digit("200012319998")
    assert over_twelve != "3"
    with pytest.raises(InvalidCheckDigit):
        national_number.validate(f"200012319998{over_twelve}")


@given(numbers())
def test_made_numbers_are_valid_and_formatting_is_undone_by_compact(number: str) -> None:
    assert national_number.is_valid(number)
    assert national_number.compact(national_number.format(number)) == number


@given(numbers(), st.integers(0, 12), st.integers(1, 9))
def test_one_wrong_digit_is_found(number: str, place: int, step: int) -> None:
    wrong = number[:place] + str((int(number[place]) + step) % 10) + number[place + 1 :]
    assert not national_number.is_valid(wrong)


@given(numbers(), st.integers(0, 11))
def test_exchanged_neighbours_are_found(number: str, place: int) -> None:
    exchanged = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert exchanged == number or not national_number.is_valid(exchanged)


def column_numbers() -> st.SearchStrategy[int | None]:
    damaged = st.tuples(numbers(), st.integers(0, 12), st.integers(0, 9)).map(
        lambda t: int(t[0][: t[1]] + str(t[2]) + t[0][t[1] + 1 :])
    )
    return st.one_of(
        st.none(),
        numbers().map(int),
        damaged,
        st.integers(10**12, 10**13 - 1),
        st.integers(-(2**63), 2**63 - 1),
    )


@given(st.lists(column_numbers(), max_size=30))
def test_column_agrees_with_the_scalar(values: list[int | None]) -> None:
    frame = national_number.check_column(pl.Series(values, dtype=pl.Int64))
    expected = [verdicts(str(value)) for value in values]
    assert frame.rows() == expected
    assert [all(row) for row in expected] == [national_number.is_valid(str(value)) for value in values]


@given(st.integers(0, 9999), st.integers(-1, 14), st.integers(-1, 33), st.integers(-1, 1001))
def test_make_makes_a_valid_number_or_refuses(year: int, month: int, day: int, sequence: int) -> None:
    try:
        number = national_number.make(year, month, day, sequence)
    except InvalidIdentifier:
        assert (
            year < 1000
            or not 0 <= sequence <= 999
            or not 0 <= month <= 12
            or not 0 <= day <= 31
            or (month > 0 and day > calendar.monthrange(year, month)[1])
        )
    else:
        assert national_number.validate(number) == number
