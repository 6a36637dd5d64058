"""The practice's folder: its settings, credentials, the fund's pinned keys, files to send and answers."""

import fcntl
import json
import os
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from caisse.agreement.errors import WrongUse
from caisse.provider.errors import Busy, NoPractice, PracticeExists

_SCHEMES = ("sftp", "https", "memory")

#: Legal frame -> profession whose published tables apply.
_PROFESSIONS = {"LAB": "laboratories"}


def profession_of(frame: str) -> str:
    """The profession whose tables price and judge files of that frame; raises WrongUse when none is held."""
    try:
        return _PROFESSIONS[frame]
    except KeyError:
        raise WrongUse(
            f"No tables are held for the frame {frame!r}; known: {', '.join(_PROFESSIONS)}."
        ) from None


@dataclass(frozen=True, slots=True)
class Settings:
    """What `practice.toml` holds: who we are, where the fund is, where our database is."""

    code: int
    frame: str
    fund: str
    database: str
    organisation: int = 99
    answer_expected_days: int = 30

    @property
    def user(self) -> str:
        """The account's user name: the one in the fund's address, else `{code}-{frame}` in lower case."""
        return urlsplit(self.fund).username or f"{self.code}-{self.frame.lower()}"


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Write ``content`` so that ``path`` holds all of it or is unchanged, also after a power cut."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _checked(settings: Settings) -> Settings:
    parts = urlsplit(settings.fund)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise WrongUse(f"--fund: {settings.fund!r} is not like sftp://user@host:port or https://host:port.")
    if parts.password:
        raise WrongUse("--fund: leave the password out of the address; give it with --password-stdin.")
    if not 10_000_000 <= settings.code <= 99_999_999:
        raise WrongUse(f"--code: {settings.code} is not a provider code of 8 digits.")
    if not (len(settings.frame) == 3 and settings.frame.isascii() and settings.frame.isupper()):
        raise WrongUse(f"--frame: {settings.frame!r} is not three capital letters such as LAB.")
    return settings


class Home:
    """A practice's folder on disk."""

    def __init__(self, root: Path | str) -> None:
        """``root`` is the folder; it need not exist before :meth:`create`."""
        self.root = Path(root).expanduser().resolve()

    settings_file = property(lambda self: self.root / "practice.toml", doc="The settings.")
    secret = property(lambda self: self.root / "secret", doc="The account's password, mode 0600.")
    private_key = property(lambda self: self.root / "id_ed25519", doc="The account's SSH key, mode 0600.")
    known_hosts = property(lambda self: self.root / "known_hosts", doc="The fund's pinned host key.")
    certificate = property(lambda self: self.root / "fund-ca.pem", doc="The fund's pinned TLS authority.")
    keys = property(lambda self: self.root / "fund-keys.json", doc="The fund's public receipt keys (JWKS).")
    outbox = property(lambda self: self.root / "outbox", doc="Files built, to be sent or sent.")
    inbox = property(lambda self: self.root / "inbox", doc="Copies of the answers, for people to read.")
    incoming = property(lambda self: self.root / "incoming", doc="Downloads under way.")

    def create(self, settings: Settings) -> None:
        """Make the folder; raises PracticeExists when it holds a practice already."""
        _checked(settings)
        if self.settings_file.exists():
            raise PracticeExists(str(self.root))
        for folder in (self.root, self.outbox, self.inbox, self.incoming):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = "".join(f"{key} = {json.dumps(getattr(settings, key))}\n" for key in Settings.__slots__)
        write_durably(self.settings_file, text.encode(), mode=0o600)

    def settings(self) -> Settings:
        """The settings; raises NoPractice when there is no practice here."""
        try:
            values = tomllib.loads(self.settings_file.read_text("utf-8"))
        except FileNotFoundError:
            raise NoPractice(str(self.root)) from None
        except tomllib.TOMLDecodeError as error:
            raise WrongUse(f"{self.settings_file}: {error}") from None
        unknown = sorted(set(values) - set(Settings.__slots__))
        if unknown:
            raise WrongUse(f"{self.settings_file}: unknown setting {', '.join(unknown)}")
        return _checked(Settings(**values))

    def default_database(self) -> str:
        """The address of the practice's own SQLite file."""
        return f"sqlite:///{self.root / 'practice.sqlite'}"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the practice for one command that writes; raises Busy when another holds it."""
        descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(str(self.root)) from None
            yield
        finally:
            os.close(descriptor)
