import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisse.agreement.errors import InvalidCheckDigit, InvalidFormat
from caisse.agreement.identifiers import provider_code

codes = st.integers(100_000, 999_999).map(provider_code.make)


@pytest.mark.parametrize("code", ["300123-05", "900001-35", "520017-00", "700000-48", "123456-72"])
def test_examples_of_the_domain_report_hold(code: str) -> None:
    assert provider_code.format(provider_code.validate(code)) == code


@pytest.mark.parametrize("code", ["", "5200170", "520017000", "05200170", "5200170O"])
def test_wrong_shape(code: str) -> None:
    with pytest.raises(InvalidFormat):
        provider_code.validate(code)


@pytest.mark.parametrize("code", ["52001701", "52001797", "52001799"])
def test_wrong_check_digits(code: str) -> None:
    with pytest.raises(InvalidCheckDigit):
        provider_code.validate(code)


@pytest.mark.parametrize("six", [99_999, 1_000_000, -1])
def test_make_refuses_what_is_no_code(six: int) -> None:
    with pytest.raises(InvalidFormat):
        provider_code.make(six)


@given(codes, st.integers(0, 7), st.integers(1, 9))
def test_one_wrong_digit_is_found(code: str, place: int, step: int) -> None:
    wrong = code[:place] + str((int(code[place]) + step) % 10) + code[place + 1 :]
    assert not provider_code.is_valid(wrong)


@given(codes, st.integers(0, 6))
def test_exchanged_neighbours_are_found(code: str, place: int) -> None:
    exchanged = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert exchanged == code or not provider_code.is_valid(exchanged)


@given(st.lists(st.one_of(st.none(), codes.map(int), st.integers(-(2**31), 2**31 - 1)), max_size=30))
def test_column_agrees_with_the_scalar(values: list[int | None]) -> None:
    frame = provider_code.check_column(pl.Series(values, dtype=pl.Int32))
    assert frame["format_ok"].to_list() == [value is not None and 10**7 <= value < 10**8 for value in values]
    assert frame["check_ok"].to_list() == [provider_code.is_valid(str(value)) for value in values]
