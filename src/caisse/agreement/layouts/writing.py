"""Tables to bytes, driven by the card: texts that repeat are made once, then woven in the schema's order.

An invoicing file says the same things a quarter of a million times: an act's code, quantity and amounts come
back with every line of that act. Such neighbours are written once for each distinct set of values; what is
left to do for a line is to say which texts follow one another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.layouts import elements
from caisse.agreement.layouts.catalogue import Layout, Table
from caisse.agreement.layouts.elements import Node

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
#: Records woven at a time: some tens of megabytes of text if nothing repeats, and much less if it does.
_RECORDS: Final = 16_000
#: Texts joined at a time: a few megabytes, which stay in the cache until they are written.
_TEXTS: Final = 8_192
#: Rows looked at to see which neighbouring columns repeat.
_SAMPLE: Final = 4096

Positions = NDArray[np.int64]


def write(layout: Layout, header: Mapping[str, object], tables: Mapping[str, pl.DataFrame]) -> bytes:
    """A file of that layout as UTF-8 bytes.

    ``header`` and ``tables`` have the card's columns; those the card has no place for are left out, absent or
    null ones are not written (or take the card's default). Nested rows follow their parent's row number.
    Raises ContentRefused for a character that XML cannot carry.
    """
    return b"".join(write_pieces(layout, header, tables))


def write_pieces(
    layout: Layout, header: Mapping[str, object], tables: Mapping[str, pl.DataFrame]
) -> Iterator[bytes]:
    """The bytes of `write` one after the other, some records at a time: the whole is never in memory."""
    record = layout.record
    before, after = _header_texts(layout, header)
    yield f"{_DECLARATION}<{layout.root}>{before}".encode()
    rows = tables.get(record.name)
    if rows is not None:
        weaver = _Weaver(tables)
        for start in range(0, rows.height, _RECORDS):
            yield from weaver.weave(record, rows[start : start + _RECORDS]).pieces()
    yield f"{after}\n</{layout.root}>\n".encode()


def _header_texts(layout: Layout, header: Mapping[str, object]) -> tuple[str, str]:
    """What stands before the records and what stands after them."""
    own: dict[str, object] = {"frame": layout.frame, "layout": layout.number, "type": layout.type}
    values = own | {name: value for name, value in header.items() if value is not None}
    frame = pl.DataFrame(
        {column.name: [values.get(column.name)] for column in layout.header.columns},
        schema=layout.header.schema,
    )
    pieces = elements.render(elements.nodes(layout.header), frame)
    records = next(at for at, piece in enumerate(pieces) if piece is layout.record)

    def told(some: elements.Pieces) -> str:
        texts = [piece for piece in some if not isinstance(piece, Table)]
        return str(frame.select(elements.text_of(texts)).item())

    return told(pieces[:records]), told(pieces[records:])


@dataclass(frozen=True, slots=True)
class _Woven:
    """The elements of some rows: different texts, which of them come one after the other, of which rows."""

    texts: pl.Series
    which: Positions
    rows: Positions

    def pieces(self) -> Iterator[bytes]:
        """All of it in UTF-8, some texts at a time."""
        for start in range(0, len(self.which), _TEXTS):
            yield self.texts.gather(self.which[start : start + _TEXTS]).str.join("").cast(pl.Binary).item()


@dataclass(slots=True)
class _Run:
    """Neighbours in a row that are written together; ``repeats``: once for each distinct set of values."""

    parts: list[str | Node] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    repeats: bool = True
    holds_rows: bool = False


class _Weaver:
    """Makes the rows of one file's tables into text, a few records at a time."""

    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self._tables = tables
        self._runs: dict[str, list[_Run]] = {}
        self._sorted: dict[str, bool] = {}

    def weave(self, table: Table, rows: pl.DataFrame) -> _Woven:
        """The whole elements of ``rows`` of ``table`` with all that is nested in them."""
        if table.name not in self._runs:
            self._runs[table.name] = _runs_of(table, self._tables[table.name].head(_SAMPLE))
        strands: list[_Woven] = []
        for run in self._runs[table.name]:
            if run.holds_rows:
                strands += self._around_rows(run, table, rows)
            else:
                strands.append(_strand(run, rows))
        return _twined(strands)

    def _around_rows(self, run: _Run, table: Table, rows: pl.DataFrame) -> Iterator[_Woven]:
        """The rows of nested tables, and what stands between them in the same element."""
        for piece in elements.render(run.parts, rows):
            if isinstance(piece, Table):
                yield self._nested(piece, table, rows)
            else:
                yield _each(rows.select(elements.text_of([piece])).to_series(), rows.height)

    def _nested(self, child: Table, table: Table, rows: pl.DataFrame) -> _Woven:
        """The rows of a nested table, each under the place of its parent among ``rows``."""
        nested = self._tables.get(child.name)
        number = next((column.name for column in table.columns if column.type == "row"), None)
        if nested is None or nested.is_empty() or number is None or rows.is_empty():
            return _NOTHING
        parent = next(column.name for column in child.columns if column.type == "parent")
        numbers = rows[number].cast(pl.Int64).to_numpy()
        nested = self._of_parents(child, parent, nested, numbers)
        order = np.argsort(numbers, kind="stable")
        parents = nested[parent].cast(pl.Int64).to_numpy()
        places = order[np.searchsorted(numbers[order], parents)]
        # Rows of parents that lie between but are not among them.
        strangers = numbers[places] != parents
        if strangers.any():
            nested, places = nested.filter(~strangers), places[~strangers]
        woven = self.weave(child, nested)
        return _Woven(woven.texts, woven.which, places[woven.rows])

    def _of_parents(
        self, child: Table, parent: str, nested: pl.DataFrame, numbers: Positions
    ) -> pl.DataFrame:
        """The rows whose parents' numbers are between the lowest and the highest of ``numbers``."""
        parents = nested[parent]
        if child.name not in self._sorted:
            self._sorted[child.name] = parents.null_count() == 0 and parents.is_sorted()
        first, last = int(numbers.min()), int(numbers.max())
        if not self._sorted[child.name]:
            return nested.filter(parents.is_between(first, last))
        return nested[parents.search_sorted(first, "left") : parents.search_sorted(last, "right")]


_NOTHING: Final = _Woven(pl.Series(dtype=pl.String), np.zeros(0, np.int64), np.zeros(0, np.int64))


def _runs_of(table: Table, sample: pl.DataFrame) -> list[_Run]:
    """The parts of a row, tags included, in runs that are each worth making once or row by row."""
    tag = table.path[-1]
    close = f"\n</{tag}>" if table.children else f"</{tag}>"
    runs = [_Run()]
    for part in (f"\n<{tag}>", *elements.nodes(table), close):
        if isinstance(part, Node) and part.holds_rows:
            runs += [_Run([part], holds_rows=True), _Run()]
            continue
        run, columns = runs[-1], part.columns(sample) if isinstance(part, Node) else []
        if columns:
            repeats = _repeats(sample, columns)
            if run.columns and not (
                repeats == run.repeats and _repeats(sample, run.columns + columns) == repeats
            ):
                runs.append(run := _Run())
            run.repeats = repeats
        run.parts.append(part)
        run.columns += columns
    return [run for run in runs if run.parts]


def _repeats(sample: pl.DataFrame, columns: Sequence[str]) -> bool:
    """Whether the rows have at most half as many different sets of values."""
    return not columns or 2 * sample.select(columns).n_unique() <= sample.height


def _strand(run: _Run, rows: pl.DataFrame) -> _Woven:
    """The text of a run in each of ``rows``."""
    which: Positions | None = None
    if run.repeats and run.columns:
        values = rows.select(run.columns)
        distinct = values.unique().with_row_index("<which>")
        found = values.join(distinct, on=run.columns, how="left", nulls_equal=True, maintain_order="left")
        which = found["<which>"].cast(pl.Int64).to_numpy()
        rows = distinct
    pieces = [piece for piece in elements.render(run.parts, rows) if not isinstance(piece, Table)]
    return _each(rows.select(elements.text_of(pieces)).to_series(), rows.height, which)


def _each(texts: pl.Series, rows: int, which: Positions | None = None) -> _Woven:
    """One text a row: the row's own, the one ``which`` names, or the same for all."""
    places = np.arange(rows) if which is None else np.arange(len(which))
    if len(texts) == 1:
        return _Woven(texts, np.zeros(len(places), np.int64), places)
    return _Woven(texts, places if which is None else which, places)


def _twined(strands: Sequence[_Woven]) -> _Woven:
    """Row by row what each strand has of it, in the strands' order."""
    sizes = np.cumsum([0, *(len(strand.texts) for strand in strands)])
    which = np.concatenate([strand.which + size for strand, size in zip(strands, sizes[:-1], strict=True)])
    rows = np.concatenate([strand.rows for strand in strands])
    # Stable: of one row the earlier strand comes first.
    order = np.argsort(rows, kind="stable")
    return _Woven(pl.concat([strand.texts for strand in strands]), which[order], rows[order])
