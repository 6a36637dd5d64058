"""The part of fund.toml about mail: the relay for what leaves, our addresses, the door for what arrives."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import unquote, urlsplit

#: What a new fund.toml says.
TEMPLATE = """\
[mail]
# Outgoing. Empty: mails are kept and wait for `caisse fund mails --release`. Else the relay:
#   smtp://host:25                 TLS when the relay offers it
#   smtp+starttls://user@host:587  TLS by STARTTLS, certificate verified
#   smtps://user@host:465          TLS from the first byte, certificate verified
# The user's password lies in secrets/mail-password.
relay = ""
relay_ca = ""                  # certificate authority of the relay (PEM file), if it is not a public one
from = "Caisse <noreply@caisse.example>"
# Incoming: the fund's address for applications, and the one that reports of failed delivery go to.
intake = "intake@caisse.example"
bounces = "bounces@caisse.example"
# The door for incoming mail, behind your mail server; no host: no door. Port 0: any free one.
host = ""
port = 8025
lmtp = false                   # false: SMTP, true: LMTP
relays = ["127.0.0.0/8", "::1/128"]   # mail servers that may hand mail over
bytes = 26_214_400             # of one mail; 0 means no limit
connections = 20               # at a time
cases_per_day = 20             # new cases one sender may open within a day (ours); 0 means no limit
cases_per_day_in_all = 500     # new cases mails of all senders may open within a day (ours); 0: no limit
answers_per_hour = 5           # automatic answers to one sender; 0 means none
hard_bounces = 2               # a newsletter subscription ends after so many
soft_bounces = 8               # and after so many of a passing kind within 90 days
"""

_SCHEMES = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
_ADDRESS = re.compile(r"[A-Za-z0-9._%-]{1,40}@[A-Za-z0-9.-]{1,200}")


@dataclass(frozen=True, slots=True)
class Relay:
    """The mail server that takes our mail; ``security`` is smtp, smtp+starttls or smtps."""

    security: str
    host: str
    port: int
    user: str = ""


@dataclass(frozen=True, slots=True)
class MailConfig:
    """The [mail] section of fund.toml."""

    relay: str = ""
    relay_ca: str = ""
    sender: str = "Caisse <noreply@caisse.example>"
    intake: str = "intake@caisse.example"
    bounces: str = "bounces@caisse.example"
    host: str = ""
    port: int = 0
    lmtp: bool = False
    relays: tuple[IPv4Network | IPv6Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    bytes: int = 26_214_400
    connections: int = 20
    cases_per_day: int = 20
    cases_per_day_in_all: int = 500
    answers_per_hour: int = 5
    hard_bounces: int = 2
    soft_bounces: int = 8


def read(table: Mapping[str, Any]) -> MailConfig:
    """The section as fund.toml has it; raises ValueError or TypeError naming what cannot be read."""
    values = {("sender" if name == "from" else name): value for name, value in table.items()}
    unknown = set(values) - {field.name for field in fields(MailConfig)}
    if unknown or "sender" in table:
        raise ValueError(f"[mail] has no entry {', '.join(sorted(unknown)) or 'sender'}")
    if "relays" in values:
        values["relays"] = tuple(ip_network(entry) for entry in values["relays"])
    config = MailConfig(**values)
    for name in ("intake", "bounces"):
        if not _ADDRESS.fullmatch(getattr(config, name)):
            raise ValueError(f"[mail] {name} must be a plain address such as intake@fund.example")
    if config.relay:
        read_relay(config.relay)
    return config


def read_relay(url: str) -> Relay:
    """The relay of a URL such as smtps://user@host:465; raises ValueError when it is none."""
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(f"[mail] relay must be {', '.join(f'{scheme}://host:port' for scheme in _SCHEMES)}")
    if parts.password:
        raise ValueError("[mail] relay: the password belongs into secrets/mail-password")
    user = unquote(parts.username or "")
    if user and parts.scheme == "smtp":
        raise ValueError("[mail] relay: a password needs smtp+starttls:// or smtps://")
    return Relay(parts.scheme, parts.hostname, parts.port or _SCHEMES[parts.scheme], user)
