import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisse.agreement.errors import InvalidCheckDigit, InvalidFormat
from caisse.agreement.identifiers import legal_person_number


def remainder(ten: str) -> int:
    return (
        sum(int(digit) * weight for digit, weight in zip(ten, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=True))
        % 11
    )


@given(st.integers(0, 9999), st.integers(20, 99), st.integers(1, 9999))
def test_made_numbers_are_valid_and_formatting_is_undone(year: int, form: int, order: int) -> None:
    ten = f"{year:04}{form}{order:04}"
    if remainder(ten) == 1:
        with pytest.raises(InvalidFormat):
            legal_person_number.make(year, form, order)
        return
    number = legal_person_number.make(year, form, order)
    assert number[:10] == ten
    # The weighted sum including the check digit is a multiple of eleven: the rule, said another way.
    assert (remainder(ten) + int(number[10])) % 11 == 0
    assert legal_person_number.compact(legal_person_number.format(number)) == number
    assert legal_person_number.validate(number) == number


@given(st.integers(0, 9999), st.integers(20, 99), st.integers(1, 9999), st.integers(0, 9))
def test_one_check_digit_at_most_is_right(year: int, form: int, order: int, digit: int) -> None:
    number = f"{year:04}{form}{order:04}{digit}"
    assert legal_person_number.is_valid(number) is (
        (remainder(number[:10]) + digit) % 11 == 0 and remainder(number[:10]) != 1
    )


@pytest.mark.parametrize(
    "number", ["", "1990240012", "199024001288", "19901900128", "19902400000", "1990240012٨", "1990-24"]
)
def test_wrong_shape(number: str) -> None:
    with pytest.raises(InvalidFormat):
        legal_person_number.validate(number)


def test_a_mistyped_digit_is_found() -> None:
    with pytest.raises(InvalidCheckDigit):
        legal_person_number.validate("19902400129")


@given(
    st.lists(
        st.one_of(st.none(), st.from_regex(r"[0-9]{4}[1-9][0-9]{6}"), st.text("0123456789٣\n -", max_size=12))
    )
)
def test_column_agrees_with_the_scalar_on_compact_numbers(values: list[str | None]) -> None:
    frame = legal_person_number.check_column(pl.Series(values, dtype=pl.String))
    expected = [
        value is not None
        and legal_person_number.compact(value) == value
        and legal_person_number.is_valid(value)
        for value in values
    ]
    assert (frame["format_ok"] & frame["check_ok"]).to_list() == expected
