"""File number of an accident at the accident insurer (AAA): the letter U or L and nine digits.

The provider states it on the prescription and on the invoice; for three months after the accident the date of
the accident may stand in its place. The number has no check digit.

https://www.secu.lu/assurance-accidents/statuts/association-dassurance-accident-statuts/

>>> validate("u 123456789")
'U123456789'
>>> validate("X123456789")
Traceback (most recent call last):
    ...
caisse.agreement.errors.InvalidFormat: ...
>>> format("L123456789")
'L 123 456 789'
>>> make("L", 42)
'L000000042'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from caisse.agreement.errors import InvalidFormat, InvalidIdentifier

if TYPE_CHECKING:
    import polars as pl

_SHAPE = re.compile(r"[UL][0-9]{9}")
_SEPARATORS = str.maketrans("", "", " -./")


def compact(number: str) -> str:
    """The bare number in capitals: spaces, hyphens, slashes and full stops removed."""
    return number.strip().translate(_SEPARATORS).upper()


def validate(number: str) -> str:
    """The compact number; raises InvalidFormat."""
    bare = compact(number)
    if not _SHAPE.fullmatch(bare):
        raise InvalidFormat(f"An accident number is U or L and nine digits: {number!r}.")
    return bare


def is_valid(number: str) -> bool:
    """True when ``validate`` accepts the number."""
    try:
        validate(number)
    except InvalidIdentifier:
        return False
    return True


def format(number: str) -> str:
    """The number in readable groups."""
    bare = compact(number)
    return f"{bare[:1]} {bare[1:4]} {bare[4:7]} {bare[7:]}"


def make(letter: str, serial: int) -> str:
    """The number of a letter and a serial 0-999999999, for synthetic accidents; raises InvalidFormat."""
    return validate(f"{letter}{serial:09}")


def check_column(numbers: pl.Series) -> pl.DataFrame:
    """Checks a whole String column of compact numbers: column format_ok, never null (null is not ok)."""
    import polars as pl  # noqa: PLC0415 - only whole columns need it

    matches = numbers.cast(pl.String).str.contains(r"\A[UL][0-9]{9}\z").fill_null(False)
    return pl.DataFrame({"format_ok": matches})
