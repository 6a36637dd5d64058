from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from caisse.agreement import money
from caisse.agreement.errors import ContentRefused

coefficients = st.integers(1, 200_000)
key_letters = st.integers(1, 200_000)


@pytest.mark.parametrize(
    ("coefficient", "key_letter", "cents"),
    [
        (700, 31391, 220),
        (700, 32706, 229),
        (2000, 31391, 628),
        (2000, 32706, 654),
        (2200, 31391, 691),
        (2200, 32706, 720),
        (3000, 31391, 942),
        (3000, 32706, 981),
        (110_000, 31391, 34_530),
        (110_000, 32706, 35_977),
    ],
)
def test_published_values(coefficient: int, key_letter: int, cents: int) -> None:
    """The test values of the domain report (exchange.md 11.3)."""
    assert money.tariff_cents(coefficient, key_letter) == cents


def test_half_a_cent_goes_up_and_less_goes_down() -> None:
    assert money.tariff_cents(50, 1_000) == 1  # 0.5 x 0.01 = 0.005 euro
    assert money.tariff_cents(49, 1_000) == 0
    assert money.round_half_up(-1, 2) == 0


@given(coefficients, key_letters)
def test_tariff_agrees_with_decimal_arithmetic(coefficient: int, key_letter: int) -> None:
    exact = Decimal(coefficient).scaleb(-2) * Decimal(key_letter).scaleb(-5)
    expected = exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    assert money.tariff_cents(coefficient, key_letter) == int(expected.scaleb(2))


@given(st.lists(st.tuples(st.none() | coefficients, st.none() | key_letters)))
def test_tariff_column_agrees_with_the_scalar(rows: list[tuple[int | None, int | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"c": pl.Int32, "k": pl.Int64}, orient="row")
    got = frame.select(money.tariff_cents_expr(pl.col("c"), pl.col("k"))).to_series()
    assert got.dtype == pl.Int64
    assert got.to_list() == [None if None in (c, k) else money.tariff_cents(c, k) for c, k in rows]  # type: ignore[arg-type]


@given(st.integers(-(10**12), 10**12))
@example(-1)
def test_text_and_cents_are_inverse(cents: int) -> None:
    text = money.text_from_cents(cents)
    assert Decimal(text) * 100 == cents
    assert money.cents_from_text(text) == cents


@given(st.lists(st.none() | st.integers(-(10**12), 10**12)))
def test_text_column_agrees_with_the_scalar(cents: list[int | None]) -> None:
    column = pl.Series("cents", cents, dtype=pl.Int64)
    got = column.to_frame().select(money.text_from_cents_expr(pl.col("cents"))).to_series()
    assert got.to_list() == [None if value is None else money.text_from_cents(value) for value in cents]


@pytest.mark.parametrize(
    "text", ["", ".", "8.835", "8,83", "1e2", "--1", "NaN", "8.", "٣.٠٠", "8.83 EUR", "0x10"]
)
def test_what_is_no_amount_is_refused_never_rounded(text: str) -> None:
    with pytest.raises(ContentRefused):
        money.cents_from_text(text)


amount_texts = st.one_of(
    st.none(),
    st.from_regex(r"[+-]?[0-9]{1,17}(\.[0-9]{1,4})?", fullmatch=True),
    st.text("0123456789.+- \n\u00a0", max_size=8),
)


@given(st.lists(amount_texts))
@example([" 8.83\n", "8.8300", "+0.5", "-0.05", "\u00a08.83"])
def test_cents_column_agrees_with_the_scalar(texts: list[str | None]) -> None:
    def scalar(text: str | None) -> int | None:
        try:
            return None if text is None else money.cents_from_text(text)
        except ContentRefused:
            return None

    column = pl.Series("text", texts, dtype=pl.String)
    got = column.to_frame().select(money.cents_from_text_expr(pl.col("text"))).to_series()
    assert got.to_list() == [scalar(text) for text in texts]
