"""The part of an inspection that opens the document: runs in the limited process only (`child`)."""

import io
import json
import re
from dataclasses import asdict, dataclass, field
from typing import BinaryIO

import pikepdf
import PIL.Image  # noqa: F401 (a later import would need a file)

from caisse.fund.casework.documents import active_content, visible
from caisse.fund.casework.documents.refusal import Refusal

_PICTURE_FILTERS = frozenset({"/DCTDecode", "/JPXDecode", "/JBIG2Decode", "/CCITTFaxDecode"})
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\u024f\u2010-\u2027]")
_WARNINGS = 10
#: How the parser names its input in each warning.
_INPUT = re.compile(r"^stream <[^>]*> ")
#: No honest document packs a stream more often than this.
_FILTERS = 4


@dataclass(slots=True)
class Examined:
    """What was found; ``code`` empty when nothing speaks against the document."""

    code: str = ""
    detail: str = ""
    version: str = ""
    pages: int = 0
    title: str = ""
    signature_fields: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def prepare(options: dict[str, int]) -> dict[str, int]:
    """The limits, those of the parser among them set."""
    pikepdf.settings.set_qpdf_limits(
        parser_max_container_size=options["objects"],
        max_stream_filters=_FILTERS,
        flate_max_memory=options["picture_bytes"],
        run_length_max_memory=options["picture_bytes"],
        png_max_memory=options["picture_bytes"],
        tiff_max_memory=options["picture_bytes"],
    )
    return options


def answer(document: BinaryIO, limits: dict[str, int]) -> bytes:
    """What `Examined` holds, as JSON."""
    found = Examined()
    try:
        _examine(document, limits, found)
    except MemoryError:
        raise
    except Exception as error:  # damage makes the parsers raise anything
        refusal = error if isinstance(error, Refusal) else _why(error)
        found.code, found.detail = refusal.code, refusal.detail
    return json.dumps(asdict(found)).encode()


def _examine(document: BinaryIO, limits: dict[str, int], found: Examined) -> None:
    content = document.read()
    after = content[content.rfind(b"%%EOF") :]
    if not after.startswith(b"%%EOF"):
        raise Refusal("DOC-010", "the end of the document is missing")
    if after[5:].strip(b"\r\n\t \x00\x1a"):
        raise Refusal("DOC-008", f"{len(after) - 5} bytes after its end")
    try:
        pdf = pikepdf.open(io.BytesIO(content), attempt_recovery=False, suppress_warnings=True)
    except pikepdf.PasswordError:
        raise Refusal("DOC-011") from None
    _look_inside(pdf, limits, found)
    _look_at(content, limits, found)


def _why(error: Exception) -> Refusal:
    """What a fault while reading says of the document: too much, or damaged."""
    told = str(error)
    met = "bad_alloc" in told or "limit exceeded" in told or pikepdf.settings.qpdf_limit_errors() > 0
    if met or isinstance(error, RecursionError):
        return Refusal("DOC-017", "size or nesting")
    return Refusal("DOC-010", type(error).__name__)


def _look_inside(pdf: pikepdf.Pdf, limits: dict[str, int], found: Examined) -> None:
    if pdf.is_encrypted:
        raise Refusal("DOC-011")
    found.version = str(pdf.pdf_version)
    found.pages = len(pdf.pages)
    if not found.pages:
        raise Refusal("DOC-012")
    if found.pages > limits["pages"]:
        raise Refusal("DOC-013", f"{found.pages} > {limits['pages']}")
    objects = len(pdf.objects)
    if objects > limits["objects"]:
        raise Refusal("DOC-017", f"{objects} objects > {limits['objects']}")
    _check_loaded(pdf)
    active_content.check(pdf)
    found.title = _title(pdf)
    found.signature_fields = _signature_fields(pdf)
    _unpack(pdf, limits)
    told = [_INPUT.sub("", str(warning)) for warning in pdf.get_warnings()[:_WARNINGS]]
    found.warnings = [_UNPRINTABLE.sub(" ", warning)[:200] for warning in told]


def _check_loaded(pdf: pikepdf.Pdf) -> None:
    """An object that cannot be parsed reads as nothing: then a page or picture would silently be missing."""
    for entry in pdf.objects:
        if entry is None:
            raise Refusal("DOC-010", "an object cannot be read")
    for page in pdf.pages:
        content = page.obj.get("/Contents")
        pieces = list(content) if isinstance(content, pikepdf.Array) else [content]
        if content is not None and not all(isinstance(piece, pikepdf.Stream) for piece in pieces):
            raise Refusal("DOC-010", "the content of a page is missing")


def _look_at(content: bytes, limits: dict[str, int], found: Examined) -> None:
    """A second engine opens it and draws the pages until one shows something."""
    shown = visible.first_visible(content, max_pages=limits["pages"])
    if shown is None:
        raise Refusal("DOC-018")
    if shown:
        found.warnings.append(f"pages 1 to {shown} show nothing" if shown > 1 else "page 1 shows nothing")


def _unpack(pdf: pikepdf.Pdf, limits: dict[str, int]) -> None:
    """Every stream is unpacked once; one that cannot be is damage, one that grows without end a bomb."""
    total = 0
    for stream in pdf.objects:
        if not isinstance(stream, pikepdf.Stream):
            continue
        if _filters(stream) & _PICTURE_FILTERS:
            continue
        size = len(stream.read_bytes())
        total += size
        picture = stream.get("/Subtype") == "/Image"
        if (size > limits["stream_bytes"] and not picture) or total > limits["unpacked_bytes"]:
            raise Refusal("DOC-017", f"{total} bytes unpacked")


def _filters(stream: pikepdf.Stream) -> set[str]:
    named = stream.get("/Filter")
    if named is None:
        return set()
    return {str(name) for name in named} if isinstance(named, pikepdf.Array) else {str(named)}


def _title(pdf: pikepdf.Pdf) -> str:
    return _UNPRINTABLE.sub(" ", str(pdf.trailer.get("/Info", {}).get("/Title", "")))[:200].strip()


def _signature_fields(pdf: pikepdf.Pdf) -> list[str]:
    """The names of fields that hold a signature; "" for signatures that are in no such field."""
    dictionaries = [entry for entry in pdf.objects if isinstance(entry, pikepdf.Dictionary)]
    named = [
        _UNPRINTABLE.sub(" ", str(entry.get("/T", "")))[:100]
        for entry in dictionaries
        if entry.get("/FT") == "/Sig" and "/V" in entry
    ]
    return named or [""] * any("/ByteRange" in entry and "/Contents" in entry for entry in dictionaries)
