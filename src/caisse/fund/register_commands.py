"""The commands `caisse fund register …`: load the registers of providers and insured persons, look one up."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from caisse.fund.console import PERSON, common, now, opened, progress, say
from caisse.fund.home import Home

if TYPE_CHECKING:
    from caisse.fund.registry.errors import RegisterRefused
    from caisse.fund.registry.loading import Loaded

LANGUAGES = ("fr", "de", "en")
REGISTERS = ("providers", "insured")
_LANG = click.option(
    "--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, envvar="CAISSE_LANG",
    help="Language of the faults.",
)  # fmt: skip


@click.group()
def register() -> None:
    """The registers of providers and insured persons."""


@register.command("columns")
@click.argument("kind", type=click.Choice(REGISTERS), required=False)
@click.option("--json", "as_json", is_flag=True, help="Say the result as JSON.")
def columns(kind: str | None, as_json: bool) -> None:
    """Say which columns a register file has, of one register or of both."""
    from caisse.fund.registry.register_files import COLUMNS  # noqa: PLC0415

    chosen = {name: COLUMNS[name] for name in ([kind] if kind else REGISTERS)}
    told = {
        name: [{"name": c.name, "required": c.required, "value": c.kind, "meaning": c.meaning} for c in found]
        for name, found in chosen.items()
    }
    lines = ["A CSV file in UTF-8, separated by comma or semicolon; the first line names the columns."]
    for name, found in chosen.items():
        lines += ["", name]
        lines += [f"  {c.name:<16}{'required' if c.required else 'optional':<10}{c.meaning}" for c in found]
    say(as_json, told, "\n".join(lines))


@register.command("load")
@common
@click.argument("kind", type=click.Choice(REGISTERS))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--dry-run", is_flag=True, help="Only say what would be entered.")
@_LANG
@click.pass_context
def load(
    context: click.Context, home_path: Path, as_json: bool, kind: str, file: Path, dry_run: bool, lang: str
) -> None:
    """Load a register from a CSV file: what it says holds from now on, all of it or nothing.

    Rows that are registered already change nothing; a row with the same person and first day, or the same
    code, changes that entry, and what stood there is kept. Entries that are not in the file stay as they are.
    """
    home = Home.at(home_path).existing()
    with opened(home), progress() as watch:
        from caisse.fund.registry import actions  # noqa: PLC0415
        from caisse.fund.registry.errors import RegisterRefused  # noqa: PLC0415
        from caisse.fund.registry.register_files import read_register  # noqa: PLC0415

        enter = actions.load_persons if kind == "insured" else actions.load_providers
        at = now()
        try:
            watch("read", 0, 0)
            content = file.read_bytes()
            rows = read_register(kind, content)
            actions.publish_funds(by=PERSON, at=at)
            loaded = enter(
                rows=rows, by=PERSON, at=at, dry_run=dry_run,
                source={"sha256": hashlib.sha256(content).hexdigest()},
                watch=watch,
            )  # fmt: skip
        except RegisterRefused as error:
            refused: RegisterRefused | None = error
        else:
            refused = None
    if refused:
        _say_refused(refused, file, lang, as_json)
        context.exit(refused.exit_code)
    _say_loaded(loaded, kind, dry_run, as_json)


def _say_refused(refused: "RegisterRefused", file: Path, lang: str, as_json: bool) -> None:
    """Every fault with its line; what was not entered is said by the exit code too."""
    faults = [fault.as_dict(lang) for fault in refused.faults]
    lines = [fault.sentence(lang) for fault in refused.faults]
    if refused.more:
        lines.append(f"… and {refused.more:,} more.")
    lines.append(f"{file} is refused; nothing of it was entered.")
    say(as_json, {"refused": True, "faults": faults, "more": refused.more}, "\n".join(lines))


def _say_loaded(loaded: "Loaded", kind: str, dry_run: bool, as_json: bool) -> None:
    who = "persons" if kind == "insured" else "providers"
    counts = (f"{loaded.new:,} new {who}, {loaded.new_rows:,} new rows, {loaded.changed:,} changed, "
              f"{loaded.unchanged:,} as registered")  # fmt: skip
    if dry_run:
        text = f"Would enter: {counts}."
    elif loaded.revision is None:
        text = f"Nothing to enter: {counts}."
    else:
        text = f"Entered as revision {loaded.revision}: {counts}."
    say(as_json, {"register": kind, "dry_run": dry_run, **loaded.as_dict()}, text)


@register.command("show")
@common
@click.argument("number")
def show(home_path: Path, as_json: bool, number: str) -> None:
    """Show what is registered under a provider code or national number, with what stood there before."""
    home = Home.at(home_path).existing()
    digits = "".join(character for character in number if character not in " .-")
    with opened(home):
        from caisse.fund.registry import queries  # noqa: PLC0415

        entries = queries.entries_of(int(digits)) if digits.isdecimal() else []
    lines = [
        f"{entry.what:<16}{entry.valid_from} – {entry.valid_until or '…':<12}"
        f"recorded {_moment(entry.recorded_at)}"
        + (f", superseded {_moment(entry.superseded_at)}" if entry.superseded else "")
        for entry in entries
    ]
    told = {"number": number, "entries": [entry.as_dict() for entry in entries]}
    say(as_json, told, "\n".join(lines) or f"{number} is not registered.")


def _moment(at: object) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else "before times were recorded"
