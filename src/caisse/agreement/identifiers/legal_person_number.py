"""National identification number of a legal person: year of constitution, form, order, check digit.

Eleven digits: YYYY (or 0000), the legal form 20-99, the order 0001-9999 and the check digit. That is 11 less
the remainder by 11 of the weighted sum (weights 5 4 3 2 7 6 5 4 3 2), and 0 when the remainder is 0; a number
whose remainder would be 1 is never allotted.

Regulation of 21.12.1987, art. 1: https://legilux.public.lu/eli/etat/leg/rgd/1987/12/21/n1

>>> validate("1990 24 00128")
'19902400128'
>>> validate("199024001")
Traceback (most recent call last):
    ...
caisse.agreement.errors.InvalidFormat: ...
>>> validate("19901900120")
Traceback (most recent call last):
    ...
caisse.agreement.errors.InvalidFormat: ...
>>> validate("19902400121")
Traceback (most recent call last):
    ...
caisse.agreement.errors.InvalidCheckDigit: ...
>>> format("19902400128")
'1990 2400 128'
>>> make(1990, 24, 12)
'19902400128'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from caisse.agreement.errors import InvalidCheckDigit, InvalidFormat, InvalidIdentifier

if TYPE_CHECKING:
    import polars as pl

_SHAPE = re.compile(r"[0-9]{4}[2-9][0-9](?!0000)[0-9]{4}[0-9]")
_SEPARATORS = str.maketrans("", "", " -.")
_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def compact(number: str) -> str:
    """The bare digits: spaces, hyphens and full stops removed."""
    return number.strip().translate(_SEPARATORS)


def check_digit(ten: str) -> int | None:
    """The check digit of the first ten digits; None when a number with them is never allotted."""
    remainder = sum(int(digit) * weight for digit, weight in zip(ten, _WEIGHTS, strict=True)) % 11
    if remainder == 1:
        return None
    return 11 - remainder if remainder else 0


def validate(number: str) -> str:
    """The compact number; raises InvalidFormat or InvalidCheckDigit."""
    digits = compact(number)
    if not _SHAPE.fullmatch(digits):
        raise InvalidFormat(
            "A legal person's number has 11 digits: year, legal form 20-99, order 0001-9999, check digit: "
            f"{number!r}."
        )
    if check_digit(digits[:10]) != int(digits[10]):
        raise InvalidCheckDigit(f"Check digit {digits[10]} in {number!r}.")
    return digits


def is_valid(number: str) -> bool:
    """True when ``validate`` accepts the number."""
    try:
        validate(number)
    except InvalidIdentifier:
        return False
    return True


def format(number: str) -> str:
    """The number in readable groups."""
    digits = compact(number)
    return f"{digits[:4]} {digits[4:8]} {digits[8:]}"


def make(year: int, form: int, order: int) -> str:
    """The number of a year (0 = unknown), a legal form 20-99 and an order 1-9999, for synthetic persons.

    Raises InvalidFormat when no such number can exist, also when it would never be allotted.
    """
    ten = f"{year:04}{form:02}{order:04}"
    digit = check_digit(ten) if _SHAPE.fullmatch(f"{ten}0") else None
    if digit is None:
        raise InvalidFormat(f"Year {year}, form {form}, order {order}.")
    return f"{ten}{digit}"


def check_column(numbers: pl.Series) -> pl.DataFrame:
    """Checks a whole String column of compact numbers: columns format_ok and check_ok, never null.

    Where the format is wrong (also null) check_ok is False. Both true = ``is_valid``.
    """
    import numpy as np  # noqa: PLC0415 - as polars
    import polars as pl  # noqa: PLC0415 - only whole columns need it

    texts = numbers.cast(pl.String)
    format_ok = (
        texts.str.contains(r"\A[0-9]{4}[2-9][0-9][0-9]{4}[0-9]\z") & (texts.str.slice(6, 4) != "0000")
    ).fill_null(False)
    number = texts.set(~format_ok, "0").fill_null("0").cast(pl.Int64).to_numpy()
    remainder = np.zeros(len(number), dtype=np.int64)
    for place, weight in enumerate(_WEIGHTS):
        remainder += number // 10 ** (10 - place) % 10 * weight
    remainder %= 11
    expected = np.where(remainder == 0, 0, 11 - remainder)
    check_ok = format_ok.to_numpy() & (expected == number % 10) & (remainder != 1)
    return pl.DataFrame({"format_ok": format_ok, "check_ok": check_ok})
