"""The elements of a row as text, driven by the card: each column escaped and written by its type."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import polars as pl

from caisse.agreement.errors import ContentRefused
from caisse.agreement.layouts.catalogue import Column, Table
from caisse.agreement.money import text_from_cents_expr

_NOT_XML: Final = "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x{fffe}\\x{ffff}]"
_SPACES: Final = "[ \\t\\r\\n]+"
_ESCAPES: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))


@dataclass(slots=True)
class Node:
    """An element of a row: a column's, a nested table's, or one that only holds others."""

    tag: str
    part: Column | Table | None = None
    children: "list[Node]" = field(default_factory=list)

    def walk(self) -> "Iterator[Node]":
        """This element, then every one within it."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def holds_rows(self) -> bool:
        """True when a nested table lies in it, or is it."""
        return any(isinstance(node.part, Table) for node in self.walk())

    def columns(self, frame: pl.DataFrame) -> list[str]:
        """The columns of ``frame`` that its text is made of."""
        parts = (node.part for node in self.walk())
        return [part.name for part in parts if isinstance(part, Column) and part.name in frame.columns]


#: What a row's text is made of: what all rows share, what a row says, the place of a nested table's rows.
Piece = str | pl.Expr | Table
Pieces = list[Piece]


def nodes(table: Table) -> list[str | Node]:
    """The elements of a row in the order of the card, with line ends where they help a reader.

    Neighbours with the same outer element share it. Lines end in the header, and after nested rows.
    """
    root = Node("")
    for part in table.parts:
        if part.path:
            at = root
            for step in part.path[:-1]:
                if not at.children or at.children[-1].tag != step:
                    at.children.append(Node(step))
                at = at.children[-1]
            at.children.append(Node(part.path[-1], part))
    found: list[str | Node] = []
    for node in root.children:
        after_rows = bool(found) and isinstance(found[-1], Node) and isinstance(found[-1].part, Table)
        found += ["\n", node] if after_rows or not table.path else [node]
    return found


def render(parts: Sequence[str | Node], frame: pl.DataFrame) -> Pieces:
    """The pieces of texts and elements; an element that no row of ``frame`` has gives none."""
    pieces: Pieces = []
    for part in parts:
        pieces += [part] if isinstance(part, str) else _render(part, frame)
    return pieces


def text_of(pieces: Sequence[str | pl.Expr]) -> pl.Expr:
    """One text a row; neighbouring constants are joined first: fewer columns to concatenate."""
    joined: list[str | pl.Expr] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return pl.concat_str(pl.lit(piece) if isinstance(piece, str) else piece for piece in joined or [""])


def _render(node: Node, frame: pl.DataFrame) -> Pieces:
    if isinstance(node.part, Table):
        return [node.part]
    if node.part is not None:
        return [*_render_column(node.part, node.tag, frame)]
    inner = [piece for child in node.children for piece in _render(child, frame)]
    if not inner:
        return []
    pieces = [f"<{node.tag}>", *inner, f"</{node.tag}>"]
    columns = [child.part for child in node.children]
    texts = [piece for piece in pieces if not isinstance(piece, Table)]
    if len(texts) < len(pieces) or not all(
        isinstance(column, Column) and _has_nulls(column, frame) for column in columns
    ):
        return pieces
    names = [column.name for column in columns if column is not None and column.name in frame.columns]
    present = pl.any_horizontal(pl.col(name).is_not_null() for name in names)
    return [pl.when(present).then(text_of(texts)).otherwise(pl.lit(""))]


def _has_nulls(column: Column, frame: pl.DataFrame) -> bool:
    if column.default is not None:
        return False
    return column.name not in frame.columns or frame[column.name].null_count() > 0


def _render_column(column: Column, tag: str, frame: pl.DataFrame) -> list[str | pl.Expr]:
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
