"""Documents on disk: staged while they arrive, judged, then kept unchanged under their SHA-256.

staged = stage(upload.chunks(), folder=home.staging, most_bytes=limits.bytes)
found = inspect(staged.path, limits=limits)
Store(home.documents).keep(staged)      durable; only then is the row written
"""

import hashlib
import os
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from caisse.agreement.errors import ContentRefused
from caisse.agreement.tables import reasons
from caisse.fund.casework.documents.limits import DocumentLimits
from caisse.fund.documents_config import DocumentsConfig
from caisse.fund.exchange.orphans import sweep_orphans
from caisse.fund.exchange.store import StagedFile, Store


class TooLarge(ContentRefused):
    """The document is larger than the fund takes. Scan it with less detail, or spread it over more files."""

    code = "DOC-009"

    def text(self, language: str) -> str:
        """The same in ``fr``, ``de`` or ``en``."""
        return reasons.reason(self.code).text(language)

    def remedy(self, language: str) -> str:
        """What the sender can do about it, in ``fr``, ``de`` or ``en``."""
        return reasons.reason(self.code).remedy(language)


def limits_of(config: DocumentsConfig) -> DocumentLimits:
    """The limits fund.toml gives; the rest are ours."""
    return DocumentLimits(bytes=config.bytes, pages=config.pages)


def stage(pieces: Iterable[bytes], *, folder: Path, most_bytes: int) -> StagedFile:
    """Write what arrives into ``folder`` (the fund's staging), hashed on the way; raises TooLarge at once."""
    folder = folder / "documents"
    folder.mkdir(mode=0o700, exist_ok=True, parents=True)
    path = folder / uuid.uuid4().hex
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            for piece in pieces:
                size += len(piece)
                if size > most_bytes:
                    raise TooLarge(f"more than {most_bytes} bytes")
                digest.update(piece)
                file.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return StagedFile(path, digest.hexdigest(), size)


def keep(path: Path, *, sha256: str, size: int, store: Store) -> None:
    """Move a judged upload into the store; when this returns, it survives a power cut."""
    store.keep(StagedFile(path, sha256, size))


def keep_made(content: bytes, store: Store) -> str:
    """Write a document the fund itself made into the store; its SHA-256."""
    sha256 = hashlib.sha256(content).hexdigest()
    store.keep_bytes(content, sha256)
    return sha256


def sweep_documents(*, store: Store, unknown: Callable[[list[str]], set[str]], by: str, at: datetime) -> int:
    """Remove files that no row has needed for days; ``unknown`` tells which hashes no document has."""
    return sweep_orphans(store=store, unknown=unknown, subject=("casework", "documents"), by=by, at=at)
