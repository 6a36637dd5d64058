"""The parts of fund.toml about pages: where they listen, who may reach the desk, who vouches for persons."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from caisse.fund.networks import Network

#: The public address of the pages, told to every process of a fund whose port was chosen when it started.
URL_VARIABLE = "CAISSE_PAGES_URL"

#: What a new fund.toml says.
TEMPLATE = """\
[pages]
host = "127.0.0.1"
port = 8444
# The public address: used in mails, and no other host name is answered.
# Without it: https://localhost with the port above.
# url = "https://portal.fund.example"
# Who may reach the desk, the pages of the staff. For any other address they do not exist.
desk_networks = ["127.0.0.0/8", "::1/128"]
# Proxies in front of the pages, whose X-Forwarded-For is believed. Through any other proxy there is no desk.
proxies = []
request_bytes = 33_554_432     # of one request with its attachments

# Sign-in by an OpenID Connect provider; its secret lies in secrets/oidc-client-secret.
# [sign_in.oidc]
# name = "LuxTrust"
# server_url = "https://login.provider.example"
# client_id = "caisse"
# strong = true                # it checks two factors itself
"""

_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass(frozen=True, slots=True)
class PagesConfig:
    """The [pages] section of fund.toml; ``url`` is never empty and has no slash at the end."""

    host: str = "127.0.0.1"
    port: int = 8444
    url: str = ""
    desk_networks: tuple[Network, ...] = _LOOPBACK
    proxies: tuple[Network, ...] = ()
    request_bytes: int = 33_554_432

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", self.url.rstrip("/") or f"https://localhost:{self.port}")

    @property
    def follows_port(self) -> bool:
        """True when no public address was given: it then says wherever the pages really listen."""
        return self.url == f"https://localhost:{self.port}"

    @property
    def host_names(self) -> list[str]:
        """The host names the pages answer to."""
        name = str(urlsplit(self.url).hostname)
        return [name, "127.0.0.1", "[::1]"] if name == "localhost" else [name]


@dataclass(frozen=True, slots=True)
class OpenIdProvider:
    """The [sign_in.oidc] section of fund.toml; ``strong`` says that it checks two factors itself."""

    name: str
    server_url: str
    client_id: str
    strong: bool = False

    @property
    def origin(self) -> str:
        """Scheme, host and port of the provider."""
        parts = urlsplit(self.server_url)
        return f"{parts.scheme}://{parts.netloc}"


def read_pages(table: Mapping[str, Any], url: str | None = None) -> PagesConfig:
    """The section as fund.toml has it, ``url`` going before; raises ValueError or TypeError."""
    unknown = set(table) - {field.name for field in fields(PagesConfig)}
    if unknown:
        raise ValueError(f"[pages] has no entry {', '.join(sorted(unknown))}")
    values = dict(table)
    for name in ("desk_networks", "proxies"):
        if name in values:
            values[name] = tuple(ip_network(entry) for entry in values[name])
    if url:
        values["url"] = url
    config = PagesConfig(**values)
    if not is_https(config.url):
        raise ValueError("[pages] url must be an address such as https://portal.fund.example, without a path")
    return config


def read_provider(table: Mapping[str, Any]) -> OpenIdProvider | None:
    """The OpenID Connect provider, None when there is none; raises ValueError or TypeError."""
    if "oidc" not in table:
        return None
    provider = OpenIdProvider(**table["oidc"])
    parts = urlsplit(provider.server_url)
    if parts.scheme != "https" and parts.hostname not in {"localhost", "127.0.0.1"}:
        raise ValueError("[sign_in.oidc] server_url must begin with https://")
    return provider


def is_https(url: str) -> bool:
    """True for an https address without a path."""
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(parts.hostname) and parts.path in {"", "/"} and not parts.query
