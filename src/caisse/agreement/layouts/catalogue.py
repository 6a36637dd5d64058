"""The published layouts: one card a folder, found without a list; which is this, is it in force that day?"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, Final

import polars as pl

from caisse.agreement.errors import BrokenSystem, UnknownLayout
from caisse.agreement.validity import holds_on

#: Column types of a card, and the column each becomes. ``last_day`` is a day that still counts in the file
#: and becomes the first day that no longer does; ``words`` repeats an element and is read joined by spaces.
COLUMN_TYPES: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {
        "text": pl.String(),
        "words": pl.String(),
        "int32": pl.Int32(),
        "int64": pl.Int64(),
        "cents": pl.Int64(),
        "date": pl.Date(),
        "last_day": pl.Date(),
        "yes_no": pl.Boolean(),
        "row": pl.UInt32(),
        "parent": pl.UInt32(),
        "xml_line": pl.Int32(),
    }
)
#: Columns that come from a row's place in the file, not from an element.
PLACE_TYPES: Final = frozenset({"row", "parent", "xml_line"})


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column: where it sits below its row (None: not in this layout, reads as null) and its type."""

    name: str
    type: str
    path: tuple[str, ...] | None = None
    default: str | None = None

    @property
    def dtype(self) -> pl.DataType:
        """The type of the column in the tables."""
        return COLUMN_TYPES[self.type]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One kind of row: its columns and the tables nested in it, in the order of the elements in the file."""

    name: str
    path: tuple[str, ...]
    parts: "tuple[Column | Table, ...]"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns without the nested tables."""
        return tuple(part for part in self.parts if isinstance(part, Column))

    @property
    def children(self) -> "tuple[Table, ...]":
        """The tables whose rows lie inside this one's."""
        return tuple(part for part in self.parts if isinstance(part, Table))

    @property
    def schema(self) -> pl.Schema:
        """Names and types of the columns."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def walk(self) -> "Iterator[Table]":
        """This table, then every table nested in it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One version of one kind of file, in force from ``accepted_from`` until before ``accepted_until``.

    ``header`` is a table of one row (the file itself) and holds the record's table; ``direction`` is
    ``request`` (provider to fund) or ``answer``.
    """

    folder: str
    frame: str
    type: str
    number: int
    direction: str
    prefix: str
    root: str
    announced: date
    accepted_from: date
    accepted_until: date | None
    titles: Mapping[str, str]
    header: Table = field(repr=False)
    schema: bytes = field(repr=False)

    @property
    def key(self) -> tuple[str, str, int]:
        """Frame, type and number: what the file itself declares."""
        return self.frame, self.type, self.number

    @property
    def label(self) -> str:
        """How the layout is named in messages, as in a file name."""
        return f"{self.frame}_{self.type}_{self.number:03d}"

    @property
    def schema_sha256(self) -> str:
        """The hash of the schema a file is checked against, for the record."""
        return sha256(self.schema).hexdigest()

    @property
    def record(self) -> Table:
        """The outermost repeated element; big files are read record by record."""
        return self.header.children[0]

    @property
    def tables(self) -> tuple[Table, ...]:
        """Every table except the header, outermost first."""
        return tuple(self.record.walk())

    def in_force(self, on: date) -> bool:
        """True when files of this layout are taken on that day."""
        return holds_on(on, self.accepted_from, self.accepted_until)

    def __reduce__(self) -> "tuple[Any, tuple[Any, ...]]":
        """Layouts travel to worker processes often; a published one travels as its name."""
        if _published().get(self.key) is self:
            return find, self.key
        fields = {name: getattr(self, name) for name in self.__slots__}
        return _rebuild, (fields | {"titles": dict(self.titles)},)


def _rebuild(fields: dict[str, Any]) -> Layout:
    return Layout(**fields | {"titles": MappingProxyType(fields["titles"])})


def find(frame: str, file_type: str, number: int) -> Layout:
    """The layout of that frame, type and number; raises UnknownLayout."""
    try:
        return _published()[frame, file_type, number]
    except KeyError:
        raise UnknownLayout(f"{frame}_{file_type}_{number:03d}") from None


def all_layouts() -> tuple[Layout, ...]:
    """Every published layout, by frame, type and number."""
    return tuple(_published().values())


def in_force(frame: str, file_type: str, on: date) -> tuple[Layout, ...]:
    """The layouts of that frame and type taken on that day, oldest number first; often two after a change."""
    return tuple(
        layout for layout in all_layouts() if layout.key[:2] == (frame, file_type) and layout.in_force(on)
    )


@cache
def _published() -> Mapping[tuple[str, str, int], Layout]:
    layouts: dict[tuple[str, str, int], Layout] = {}
    for folder in _folders(files(__package__ or "caisse.agreement.layouts")):
        layout = load(folder)
        if layout.key in layouts:
            raise BrokenSystem(
                f"Two cards describe {layout.label}: {layouts[layout.key].folder}, {layout.folder}."
            )
        layouts[layout.key] = layout
    return MappingProxyType(dict(sorted(layouts.items())))


def _folders(package: Traversable) -> Iterator[Traversable]:
    for kind in package.iterdir():
        if kind.is_dir():
            for version in kind.iterdir():
                if version.is_dir() and version.joinpath("layout.toml").is_file():
                    yield version


def load(folder: Traversable) -> Layout:
    """The layout described by ``layout.toml`` and ``schema.xsd`` in a folder."""
    card = tomllib.loads(folder.joinpath("layout.toml").read_text(encoding="utf-8"))
    tables: dict[str, dict[str, Any]] = card["tables"]
    return Layout(
        folder=folder.name,
        frame=card["frame"],
        type=card["type"],
        number=card["number"],
        direction=card["direction"],
        prefix=card["prefix"],
        root=card["root"],
        announced=card["announced"],
        accepted_from=card["accepted_from"],
        accepted_until=card.get("accepted_until"),
        titles=MappingProxyType(card["title"]),
        header=_table("header", (), card["header"], tables),
        schema=folder.joinpath("schema.xsd").read_bytes(),
    )


def _table(
    name: str, path: tuple[str, ...], parts: dict[str, Any], tables: dict[str, dict[str, Any]]
) -> Table:
    return Table(name, path, tuple(_part(key, value, tables) for key, value in parts.items()))


def _part(name: str, value: dict[str, Any], tables: dict[str, dict[str, Any]]) -> Column | Table:
    path = tuple(value["path"].split("/")) if "path" in value else None
    if value["type"] == "table":
        return _table(name, path or (), tables[name], tables)
    if value["type"] not in COLUMN_TYPES:
        raise BrokenSystem(f"Column {name} of a layout card has the unknown type {value['type']!r}.")
    return Column(name, value["type"], path, value.get("default"))
