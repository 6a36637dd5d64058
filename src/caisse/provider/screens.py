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
    """A table on stdout; columns whose name ends in ``>`` are set to the right."""
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        table.add_column(column.removesuffix(">"), justify="right" if column.endswith(">") else "left",
                         overflow="fold")  # fmt: skip
    for row in rows:
        table.add_row(*[escape("" if cell is None else str(cell)) for cell in row])
    _console().print(table)


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr, fed with what is done and what there is; silent when nobody looks."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.progress import Progress  # noqa: PLC0415 - only where a bar is shown

    with Progress(console=Console(stderr=True), transient=True) as progress:
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
