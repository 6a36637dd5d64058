"""Money in integer cents. Each rounding has a name; there is no binary fraction anywhere.

Tariff = coefficient x key letter, in euros with two decimals; half a cent and more goes up, less goes down
(regulation of 30.11.2017 (A1010) art. 4, and art. 2 of the other nomenclatures).

>>> tariff_cents(700, 32706)  # coefficient 7.00, key letter 0.32706
229
>>> tariff_cents(110_000, 31391)
34530
>>> cents_from_text("8.83"), text_from_cents(-5)
(883, '-0.05')
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from caisse.agreement.errors import ContentRefused

if TYPE_CHECKING:
    import polars as pl

#: Hundredths of a coefficient times hundred-thousandths of a euro, per cent.
TARIFF_UNITS_PER_CENT = 100_000

#: What XML counts as white space.
_WHITE_SPACE = " \t\r\n"
_AMOUNT = re.compile(r"([+-]?)([0-9]{1,16})(?:\.([0-9]{1,2})0*)?")


def round_half_up(numerator: int, denominator: int) -> int:
    """The quotient of integers to the nearest integer, a half going up (towards plus infinity)."""
    return (2 * numerator + denominator) // (2 * denominator)


def round_half_up_expr(numerator: pl.Expr, denominator: int) -> pl.Expr:
    """``round_half_up`` over an Int64 column; nulls stay null."""
    import polars as pl  # noqa: PLC0415 - only whole columns need it

    return (2 * numerator.cast(pl.Int64) + denominator) // (2 * denominator)


def tariff_cents(coefficient_hundredths: int, key_letter_100000ths: int) -> int:
    """The tariff of one act in cents: coefficient x key letter, half a cent up (A1010 art. 4)."""
    return round_half_up(coefficient_hundredths * key_letter_100000ths, TARIFF_UNITS_PER_CENT)


def tariff_cents_expr(coefficient_hundredths: pl.Expr, key_letter_100000ths: pl.Expr) -> pl.Expr:
    """``tariff_cents`` over Int64 columns; null where either is null: nothing is priced without a value."""
    import polars as pl  # noqa: PLC0415 - only whole columns need it

    return round_half_up_expr(
        coefficient_hundredths.cast(pl.Int64) * key_letter_100000ths.cast(pl.Int64), TARIFF_UNITS_PER_CENT
    )


def cents_from_text(text: str) -> int:
    """Cents of an amount in euros such as ``8.83``, ``8.8`` or ``8``; raises ContentRefused.

    Zeros after the second decimal are harmless; any other digit there is refused, never rounded.
    """
    match = _AMOUNT.fullmatch(text.strip(_WHITE_SPACE))
    if match is None:
        raise ContentRefused(f"{text!r} is not an amount in euros and cents.")
    sign, euros, cents = match.groups(default="")
    value = int(euros) * 100 + int(cents.ljust(2, "0"))
    return -value if sign == "-" else value


def cents_from_text_expr(text: pl.Expr) -> pl.Expr:
    """``cents_from_text`` over a String column; null where the text is null or no amount."""
    import polars as pl  # noqa: PLC0415 - only whole columns need it

    bare = text.str.strip_chars(_WHITE_SPACE)
    groups = bare.str.extract_groups(r"\A([+-]?)([0-9]{1,16})(?:\.([0-9]{1,2})0*)?\z")
    euros = groups.struct.field("2").cast(pl.Int64)
    cents = groups.struct.field("3").fill_null("").str.pad_end(2, "0").cast(pl.Int64)
    value = euros * 100 + cents
    return pl.when(groups.struct.field("1") == "-").then(-value).otherwise(value)


def text_from_cents(cents: int) -> str:
    """The amount in euros with a point and two decimals, as the layouts write it."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"


def text_from_cents_expr(cents: pl.Expr) -> pl.Expr:
    """``text_from_cents`` over an Int64 column; nulls stay null."""
    import polars as pl  # noqa: PLC0415 - only whole columns need it

    amount = cents.cast(pl.Int64).abs()
    sign = pl.when(cents < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    fraction = (amount % 100).cast(pl.String).str.pad_start(2, "0")
    return pl.concat_str(sign, (amount // 100).cast(pl.String), pl.lit("."), fraction)
