"""SFTP version 3 on the wire (draft-ietf-secsh-filexfer-02, with the extensions OpenSSH clients ask for)."""

import struct
from dataclasses import dataclass
from enum import IntEnum

#: Bytes one write or one answer to a read may carry: what OpenSSH's client can take at most.
LARGEST_DATA = 261_120
#: Bytes one packet may have: the data and its head.
LARGEST_PACKET = LARGEST_DATA + 1024


class Request(IntEnum):
    """What a client may ask."""

    INIT = 1
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    READLINK = 19
    SYMLINK = 20
    EXTENDED = 200


class Answer(IntEnum):
    """What a server answers."""

    VERSION = 2
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED_REPLY = 201


class Status(IntEnum):
    """How a request ended."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    OP_UNSUPPORTED = 8


class Flag(IntEnum):
    """How a file is opened."""

    READ = 1
    WRITE = 2
    APPEND = 4
    CREATE = 8
    TRUNCATE = 16
    EXCLUSIVE = 32


_SIZE, _OWNER, _PERMISSIONS, _TIMES, _EXTENDED = 1, 2, 4, 8, 0x80000000


class RequestError(Exception):
    """A request is answered with this status; the message is for the person at the other end."""

    def __init__(self, status: Status, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(message)


class PacketError(Exception):
    """The bytes are no SFTP packet."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a listing or a stat says of a file; ``modified`` counts seconds since 1970."""

    permissions: int
    size: int = 0
    modified: int = 0

    def encode(self) -> bytes:
        """The attributes as an answer carries them."""
        flags = _SIZE | _PERMISSIONS | _TIMES
        return struct.pack(">IQIII", flags, self.size, self.permissions, self.modified, self.modified)


class Packet:
    """Reads the fields of one packet in turn. Raises PacketError when it is too short."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def _take(self, length: int) -> bytes:
        end = self._at + length
        if end > len(self._data):
            raise PacketError("packet too short")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def byte(self) -> int:
        """One byte."""
        return self._take(1)[0]

    def number(self) -> int:
        """A 32-bit number."""
        return int.from_bytes(self._take(4))

    def long(self) -> int:
        """A 64-bit number."""
        return int.from_bytes(self._take(8))

    def string(self) -> bytes:
        """A string with its length in front."""
        return self._take(self.number())

    def wanted_size(self) -> int | None:
        """The size in a set of attributes, None when it is not to be changed; the rest is read over."""
        flags = self.number()
        size = self.long() if flags & _SIZE else None
        for flag in (_OWNER, _TIMES):
            if flags & flag:
                self._take(8)
        if flags & _PERMISSIONS:
            self._take(4)
        if flags & _EXTENDED:
            for _ in range(min(self.number(), 64)):
                self.string(), self.string()
        return size


class Inbox:
    """Puts packets together from whatever pieces the channel delivers, without copying a backlog twice."""

    def __init__(self) -> None:
        self._data, self._at = b"", 0
        self._more: list[bytes] = []
        self._have = 0

    def feed(self, data: bytes) -> None:
        """Add what the channel delivered."""
        self._more.append(data)
        self._have += len(data)

    def __len__(self) -> int:
        """Bytes that wait to be taken out."""
        return self._have

    def take(self) -> bytes | None:
        """Take out one complete packet, without its length; None when none is complete.

        Raises PacketError for an impossible length.
        """
        if not self._gather(4):
            return None
        length = int.from_bytes(self._data[self._at : self._at + 4])
        if not 1 <= length <= LARGEST_PACKET:
            raise PacketError(f"packet of {length} bytes")
        if not self._gather(4 + length):
            return None
        start = self._at + 4
        self._at = start + length
        self._have -= 4 + length
        return self._data[start : self._at]

    def _gather(self, wanted: int) -> bool:
        """True when so many bytes lie in one piece, which they are brought into if enough have come."""
        if self._have < wanted:
            return False
        if len(self._data) - self._at < wanted:
            self._data, self._at = b"".join([self._data[self._at :], *self._more]), 0
            self._more = []
        return True


def string(value: bytes) -> bytes:
    """A string with its length in front."""
    return len(value).to_bytes(4) + value


def answer(kind: Answer, request: int, body: bytes) -> bytes:
    """One whole packet that answers ``request``."""
    return struct.pack(">IBI", len(body) + 5, kind, request) + body


def status(request: int, code: Status, message: str = "") -> bytes:
    """A packet that says how ``request`` ended."""
    return answer(Answer.STATUS, request, int(code).to_bytes(4) + string(message.encode()) + string(b"en"))


def names(request: int, entries: list[tuple[bytes, bytes, Attributes]]) -> bytes:
    """A packet with file names, their long form and their attributes."""
    body = b"".join(string(name) + string(long) + attributes.encode() for name, long, attributes in entries)
    return answer(Answer.NAME, request, len(entries).to_bytes(4) + body)


def version(extensions: dict[bytes, bytes]) -> bytes:
    """The packet that answers INIT: version 3 and what we offer beyond it."""
    offered = b"".join(string(name) + string(value) for name, value in extensions.items())
    return struct.pack(">IBI", 5 + len(offered), Answer.VERSION, 3) + offered
