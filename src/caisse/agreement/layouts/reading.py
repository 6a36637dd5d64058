"""Bytes to tables, driven by the card: libxml2 accepts every byte against the schema, or nothing is read."""

from collections import deque
from collections.abc import Buffer, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from itertools import accumulate, chain
from typing import Any, Final

import numpy as np
import polars as pl

from caisse.agreement.findings import WARNING, Finding
from caisse.agreement.layouts.catalogue import PLACE_TYPES, Layout
from caisse.agreement.layouts.chunks import Outcome, Piece, Reopen, is_plain, read_piece
from caisse.agreement.layouts.validation import LIMITS, Cuts, Limits, Refused, gate, survey

#: Bytes of records judged and read in one call.
PIECE: Final = 4 * 1024 * 1024
#: The same when records have to be read one by one from a tree, some ten times as large.
UNUSUAL_PIECE: Final = 1024 * 1024
#: Pieces handed to the executor and not yet answered: enough for a few workers, few enough for memory.
IN_FLIGHT: Final = 6
#: How far a record's tag is looked for at a time.
_WINDOW: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """A file that fits its schema, as tables. Columns are those of the layout's card."""

    layout: Layout
    header: dict[str, Any]
    tables: dict[str, pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Reading:
    """The document, or the findings that say why there is none."""

    document: Document | None
    findings: tuple[Finding, ...] = ()


class _Doubtful(Exception):
    """The quick way proves nothing for this file."""


def read(
    content: Buffer,
    layout: Layout,
    *,
    executor: Executor | None = None,
    limits: Limits = LIMITS,
    piece_size: int = PIECE,
    reopen: Reopen | None = None,
) -> Reading:
    """Judge and read a file. Wrong content is a finding, never an exception.

    A big file is cut between records and judged piece by piece by libxml2 with the same schema, on the
    executor when one is given; worker processes that can ``reopen`` the content are spared its sending.
    The cuts are certain while the file is plain; any doubt sends it through expat first.
    """
    view = memoryview(content).cast("B")
    if executor is None:
        reopen = None
    try:
        head = gate(view, layout, limits)
        head_lines = bytes(view[:head]).count(b"\n")
        try:
            cuts = _quick_cuts(view, head, layout, limits, piece_size)
            outcomes = _run(_pieces(view, cuts, reopen, proven=False), layout, limits, executor)
        except _Doubtful:
            cuts = survey(view, layout, limits, min(piece_size, UNUSUAL_PIECE))
            outcomes = _run(_pieces(view, cuts, reopen, proven=True), layout, limits, executor)
    except Refused as refused:
        return Reading(None, (refused.finding,))
    tables = [outcome.tables for outcome in outcomes if outcome.tables is not None]
    if len(tables) < len(outcomes):
        return Reading(None, _gather(outcomes, limits, head_lines))
    return Reading(_assemble(layout, outcomes, tables, head_lines))


def _quick_cuts(view: memoryview, head: int, layout: Layout, limits: Limits, spacing: int) -> Cuts:
    """Cuts found by looking for the record's start tag; certain only if every piece proves plain."""
    size = len(view)
    tag = layout.record.path[-1].encode()
    if head >= size:
        return Cuts(size, size)
    if size <= spacing:
        return Cuts(head, size, (head,))
    closing = b"</%s>" % tag
    last = bytes(view[max(head, size - limits.tail) :])
    end = last.rfind(closing)
    if end < 0:
        raise _Doubtful
    tail = size - len(last) + end + len(closing)
    # Every piece repeats the tail. A record that ends in another spelling of its tag would be in it.
    rest = bytes(view[tail:])
    if b"<" + tag in rest or not is_plain(rest, limits):
        raise _Doubtful
    starts = [head]
    while (after := starts[-1] + spacing) < tail:
        at = _find(view, b"<%s>" % tag, after, min(tail, starts[-1] + limits.record))
        if at is None:
            break
        starts.append(at)
    if tail - starts[-1] > limits.record:
        raise _Doubtful
    return Cuts(head, tail, tuple(starts))


def _find(view: memoryview, tag: bytes, start: int, end: int) -> int | None:
    for at in range(start, end, _WINDOW):
        found = bytes(view[at : min(end, at + _WINDOW + len(tag) - 1)]).find(tag)
        if found >= 0:
            return at + found
    return None


def _pieces(view: memoryview, cuts: Cuts, reopen: Reopen | None, *, proven: bool) -> Iterator[Piece]:
    head, tail = bytes(view[: cuts.head]), bytes(view[cuts.tail :])
    starts = cuts.starts or (cuts.head,)
    reopen = reopen if len(starts) > 1 else None
    for start, end in zip(starts, (*starts[1:], cuts.tail), strict=True):
        yield Piece(
            head=head,
            body=None if reopen else bytes(view[start:end]),
            tail=tail,
            start=start,
            end=end,
            proven=proven,
            with_header=start == starts[0],
            with_tail=end == cuts.tail,
            reopen=reopen,
        )


def _run(pieces: Iterator[Piece], layout: Layout, limits: Limits, executor: Executor | None) -> list[Outcome]:
    """The outcomes of all pieces in order, or of the first few when enough findings have been seen."""
    if executor is None:
        running: Iterator[Outcome] = (read_piece(layout, piece, limits) for piece in pieces)
    else:
        running = _ahead(executor, layout, pieces, limits)
    outcomes: list[Outcome] = []
    found = 0
    for outcome in running:
        if outcome.doubt:
            raise _Doubtful
        outcomes.append(outcome)
        found += len(outcome.findings)
        if found > limits.findings:
            break
    return outcomes


def _ahead(executor: Executor, layout: Layout, pieces: Iterator[Piece], limits: Limits) -> Iterator[Outcome]:
    """Outcomes in order, with a few pieces always under way; a file of one piece is read here and now."""
    first, second = next(pieces), next(pieces, None)
    if second is None:
        yield read_piece(layout, first, limits)
        return
    waiting: deque[Future[Outcome]] = deque()
    try:
        for piece in chain((first, second), pieces):
            waiting.append(executor.submit(read_piece, layout, piece, limits))
            if len(waiting) >= IN_FLIGHT:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _first_lines(outcomes: Sequence[Outcome], head_lines: int) -> list[int]:
    """For each piece how many line ends come before it."""
    return list(accumulate((outcome.newlines for outcome in outcomes[:-1]), initial=head_lines))


def _gather(outcomes: Sequence[Outcome], limits: Limits, head_lines: int) -> tuple[Finding, ...]:
    """All findings with lines of the whole file, cut off with XML-006 at the limit."""
    findings = list(dict.fromkeys(finding for outcome in outcomes for finding in outcome.head_findings))
    findings += [
        finding if finding.xml_line is None else replace(finding, xml_line=finding.xml_line + lines)
        for outcome, lines in zip(outcomes, _first_lines(outcomes, head_lines), strict=True)
        for finding in outcome.findings
    ]
    if len(findings) > limits.findings:
        more = Finding("XML-006", severity=WARNING, expected=f"at most {limits.findings} findings are told")
        findings[limits.findings :] = [more]
    return tuple(findings) or (Finding("XML-004", found=None, expected="content that fits the schema"),)


def _assemble(
    layout: Layout, outcomes: Sequence[Outcome], pieces: Sequence[Mapping[str, pl.DataFrame]], head_lines: int
) -> Document:
    """The tables of all pieces one below the other, rows and lines counted over the whole file."""
    header = dict(outcomes[0].header or {})
    if len(outcomes) == 1:
        return Document(layout, header, dict(pieces[0]))
    lines = _first_lines(outcomes, head_lines)
    parents = {child.name: table.name for table in layout.tables for child in table.children}
    heights = {table.name: [piece[table.name].height for piece in pieces] for table in layout.tables}
    tables: dict[str, pl.DataFrame] = {}
    for table in layout.tables:
        counts = heights[table.name]
        before = list(accumulate(heights[parents.get(table.name, table.name)][:-1], initial=0))
        frame = pl.concat([piece[table.name] for piece in pieces], rechunk=True)
        places: dict[str, pl.Series] = {
            "row": pl.int_range(frame.height, dtype=pl.UInt32, eager=True),
            "parent": _spread(before, counts, pl.UInt32()),
            "xml_line": _spread(lines, counts, pl.Int32()),
        }
        tables[table.name] = frame.with_columns(
            (
                places[column.type] if column.type == "row" else pl.col(column.name) + places[column.type]
            ).alias(column.name)
            for column in table.columns
            if column.type in PLACE_TYPES
        )
    return Document(layout, header, tables)


def _spread(values: Sequence[int], counts: Sequence[int], dtype: pl.DataType) -> pl.Series:
    """Each piece's value once for each of its rows."""
    return pl.Series(np.repeat(np.array(values, np.int64), counts)).cast(dtype)
