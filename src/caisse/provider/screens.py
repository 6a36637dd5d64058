"""What the commands show: tables for people, JSON for programs, progress only where somebody looks."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

#: Where nobody's window limits us, no cell is cut.
_WIDE = 200
#: A column of words narrower than this (characters) is hard to read.
_READABLE = 16


def euros(cents: int | None) -> str:
    """An amount as people write it."""
    if cents is None:
        return ""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02}".replace(",", " ")


def plain(value: Any) -> Any:
    """A result as JSON knows it: moments and days as ISO text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: plain(part) for key, part in asdict(value).items()}
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value.isoformat() if hasattr(value, "isoformat") else value


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(plain(value), ensure_ascii=False, indent=1))


def _console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=_WIDE, color_system=None)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table on stdout; columns whose name ends in ``>`` are set to the right and never broken.

    In a window too narrow for it, each row is written as a block of lines.
    """
    console = _console()
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if _narrowest(columns, cells) > console.width:
        _print_blocks(console, title, columns, cells)
        return
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        right = column.endswith(">")
        table.add_column(column.removesuffix(">"), justify="right" if right else "left", overflow="fold",
                         no_wrap=right)  # fmt: skip
    for row in cells:
        table.add_row(*map(escape, row))
    console.print(table)


def _narrowest(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """The characters a table takes when its numbers are whole and its texts are broken, but readable."""
    widths = []
    for place, column in enumerate(columns):
        parts = [column.removesuffix(">"), *(row[place] for row in rows)]
        longest = max(len(line) for part in parts for line in (part.splitlines() or [""]))
        widths.append(longest if column.endswith(">") else min(longest, _READABLE))
    return sum(widths) + 3 * len(widths) + 1


def _print_blocks(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Each row as lines "column  value"; empty cells are left out."""
    heads = [column.removesuffix(">") for column in columns]
    console.print(escape(title), style="italic")
    for row in rows:
        block = Table.grid(padding=(0, 2))
        block.add_column(style="bold", no_wrap=True)
        block.add_column(overflow="fold")
        for head, cell in zip(heads, row, strict=True):
            if cell:
                block.add_row(head, escape(cell))
        console.print(block)
        console.print()


def print_wrapped(text: str) -> None:
    """A sentence on stdout, broken between words where somebody looks."""
    if sys.stdout.isatty():
        _console().print(escape(text), highlight=False)
    else:
        click.echo(text)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, fed with what is done and what there is; silent when nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415 - only where a bar is shown

    words = TextColumn(
        "{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis", max_width=30)
    )
    columns = (words, BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(escape(label), total=None)
        yield lambda done, whole: progress.update(task, completed=done, total=whole)


@contextmanager
def working(label: str) -> Iterator[None]:
    """Say on stderr that something takes a moment; silent when nobody looks."""
    if not sys.stderr.isatty():
        yield
        return
    with Console(stderr=True).status(escape(label)):
        yield
