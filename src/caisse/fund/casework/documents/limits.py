"""How large a document may be, and what looking at it may cost."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DocumentLimits:
    """Bounds of one document (ours); CPU seconds and memory are those of the process that looks at it.

    ``picture_bytes``: one unpacked picture. ``stream_bytes``: any other unpacked stream. ``unpacked_bytes``:
    all of them together. ``objects``: objects of the document, or entries of one. ``wall_seconds``: after
    these the machine, not the document, is at fault.
    """

    bytes: int = 20 * MEBIBYTE
    pages: int = 300
    objects: int = 200_000
    picture_bytes: int = 256 * MEBIBYTE
    stream_bytes: int = 48 * MEBIBYTE
    unpacked_bytes: int = 1024 * MEBIBYTE
    cpu_seconds: int = 20
    memory_bytes: int = 1024 * MEBIBYTE
    wall_seconds: float = 120.0


LIMITS = DocumentLimits()
