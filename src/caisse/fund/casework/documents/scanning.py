"""A virus scanner beside the fund: clamd's INSTREAM over a Unix socket or TCP, named in fund.toml.

    [documents]
    scanner = "/run/clamav/clamd.ctl"    or "host:3310"; empty: none

    scan(path, scanner=...)  ->  Scan("clean" | "infected" | "not_configured" | "unreachable", ...)

Only "clean" and "not_configured" let a document pass. "unreachable" holds it (DOC-020) until a later scan.
"""

import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_PIECE = 256 * 1024
_LONGEST_ANSWER = 4096
_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Scan:
    """What the scanner said. ``code``: DOC-019 infected, DOC-020 not scanned yet, "" nothing is in the way.

    ``detail``: the name of what was found, or why there was no answer.
    """

    state: str
    detail: str = ""

    @property
    def code(self) -> str:
        """The reason code of the state, or ""."""
        return {"infected": "DOC-019", "unreachable": "DOC-020"}.get(self.state, "")

    @property
    def may_pass(self) -> bool:
        """True when the scanner found nothing, or the fund has none."""
        return self.state in {"clean", "not_configured"}


def scan(path: Path, *, scanner: str, seconds: float = _SECONDS) -> Scan:
    """Ask the scanner about a file; never raises for a scanner that is away, busy or talks nonsense."""
    if not scanner:
        return Scan("not_configured")
    try:
        with closing(_connect(scanner, seconds)) as connection, path.open("rb") as file:
            answer = _ask(connection, file)
    except (OSError, ValueError) as error:
        return Scan("unreachable", type(error).__name__)
    return _understood(answer)


def _understood(answer: str) -> Scan:
    """`stream: OK`, `stream: NAME FOUND`; everything else (also a size limit of the scanner's) is no scan."""
    verdict = answer.removeprefix("stream: ")
    if verdict == "OK":
        return Scan("clean")
    if verdict.endswith(" FOUND"):
        return Scan("infected", verdict.removesuffix(" FOUND")[:100])
    return Scan("unreachable", verdict[:100])


def _connect(scanner: str, seconds: float) -> socket.socket:
    if scanner.startswith("/"):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(seconds)
        try:
            connection.connect(scanner)
        except OSError:
            connection.close()
            raise
        return connection
    host, _, port = scanner.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout=seconds)


def _ask(connection: socket.socket, file: BinaryIO) -> str:
    """Send the file in pieces, each with its length before it; the answer ends with a zero byte."""
    try:
        connection.sendall(b"zINSTREAM\0")
        for piece in _pieces(file):
            connection.sendall(struct.pack("!L", len(piece)) + piece)
        connection.sendall(struct.pack("!L", 0))
    except (BrokenPipeError, ConnectionResetError):
        # Above its size limit clamd says so and hangs up while we are still sending.
        pass
    answer = b""
    while b"\0" not in answer and len(answer) < _LONGEST_ANSWER:
        received = connection.recv(_LONGEST_ANSWER)
        if not received:
            break
        answer += received
    # Without its end an answer may be half of another one.
    whole, end, _ = answer.partition(b"\0")
    return whole.decode("utf-8", "replace").strip() if end else ""


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(_PIECE):
        yield piece
