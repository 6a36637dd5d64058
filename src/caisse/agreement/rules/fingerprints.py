"""Fingerprints of paid lines: 64 bits that stay the same across machines, versions and years."""

import hashlib
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

Fingerprints = NDArray[np.uint64]
#: Sorted fingerprints: one array, or a large old one and small ones since.
Marks = Fingerprints | tuple[Fingerprints, ...]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)


def fingerprint(
    person: pl.Series, act: pl.Series, date_of_service: pl.Series, billing_provider: pl.Series
) -> Fingerprints:
    """One fingerprint a row of (stable person id, act, day of service, billing provider).

    Equal keys have equal fingerprints for ever; equal fingerprints must be confirmed on the full keys.
    """
    coded = act.cast(pl.Categorical)
    distinct = coded.unique().drop_nulls()
    hashes = hash_words(distinct.cast(pl.String).to_list())
    of_code = np.zeros(int(distinct.to_physical().max() or 0) + 1, np.uint64)  # type: ignore[arg-type]
    of_code[distinct.to_physical().to_numpy()] = hashes
    return mix_keys(
        person.cast(pl.Int64).to_numpy(),
        of_code[coded.to_physical().to_numpy()],
        date_of_service.to_physical().to_numpy(),
        billing_provider.cast(pl.Int64).to_numpy(),
    )


def hash_words(words: list[str]) -> Fingerprints:
    """A stable 64-bit hash of each word (BLAKE2b, little-endian)."""
    digests = b"".join(hashlib.blake2b(word.encode(), digest_size=8).digest() for word in words)
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def mix_keys(
    person: NDArray[np.int64],
    act_hash: Fingerprints,
    day: NDArray[np.int32],
    provider: NDArray[np.int64],
) -> Fingerprints:
    """The fingerprint from its four numbers; ``day`` counts from 1970-01-01."""
    mixed = _splitmix(person.astype(np.uint64))
    mixed ^= act_hash
    mixed = _splitmix(mixed)
    mixed ^= day.astype(np.uint64) << np.uint64(32) | provider.astype(np.uint64) & np.uint64(0xFFFFFFFF)
    return _splitmix(mixed)


def sampling_marks(
    person: NDArray[np.int64],
    sampled_on: NDArray[np.int32],
    billing_provider: NDArray[np.int64],
    *,
    served_later: bool = False,
) -> Fingerprints:
    """One mark a row of (person, day of sampling, billing provider); the day counts from 1970-01-01.

    A sampling of which something was served on another day has a second mark (``served_later``).
    """
    return mix_keys(person, _SERVED_LATER if served_later else _SAMPLING, sampled_on, billing_provider)


def prescription_marks(
    person: NDArray[np.int64], prescribed_on: NDArray[np.int32], prescriber: NDArray[np.int64]
) -> Fingerprints:
    """One mark a row of (person, day of prescription, prescriber), whatever the prescription's reference."""
    return mix_keys(person, _PRESCRIPTION, prescribed_on, prescriber)


def among(held: Marks, marks: Fingerprints) -> NDArray[np.bool_]:
    """True for the marks that are in any part of what is held."""
    found = np.zeros(len(marks), bool)
    for part in held if isinstance(held, tuple) else (held,):
        found |= _in_sorted(part, marks)
    return found


def _in_sorted(held: Fingerprints, marks: Fingerprints) -> NDArray[np.bool_]:
    """True for the marks that are among ``held``; they are looked up in order, which spares the cache."""
    if not len(held):
        return np.zeros(len(marks), bool)
    ordered = np.sort(marks)
    at = np.searchsorted(held, ordered)
    at[at == len(held)] = 0
    hits = ordered[held[at] == ordered]
    return np.isin(marks, hits) if len(hits) else np.zeros(len(marks), bool)


def _splitmix(values: Fingerprints) -> Fingerprints:
    """SplitMix64's finaliser: a bijection in which every input bit reaches every output bit."""
    mixed = values + _GOLDEN
    mixed ^= mixed >> np.uint64(30)
    mixed *= _MIX_1
    mixed ^= mixed >> np.uint64(27)
    mixed *= _MIX_2
    mixed ^= mixed >> np.uint64(31)
    return mixed


#: What keeps the marks of units apart from one another, and from those of acts.
_SAMPLING, _SERVED_LATER, _PRESCRIPTION = (
    hash_words([word]) for word in ("sampling", "sampling, served later", "prescription")
)
