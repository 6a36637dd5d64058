"""Element names told apart by two letters and a length: a perfect hash found once for each schema.

Sound only for bytes that libxml2 has accepted against the same schema and that hold no attribute: then every
start tag is exactly one of the schema's names, and telling them apart is enough to know which. For other
bytes the answer is a guess that has to be compared with the letters.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from lxml import etree
from numpy.typing import NDArray

_BITS: Final = 11
_TRIES: Final = 2000
_ALL_BITS: Final = 0xFF
_ELEMENT_NAMES: Final = etree.XPath(
    "//xs:element/@name", namespaces={"xs": "http://www.w3.org/2001/XMLSchema"}
)

Positions = NDArray[np.int64]
Bytes = NDArray[np.uint8]


def find_letter(text: Bytes, letter: int, significant: int = _ALL_BITS) -> Positions:
    """Where the significant bits of a letter stand in a text, ascending."""
    kept = text if significant == _ALL_BITS else text & np.uint8(significant)
    return np.flatnonzero(kept == np.uint8(letter))


def element_names(schema: bytes) -> tuple[str, ...]:
    """The names of all elements a schema declares, in its order."""
    return tuple(dict.fromkeys(str(name) for name in _ELEMENT_NAMES(etree.fromstring(schema))))


@dataclass(frozen=True, slots=True, eq=False)
class NameHash:
    """Maps a start tag to the number of its name in ``names``."""

    names: tuple[str, ...]
    from_start: int
    from_end: int
    multipliers: NDArray[np.uint16]
    table: NDArray[np.uint8]

    def ids(self, text: Bytes, opening: Positions, closing: Positions) -> NDArray[np.uint8]:
        """For each tag, from the offsets of its ``<`` and ``>``."""
        length, first, last = self.multipliers
        code = (closing - opening).astype(np.uint16) * length
        code += text[opening + self.from_start] * first
        code += text[closing - self.from_end] * last
        ids: NDArray[np.uint8] = self.table[code >> np.uint16(16 - _BITS)]
        return ids


def name_hash(names: Iterable[str]) -> NameHash | None:
    """A perfect hash of the names; None when two letters and the length do not tell them apart."""
    spelled = [name.encode() for name in names]
    shortest = min(map(len, spelled))
    for from_start, from_end in product(range(1, shortest + 1), repeat=2):
        features = [(len(name) + 1, name[from_start - 1], name[-from_end]) for name in spelled]
        if len(set(features)) == len(features):
            multipliers = _multipliers(features)
            if multipliers is not None:
                table = np.zeros(1 << _BITS, np.uint8)
                table[_codes(features, multipliers)] = np.arange(len(spelled))
                names = tuple(name.decode() for name in spelled)
                return NameHash(names, from_start, from_end, multipliers, table)
    return None


def _codes(features: Sequence[tuple[int, int, int]], multipliers: NDArray[np.uint16]) -> Positions:
    total = (np.array(features, np.int64) * multipliers).sum(axis=1) & 0xFFFF
    return np.asarray(total >> (16 - _BITS), np.int64)


def _multipliers(features: Sequence[tuple[int, int, int]]) -> NDArray[np.uint16] | None:
    candidate: NDArray[np.uint16]
    for candidate in np.random.default_rng(0).integers(1, 1 << 16, (_TRIES, 3)).astype(np.uint16):
        if len(np.unique(_codes(features, candidate))) == len(features):
            return candidate
    return None
