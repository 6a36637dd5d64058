"""The documents that are printed from the code: `python -m tests.house.generated write` prints them again."""

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from tests.house import api_page, professions_page, rules_page

DOCS = Path(__file__).parents[2] / "docs"
NOTICE = "<!-- Generated: `make docs` prints this file again; tests/house/test_generated.py says when it is stale. -->\n"

EXIT_CODES = {
    0: "done",
    1: "the content is refused: correct it and send it again",
    2: "wrong use: the command cannot be carried out as given",
    3: "the other side cannot be reached: nothing was lost, try again later",
    4: "a broken system: nothing was decided, an administrator has to look at it",
}


def lifecycle() -> str:
    """The state tables of both parties and of the fund's casework as diagrams."""
    from caisse.agreement.lifecycle import LIFECYCLES, final_states
    from caisse.fund.casework.lifecycle import LIFECYCLES as CASEWORK

    parts = [
        "# Lifecycles\n",
        "Printed from `caisse.agreement.lifecycle` and `caisse.fund.casework.lifecycle`.\n",
    ]
    for name, table in {**LIFECYCLES, **CASEWORK}.items():
        arrows = [f"    {state} --> {target}" for state in table for target in sorted(table[state])]
        ends = [f"    {state} --> [*]" for state in table if state in final_states(table)]
        parts.append(f"## {name}\n")
        parts.append(
            "\n".join(
                ["```mermaid", "stateDiagram-v2", f"    [*] --> {next(iter(table))}", *arrows, *ends, "```\n"]
            )
        )
    return "\n".join(parts)


def commands() -> str:
    """Every command with its options, from click itself, and every exit code with the errors behind it."""
    from caisse.cli import cli

    parts = ["# Commands\n", "## Exit codes\n", "| Code | Meaning |", "|---:|---|"]
    parts += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()]
    parts.append(
        "\n130: stopped with Ctrl-C. Every command takes `--json`; an error then is JSON on stdout too.\n"
    )
    for path, command in sorted(walk(cli, ("caisse",))):
        parts.append(f"## {' '.join(path)}\n\n```\n{help_text(path, command)}\n```\n")
    parts += [
        "## Errors\n",
        "What each says, by exit code.\n",
        "| Exit | Error | Of | Message |",
        "|---:|---|---|---|",
    ]
    parts += [
        f"| {error.exit_code} | {error.__name__} | {error.__module__.split('.')[1]} | {first_line(error)} |"
        for error in errors()
    ]
    return "\n".join(parts)


def help_text(path: tuple[str, ...], command: click.Command) -> str:
    """What `--help` says of a command, whatever the width of the terminal and whatever was called before."""
    from caisse.cli import cli

    # click keeps the help option of the first call, which may have come without the root's settings.
    command._help_option = None
    root = click.Context(cli, info_name=path[0], **cli.context_settings)
    context = click.Context(
        command, info_name=" ".join(path[1:]), parent=root, terminal_width=100, max_content_width=100
    )
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())


def first_line(error: type[Exception]) -> str:
    """The message of an error: its docstring on one line."""
    return " ".join(inspect.cleandoc(error.__doc__ or "").split())


def errors() -> list[type[Exception]]:
    """Every error a user can meet, by exit code and name."""
    from importlib import import_module

    from caisse.agreement.errors import CaisseError

    source = Path(__file__).parents[2] / "src"
    for path in sorted(source.glob("caisse/**/errors.py")):
        import_module(".".join(path.relative_to(source).with_suffix("").parts))

    def below(kind: type) -> Iterator[type]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    named = [kind for kind in set(below(CaisseError)) if kind.__module__.endswith(".errors")]
    return sorted(named, key=lambda kind: (kind.exit_code, kind.__name__, kind.__module__))


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
    from caisse.agreement.layouts import catalogue, names

    parts = [
        "# Layouts\n",
        "A layout is a folder in `src/caisse/agreement/layouts/`: `schema.xsd`, `layout.toml`, `samples/`.",
        f"File names: `{names.RULE}`.\n",
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
        parts.append(
            f"\n## {one.label}\n\nRoot `{one.root}`. A column without an element is not in this layout.\n"
        )
        parts += ["| Table | Column | Element | Type |", "|---|---|---|---|"]
        for table in one.header.walk():
            place = table.name or "header"
            parts += [
                f"| {place} | `{column.name}` | {'`' + '/'.join((*table.path, *column.path)) + '`' if column.path else '—'} | {column.type} |"
                for column in table.columns
            ]
    return "\n".join(parts)


def cumulation() -> str:
    """The grammar of the printed cumulation rules and what became of each clause."""
    from caisse.agreement.tables.cumulation.page import page

    return page()


GENERATED: dict[str, Callable[[], str]] = {
    "api.md": api_page.page,
    "commands.md": commands,
    "cumulation.md": cumulation,
    "layouts.md": layouts,
    "lifecycle.md": lifecycle,
    "professions.md": professions_page.page,
    "rules.md": rules_page.page,
}


def content(name: str) -> str:
    """The document ``name`` as it should be now."""
    return NOTICE + "\n" + GENERATED[name]().strip() + "\n"


def write(names: Iterable[str] = ()) -> None:
    """Print the generated documents again, all unless some are named."""
    DOCS.mkdir(exist_ok=True)
    for name in names or GENERATED:
        (DOCS / name).write_text(content(name), encoding="utf-8")
        print(f"docs/{name}")


if __name__ == "__main__" and sys.argv[1:2] == ["write"]:
    write(sys.argv[2:])
