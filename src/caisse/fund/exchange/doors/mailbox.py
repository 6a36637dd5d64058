"""One account's mailbox as a client sees it: in/, out/ and keys/. No path ever reaches the file system."""

import posixpath
import stat
from dataclasses import dataclass
from enum import StrEnum

from caisse.fund.exchange.doors.wire import Attributes, RequestError, Status

#: Endings clients give a file while it is under way; without the ending it becomes a deposit.
PART_ENDINGS = (".part", ".filepart", ".tmp")
KEYS_NAME = "jwks.json"

_FOLDER, _OWN_FILE, _FIXED_FILE = stat.S_IFDIR | 0o750, stat.S_IFREG | 0o640, stat.S_IFREG | 0o440


class Box(StrEnum):
    """The folders of a mailbox."""

    ROOT = ""
    IN = "in"
    OUT = "out"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Place:
    """A path in the mailbox: a folder when ``name`` is empty, else a file in it."""

    box: Box
    name: str = ""

    @property
    def path(self) -> str:
        """The path as a client writes it."""
        return posixpath.join("/", self.box, self.name)


FOLDER = Attributes(_FOLDER)


def own_file(size: int, modified: float) -> Attributes:
    """Attributes of a file that its sender may still change."""
    return Attributes(_OWN_FILE, size, int(modified))


def fixed_file(size: int, modified: float) -> Attributes:
    """Attributes of a file that nobody changes any more."""
    return Attributes(_FIXED_FILE, size, int(modified))


def normal_path(path: bytes) -> str:
    """The absolute form of a path; ``..`` never leads out of the mailbox."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        raise RequestError(Status.NO_SUCH_FILE, "The path is not UTF-8.") from None
    return posixpath.normpath("/" + text).replace("//", "/")


def place(path: bytes) -> Place:
    """Where a path leads. Raises RequestError when there is no such folder."""
    parts = [part for part in normal_path(path).split("/") if part]
    match parts:
        case []:
            return Place(Box.ROOT)
        case [folder] if folder in ("in", "out", "keys"):
            return Place(Box(folder))
        case ["in" | "out" | "keys" as folder, name]:
            return Place(Box(folder), name)
    raise RequestError(Status.NO_SUCH_FILE, "There is no such folder. A mailbox has in, out and keys.")


def is_part(name: str) -> bool:
    """True for the name of a file that says of itself that it is not complete."""
    return name.lower().endswith(PART_ENDINGS)


def without_part(name: str) -> str:
    """The name a file has once it is complete."""
    for ending in PART_ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name
