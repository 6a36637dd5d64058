"""The bytes of a file on its way out."""

from collections.abc import Iterator
from pathlib import Path

from caisse.provider import faults
from caisse.provider.transport import Progress

_BLOCK = 1024 * 1024


def blocks(path: Path, offset: int, progress: Progress) -> Iterator[bytes]:
    """The file from byte ``offset`` on, in blocks; ``progress`` hears of each once the next is asked for."""
    size = path.stat().st_size
    with path.open("rb") as source:
        source.seek(offset)
        while block := source.read(_BLOCK):
            yield block
            offset += len(block)
            faults.reach("send.during_put")
            progress(offset, size)
