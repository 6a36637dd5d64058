"""Is a file a document the fund can take? Judged by its content; its name is never looked at.

    inspect(path, limits=LIMITS)  ->  Inspection

First the kind of file and its size, here; then everything that opens it, in a limited process (`children`).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from caisse.agreement import file_kinds
from caisse.agreement.tables import phrases, reasons
from caisse.fund.casework.documents import children
from caisse.fund.casework.documents.limits import LIMITS, DocumentLimits
from caisse.fund.exchange.store import hash_file

#: What a file that is no PDF is refused for, by its group of kinds.
_NO_PDF = {
    "empty": "DOC-001",
    "picture": "DOC-002",
    "web": "DOC-003",
    "office": "DOC-004",
    "archive": "DOC-005",
    "mail": "DOC-006",
    "other": "DOC-007",
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file is and whether it is taken: ``code`` None, or the reason it is refused for.

    ``kind``, ``detail`` and ``warnings`` are English (`tables.phrases` translates kinds and blank pages).
    ``title`` comes from the document and may claim anything. ``signature_fields``: names of the signatures
    it holds, not verified yet (`signatures.verify`).
    """

    code: str | None
    detail: str
    kind: str
    sha256: str
    size: int
    pages: int = 0
    version: str = ""
    title: str = ""
    signature_fields: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """True when nothing speaks against the document."""
        return self.code is None

    def text(self, language: str) -> str:
        """Why it is refused, in ``fr``, ``de`` or ``en``; names the kind of file if that is why. "" if ok."""
        if self.code is None:
            return ""
        text = reasons.reason(self.code).text(language)
        if self.kind in {file_kinds.PDF, file_kinds.EMPTY}:
            return text
        return f"{text.rstrip('.')} ({phrases.translate(self.kind, language)})."

    def remedy(self, language: str) -> str:
        """What the sender can do about it, in ``fr``, ``de`` or ``en``; "" if ok."""
        return "" if self.code is None else reasons.reason(self.code).remedy(language)


def inspect(path: Path, *, limits: DocumentLimits = LIMITS) -> Inspection:
    """What the file is and whether it is taken; raises `children.Unfinished` when that cannot be said."""
    with path.open("rb") as file:
        head = file.read(file_kinds.HEAD)
        size = file.seek(0, 2)
        file.seek(max(0, size - file_kinds.TAIL))
        tail = file.read(file_kinds.TAIL)
    kind = file_kinds.recognise(head, tail)
    sha256, size = hash_file(path)
    code, detail = _at_the_door(kind, size, limits)
    if code is not None:
        return Inspection(code, detail, kind, sha256, size)
    try:
        answer = json.loads(children.work("examine", path, limits=limits, options=asdict(limits)))
    except children.TooExpensive:
        return Inspection("DOC-017", "time or memory", kind, sha256, size)
    return Inspection(
        answer["code"] or None,
        answer["detail"],
        kind,
        sha256,
        size,
        answer["pages"],
        answer["version"],
        answer["title"],
        tuple(answer["signature_fields"]),
        tuple(answer["warnings"]),
    )


def _at_the_door(kind: str, size: int, limits: DocumentLimits) -> tuple[str | None, str]:
    """What can be said without opening the file."""
    if kind == file_kinds.PDF_AFTER_SOMETHING:
        return "DOC-008", "something before its beginning"
    if kind != file_kinds.PDF:
        return _NO_PDF[file_kinds.group(kind)], ""
    if size > limits.bytes:
        return "DOC-009", f"{size} > {limits.bytes} bytes"
    return None, ""
