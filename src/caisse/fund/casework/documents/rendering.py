"""Pages of stored documents as pictures, for the desk's viewer: drawn in a limited process, and kept.

pages = Previews(home.previews, most_bytes=...)
pages.page_png(path, sha256, page=1, width=900)
"""

import contextlib
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from caisse.agreement.errors import ContentRefused, WrongUse
from caisse.fund.casework.documents import children, page_reading
from caisse.fund.casework.documents.limits import LIMITS, MEBIBYTE, DocumentLimits

#: Widths in pixels that are drawn: a width of everybody's own would fill the cache.
WIDTHS = (240, 900, 1600)
_MOST_PIXELS = 16_000_000


class CannotBeDrawn(ContentRefused):
    """The page cannot be shown as a picture. Download the document and open it in a PDF reader."""


def page_count(path: Path, *, limits: DocumentLimits = LIMITS) -> int:
    """How many pages the document has; raises CannotBeDrawn."""
    answer = _ask(path, page=0, width=0, limits=limits)
    return int(answer)


def page_png(path: Path, page: int, width: int, *, limits: DocumentLimits = LIMITS) -> bytes:
    """Page ``page`` (from 1) as a PNG of ``width`` (one of WIDTHS) pixels; raises CannotBeDrawn, WrongUse."""
    if page < 1 or width not in WIDTHS:
        raise WrongUse(f"page {page}, width {width}")
    return _ask(path, page=page, width=width, limits=limits)


def _ask(path: Path, *, page: int, width: int, limits: DocumentLimits) -> bytes:
    options = {"page": page, "width": width, "most_pixels": _MOST_PIXELS}
    try:
        answer = children.work("page", path, limits=limits, options=options)
    except children.TooExpensive:
        raise CannotBeDrawn(f"page {page}") from None
    if answer[:1] not in {page_reading.DRAWN, page_reading.COUNTED}:
        raise CannotBeDrawn(f"page {page}")
    return answer[1:]


@dataclass(slots=True)
class Previews:
    """Drawn pages, kept by document, page and width; the longest unused go when ``most_bytes`` is passed."""

    folder: Path
    most_bytes: int = 512 * MEBIBYTE
    limits: DocumentLimits = LIMITS
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def page_png(self, path: Path, sha256: str, *, page: int, width: int) -> bytes:
        """As `page_png`; ``sha256`` is that of the document at ``path``."""
        kept = self.folder / sha256[:2] / f"{sha256[2:]}-{page:d}-{width:d}.png"
        with contextlib.suppress(FileNotFoundError):
            content = kept.read_bytes()
            # When it was last looked at; the file's own access time is often switched off.
            os.utime(kept)
            return content
        content = page_png(path, page, width, limits=self.limits)
        self._keep(kept, content)
        return content

    def forget(self, sha256: str) -> None:
        """Remove the pictures of a document that the fund no longer holds."""
        for kept in (self.folder / sha256[:2]).glob(f"{sha256[2:]}-*.png"):
            kept.unlink(missing_ok=True)

    def _keep(self, kept: Path, content: bytes) -> None:
        kept.parent.mkdir(exist_ok=True, mode=0o700, parents=True)
        temporary = kept.with_name(f".{kept.name}.{os.getpid()}.{threading.get_ident()}")
        temporary.write_bytes(content)
        temporary.chmod(0o600)
        temporary.rename(kept)
        with self._lock:
            self._make_room()

    def _make_room(self) -> None:
        kept = []
        for path in self.folder.rglob("*.png"):
            with contextlib.suppress(FileNotFoundError):
                kept.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        total = sum(size for _, size, _ in kept)
        for _, size, path in sorted(kept):
            if total <= self.most_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size
