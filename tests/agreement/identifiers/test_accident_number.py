import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisse.agreement.errors import InvalidFormat
from caisse.agreement.identifiers import accident_number


@given(st.sampled_from("UL"), st.integers(0, 999_999_999))
def test_made_numbers_are_valid_and_formatting_is_undone(letter: str, serial: int) -> None:
    number = accident_number.make(letter, serial)
    assert (
        accident_number.compact(accident_number.format(number)) == number == accident_number.validate(number)
    )


@pytest.mark.parametrize("number", ["", "123456789", "A123456789", "U12345678", "U1234567890", "U12345678٩"])
def test_wrong_shape(number: str) -> None:
    with pytest.raises(InvalidFormat):
        accident_number.validate(number)
    assert accident_number.check_column(pl.Series([number]))["format_ok"].to_list() == [False]


@given(
    st.lists(
        st.one_of(st.none(), st.from_regex(r"[ULX][0-9]{8,10}\n?"), st.text("UL0123456789٣\n", max_size=11))
    )
)
def test_column_agrees_with_the_scalar_on_compact_numbers(values: list[str | None]) -> None:
    frame = accident_number.check_column(pl.Series(values, dtype=pl.String))
    expected = [
        value is not None and accident_number.compact(value) == value and accident_number.is_valid(value)
        for value in values
    ]
    assert frame["format_ok"].to_list() == expected
