"""Every reason code in the code is published, and every published one is raised somewhere."""

import ast
import re
from pathlib import Path

from caisse.agreement.tables.reasons import all_reasons

SOURCE = Path(__file__).parents[2] / "src" / "caisse"
_CODE = re.compile(r"(?<![A-Z-])[A-Z]{3}-[0-9]{3}(?![0-9])")
#: Looks like a code and is none.
_OTHER = {"SHA-256"}


def docstrings(tree: ast.Module) -> set[ast.AST]:
    """The constants that are docstrings: they may speak of a code without using it."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(first.value)
    return found


def codes(*, in_docstrings: bool) -> dict[str, set[str]]:
    """The codes that stand in the source's texts, with the modules they stand in."""
    used: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        spoken = docstrings(tree)
        for node in ast.walk(tree):
            is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
            if is_text and (in_docstrings or node not in spoken):
                for code in set(_CODE.findall(node.value)) - _OTHER:
                    used.setdefault(code, set()).add(path.relative_to(SOURCE).as_posix())
    return used


def test_every_code_in_the_source_is_published() -> None:
    unknown = {code: where for code, where in codes(in_docstrings=True).items() if code not in all_reasons()}
    assert unknown == {}


def test_every_published_code_is_raised_somewhere() -> None:
    assert set(all_reasons()) - set(codes(in_docstrings=False)) == set()


def test_texts_speak_of_published_codes_only() -> None:
    root = SOURCE.parents[1]
    pages = [root / "README.md", root / "ARCHITECTURE.md", *sorted((root / "docs").rglob("*.md"))]
    spoken = {code for page in pages for code in _CODE.findall(page.read_text(encoding="utf-8"))} - _OTHER
    assert spoken - set(all_reasons()) == set()
