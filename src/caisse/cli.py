"""The one entry point. Each group of commands is loaded only when it is called for."""

import json
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

import click

from caisse.agreement.errors import CaisseError, WrongUse

#: command -> (where it is defined, what `caisse --help` says of it)
COMMANDS = {
    "check": (
        "caisse.provider.file_commands:check",
        "Check a request file as the fund will, without any database.",
    ),
    "explain": (
        "caisse.provider.file_commands:explain",
        "Explain a reason code in French, German or English.",
    ),
    "fund": ("caisse.fund.cli:fund", "The fund's server: set up, serve, accounts, registers, status."),
    "provider": ("caisse.provider.cli:provider", "The practice: record, build, send, collect, book."),
    "verify": (
        "caisse.provider.file_commands:verify",
        "Verify a receipt against the file it is about, offline.",
    ),
}

#: What the `fund` extra brings; without it the server's commands say how to install them.
FUND_NEEDS = ("django", "procrastinate", "psycopg")


class FundNotInstalled(WrongUse):
    """The fund's server is not installed here. Install it with: pip install "caisse[fund]"."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called, so that each starts as fast as it can."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names, without importing anything."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        if cmd_name == "fund" and not all(map(find_spec, FUND_NEEDS)):
            return _fund_missing
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `caisse --help`."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.command("fund", context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
               add_help_option=False)  # fmt: skip
def _fund_missing() -> None:
    raise FundNotInstalled


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="caisse")
def cli() -> None:
    """Caisse: a health-insurance fund and its care providers, working with each other.

    Exit codes: 0 done, 1 the content is refused, 2 wrong use, 3 the other side cannot be reached,
    4 a broken system.
    """


def main() -> None:
    """Run the command line and leave with the exit code that tells the truth."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code and never raises for anything a user can meet."""
    as_json = "--json" in arguments
    try:
        code = cli.main(list(arguments), prog_name="caisse", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        click.echo("Stopped.", err=True)
        return 130
    except CaisseError as error:
        return _say(error, error.exit_code, str(error), as_json)
    except BrokenPipeError:
        # Whoever read our output has heard enough.
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
        return 0
    except Exception as error:
        hint = "Run it again with CAISSE_TRACE=1 to see where."
        return _say(
            error, 4, f"Something broke that should not: {type(error).__name__}: {error}. {hint}", as_json
        )
    return code if isinstance(code, int) else 0


def _say(error: Exception, code: int, message: str, as_json: bool) -> int:
    """Tell a person on stderr, and a program on stdout when it asked for JSON."""
    if os.environ.get("CAISSE_TRACE") == "1":
        traceback.print_exception(error)
    click.echo(message, err=True)
    if as_json:
        told = {"error": type(error).__name__, "message": message, "exit_code": code}
        click.echo(json.dumps(told, ensure_ascii=False))
    return code


if __name__ == "__main__":
    main()
