"""One piece of a file, judged by libxml2 and read in the same call; this is what a worker process runs."""

import re
from collections.abc import Buffer, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
import polars as pl
from lxml import etree

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.findings import FILE, INVOICE, LINE, Finding
from caisse.agreement.layouts import columns, rows
from caisse.agreement.layouts.catalogue import Layout
from caisse.agreement.layouts.messages import in_words
from caisse.agreement.layouts.once import judge_once
from caisse.agreement.layouts.validation import WELL_FORMED, Judged, Limits, first_non_utf8, judge

#: Bytes of records judged as one tree: a tree is some ten times as large and should fit the cache.
GRAIN: Final = 256 * 1024

#: Below so many bytes of records it takes longer to set up columns than to walk a tree.
FEW: Final = 64 * 1024

#: A little less than the biggest block from which glibc still learns (32 MB).
_BLOCK: Final = 31 * 1024 * 1024

#: Columns that name a row to its sender, and the level such a row gives a finding.
_REFERENCES: Final = {"line_reference": LINE, "invoice_reference": INVOICE}


#: Gives a worker process the whole content by itself, so that it need not be sent; must be picklable.
Reopen = Callable[[], Buffer]


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole records, with the file's own head before and its tail after, so that the piece is a document.

    ``proven``: expat has seen the file and cut it; otherwise the cuts hold only if the piece is plain.
    ``body`` is None when the worker takes its bytes from ``start`` to ``end`` of the reopened content.
    """

    head: bytes
    body: bytes | None
    tail: bytes
    start: int
    end: int
    proven: bool
    with_header: bool
    with_tail: bool
    reopen: Reopen | None = None

    @property
    def lines_before(self) -> int:
        """Line ends to count before the body: rows of a whole file get its own lines at once."""
        return self.head.count(b"\n") if self.with_header and self.with_tail else 0

    def content(self) -> bytes:
        """The bytes of the records."""
        if self.body is not None:
            return self.body
        if self.reopen is None:
            raise BrokenSystem("A piece of a file has neither bytes nor a way to get them.")
        return bytes(memoryview(_reopened(self.reopen)).cast("B")[self.start : self.end])


@lru_cache(maxsize=1)
def _reopened(reopen: Reopen) -> Buffer:
    """The last content a worker opened: one file's pieces come one after the other."""
    return reopen()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a piece: its tables, or None when libxml2 refused it or it was not judged.

    ``doubt``: not plain or not well-formed, so the cuts prove nothing. ``findings`` count lines from the
    body, ``head_findings``, which every piece repeats, from the beginning of the file.
    """

    tables: Mapping[str, pl.DataFrame] | None = None
    header: Mapping[str, Any] | None = None
    findings: tuple[Finding, ...] = ()
    head_findings: tuple[Finding, ...] = ()
    doubt: bool = False
    newlines: int = 0


@cache
def _keep_pages() -> None:
    """Asks for a big block and gives it back untouched, once in a process.

    glibc learns from it to keep freed blocks of up to that size for the next piece. Otherwise it returns
    their pages to the system after each piece, which clears them anew: a fifth of a piece's time.
    """
    np.empty(_BLOCK, np.uint8)


def read_piece(layout: Layout, piece: Piece, limits: Limits) -> Outcome:
    """Judge a piece and read its rows; lines are counted from its body, or from the start of a whole file.

    Findings always count lines from the body.
    """
    if piece.end - piece.start >= FEW:
        _keep_pages()
    body = piece.content()
    by_tree = piece.proven or len(body) < FEW
    tokens = None if by_tree else columns.tokenize(body, layout, limits.text, piece.lines_before)
    if tokens is None and not piece.proven and not is_plain(body, limits):
        return Outcome(doubt=True)
    bad = first_non_utf8(body)
    if bad is not None:
        return Outcome(findings=(Finding("XML-001", xml_line=_line_of(body), found=bad, expected="UTF-8"),))
    root = None if tokens is None else judge_once(tokens, piece.head, piece.tail, layout)
    if root is not None:
        header = rows.read_header(root, layout) if piece.with_header else None
        return _joined([Outcome({}, header)], tokens, layout, body)
    outcomes: list[Outcome] = []
    for grain in _grains(layout, piece, body, whole=tokens is None):
        outcome = _judge_grain(layout, grain, limits)
        if outcome.doubt:
            return outcome
        outcomes.append(outcome)
        if sum(len(outcome.findings) for outcome in outcomes) > limits.findings:
            break
    return _joined(outcomes, tokens, layout, body)


def _joined(outcomes: list[Outcome], tokens: columns.Tokens | None, layout: Layout, body: bytes) -> Outcome:
    """One outcome of a piece from those of its parts."""
    if any(outcome.tables is None for outcome in outcomes):
        return Outcome(
            findings=tuple(finding for outcome in outcomes for finding in outcome.findings),
            head_findings=tuple(finding for outcome in outcomes for finding in outcome.head_findings),
            newlines=body.count(b"\n"),
        )
    header = outcomes[0].header
    if tokens is None:
        return Outcome(outcomes[0].tables, header, newlines=body.count(b"\n"))
    tables, newlines = columns.read_rows(tokens, layout)
    return Outcome(tables, header, newlines=newlines)


def is_plain(body: bytes, limits: Limits) -> bool:
    """True when a record's tag can stand only where a record begins, and no text or tag is beyond its limit.

    Errs on the side of no: the sure way then decides.
    """
    # Looking for one letter is many times faster than for two of which the first is everywhere.
    if (b"!" in body and b"<!" in body) or (b"?" in body and b"<?" in body):
        return False
    many_attributes, long_text = _beyond(limits)
    if b"=" in body and many_attributes.search(body):
        return False
    return len(body) <= limits.text or long_text.search(body) is None


@cache
def _beyond(limits: Limits) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """What a tag with its text looks like that may hold too many attributes, or too much text."""
    return (
        re.compile(rb"<[^<=]*=(?:[^<=]*=){%d}" % limits.attributes),
        re.compile(rb">[^<]{%d}" % (limits.text + 1)),
    )


@dataclass(frozen=True, slots=True)
class _Grain:
    """A part of a piece, small enough for libxml2's tree to stay in the processor's cache."""

    piece: Piece
    body: bytes
    start: int
    end: int
    with_header: bool
    with_tail: bool
    with_rows: bool


def _grains(layout: Layout, piece: Piece, body: bytes, *, whole: bool) -> Iterator[_Grain]:
    tag, size = b"<%s>" % layout.record.path[-1].encode(), len(body)
    start = 0
    while start < size or start == 0:
        end = size if whole or start + 2 * GRAIN > size else body.find(tag, start + GRAIN)
        end = size if end < 0 else end
        with_header = piece.with_header and start == 0
        with_tail = piece.with_tail and end == size
        yield _Grain(piece, body, start, end, with_header, with_tail, with_rows=whole)
        if end == size:
            return
        start = end


def _judge_grain(layout: Layout, grain: _Grain, limits: Limits) -> Outcome:
    piece = grain.piece
    body = memoryview(grain.body)[grain.start : grain.end]
    document = b"".join((piece.head, body, piece.tail))
    judged = judge(document, layout, plain=not piece.proven, most=limits.findings + 1)
    before = piece.head.count(b"\n")
    if judged.root is None:
        if not piece.proven:
            return Outcome(doubt=True)
        error = judged.errors[0]
        line = error.line - before
        found = Finding("XML-003", xml_line=line, found=error.message[:160], expected=WELL_FORMED)
        return Outcome(findings=(found,))
    if judged.errors:
        return _refusal(judged, layout, grain, before)
    header = rows.read_header(judged.root, layout) if grain.with_header else None
    tables = rows.read_rows(judged.root, layout, before - piece.lines_before) if grain.with_rows else {}
    return Outcome(tables=tables, header=header)


def _line_of(body: bytes) -> int:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        return body.count(b"\n", 0, error.start) + 1
    return 1


def _refusal(judged: Judged, layout: Layout, grain: _Grain, before: int) -> Outcome:
    """libxml2's complaints about a part as findings, each told where it belongs."""
    record = layout.record.path[-1]
    known: set[tuple[int, str | None]] = set()
    findings: list[Finding] = []
    head_findings: list[Finding] = []
    lines = before - grain.body.count(b"\n", 0, grain.start)
    for error in judged.errors:
        # libxml2 may complain twice about one value (the facet, then the type): the first says more.
        if (error.line, error.path) in known:
            continue
        known.add((error.line, error.path))
        element = _element(judged.root, error.path)
        found, expected = in_words(error.message, None if element is None else element.text)
        place = _place(element, layout)
        if _is_inside(element, record):
            line = error.line - lines
            findings.append(Finding("XML-004", xml_line=line, found=found, expected=expected, **place))
        elif element is None or not element.xpath(f"preceding::{record}"):
            head_findings.append(
                Finding("XML-004", xml_line=error.line, found=found, expected=expected, **place)
            )
        elif grain.with_tail:
            line = error.line - lines
            findings.append(Finding("XML-004", xml_line=line, found=found, expected=expected, **place))
    return Outcome(findings=tuple(findings), head_findings=tuple(head_findings))


def _is_inside(element: Any, record: str) -> bool:
    return element is not None and (
        element.tag == record or next(element.iterancestors(record), None) is not None
    )


def _element(root: Any, path: str | None) -> Any:
    try:
        return next(iter(root.xpath(path)), None) if path else None
    except etree.XPathError:
        return None


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
