"""One piece of a file, judged by libxml2 and read in the same call; this is what a worker process runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl
from lxml import etree

from caisse.agreement.findings import FILE, INVOICE, LINE, Finding
from caisse.agreement.layouts import columns, rows
from caisse.agreement.layouts.catalogue import Layout
from caisse.agreement.layouts.messages import in_words
from caisse.agreement.layouts.validation import Judged, first_non_utf8, judge

#: More equals signs than this in one piece, and attributes are counted before libxml2 has to hold them.
MOST_EQUALS: Final = 4096

#: Columns that name a row to its sender, and the level such a row gives a finding.
_REFERENCES: Final = {"line_reference": LINE, "invoice_reference": INVOICE}


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole records, with the file's own head before and its tail after, so that the piece is a document.

    ``proven``: expat has seen the file and cut it; otherwise the cuts hold only if the piece is plain.
    """

    head: bytes
    body: bytes
    tail: bytes
    proven: bool
    with_header: bool
    with_tail: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a piece. ``doubt``: not plain or not well-formed, so the cuts prove nothing."""

    tables: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    header: Mapping[str, Any] | None = None
    findings: tuple[Finding, ...] = ()
    doubt: bool = False
    newlines: int = 0


def read_piece(layout: Layout, piece: Piece, most: int) -> Outcome:
    """Judge a piece and read its rows; at most ``most`` findings, lines and rows counted from its body."""
    body = piece.body
    if not piece.proven and not is_plain(body):
        return Outcome(doubt=True)
    bad = first_non_utf8(body)
    if bad is not None:
        return Outcome(findings=(Finding("XML-001", xml_line=_line_of(body), found=bad, expected="UTF-8"),))
    judged = judge(piece.head + body + piece.tail, layout, plain=not piece.proven, most=most)
    before = piece.head.count(b"\n")
    if judged.root is None:
        if not piece.proven:
            return Outcome(doubt=True)
        error = judged.errors[0]
        return Outcome(
            findings=(Finding("XML-003", xml_line=error.line - before, found=error.message[:160]),)
        )
    newlines = body.count(b"\n")
    if judged.errors:
        return Outcome(findings=_findings(judged, layout, piece, before), newlines=newlines)
    header = rows.read_header(judged.root, layout) if piece.with_header else None
    tables = None if piece.proven else columns.read_rows(body, layout)
    if tables is None:
        tables = rows.read_rows(judged.root, layout, before)
    return Outcome(tables=tables, header=header, newlines=newlines)


def is_plain(body: bytes) -> bool:
    """True when a record's tag can stand only where a record begins: no comment, CDATA or instruction."""
    return b"<!" not in body and b"<?" not in body and body.count(b"=") <= MOST_EQUALS


def _line_of(body: bytes) -> int:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return body.count(b"\n", 0, error.start) + 1
    return 1


def _findings(judged: Judged, layout: Layout, piece: Piece, before: int) -> tuple[Finding, ...]:
    findings: dict[tuple[int, str | None], Finding] = {}
    for error in judged.errors:
        element = _element(judged.root, error.path)
        if not _is_ours(element, layout, piece):
            continue
        found, expected = in_words(error.message)
        # libxml2 may complain twice about one value (the facet, then the type): the first says more.
        findings.setdefault(
            (error.line, error.path),
            Finding(
                "XML-004",
                xml_line=error.line - before,
                found=found,
                expected=expected,
                **_place(element, layout),
            ),
        )
    return tuple(findings.values())


def _element(root: Any, path: str | None) -> Any:
    try:
        return next(iter(root.xpath(path)), None) if path else None
    except etree.XPathError:
        return None


def _is_ours(element: Any, layout: Layout, piece: Piece) -> bool:
    """Whether this piece tells of an error there: the head's belong to the first, the tail's to the last."""
    record = layout.record.path[-1]
    if element is None or next(element.iterancestors(record), None) is not None or element.tag == record:
        return True
    after = bool(element.xpath(f"preceding::{record}"))
    return piece.with_tail if after else piece.with_header


def _place(element: Any, layout: Layout) -> dict[str, Any]:
    """Level and references of the innermost row around an element."""
    place: dict[str, Any] = {"level": FILE}
    tables = {table.path[-1]: table for table in layout.tables}
    while element is not None:
        table = tables.get(element.tag)
        for column in table.columns if table else ():
            level = _REFERENCES.get(column.name)
            if level is not None and column.path and column.name not in place:
                place[column.name] = (element.findtext("/".join(column.path)) or "")[:50] or None
                place["level"] = level if place["level"] == FILE else place["level"]
        element = element.getparent()
    return place
