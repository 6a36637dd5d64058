"""The doors of the fund, all with the same handle: SFTP, HTTPS, and one in memory for tests."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import urlsplit

from caisse.agreement.errors import WrongUse
from caisse.provider.home import Home, Settings

#: Called with the bytes that are through and the bytes there are.
Progress = Callable[[int, int], None]

#: Seconds to wait for a connection and for any single answer of the fund.
PATIENCE = 30.0

#: A file in the mailbox is looked for under this name until it is whole.
PART = ".part"


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that lies ready to be collected."""

    name: str
    size: int


class Door(Protocol):
    """One way into the fund's mailbox. Every call may be repeated without harm."""

    def put(
        self, name: str, path: Path, *, resume: bool, begun: Callable[[], None], progress: Progress
    ) -> None:
        """Deposit the file ``path`` as ``name``; on return the fund holds all of it.

        ``resume`` says that an earlier attempt of this very content was begun; ``begun`` is called once
        a fresh upload has been begun. Raises DepositRefused, LoginRefused or Unreachable.
        """
        ...

    def list_answers(self) -> list[RemoteFile]:
        """Everything in the mailbox's out box, always all of it."""
        ...

    def get(self, name: str, target: Path, *, progress: Progress) -> None:
        """Write the answer ``name`` to ``target``."""
        ...

    def fetch_keys(self) -> bytes:
        """The fund's public receipt keys, a JWKS."""
        ...

    def close(self) -> None:
        """Leave."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Closing:
    """``with`` for a door."""

    def close(self) -> None:
        """Leave."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        """The door itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave, whatever happened."""
        self.close()


def no_progress(_done: int, _all: int) -> None:
    """Say nothing."""


def no_notice(_words: str) -> None:
    """Say nothing."""


def open_door(home: Home, settings: Settings, notice: Callable[[str], None] = no_notice) -> Door:
    """The door the settings name; nothing is sent before it is used.

    ``notice`` is told what a person should know, such as a host key that is trusted from now on.
    """
    scheme = urlsplit(settings.fund).scheme
    if scheme == "sftp":
        from caisse.provider.transport.sftp import SftpDoor  # noqa: PLC0415 - asyncssh takes half a second

        return SftpDoor(home, settings, notice)
    if scheme == "https":
        from caisse.provider.transport.https import HttpsDoor  # noqa: PLC0415

        return HttpsDoor(home, settings)
    if scheme == "memory":
        from caisse.provider.transport.memory import open_mailbox  # noqa: PLC0415

        return open_mailbox(urlsplit(settings.fund).hostname or "")
    raise WrongUse(f"No door for {settings.fund!r}: sftp:// and https:// are known.")
