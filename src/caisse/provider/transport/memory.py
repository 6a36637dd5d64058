"""A mailbox in memory with the same handle as the real doors, for the tests of software vendors."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from caisse.agreement.errors import Unreachable
from caisse.provider.errors import DepositRefused
from caisse.provider.transport import Closing, Progress, RemoteFile

#: Called for each deposit with its name and bytes; returns the answers to lay into the out box.
Respond = Callable[[str, bytes], dict[str, bytes]]


@dataclass
class MemoryDoor(Closing):
    """Deposits in ``deposited``, answers in ``answers``. ``down`` plays a fund that cannot be reached."""

    deposited: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)
    keys: bytes = b'{"keys": []}'
    respond: Respond | None = None
    refuse: str = ""
    down: bool = False

    def put(
        self,
        name: str,
        path: Path,
        *,
        resume: bool,  # noqa: ARG002
        begun: Callable[[], None],
        progress: Progress,
    ) -> None:
        """Keep the file; the same name with other bytes is refused as the fund would."""
        self._knock()
        if self.refuse:
            raise DepositRefused(self.refuse)
        content = path.read_bytes()
        if self.deposited.get(name, content) != content:
            raise DepositRefused(f"KEY-001 {name} was deposited with other content")
        begun()
        self.deposited[name] = content
        progress(len(content), len(content))
        if self.respond is not None:
            self.answers.update(self.respond(name, content))

    def list_answers(self) -> list[RemoteFile]:
        """The names and sizes of ``answers``."""
        self._knock()
        return [RemoteFile(name, len(content)) for name, content in self.answers.items()]

    def get(self, name: str, target: Path, *, progress: Progress) -> None:
        """Write one of ``answers``."""
        self._knock()
        target.write_bytes(self.answers[name])
        progress(len(self.answers[name]), len(self.answers[name]))

    def fetch_keys(self) -> bytes:
        """The JWKS given."""
        self._knock()
        return self.keys

    def close(self) -> None:
        """Nothing to let go of."""

    def _knock(self) -> None:
        if self.down:
            raise Unreachable("memory: the fund is played as down")


_MAILBOXES: dict[str, MemoryDoor] = {}


def open_mailbox(name: str) -> MemoryDoor:
    """The mailbox of that name in this process, as `memory://name` opens it."""
    return _MAILBOXES.setdefault(name, MemoryDoor())
