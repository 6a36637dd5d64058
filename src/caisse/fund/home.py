"""The fund's home: one folder that holds everything of a fund but its own PostgreSQL server, if it has one.

fund.toml      name, doors, networks, limits; read again by every process that starts
secrets/       keys and passwords, readable by the owner alone
pg/            the embedded PostgreSQL cluster
store/         every byte received or answered, under its SHA-256
staging/       uploads that are not complete yet; swept
snapshots/     reference tables for the workers; can be made again
documents/     every document of a case, unchanged, under its SHA-256
previews/      drawn pages of documents for the desk; can be made again
trust/         certificates (*.pem) of those whose signatures on documents the fund trusts
mail-in/       every mail received, unchanged, under its SHA-256
tls/           certificate and key of the HTTPS door
"""

import os
import tomllib
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self

from caisse.agreement.errors import BrokenSystem, WrongUse
from caisse.fund import documents_config, mail_config, pages_config, secrets_folder
from caisse.fund.documents_config import DocumentsConfig
from caisse.fund.mail_config import MailConfig
from caisse.fund.networks import Network, is_within
from caisse.fund.pages_config import OpenIdProvider, PagesConfig

VARIABLE = "CAISSE_FUND_HOME"
DATABASE_VARIABLE = "CAISSE_FUND_DATABASE_URL"

_TEMPLATE = """\
# A Caisse fund. Every process reads this file when it starts.
name = "{name}"

[database]
# Empty: the PostgreSQL inside this folder. Else your own server: "postgresql://user:password@host/database".
url = ""

[sender]
# The head and the foot of letters; the name above stands first. What is empty is left out.
department = ""
lines = []                     # postal address, such as ["1, rue de la Caisse", "L-1000 Luxembourg"]
phone = ""
email = ""
website = ""
place = "Luxembourg"           # "Luxembourg, le 22 novembre 2026"

[http]
host = "127.0.0.1"
port = 8443

[sftp]
host = "127.0.0.1"
port = 8022

{pages}
[networks]
# Who may reach both doors: the health network. Any other address is turned away before it can log in.
allowed = ["127.0.0.0/8", "::1/128"]

[limits]
# Checked before anything else and named in the refusal. 0 means no limit.
bytes = 1_073_741_824          # of one file
deposits_per_hour = 600        # of one account
waiting = 500                  # deposits of one account not answered yet
name_length = 150              # characters of a file name
refusal_notes = 50             # newest notes about refused uploads kept in a mailbox
staging_hours = 48             # an upload untouched for so long is swept away
repeat_minutes = 60            # the same bytes again within this time are a repeat, even if not conform

{documents}
{mail}"""


@dataclass(frozen=True, slots=True)
class Door:
    """Where a door listens; port 0 means any free one."""

    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes the fund's letters: the head and the foot of each."""

    name: str
    department: str = ""
    lines: tuple[str, ...] = ()
    phone: str = ""
    email: str = ""
    website: str = ""
    place: str = ""

    @classmethod
    def of(cls, name: str, entries: dict[str, Any]) -> Self:
        """From the fund's name and [sender] of fund.toml."""
        return cls(name, **{**entries, "lines": tuple(map(str, entries.get("lines", ())))})


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account may send; 0 means no limit."""

    bytes: int = 1_073_741_824
    deposits_per_hour: int = 600
    waiting: int = 500
    name_length: int = 150
    refusal_notes: int = 50
    staging_hours: int = 48
    repeat_minutes: int = 60


@dataclass(frozen=True, slots=True)
class FundConfig:
    """The content of fund.toml."""

    name: str
    database_url: str = ""
    http: Door = field(default_factory=Door)
    sftp: Door = field(default_factory=Door)
    networks: tuple[Network, ...] = ()
    limits: Limits = field(default_factory=Limits)
    mail: MailConfig = field(default_factory=MailConfig)
    pages: PagesConfig = field(default_factory=PagesConfig)
    open_id: OpenIdProvider | None = None
    documents: DocumentsConfig = field(default_factory=DocumentsConfig)
    sender: Sender = field(default_factory=lambda: Sender(""))

    def is_allowed(self, address: str) -> bool:
        """True when ``address`` (of a connecting client) lies in an allowed network."""
        return is_within(address, self.networks)


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of a fund's home, its configuration and its secrets."""

    path: Path

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> Self:
        """The home at ``path``; it need not exist yet."""
        return cls(Path(path).expanduser().resolve())

    @classmethod
    def from_environment(cls) -> Self:
        """The home named by CAISSE_FUND_HOME; raises WrongUse when there is none."""
        named = os.environ.get(VARIABLE)
        if not named:
            raise WrongUse(f"Name the fund's home: --home DIR or the environment variable {VARIABLE}.")
        return cls.at(named).existing()

    def existing(self) -> Self:
        """This home, or WrongUse when nothing was initialised there."""
        if not self.config_file.is_file():
            raise WrongUse(
                f"{self.path} is not a fund's home yet. Make one: caisse fund init --home {self.path}"
            )
        return self

    @property
    def config_file(self) -> Path:
        return self.path / "fund.toml"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def pg(self) -> Path:
        return self.path / "pg"

    @property
    def store(self) -> Path:
        return self.path / "store"

    @property
    def staging(self) -> Path:
        return self.path / "staging"

    @property
    def snapshots(self) -> Path:
        return self.path / "snapshots"

    @property
    def documents(self) -> Path:
        return self.path / "documents"

    @property
    def previews(self) -> Path:
        return self.path / "previews"

    @property
    def trust(self) -> Path:
        return self.path / "trust"

    @property
    def mail_in(self) -> Path:
        return self.path / "mail-in"

    @property
    def tls(self) -> Path:
        return self.path / "tls"

    def create(self, name: str = "Caisse") -> None:
        """Make the folders, fund.toml and the secrets; whatever exists already is left as it is."""
        self.path.mkdir(parents=True, exist_ok=True)
        kept = (self.store, self.documents, self.mail_in)
        for folder in (*kept, self.staging, self.snapshots, self.previews, self.trust):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o700)
        # 256 folders from the start: no deposit ever pays for making one durable.
        for number in range(256):
            (self.store / f"{number:02x}").mkdir(exist_ok=True, mode=0o700)
        secrets_folder.create(self.secrets)
        secrets_folder.create_certificate(self.tls)
        if not self.config_file.exists():
            escaped = name.replace("\\", "").replace('"', "'")
            text = _TEMPLATE.format(
                name=escaped,
                pages=pages_config.TEMPLATE,
                mail=mail_config.TEMPLATE,
                documents=documents_config.TEMPLATE,
            )
            secrets_folder.write_private(self.config_file, text.encode())

    def config(self) -> FundConfig:
        """fund.toml as it is now; raises WrongUse naming the entry that cannot be read."""
        try:
            table = tomllib.loads(self.config_file.read_text(encoding="utf-8"))
            return FundConfig(
                name=str(table["name"]),
                database_url=os.environ.get(DATABASE_VARIABLE)
                or str(table.get("database", {}).get("url", "")),
                http=Door(**table.get("http", {})),
                sftp=Door(**table.get("sftp", {})),
                networks=tuple(ip_network(entry) for entry in table.get("networks", {}).get("allowed", ())),
                limits=Limits(**table.get("limits", {})),
                mail=mail_config.read(table.get("mail", {})),
                pages=pages_config.read_pages(
                    table.get("pages", {}), os.environ.get(pages_config.URL_VARIABLE)
                ),
                documents=documents_config.read(table.get("documents", {})),
                open_id=pages_config.read_provider(table.get("sign_in", {})),
                sender=Sender.of(str(table["name"]), table.get("sender", {})),
            )
        except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            raise WrongUse(f"{self.config_file}: {error}") from error

    def secret(self, name: str) -> bytes:
        """The content of a file in secrets/; raises BrokenSystem when it is gone."""
        try:
            return (self.secrets / name).read_bytes()
        except OSError as error:
            raise BrokenSystem(f"secret {name} cannot be read: {error.strerror}") from error
