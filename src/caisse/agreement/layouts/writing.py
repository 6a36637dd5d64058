"""Tables to bytes, driven by the card: whole columns of text at a time, escaped, in the schema's order."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import polars as pl

from caisse.agreement.errors import ContentRefused
from caisse.agreement.layouts.catalogue import Column, Layout, Table
from caisse.agreement.money import text_from_cents_expr

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NOT_XML: Final = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x{fffe}\\x{ffff}]"
_SPACES: Final = "[ \\t\\r\\n]+"
#: Stands for the records while the header around them is written; no file can hold it.
_RECORDS: Final = "\x00"
#: Records written at a time.
_PIECE: Final = 1000
_ESCAPES: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


@dataclass(frozen=True, slots=True)
class _NestedRows:
    """Stands for the texts of the nested rows, held in a column of the frame."""

    column: str


_Piece = str | pl.Expr | _NestedRows
_Pieces = list[_Piece]


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
    """The bytes of `write` one after the other, a thousand records at a time: small texts stay in cache."""
    record = layout.record
    nested = {child.name: pl.Series([""]) for child in layout.header.children}
    nested[record.name] = pl.Series([_RECORDS])
    text: str = _row_texts(layout.header, _header_frame(layout, header), nested).item()
    before, after = text.split(_RECORDS)
    yield f"{_DECLARATION}<{layout.root}>{before}".encode()
    rows = tables.get(record.name)
    if rows is not None:
        parts = _Parts(tables)
        for start in range(0, rows.height, _PIECE):
            piece = rows[start : start + _PIECE]
            texts = _element_texts(record, piece, parts.within(record, piece))
            joined: str = texts.str.join("").item()
            yield joined.encode()
    yield f"{after}\n</{layout.root}>\n".encode()


class _Parts:
    """The nested rows of a few records at a time."""

    def __init__(self, tables: Mapping[str, pl.DataFrame]) -> None:
        self._tables = tables
        self._sorted: dict[str, bool] = {}

    def within(self, table: Table, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """The rows of every table nested in ``rows`` of ``table``."""
        found: dict[str, pl.DataFrame] = {}
        number = next((column.name for column in table.columns if column.type == "row"), None)
        for child in table.children:
            nested = self._tables.get(child.name)
            if nested is not None and number is not None:
                found[child.name] = self._of_parents(child, nested, rows[number])
                found |= self.within(child, found[child.name])
        return found

    def _of_parents(self, child: Table, nested: pl.DataFrame, numbers: pl.Series) -> pl.DataFrame:
        name = next(column.name for column in child.columns if column.type == "parent")
        parents = nested[name]
        if child.name not in self._sorted:
            self._sorted[child.name] = parents.null_count() == 0 and parents.is_sorted()
        first, last = numbers.min(), numbers.max()
        if not self._sorted[child.name] or not isinstance(first, int) or not isinstance(last, int):
            return nested.filter(parents.is_in(numbers.implode()))
        start, end = parents.search_sorted(first, "left"), parents.search_sorted(last, "right")
        # Rows of parents that lie between but are not among them are left out when the texts are joined.
        return nested[start:end]


def _header_frame(layout: Layout, header: Mapping[str, object]) -> pl.DataFrame:
    own: dict[str, object] = {"frame": layout.frame, "layout": layout.number, "type": layout.type}
    values = own | {name: value for name, value in header.items() if value is not None}
    return pl.DataFrame(
        {column.name: [values.get(column.name)] for column in layout.header.columns},
        schema=layout.header.schema,
    )


def _table_texts(table: Table, frame: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.Series:
    """The inner text of each row's element."""
    return _row_texts(
        table, frame, {child.name: _nested(child, table, frame, tables) for child in table.children}
    )


def _row_texts(table: Table, frame: pl.DataFrame, nested: Mapping[str, pl.Series]) -> pl.Series:
    """The inner text of each row's element, given the texts of the rows nested in it."""
    frame = frame.with_columns(texts.alias(_nested_name(name)) for name, texts in nested.items())
    pieces: _Pieces = []
    for node in _nodes(table):
        pieces += [*_before(table, pieces), *_render(node, frame)]
    if not pieces:
        return pl.Series([""] * frame.height, dtype=pl.String)
    return frame.select(pl.concat_str(_expr(piece) for piece in _joined(pieces)).alias("text")).to_series()


def _nested_name(table: str) -> str:
    return f"<{table}>"


def _nested(child: Table, table: Table, frame: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.Series:
    """For each row of ``frame`` the texts of its rows of the child table, joined."""
    rows = tables.get(child.name)
    if rows is None or rows.is_empty():
        return pl.Series([""] * frame.height, dtype=pl.String)
    parent = next(column.name for column in child.columns if column.type == "parent")
    elements = _element_texts(child, rows, tables).to_frame("text")
    row = next(column.name for column in table.columns if column.type == "row")
    joined = (
        elements.select(pl.first().alias("text"), rows[parent].alias("parent"))
        .group_by("parent", maintain_order=True)
        .agg(pl.col("text").str.join(""))
    )
    numbers = frame.select(pl.col(row).cast(joined.schema["parent"]).alias("parent"))
    if joined["parent"].equals(numbers["parent"]):
        return joined["text"]
    return numbers.join(joined, on="parent", how="left", maintain_order="left")["text"].fill_null("")


def _element_texts(table: Table, rows: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.Series:
    """The whole element of each row."""
    tag = table.path[-1]
    close = f"\n</{tag}>" if table.children else f"</{tag}>"
    texts = _table_texts(table, rows, tables).to_frame("text")
    return texts.select(pl.concat_str(pl.lit(f"\n<{tag}>"), "text", pl.lit(close))).to_series()


@dataclass(slots=True)
class _Node:
    """An element of a row: a column's, a nested table's, or one that only holds others."""

    tag: str
    part: Column | Table | None = None
    children: "list[_Node]" = field(default_factory=list)


def _nodes(table: Table) -> list[_Node]:
    """The elements of a row in the order of the card; neighbours with the same outer element share it."""
    root = _Node("")
    for part in table.parts:
        if part.path:
            at = root
            for step in part.path[:-1]:
                if not at.children or at.children[-1].tag != step:
                    at.children.append(_Node(step))
                at = at.children[-1]
            at.children.append(_Node(part.path[-1], part))
    return root.children


def _before(table: Table, pieces: _Pieces) -> _Pieces:
    """Line ends where they help a reader: in the header, and after nested rows."""
    after_rows = bool(pieces) and isinstance(pieces[-1], _NestedRows)
    return ["\n"] if after_rows or not table.path else []


def _render(node: _Node, frame: pl.DataFrame) -> _Pieces:
    """The pieces of one element; none when no row has it."""
    if isinstance(node.part, Table):
        return [_NestedRows(_nested_name(node.part.name))]
    if node.part is not None:
        return _render_column(node.part, node.tag, frame)
    inner = [piece for child in node.children for piece in _render(child, frame)]
    if not inner:
        return []
    pieces = [f"<{node.tag}>", *inner, f"</{node.tag}>"]
    columns = [child.part for child in node.children]
    if not all(isinstance(column, Column) and _has_nulls(column, frame) for column in columns):
        return pieces
    names = [column.name for column in columns if column is not None and column.name in frame.columns]
    present = pl.any_horizontal(pl.col(name).is_not_null() for name in names)
    whole = pl.concat_str(_expr(piece) for piece in _joined(pieces))
    return [pl.when(present).then(whole).otherwise(pl.lit(""))]


def _has_nulls(column: Column, frame: pl.DataFrame) -> bool:
    if column.default is not None:
        return False
    return column.name not in frame.columns or frame[column.name].null_count() > 0


def _render_column(column: Column, tag: str, frame: pl.DataFrame) -> _Pieces:
    opening, closing = f"<{tag}>", f"</{tag}>"
    series = frame[column.name] if column.name in frame.columns else None
    if series is None or series.null_count() == frame.height:
        return [] if column.default is None else [f"{opening}{column.default}{closing}"]
    value = _WRITERS.get(column.type, _write_number)(series, tag)
    if column.default is not None:
        return [opening, value.fill_null(column.default), closing]
    if series.null_count() == 0:
        return [opening, value, closing]
    element = pl.concat_str(pl.lit(opening), value, pl.lit(closing))
    return [pl.when(pl.col(column.name).is_not_null()).then(element).otherwise(pl.lit(""))]


def _write_number(series: pl.Series, _tag: str) -> pl.Expr:
    return pl.col(series.name).cast(pl.String)


def _write_cents(series: pl.Series, _tag: str) -> pl.Expr:
    return text_from_cents_expr(pl.col(series.name))


def _write_date(series: pl.Series, _tag: str) -> pl.Expr:
    return pl.col(series.name).dt.to_string("%Y-%m-%d")


def _write_last_day(series: pl.Series, _tag: str) -> pl.Expr:
    return (pl.col(series.name) - timedelta(days=1)).dt.to_string("%Y-%m-%d")


def _write_yes_no(series: pl.Series, _tag: str) -> pl.Expr:
    return pl.when(pl.col(series.name)).then(pl.lit("O")).otherwise(pl.lit("N"))


def _write_text(series: pl.Series, _tag: str) -> pl.Expr:
    """Escaped, white space collapsed; text that needs neither is passed on untouched."""
    value = pl.col(series.name)
    joined: str = series.str.join("").item()
    if joined.isprintable() and not any(special in joined for special in "&<> "):
        return value
    if series.str.contains(_NOT_XML).any():
        raise ContentRefused(f"Column {series.name} holds a control character, which no XML file can carry.")
    value = value.str.replace_all(_SPACES, " ").str.strip_chars(" ")
    for special, entity in _ESCAPES:
        value = value.str.replace_all(special, entity, literal=True)
    return value


def _write_words(series: pl.Series, tag: str) -> pl.Expr:
    return _write_text(series, tag).str.replace_all(" ", f"</{tag}><{tag}>", literal=True)


_WRITERS: Final[Mapping[str, Callable[[pl.Series, str], pl.Expr]]] = {
    "text": _write_text,
    "words": _write_words,
    "cents": _write_cents,
    "date": _write_date,
    "last_day": _write_last_day,
    "yes_no": _write_yes_no,
}


def _expr(piece: _Piece) -> pl.Expr:
    if isinstance(piece, _NestedRows):
        return pl.col(piece.column)
    return pl.lit(piece) if isinstance(piece, str) else piece


def _joined(pieces: _Pieces) -> _Pieces:
    """The pieces with neighbouring constants joined: fewer columns to concatenate."""
    joined: _Pieces = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined
