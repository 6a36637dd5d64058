"""National identification number of a natural person: date of birth, sequence and two check digits.

Thirteen digits: YYYYMMDD, a sequence of three, a Luhn digit and a Verhoeff digit. Both check digits are
computed over the first eleven. An unknown month or day is written 00.

Law of 19.6.2013 and regulation of 28.11.2013: http://legilux.public.lu/eli/etat/leg/rgd/2013/11/28/n1/jo

>>> validate("1980 0101 00187")
'1980010100187'
>>> is_valid("1975000004218")  # month and day of birth unknown
True
>>> validate("198001010018")
Traceback (most recent call last):
    ...
caisse.agreement.errors.InvalidFormat: ...
>>> validate("1955022912380")  # right check digits, but 1955 was no leap year
Traceback (most recent call last):
    ...
caisse.agreement.errors.InvalidDate: ...
>>> validate("1980010100188")
Traceback (most recent call last):
    ...
caisse.agreement.errors.InvalidCheckDigit: ...
>>> format("1980010100187")
'1980 0101 00187'
>>> make(1980, 1, 1, 1)
'1980010100187'
"""

from __future__ import annotations

import calendar
import re
from typing import TYPE_CHECKING

from stdnum import luhn, verhoeff

from caisse.agreement.errors import InvalidCheckDigit, InvalidDate, InvalidFormat, InvalidIdentifier

if TYPE_CHECKING:
    import polars as pl

_SHAPE = re.compile(r"[1-9][0-9]{12}")
_SEPARATORS = str.maketrans("", "", " -.")


def compact(number: str) -> str:
    """The bare digits: spaces, hyphens and full stops removed."""
    return number.strip().translate(_SEPARATORS)


def date_exists(year: int, month: int, day: int) -> bool:
    """True when a date of birth can be so; an unknown month or day is 0."""
    if month > 12:
        return False
    if month == 0:
        return day <= 31
    return day <= calendar.monthrange(year, month)[1]


def validate(number: str) -> str:
    """The compact number; raises InvalidFormat, InvalidDate or InvalidCheckDigit."""
    digits = compact(number)
    if not _SHAPE.fullmatch(digits):
        raise InvalidFormat(f"A national number has 13 digits and does not begin with 0: {number!r}.")
    if not date_exists(int(digits[:4]), int(digits[4:6]), int(digits[6:8])):
        raise InvalidDate(f"{digits[6:8]}.{digits[4:6]}.{digits[:4]} in {number!r}.")
    for name, found, expected in (
        ("Luhn", digits[11], luhn.calc_check_digit(digits[:11])),
        ("Verhoeff", digits[12], verhoeff.calc_check_digit(digits[:11])),
    ):
        if found != expected:
            raise InvalidCheckDigit(f"{name} digit {found} in {number!r}.")
    return digits


def is_valid(number: str) -> bool:
    """True when ``validate`` accepts the number."""
    try:
        validate(number)
    except InvalidIdentifier:
        return False
    return True


def format(number: str) -> str:
    """The number in readable groups: year, month and day, the rest."""
    digits = compact(number)
    return f"{digits[:4]} {digits[4:8]} {digits[8:]}"


def make(year: int, month: int, day: int, sequence: int) -> str:
    """The number of a birth date (month or day 0 = unknown) and a sequence 0-999, for synthetic persons.

    Raises InvalidFormat or InvalidDate when no such number can exist.
    """
    if not (1000 <= year <= 9999 and 0 <= sequence <= 999):
        raise InvalidFormat(f"Year {year}, sequence {sequence}.")
    if month < 0 or day < 0 or not date_exists(year, month, day):
        raise InvalidDate(f"{day:02}.{month:02}.{year}.")
    stem = f"{year:04}{month:02}{day:02}{sequence:03}"
    return f"{stem}{luhn.calc_check_digit(stem)}{verhoeff.calc_check_digit(stem)}"


def check_column(numbers: pl.Series) -> pl.DataFrame:
    """Checks a whole Int64 column: columns format_ok, date_ok, luhn_ok and verhoeff_ok, never null.

    Where the format is wrong (also null) the other three are False. All four true = ``is_valid``.
    """
    from caisse.agreement.identifiers import national_number_columns  # noqa: PLC0415 - it needs polars

    return national_number_columns.check_column(numbers)
