"""Random valid files of any layout: values drawn as the schema allows, written one element at a time.

This is the tests' own writer, plain and slow; it knows how else the same content may be spelled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from caisse.agreement.layouts.catalogue import Column, Layout, Table
from tests.agreement.layouts.schema_walk import Element, root_element

LETTERS = st.characters(
    codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp"), exclude_characters=" "
)
PLAIN_LETTERS = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="&<>=!?")


def token(least: int, most: int, letters: SearchStrategy[str]) -> SearchStrategy[str]:
    """Text as xs:token has it: single spaces inside, none at the ends."""
    text = st.text(letters | st.just(" "), min_size=least, max_size=min(most, 30))
    return (
        text.map(lambda drawn: " ".join(drawn.split(" ")).strip(" "))
        .map(lambda drawn: " ".join(part for part in drawn.split(" ") if part))
        .filter(lambda drawn: least <= len(drawn) <= most)
    )


def value_of(  # noqa: PLR0911 - one line a type
    element: Element, column_type: str, letters: SearchStrategy[str]
) -> SearchStrategy[Any]:
    """Values the schema allows for an element, as the column holds them."""
    facets = element.facets
    if column_type == "yes_no":
        return st.booleans()
    if column_type == "date":
        return st.dates(date(1900, 1, 1), date(3000, 12, 31))
    if column_type == "last_day":
        return st.dates(date(1900, 1, 2), date(3000, 12, 31))
    if column_type == "cents":
        most = 10 ** int(facets["totalDigits"]) - 1
        least = 0 if "minInclusive" in facets else -most
        return st.integers(least, most) | st.integers(max(least, -200), 99_999)
    if element.values:
        return st.sampled_from([int(v) if column_type.startswith("int") else v for v in element.values])
    if column_type in {"int32", "int64"}:
        top = 2**31 - 1 if column_type == "int32" else 2**63 - 1
        return st.integers(int(facets.get("minInclusive", "0")), int(facets.get("maxInclusive", top)))
    if "pattern" in facets:
        return st.from_regex(
            facets["pattern"].replace("\\-", "-"), fullmatch=True, alphabet=st.characters(max_codepoint=126)
        )
    one = token(int(facets["minLength"]), int(facets["maxLength"]), letters)
    if column_type == "words":
        words = st.lists(one.filter(lambda drawn: " " not in drawn), min_size=1, max_size=3)
        return words.map(" ".join)
    return one


@dataclass
class Content:
    """A file's header and the rows of its tables."""

    layout: Layout
    header: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def tables(self) -> dict[str, pl.DataFrame]:
        """The rows as tables of the card's types."""
        return {
            table.name: pl.DataFrame(
                [{name: row.get(name) for name in table.schema} for row in self.rows[table.name]],
                schema=table.schema,
            )
            for table in self.layout.tables
        }


@st.composite
def contents(
    draw: DrawFn, layout: Layout, *, most_rows: int = 3, letters: SearchStrategy[str] = LETTERS
) -> Content:
    """Random valid content of a layout."""
    content = Content(layout, rows={table.name: [] for table in layout.tables})
    root = root_element(layout)
    content.header = _values(draw, layout.header, root, letters)
    _rows(draw, layout.record, root.at(layout.record.path), 0, content, most_rows, letters)
    return content


def _rows(
    draw: DrawFn,
    table: Table,
    element: Element,
    parent: int,
    content: Content,
    most: int,
    letters: SearchStrategy[str],
) -> None:
    for _ in range(draw(st.integers(0 if element.optional else 1, most))):
        rows = content.rows[table.name]
        row = _values(draw, table, element, letters)
        number = len(rows)
        rows.append(row)
        for column in table.columns:
            if column.type in {"row", "parent"}:
                row[column.name] = number if column.type == "row" else parent
        for child in table.children:
            _rows(draw, child, element.at(child.path), number, content, most, letters)


def _values(draw: DrawFn, table: Table, element: Element, letters: SearchStrategy[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    left_out: dict[tuple[str, ...], bool] = {}
    for column in table.columns:
        if column.path is None:
            continue
        outer = column.path[:-1]
        if outer not in left_out:
            left_out[outer] = bool(outer) and element.at(outer).optional and draw(st.booleans())
        leaf = element.at(column.path)
        if left_out[outer] or (leaf.optional and draw(st.booleans())):
            continue
        values[column.name] = draw(value_of(leaf, column.type, letters))
    return values


@dataclass(frozen=True)
class Style:
    """How the same content may be spelled. The random choices come from a seeded stream of numbers."""

    indent: str = ""
    line_end: str = "\n"
    bom: bool = False
    attributes: bool = False
    comments: bool = False
    cdata: bool = False
    references: bool = False
    padding: bool = False
    spaced_tags: bool = False
    declaration: bool = True


STYLES = st.builds(
    Style,
    indent=st.sampled_from(["", " ", "\t", "    "]),
    line_end=st.sampled_from(["\n", "\r\n", ""]),
    bom=st.booleans(),
    attributes=st.booleans(),
    comments=st.booleans(),
    cdata=st.booleans(),
    references=st.booleans(),
    padding=st.booleans(),
    spaced_tags=st.booleans(),
    declaration=st.booleans(),
)
PLAIN_STYLES = st.builds(
    Style,
    indent=st.sampled_from(["", " ", "\t"]),
    line_end=st.sampled_from(["\n", "\r\n", ""]),
    bom=st.booleans(),
    padding=st.booleans(),
    declaration=st.booleans(),
)


def render(content: Content, style: Style = Style(), seed: int = 0) -> bytes:
    """The file as bytes, spelled in that style."""
    return _Renderer(content, style, seed).render()


class _Renderer:
    def __init__(self, content: Content, style: Style, seed: int) -> None:
        self.content = content
        self.style = style
        self.state = seed

    def sometimes(self) -> bool:
        self.state = (self.state * 1103515245 + 12345) % 2**31
        return self.state >> 16 & 3 == 0

    def render(self) -> bytes:
        layout = self.content.layout
        own = {"frame": layout.frame, "layout": layout.number, "type": layout.type}
        inner = self.parts(layout.header, own | self.content.header, 0, 1)
        xsi = ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="a.xsd"'
        start = f"<{layout.root}{xsi if self.style.attributes else ''}>"
        text = f"{start}{inner}{self.style.line_end}</{layout.root}>{self.style.line_end}"
        if self.style.declaration:
            text = f'<?xml version="1.0" encoding="UTF-8"?>{self.style.line_end}{text}'
        return (b"\xef\xbb\xbf" if self.style.bom else b"") + text.encode()

    def parts(self, table: Table, row: Mapping[str, Any], number: int, depth: int) -> str:
        written: list[tuple[tuple[str, ...], str]] = []
        for part in table.parts:
            if isinstance(part, Table):
                rows = self.content.rows[part.name]
                parent = next((column.name for column in part.columns if column.type == "parent"), None)
                for index, child in enumerate(rows):
                    if parent is None or child[parent] == number:
                        inner = self.parts(part, child, index, depth + len(part.path))
                        written.append(
                            (part.path[:-1], self.element(part.path[-1], inner, depth, leaf=False))
                        )
            elif part.path is not None:
                value = row.get(part.name, part.default if not self.is_left_out(table, part, row) else None)
                for text in self.texts(part, value):
                    written.append((part.path[:-1], self.element(part.path[-1], text, depth, leaf=True)))
        return self.wrap(written, depth)

    @staticmethod
    def is_left_out(table: Table, column: Column, row: Mapping[str, Any]) -> bool:
        return table.path == () and column.name not in row and column.default is None

    def wrap(self, written: list[tuple[tuple[str, ...], str]], depth: int) -> str:
        text = ""
        index = 0
        while index < len(written):
            outer, piece = written[index]
            if not outer:
                text += piece
                index += 1
                continue
            same = [index]
            while same[-1] + 1 < len(written) and written[same[-1] + 1][0][:1] == outer[:1]:
                same.append(same[-1] + 1)
            inner = self.wrap([(written[i][0][1:], written[i][1]) for i in same], depth + 1)
            text += self.element(outer[0], inner, depth, leaf=False)
            index = same[-1] + 1
        return text

    def element(self, tag: str, inner: str, depth: int, *, leaf: bool) -> str:
        style = self.style
        space = style.line_end + style.indent * depth
        start = f"<{tag}"
        if style.attributes and self.sometimes():
            start += ' xmlns:x="urn:x"'
        if style.spaced_tags and self.sometimes():
            start += "\n "
        end = f"</{tag} >" if style.spaced_tags and self.sometimes() else f"</{tag}>"
        comment = "<!-- <facture> & ]]> -->" if style.comments and self.sometimes() else ""
        return f"{space}{comment}{start}>{inner}{'' if leaf else space}{end}"

    def texts(self, column: Column, value: Any) -> list[str]:
        if value is None:
            return []
        values = str(value).split(" ") if column.type == "words" else [spell(column.type, value)]
        return [self.text(text, is_text=column.type in {"text", "words"}) for text in values]

    def text(self, text: str, *, is_text: bool) -> str:
        style = self.style
        if style.cdata and self.sometimes() and "]]>" not in text:
            written = f"<![CDATA[{text}]]>"
        elif style.references and self.sometimes():
            written = "".join(f"&#{ord(letter)};" for letter in text)
        else:
            written = text.replace("&", "&amp;").replace("<", "&lt;").replace("]]>", "]]&gt;")
            if style.comments and len(text) > 1 and self.sometimes() and "&" not in written:
                written = f"{written[0]}<!-- - -->{written[1:]}"
        if style.padding and self.sometimes():
            written = f" {written}\n"
            if is_text:
                written = written.replace(" ", " \t ")
        return written


def spell(column_type: str, value: Any) -> str:
    """A value as the file writes it."""
    if column_type == "yes_no":
        return "O" if value else "N"
    if column_type == "cents":
        sign = "-" if value < 0 else ""
        return f"{sign}{abs(value) // 100}.{abs(value) % 100:02}"
    if column_type == "last_day":
        return (value - timedelta(days=1)).isoformat()
    return str(value)
