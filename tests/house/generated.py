"""The documents that are printed from the code: `python -m tests.house.generated write` prints them again."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

DOCS = Path(__file__).parents[2] / "docs"
NOTICE = "<!-- Generated: `make docs` prints this file again; tests/house/test_generated.py says when it is stale. -->\n"


def lifecycle() -> str:
    """The state tables of agreement/lifecycle.py as diagrams."""
    from caisse.agreement.lifecycle import LIFECYCLES, final_states

    parts = ["# Lifecycles\n", "Printed from `caisse.agreement.lifecycle`.\n"]
    for name, table in LIFECYCLES.items():
        arrows = [f"    {state} --> {target}" for state in table for target in sorted(table[state])]
        ends = [f"    {state} --> [*]" for state in sorted(final_states(table))]
        parts.append(f"## {name}\n")
        parts.append(
            "\n".join(
                ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(table))}", *arrows, *ends, "```\n"]
            )
        )
    return "\n".join(parts)


def commands() -> str:
    """Every command with its options, from click itself."""
    from caisse.cli import cli

    parts = [
        "# Commands\n",
        "Exit codes: 0 done · 1 the content is refused · 2 wrong use · 3 the other side cannot be reached · 4 a broken system.\n",
    ]
    for path, command in sorted(walk(cli, ("caisse",))):
        context = click.Context(command, info_name=" ".join(path), terminal_width=100, max_content_width=100)
        parts.append(f"## {' '.join(path)}\n\n```\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def walk(command: click.Command, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
    """Every command below ``command``, with the words that call it."""
    if not isinstance(command, click.Group):
        return [(path, command)]
    context = click.Context(command)
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None, name
        found += walk(child, (*path, name))
    return found


def layouts() -> str:
    """The published layouts with their dates, and every column with its place in the file."""
    from caisse.agreement.layouts import catalogue

    parts = [
        "# Layouts\n",
        "A layout is a folder in `src/caisse/agreement/layouts/`: `schema.xsd`, `layout.toml`, `samples/`. File names:",
        "`F{provider code 8}{year 4}{number 2}_{frame}_{type}_{layout 3}_{reference}.xml`.\n",
        "| Layout | Title | Direction | Announced | Accepted from | until (first day no longer) | Schema SHA-256 |",
        "|---|---|---|---|---|---|---|",
    ]
    found = sorted(catalogue.all_layouts(), key=lambda one: one.key)
    for one in found:
        until = one.accepted_until or "open"
        parts.append(
            f"| `{one.label}` | {one.titles['en']} | {one.direction} | {one.announced} | {one.accepted_from} | {until} "
            f"| `{one.schema_sha256[:16]}…` |"
        )
    for one in found:
        parts.append(f"\n## {one.label}\n\nRoot `{one.root}`.\n")
        parts += ["| Table | Column | Element | Type |", "|---|---|---|---|"]
        for table in one.header.walk():
            place = table.name or "header"
            parts += [
                f"| {place} | `{column.name}` | {'`' + '/'.join((*table.path, *column.path)) + '`' if column.path else '—'} | {column.type} |"
                for column in table.columns
            ]
    return "\n".join(parts)


GENERATED: dict[str, Callable[[], str]] = {
    "lifecycle.md": lifecycle,
    "commands.md": commands,
    "layouts.md": layouts,
}


def content(name: str) -> str:
    """The document ``name`` as it should be now."""
    return NOTICE + "\n" + GENERATED[name]().rstrip() + "\n"


def write() -> None:
    """Print every generated document again."""
    DOCS.mkdir(exist_ok=True)
    for name in GENERATED:
        (DOCS / name).write_text(content(name), encoding="utf-8")
        print(f"docs/{name}")


if __name__ == "__main__" and sys.argv[1:] == ["write"]:
    write()
