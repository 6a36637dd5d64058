"""What kind of file some bytes are, by their content and never by a name.

>>> recognise(b"\xff\xd8\xff\xe0")
'a JPEG picture'
>>> recognise(b"%PDF-1.7 ...")
'a PDF document'
>>> group("a JPEG picture")
'picture'

Kinds are told in English; `tables.phrases` says them in French and German.
"""

import re
from collections.abc import Buffer
from typing import Final

PDF: Final = "a PDF document"
PDF_AFTER_SOMETHING: Final = "a PDF document with something before it"
EMPTY: Final = "an empty file"
UNKNOWN: Final = "a file of an unknown kind"

#: So many bytes of the beginning and of the end are enough for `recognise`.
HEAD: Final = 4096
TAIL: Final = 65_536

_ZIP: Final = "a ZIP archive"
_WORD: Final = "a Word document"
_EXCEL: Final = "an Excel workbook"
_POWERPOINT: Final = "a PowerPoint presentation"
_OPEN_DOCUMENT: Final = "an OpenDocument file"
_OLD_OFFICE: Final = "an Office document of the old form"
_RTF: Final = "an RTF text"
_HEIC: Final = "a HEIC picture"
_WEBP: Final = "a WebP picture"
_MAIL: Final = "an e-mail message"
_HTML: Final = "a web page"
_XML: Final = "an XML document"
_TEXT: Final = "a plain text"

#: Kinds that a few bytes at the beginning give away.
_SIGNATURES: Final = {
    b"%PDF-": PDF,
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
    b"PK\x03\x04": _ZIP,
    b"PK\x05\x06": _ZIP,
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": _OLD_OFFICE,
    b"{\\rtf": _RTF,
    b"%!PS": "a PostScript document",
}
_HEIC_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif"}
)

_GROUPS: Final = {
    PDF: "pdf",
    PDF_AFTER_SOMETHING: "pdf",
    EMPTY: "empty",
    _HEIC: "picture",
    _WEBP: "picture",
    _WORD: "office",
    _EXCEL: "office",
    _POWERPOINT: "office",
    _OPEN_DOCUMENT: "office",
    _OLD_OFFICE: "office",
    _RTF: "office",
    _TEXT: "office",
    _MAIL: "mail",
    _HTML: "web",
}

_PAGE = re.compile(
    rb"(?:<!--.*?-->|<\?xml[^>]*>|\s)*<(?:!doctype\s+html|html|head|body|title|meta)\b", re.I | re.DOTALL
)
_MAIL_LINE = re.compile(
    rb"^(?:from|to|cc|subject|date|received|return-path|delivered-to|message-id|mime-version|content-type|"
    rb"dkim-signature|x-[a-z0-9-]+):",
    re.I,
)
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")


def by_signature(head: Buffer) -> str | None:
    """The kind a file's first bytes give away by themselves; None when they do not."""
    start = bytes(memoryview(head)[:16])
    for signature, kind in _SIGNATURES.items():
        if start.startswith(signature):
            return kind
    if start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS:
        return _HEIC
    return _WEBP if start.startswith(b"RIFF") and start[8:12] == b"WEBP" else None


def recognise(head: bytes, tail: bytes = b"") -> str:
    """The kind of a file, in English words, from its first ``HEAD`` and its last ``TAIL`` bytes."""
    if not head:
        return EMPTY
    kind = by_signature(head)
    if kind == _ZIP:
        return _packed(head + tail)
    if kind is not None:
        return kind
    if b"%PDF-" in head[:1024]:
        return PDF_AFTER_SOMETHING
    return _written(head)


def group(kind: str) -> str:
    """The family of a kind: pdf, empty, picture, office, web, mail, archive or other."""
    if kind in _GROUPS:
        return _GROUPS[kind]
    if kind.endswith("picture"):
        return "picture"
    return "archive" if kind.endswith("archive") else "other"


def _packed(content: bytes) -> str:
    """Office documents are ZIP archives: the names inside say which."""
    if b"mimetypeapplication/vnd.oasis.opendocument" in content:
        return _OPEN_DOCUMENT
    for name, kind in ((b"word/", _WORD), (b"xl/", _EXCEL), (b"ppt/", _POWERPOINT)):
        if name in content and b"[Content_Types].xml" in content:
            return kind
    return _ZIP


def _written(head: bytes) -> str:
    """Kinds that are written as text."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head[2:].replace(b"\x00", b"")
    if _PAGE.match(text):
        return _HTML
    if text.lstrip().startswith(b"<?xml"):
        return _XML
    lines = text.splitlines()
    if len(lines) > 1 and sum(bool(_MAIL_LINE.match(line)) for line in lines[:20]) > 1:
        return _MAIL
    return UNKNOWN if _CONTROLS.intersection(text) else _TEXT
