"""The part of fund.toml about documents of cases: how large they may be, and who looks for viruses."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: What a new fund.toml says.
TEMPLATE = """\
[documents]
# A virus scanner that speaks clamd's protocol: "/run/clamav/clamd.ctl" or "host:3310". Empty: none.
scanner = ""
bytes = 20_971_520             # of one document
pages = 300                    # of one document
preview_bytes = 536_870_912    # of all drawn pages kept for the desk
"""


@dataclass(frozen=True, slots=True)
class DocumentsConfig:
    """The table [documents]; sizes in bytes."""

    scanner: str = ""
    bytes: int = 20_971_520
    pages: int = 300
    preview_bytes: int = 536_870_912


def read(table: Mapping[str, Any]) -> DocumentsConfig:
    """The table as fund.toml has it; raises TypeError or ValueError naming what cannot be read."""
    config = DocumentsConfig(**table)
    for name in ("bytes", "pages", "preview_bytes"):
        number = getattr(config, name)
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"[documents] {name} is {number!r}, not a number from 1")
    host, _, port = config.scanner.rpartition(":")
    if config.scanner and not config.scanner.startswith("/") and not (host and port.isdigit()):
        raise ValueError(f'[documents] scanner is {config.scanner!r}, neither "/path" nor "host:port"')
    return config
