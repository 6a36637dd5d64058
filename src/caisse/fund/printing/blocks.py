"""What a page is made of: paragraphs, lists, labelled values, tables, headings and boxes, as plain data."""

from collections.abc import Iterable, Sequence
from typing import Any

Block = dict[str, Any]


def free(text: str) -> list[str]:
    """The paragraphs of a text that a person wrote."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def paragraphs(*texts: str) -> list[Block]:
    """One block for each text that says anything; a person's line breaks are kept."""
    return [{"kind": "paragraph", "text": line} for text in texts for line in free(text)]


def items(entries: Iterable[tuple[str, str]]) -> Block:
    """A list of things, each with a remark or none."""
    return {"kind": "list", "items": [{"text": text, "detail": free(detail)} for text, detail in entries]}


def values(rows: Iterable[tuple[str, str | Sequence[str]]]) -> Block:
    """Labels and their values, one value in several lines if need be; rows without a value are left out."""
    told = [(label, [value] if isinstance(value, str) else [*value]) for label, value in rows]
    return {"kind": "values", "rows": [[label, lines] for label, lines in told if any(lines)]}


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, widths: Sequence[float],
    numbers_from: int | None = None, total: bool = False,
) -> Block:  # fmt: skip
    """A table of texts; ``widths`` are shares of the page's width.

    Columns from ``numbers_from`` on are set to the right; ``total``: the last row sums up the others.
    """
    cells = [[free(cell) or [""] for cell in row] for row in rows]
    return {
        "kind": "table", "columns": list(columns), "rows": cells, "widths": list(widths),
        "numbers": len(columns) if numbers_from is None else numbers_from, "total": total,
    }  # fmt: skip


def heading(text: str) -> Block:
    """A heading inside the document."""
    return {"kind": "heading", "text": text}


def box(title: str, *texts: str) -> Block:
    """Something that must not be overlooked, kept together on one page."""
    return {"kind": "box", "title": title, "texts": [text for text in texts if text]}
