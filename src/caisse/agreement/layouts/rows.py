"""Rows out of a parsed tree, driven by the card: the plain way, for small files and whatever is unusual."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import polars as pl

from caisse.agreement.layouts.catalogue import Column, Layout, Table
from caisse.agreement.layouts.values import FROM_TEXT, Value, collapse, read_value


@dataclass(slots=True)
class _Plan:
    """What to do with each child element of one element: a column, a nested table, or further down."""

    columns: dict[str, Column] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    inner: "dict[str, _Plan]" = field(default_factory=dict)


@lru_cache(maxsize=64)
def _plan(table: Table) -> _Plan:
    plan = _Plan()
    for part in table.parts:
        if part.path:
            at = plan
            for step in part.path[:-1]:
                at = at.inner.setdefault(step, _Plan())
            if isinstance(part, Table):
                at.tables[part.path[-1]] = part
            else:
                at.columns[part.path[-1]] = part
    return plan


class _Rows:
    """The rows of one table while they are being collected."""

    def __init__(self, table: Table, before: int) -> None:
        self.table = table
        self.before = before
        self.rows: list[tuple[Value, ...]] = []
        self.columns = [(column.name, column.type) for column in table.columns]

    def add(self, values: Mapping[str, Value], parent: int, xml_line: int) -> None:
        """One more row."""
        places: dict[str, Value] = {
            "row": len(self.rows),
            "parent": parent,
            "xml_line": xml_line - self.before,
        }
        self.rows.append(
            tuple([places[kind] if kind in places else values.get(name) for name, kind in self.columns])
        )

    def frame(self) -> pl.DataFrame:
        """The rows as a table of the card's types."""
        # A series for each column: given rows, polars would start its threads to cast them, which is slower.
        columns = zip(*self.rows, strict=True) if self.rows else ((),) * len(self.columns)
        return pl.DataFrame(
            [
                pl.Series(name, values, dtype=dtype)
                for (name, dtype), values in zip(self.table.schema.items(), columns, strict=True)
            ]
        )


def read_header(root: Any, layout: Layout) -> dict[str, Value]:
    """The header's values from a tree that fits the schema."""
    header: dict[str, Value] = {}
    for column in layout.header.columns:
        element = root.find("/".join(column.path)) if column.path else None
        header[column.name] = None if element is None else read_value(element.text, column.type)
    return header


def read_rows(root: Any, layout: Layout, before: int = 0) -> dict[str, pl.DataFrame]:
    """Every table of a tree that fits the schema; rows count from 0, lines after the first ``before``."""
    rows = {table.name: _Rows(table, before) for table in layout.tables}
    for element in root.iterfind("/".join(layout.record.path)):
        _read_row(element, layout.record, 0, rows)
    return {name: table.frame() for name, table in rows.items()}


def _read_row(element: Any, table: Table, parent: int, rows: dict[str, _Rows]) -> None:
    values: dict[str, Value] = {}
    own = rows[table.name]
    number = len(own.rows)
    own_children: list[tuple[Any, Table]] = []
    _read_inner(element, _plan(table), values, own_children)
    own.add(values, parent, element.sourceline)
    for child, child_table in own_children:
        _read_row(child, child_table, number, rows)


def _read_inner(
    element: Any, plan: _Plan, values: dict[str, Value], children: list[tuple[Any, Table]]
) -> None:
    columns, tables, inner = plan.columns, plan.tables, plan.inner
    for child in element:
        tag = child.tag
        column = columns.get(tag)
        if column is not None:
            _read_column(child.text, column, values)
        elif tag in tables:
            children.append((child, tables[tag]))
        elif tag in inner:
            _read_inner(child, inner[tag], values, children)


def _read_column(text: str | None, column: Column, values: dict[str, Value]) -> None:
    bare = collapse(text) if text else ""
    if not bare:
        return
    value = FROM_TEXT[column.type](bare)
    before = values.get(column.name)
    values[column.name] = f"{before} {value}" if column.type == "words" and before is not None else value
