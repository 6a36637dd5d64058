"""Provider code: six digits and two check digits, the first six modulo 97.

Given by the fund to every care provider and prescriber; written NNNNNN-NN. The check rule is not published:
it was derived from the fund's reference file of prescribers, where it holds for all of 4,620 codes.

https://cns.public.lu/en/professionnels-sante/inscription-prestataire/echange-electronique.html

>>> validate("520017-00")
'52001700'
>>> validate("5200170")
Traceback (most recent call last):
    ...
caisse.agreement.errors.InvalidFormat: ...
>>> validate("52001701")
Traceback (most recent call last):
    ...
caisse.agreement.errors.InvalidCheckDigit: ...
>>> format("12345672")
'123456-72'
>>> make(300123)
'30012305'
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from caisse.agreement.errors import InvalidCheckDigit, InvalidFormat, InvalidIdentifier

if TYPE_CHECKING:
    import polars as pl

_SHAPE = re.compile(r"[1-9][0-9]{7}")
_SEPARATORS = str.maketrans("", "", " -.")

#: First and one past the last code of the right shape.
_LOWEST, _ABOVE = 10**7, 10**8


def compact(code: str) -> str:
    """The bare digits: spaces, hyphens and full stops removed."""
    return code.strip().translate(_SEPARATORS)


def check_digits(six: int) -> int:
    """The two check digits, as a number 0-96, of the first six digits."""
    return six % 97


def validate(code: str) -> str:
    """The compact code; raises InvalidFormat or InvalidCheckDigit."""
    digits = compact(code)
    if not _SHAPE.fullmatch(digits):
        raise InvalidFormat(f"A provider code has 8 digits and does not begin with 0: {code!r}.")
    if check_digits(int(digits[:6])) != int(digits[6:]):
        raise InvalidCheckDigit(f"Check digits {digits[6:]} in {code!r}.")
    return digits


def is_valid(code: str) -> bool:
    """True when ``validate`` accepts the code."""
    try:
        validate(code)
    except InvalidIdentifier:
        return False
    return True


def format(code: str) -> str:
    """The code as it is commonly written: NNNNNN-NN."""
    digits = compact(code)
    return f"{digits[:6]}-{digits[6:]}"


def make(six: int) -> str:
    """The code that begins with ``six`` (100000-999999), for synthetic providers; raises InvalidFormat."""
    if not 100_000 <= six <= 999_999:
        raise InvalidFormat(f"The first six digits {six} are not 100000-999999.")
    return f"{six}{check_digits(six):02}"


def check_column(codes: pl.Series) -> pl.DataFrame:
    """Checks a whole integer column: columns format_ok and check_ok, never null.

    Where the format is wrong (also null) check_ok is False. Both true = ``is_valid``.
    """
    import numpy as np  # noqa: PLC0415 - as polars
    import polars as pl  # noqa: PLC0415 - only whole columns need it

    raw = codes.cast(pl.Int64).fill_null(0).to_numpy()
    format_ok = (raw >= _LOWEST) & (raw < _ABOVE)
    six, check = np.divmod(raw, 100)
    return pl.DataFrame({"format_ok": format_ok, "check_ok": format_ok & (six % 97 == check)})
