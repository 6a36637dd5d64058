"""Slices of a buffer to columns, many values at a time: eight bytes as one integer, digits added in parallel.

Every function first proves that the values have the common form (digits only, ``YYYY-MM-DD``, two decimals);
where one has not, all of that column's values are read one by one, exactly as from a tree.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.layouts.tokens import Bytes, Positions
from caisse.agreement.layouts.values import read_value

Words = NDArray[np.uint64]


def _u(value: int) -> np.uint64:
    return np.uint64(value)


_HIGH_NIBBLES: Final = _u(0xF0F0F0F0F0F0F0F0)
_LOW_NIBBLES: Final = _u(0x0F0F0F0F0F0F0F0F)
_ZEROS: Final = _u(0x3030303030303030)
_ONES: Final = _u(0xFFFFFFFFFFFFFFFF)
#: By length up to 8: keeps the last bytes of a word.
KEEP_LAST: Final[Words] = np.array(
    [0, *((~0 << (8 * (8 - n))) & (2**64 - 1) for n in range(1, 9))], np.uint64
)
_EPOCH: Final = 719468


def words_of(content: bytes) -> Words:
    """The eight bytes from each offset as a little-endian integer; nothing is copied."""
    return np.ndarray((max(0, len(content) - 7),), "<u8", buffer=content, strides=(1,))


class Slices:
    """Values as slices of one buffer, from ``starts`` up to, not including, ``ends``."""

    def __init__(self, content: bytes, starts: Positions, ends: Positions) -> None:
        self.content = content
        self.text: Bytes = np.frombuffer(content, np.uint8)
        self.starts = starts
        self.ends = ends

    def __len__(self) -> int:
        return len(self.starts)

    def lengths(self) -> Positions:
        """Bytes in each value."""
        return self.ends - self.starts

    def words(self, at: Positions) -> Words:
        """Eight bytes from each offset as little-endian integers."""
        return words_of(self.content)[at]

    def strings(self) -> list[str]:
        """Each value decoded; the slow way."""
        pairs = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        return [self.content[start:end].decode() for start, end in pairs]


def _are_digits(words: Words, keep: Words | np.uint64) -> bool:
    return not (((words ^ _ZEROS) & keep) & _HIGH_NIBBLES).any()


def _number(words: Words) -> Words:
    """The number that eight digits spell; bytes of zero count as the digit zero."""
    words = words & _LOW_NIBBLES
    words = (words * _u(10) + (words >> _u(8))) & _u(0x00FF00FF00FF00FF)
    words = (words * _u(100) + (words >> _u(16))) & _u(0x0000FFFF0000FFFF)
    return (words * _u(10000) + (words >> _u(32))) & _u(0x00000000FFFFFFFF)


def _integers(slices: Slices) -> NDArray[np.int64] | None:
    lengths = slices.lengths()
    longest = int(lengths.max())
    if int(lengths.min()) < 1 or longest > 16 or int(slices.ends.min()) < 16:
        return None
    low = slices.words(slices.ends - 8)
    keep = KEEP_LAST[np.minimum(lengths, 8)]
    if not _are_digits(low, keep):
        return None
    value = _number(low & keep)
    if longest > 8:
        high = slices.words(slices.ends - 16)
        keep = KEEP_LAST[np.maximum(lengths - 8, 0)]
        if not _are_digits(high, keep):
            return None
        value = value + _number(high & keep) * _u(100_000_000)
    return value.astype(np.int64)


def _cents(slices: Slices) -> NDArray[np.int64] | None:
    lengths = slices.lengths()
    if int(lengths.min()) < 4 or int(lengths.max()) > 11 or int(slices.ends.min()) < 11:
        return None
    words = slices.words(slices.ends - 8)
    if ((words >> _u(40)) & _u(0xFF) != _u(0x2E)).any() or not _are_digits(words, _u(0xFFFF000000000000)):
        return None
    euros = slices.words(slices.ends - 11)
    keep = KEEP_LAST[lengths - 3]
    if not _are_digits(euros, keep):
        return None
    cents = ((words >> _u(48)) & _u(0xF)) * _u(10) + ((words >> _u(56)) & _u(0xF))
    return (_number(euros & keep) * _u(100) + cents).astype(np.int64)


def _days(slices: Slices) -> NDArray[np.int32] | None:
    """Days since 1970 of ``YYYY-MM-DD``; the schema has proved that each date exists."""
    if (slices.lengths() != 10).any():
        return None
    year_month = slices.words(slices.starts)
    day_of_month = slices.words(slices.starts + 2)
    year = _number((year_month << _u(32)) & _ONES).astype(np.int64)
    month_digits = (year_month >> _u(40)) & _u(0xFFFF)
    day_digits = day_of_month >> _u(48)
    month = (_two(month_digits)).astype(np.int64)
    day = (_two(day_digits)).astype(np.int64)
    shifted = year - (month <= 2)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    days: NDArray[np.int32] = (era * 146097 + day_of_era - _EPOCH).astype(np.int32)
    return days


def _two(digits: Words) -> Words:
    return (digits & _u(0xF)) * _u(10) + ((digits >> _u(8)) & _u(0xF))


def _integer_series(slices: Slices) -> pl.Series | None:
    values = _integers(slices)
    return None if values is None else pl.Series(values)


def _cents_series(slices: Slices) -> pl.Series | None:
    values = _cents(slices)
    return None if values is None else pl.Series(values)


def _date_series(slices: Slices) -> pl.Series | None:
    values = _days(slices)
    return None if values is None else pl.Series(values).cast(pl.Date)


def _last_day_series(slices: Slices) -> pl.Series | None:
    values = _days(slices)
    return None if values is None else pl.Series(values + np.int32(1)).cast(pl.Date)


def _yes_no_series(slices: Slices) -> pl.Series | None:
    if (slices.lengths() != 1).any():
        return None
    return pl.Series(slices.text[slices.starts] == ord("O"))


def _text_series(slices: Slices) -> pl.Series | None:
    """Each value ends at a ``<``, which no value holds: copied with it they are one text to split again."""
    lengths = slices.lengths() + 1
    if int(lengths.min()) < 2:
        return None
    width = int(lengths[0])
    if (lengths == width).all():
        joined = slices.text[slices.starts[:, None] + np.arange(width)].tobytes()
        if joined == joined[:width] * len(slices):
            return pl.Series([read_value(joined[: width - 1].decode(), "text")]).new_from_index(
                0, len(slices)
            )
    else:
        before = np.cumsum(lengths) - lengths
        joined = slices.text[
            np.repeat(slices.starts - before, lengths) + np.arange(int(lengths.sum()))
        ].tobytes()
    if not joined.isascii() or b" " in joined or any(space in joined for space in (b"\t", b"\n", b"\r")):
        return None
    return pl.Series([joined[:-1].decode("ascii")]).str.split("<").explode()


_DECODERS: Final[Mapping[str, Callable[[Slices], pl.Series | None]]] = {
    "text": _text_series,
    "words": _text_series,
    "int32": _integer_series,
    "int64": _integer_series,
    "cents": _cents_series,
    "date": _date_series,
    "last_day": _last_day_series,
    "yes_no": _yes_no_series,
}


def decode(slices: Slices, column_type: str, dtype: pl.DataType) -> pl.Series:
    """The values as a column of that type; values that are empty become null."""
    if len(slices) == 0:
        return pl.Series([], dtype=dtype)
    series = _DECODERS[column_type](slices)
    if series is None:
        values = [read_value(text, column_type) for text in slices.strings()]
        return pl.Series(values, dtype=dtype)
    return series.cast(dtype)
