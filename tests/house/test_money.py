"""Money is integer cents from the file to the database: no float, no decimal, no currency in between."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from caisse.agreement.layouts import catalogue

SOURCE = Path(__file__).parents[2] / "src" / "caisse"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "migrations" not in path.parts)
#: Types of columns and calls that would hold an amount inexactly.
_INEXACT = {
    "Float32",
    "Float64",
    "FloatField",
    "DecimalField",
    "Float",
    "Numeric",
    "REAL",
    "DOUBLE_PRECISION",
}
_MONEY = re.compile(r"(_cents|^cents|amount|tariff|price|gross|net)(_|$)")


def names_in(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value.isidentifier():
            yield part.value


def offences(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in _INEXACT:
            yield f"{node.lineno}: {node.attr}"
        if isinstance(node, ast.BinOp):
            money = any(_MONEY.search(name) for name in names_in(node))
            inexact = isinstance(node.op, ast.Div) or any(
                isinstance(part, ast.Constant) and isinstance(part.value, float) for part in ast.walk(node)
            )
            if money and inexact:
                yield f"{node.lineno}: {ast.unparse(node)[:80]}"
        called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if called in {"float", "round"} and any(_MONEY.search(name) for name in names_in(node)):
            yield f"{node.lineno}: {ast.unparse(node)[:80]}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(SOURCE).as_posix())
def test_no_amount_is_a_float(path: Path) -> None:
    assert list(offences(ast.parse(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "line", ["a = gross_cents / 100", "x = round(amount, 2)", "f = models.FloatField()", "p = tariff * 1.17"]
)
def test_the_search_finds_what_it_looks_for(line: str) -> None:
    assert list(offences(ast.parse(line)))


def test_every_amount_of_a_layout_is_in_cents() -> None:
    for layout in catalogue.all_layouts():
        for table in layout.header.walk():
            for column in table.columns:
                assert column.name.endswith("_cents") == (column.type == "cents"), (layout.label, column.name)
