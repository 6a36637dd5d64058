"""Names of files in a mailbox: which are safe, and how a taken one is numbered."""

import re
from collections.abc import Iterator
from itertools import count

from caisse.fund.exchange.errors import DepositRefused

# No leading dot or hyphen: neither hidden files nor something a shell takes for an option.
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TAILS = (".receipt.jws", ".refused.txt")
#: Longest name a delivery can have (characters): what file systems take, less room for a number.
_LONGEST = 240


def check(name: str, longest: int) -> None:
    """Raise DepositRefused LIM-004 unless ``name`` is a safe file name of at most ``longest`` characters."""
    if len(name) > min(longest or _LONGEST, _LONGEST):
        raise DepositRefused("LIM-004", f"{len(name)} > {min(longest or _LONGEST, _LONGEST)}")
    if not _SAFE.fullmatch(name) or name.endswith("."):
        raise DepositRefused("LIM-004", repr(name[:80]))


def note_name(name: str) -> str:
    """The name of the note about a refused upload; characters that are not safe are replaced."""
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", name).lstrip("._-")[:_LONGEST] or "upload"
    return f"{safe}.refused.txt"


def split(name: str) -> tuple[str, str]:
    """The part that ends with the sender's reference, and the endings after it."""
    stem, ending = name, ""
    for tail in _TAILS:
        if stem.endswith(tail):
            stem, ending = stem.removesuffix(tail), tail
    head, dot, extension = stem.rpartition(".")
    return (head, f".{extension}{ending}") if dot and head else (stem, ending)


def numbered(name: str) -> Iterator[str]:
    """``name``, then the same with -2, -3 … after the sender's reference."""
    yield name
    stem, ending = split(name)
    for number in count(2):
        yield f"{stem}-{number}{ending}"
