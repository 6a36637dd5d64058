"""The agreement has no clock, opens no file, reads no environment and computes no money in floats."""

import ast
from pathlib import Path

import pytest

AGREEMENT = Path(__file__).parents[2] / "src" / "caisse" / "agreement"
BANNED_CALLS = {
    "open": "read package data through importlib.resources; everything else is given as bytes",
    "now": "the caller gives the moment",
    "today": "the caller gives the day",
    "utcnow": "the caller gives the moment",
    "getenv": "the caller gives the setting",
    "float": "money is integer cents; coefficients and key letters are scaled integers",
    "print": "return a value; the command line prints",
}


def called_name(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def is_main_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)


@pytest.mark.parametrize(
    "path", sorted(AGREEMENT.rglob("*.py")), ids=lambda path: path.relative_to(AGREEMENT).as_posix()
)
def test_agreement_is_pure(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if not is_main_guard(node)]
    offences = [
        f"{path.name}:{node.lineno}: {called_name(node)}(): {BANNED_CALLS[called_name(node)]}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and called_name(node) in BANNED_CALLS
        and not (isinstance(node.func, ast.Attribute) and called_name(node) in {"open", "print"})
    ]
    assert offences == []
