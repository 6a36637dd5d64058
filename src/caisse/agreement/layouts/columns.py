"""Rows out of bytes that libxml2 has just accepted: whole columns at a time, without looking at a tree.

Not a second reading of the schema: it decides nothing. It needs bytes that fit the schema and are plain (no
attribute, entity, comment, CDATA section, instruction or empty-element tag); anything else it hands back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.layouts.catalogue import Column, Layout, Table
from caisse.agreement.layouts.decoding import Slices, decode
from caisse.agreement.layouts.tokens import Bytes, NameHash, Positions, element_names, find_letter, name_hash

_SLASH: Final = ord("/")
#: ``<`` and then ``>``, as one number.
_IN_TURN: Final = int.from_bytes(b"<>", "little")

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """What a layout's tokens mean: the hash of its names, and the parents that tell equal names apart."""

    names: NameHash
    number: Mapping[str, int]
    parents: Mapping[str, tuple[str, ...]]


@lru_cache(maxsize=32)
def _plan(layout: Layout) -> _Plan | None:
    """None when the layout is too irregular to be read this way."""
    names = name_hash(element_names(layout.schema))
    leaves = list(_leaves(layout.header, (layout.root,)))
    parents: dict[str, list[Path]] = {}
    for path in leaves:
        known = parents.setdefault(path[-1], [])
        if path[:-1] not in known:
            known.append(path[:-1])
    if names is None or not all(_nearest_is_right(paths, leaves) for paths in parents.values()):
        return None
    number = {name: index for index, name in enumerate(names.names)}
    return _Plan(names, number, {name: tuple(path[-1] for path in paths) for name, paths in parents.items()})


def _leaves(table: Table, path: Path) -> list[Path]:
    """The paths of all columns in the order of the file."""
    leaves: list[Path] = []
    for part in table.parts:
        if isinstance(part, Table):
            leaves += _leaves(part, path + part.path)
        elif part.path:
            leaves.append(path + part.path)
    return leaves


def _nearest_is_right(parents: list[Path], leaves: list[Path]) -> bool:
    """Whether the last start tag among the possible parents is always the parent of an element of that name.

    It is when the parents have different names, and when one that encloses another holds all its own columns
    before the inner one begins.
    """
    if len({path[-1] for path in parents}) < len(parents):
        return False
    for outer in parents:
        for inner in parents:
            if outer != inner and inner[: len(outer)] == outer:
                own = [index for index, leaf in enumerate(leaves) if leaf[:-1] == outer]
                within = [index for index, leaf in enumerate(leaves) if leaf[: len(inner)] == inner]
                if max(own) > min(within):
                    return False
    return True


@dataclass(frozen=True, eq=False)
class Tokens:
    """The tags of a plain text: offsets of their ``<`` and ``>``, and which of them are end tags.

    ``starts``: the places of the start tags among all. ``lines_before``: line ends to count before the text.
    """

    content: bytes
    text: Bytes
    plan: _Plan
    every_opening: Positions
    every_closing: Positions
    is_end: NDArray[np.bool_]
    starts: Positions
    lines_before: int

    @cached_property
    def by_name(self) -> "Sorted":
        """The start tags sorted by name."""
        return Sorted(self)


class Sorted:
    """Start tags sorted by name, so that each column's values lie together."""

    def __init__(self, tokens: Tokens) -> None:
        self.first_line = tokens.lines_before + 1
        self.content = tokens.content
        self.plan = tokens.plan
        self.opening = tokens.every_opening[tokens.starts]
        closing = tokens.every_closing[tokens.starts]
        self.newlines = find_letter(tokens.text, ord("\n"))
        self.ids = self.plan.names.ids(tokens.text, self.opening, closing)
        self.order = np.argsort(self.ids, kind="stable")
        counts = np.bincount(self.ids, minlength=len(self.plan.names.names))
        self.bounds = np.concatenate(([0], np.cumsum(counts)))
        self.values_from = closing[self.order] + 1
        self.values_until = tokens.every_opening[tokens.starts[self.order] + 1]
        self.nearest: dict[tuple[str, ...], NDArray[np.uint8]] = {}

    def of(self, name: str) -> slice:
        """Where the start tags of that name lie in the sorted arrays."""
        number = self.plan.number.get(name)
        return (
            slice(0, 0) if number is None else slice(int(self.bounds[number]), int(self.bounds[number + 1]))
        )

    def places(self, name: str) -> Positions:
        """The places of a name's start tags among all start tags, ascending."""
        return self.order[self.of(name)]

    def openings(self, name: str) -> Positions:
        """Where a name's start tags begin in the text, ascending."""
        return self.opening[self.places(name)]

    def leaves(self, path: Path) -> tuple[Positions, Slices]:
        """Places and values of the elements at the end of a path whose last two steps are known."""
        of_name = self.of(path[-1])
        places = self.order[of_name]
        starts, ends = self.values_from[of_name], self.values_until[of_name]
        parents = self.plan.parents[path[-1]]
        if len(parents) > 1:
            mine = self._nearest(parents)[places] == self.plan.number[path[-2]]
            places, starts, ends = places[mine], starts[mine], ends[mine]
        return places, Slices(self.content, starts, ends)

    def _nearest(self, parents: tuple[str, ...]) -> NDArray[np.uint8]:
        """For each start tag the last one before it that bears one of the names."""
        known = self.nearest.get(parents)
        if known is None:
            last = np.zeros(len(self.ids), np.int32)
            for parent in parents:
                places = self.places(parent)
                last[places] = places
            known = self.nearest[parents] = self.ids[np.maximum.accumulate(last)]
        return known


def tokenize(content: bytes, layout: Layout, longest_text: int, lines_before: int = 0) -> Tokens | None:
    """The tags of plain bytes; None when they are not plain or the layout cannot be read this way.

    Says nothing of their validity: read rows from them only once libxml2 has accepted the bytes.
    """
    plan = _plan(layout)
    if plan is None or b"&" in content:
        return None
    text: Bytes = np.frombuffer(content, np.uint8)
    # < = > ? are 0x3C to 0x3F: one comparison finds all four, and only < and > in turn will do.
    marks = find_letter(text, 0x3C, 0xFC)
    if len(marks) % 2 or (text[marks].view("<u2") != _IN_TURN).any():
        return None
    opening, closing = np.ascontiguousarray(marks[0::2]), np.ascontiguousarray(marks[1::2])
    if len(marks) == 0:
        none = np.zeros(0, np.bool_)
        return None if content else Tokens(content, text, plan, opening, closing, none, opening, lines_before)
    second = text[opening + 1]
    is_end = second == _SLASH
    starts = np.flatnonzero(~is_end)
    last = text[closing - 1]
    odd = (last == _SLASH).any() or (last <= ord(" ")).any() or (second == ord("!")).any()
    too_long = (opening[1:] - closing[:-1]).max(initial=0) > longest_text
    if odd or too_long or not len(starts) or starts[-1] + 1 >= len(opening):
        return None
    return Tokens(content, text, plan, opening, closing, is_end, starts, lines_before)


def read_rows(tokens: Tokens, layout: Layout) -> tuple[dict[str, pl.DataFrame], int]:
    """Every table of tokenized bytes that fit the schema, and the number of line ends in them."""
    tables: dict[str, pl.DataFrame] = {}
    _read_table(tokens.by_name, layout.record, None, tables)
    return tables, len(tokens.by_name.newlines)


def _read_table(
    tokens: Sorted, table: Table, parents: Positions | None, tables: dict[str, pl.DataFrame]
) -> None:
    places = tokens.places(table.path[-1])
    series = [_column(tokens, column, table, places, parents) for column in table.columns]
    tables[table.name] = pl.DataFrame(series)
    for child in table.children:
        _read_table(tokens, child, places, tables)


def _column(
    tokens: Sorted,
    column: Column,
    table: Table,
    places: Positions,
    parents: Positions | None,
) -> pl.Series:
    count = len(places)
    if column.path is not None:
        return _values(tokens, column, (table.path[-1], *column.path), places).alias(column.name)
    if column.type == "row":
        values: Positions = np.arange(count)
    elif column.type == "parent" and parents is not None:
        values = np.searchsorted(parents, places) - 1
    elif column.type == "xml_line":
        values = np.searchsorted(tokens.newlines, tokens.opening[places]) + tokens.first_line
    else:
        return pl.Series(column.name, [None], dtype=column.dtype).new_from_index(0, count)
    return pl.Series(column.name, values.astype(np.int32 if column.type == "xml_line" else np.uint32))


def _values(tokens: Sorted, column: Column, path: Path, rows: Positions) -> pl.Series:
    """One value a row, null where a row has none."""
    places, slices = tokens.leaves(path)
    series = decode(slices, column.type, column.dtype)
    if len(places) == len(rows) and column.type != "words":
        return series
    if len(places) == 0:
        return pl.Series([None], dtype=column.dtype).new_from_index(0, len(rows))
    row_of = np.searchsorted(rows, places, side="right") - 1
    if column.type == "words":
        row_of, series = _join_words(row_of, series)
    picks = np.full(len(rows), -1, np.int64)
    picks[row_of] = np.arange(len(row_of))
    chosen = pl.Series(picks)
    return series.gather(chosen.set(chosen < 0, None))


def _join_words(row_of: Positions, series: pl.Series) -> tuple[Positions, pl.Series]:
    """Repeated elements of one row as one value, joined by spaces."""
    joined = (
        pl.DataFrame({"row": row_of, "word": series})
        .drop_nulls("word")
        .group_by("row", maintain_order=True)
        .agg(pl.col("word").str.join(" "))
    )
    return joined["row"].to_numpy(), joined["word"]
