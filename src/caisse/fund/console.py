"""What every command of the fund shares: its options, the open database, what it says, and how far it is."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from caisse.agreement.errors import InvalidIdentifier, Unreachable, WrongUse
from caisse.agreement.identifiers import provider_code
from caisse.fund.embedded import Cluster
from caisse.fund.home import VARIABLE, Home

#: Who acts when a command is given by hand.
PERSON = "command line"


def now() -> datetime:
    """This moment, with its time zone."""
    return datetime.now(UTC)


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """--home and --json, which every command has."""
    home = click.option(
        "--home", "home_path", envvar=VARIABLE, required=True,
        type=click.Path(path_type=Path, file_okay=False),
        help=f"The fund's home; else the environment variable {VARIABLE}.",
    )  # fmt: skip
    as_json = click.option("--json", "as_json", is_flag=True, help="Say the result as JSON.")
    return home(as_json(command))


def say(as_json: bool, result: dict[str, Any], text: str) -> None:
    """The result for a program or for a person."""
    click.echo(json.dumps(result, default=str, ensure_ascii=False) if as_json else text)


@contextmanager
def opened(home: Home) -> Iterator[Cluster | None]:
    """The fund's database answers and Django is set up; the embedded server stops with its last user."""
    os.environ[VARIABLE] = str(home.path)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caisse.fund.settings")
    os.environ.setdefault("CAISSE_DOOR", "command")
    if home.config().database_url:
        _set_up_django()
        _require_database()
        yield None
        return
    cluster = Cluster(home)
    with cluster.running():
        _set_up_django()
        yield cluster


def _set_up_django() -> None:
    import django  # noqa: PLC0415 - commands that need no database stay fast

    django.setup()


def _require_database() -> None:
    """Raises Unreachable, without the password, when the server named by URL does not answer."""
    from django.db import OperationalError, connection  # noqa: PLC0415

    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise Unreachable(f"The database named by URL: {str(error).strip().splitlines()[0]}") from None


#: What is being done -> what a person is told.
_STEPS = {
    "invent": "Making up persons", "cases": "Working on cases",
    "read": "Reading the file", "check": "Checking",
    "compare": "Comparing with the register", "constraints": "Checking the whole",
    "registry_person": "Entering persons", "registry_personnumber": "Entering numbers",
    "registry_coverage": "Entering periods", "registry_provider": "Entering providers",
    "registry_providercode": "Entering codes", "statements": "Writing statements",
}  # fmt: skip


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on stderr, told what is being done, how much of it and of how much (0: unknown); else silent."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _all: None
        return
    from rich.console import Console  # noqa: PLC0415 - only where a bar is shown
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Starting", total=None)

        def show(what: str, done: int, whole: int) -> None:
            # `update` takes a total of None for "as it was", and a step of unknown length would stand at 0%.
            bar.tasks[0].total = whole or None
            bar.update(task, description=_STEPS.get(what, what), completed=done)

        yield show


def provider_code_of(text: str) -> int:
    """The code of ``--provider``; raises WrongUse when it is none."""
    try:
        return int(provider_code.validate(text))
    except InvalidIdentifier as error:
        raise WrongUse(f"--provider {text!r}: {error}") from None


def day_of(text: str) -> date:
    """The day of an option; raises WrongUse when it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUse(f"{text!r} is not a day such as 2026-11-22.") from None
