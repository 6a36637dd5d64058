"""Every command explains itself, and leaves with the exit code that is documented."""

import json
import sqlite3
from pathlib import Path

import click
import pytest

from caisse import cli
from caisse.agreement.errors import BrokenSystem, CaisseError, ContentRefused, Unreachable, WrongUse
from caisse.agreement.layouts import catalogue
from tests.house import generated

COMMANDS = generated.walk(cli.cli, ("caisse",))
every_command = pytest.mark.parametrize(
    ("path", "command"), COMMANDS, ids=[" ".join(path[1:]) for path, _ in COMMANDS]
)
SAMPLES = Path(catalogue.__file__).parent / "lab_invoice/v2/samples"

#: The names that users were promised; more may come, none may go.
PROMISED = """
caisse check | caisse explain | caisse verify
caisse fund init | caisse fund load-demo | caisse fund serve | caisse fund web | caisse fund sftp | caisse fund worker
caisse fund account create | caisse fund status | caisse fund verify
caisse provider init | caisse provider record | caisse provider build invoices | caisse provider check
caisse provider send | caisse provider collect | caisse provider status | caisse provider owed | caisse provider export
"""


def test_every_promised_command_is_there() -> None:
    promised = {name.strip() for line in PROMISED.strip().splitlines() for name in line.split("|")}
    assert promised <= {" ".join(path) for path, _ in COMMANDS}


@every_command
def test_a_command_says_what_it_does(path: tuple[str, ...], command: click.Command) -> None:
    assert len((command.help or "").split()) >= 3
    assert (command.help or "").split("\n")[0].endswith(".")


@every_command
def test_every_option_says_what_it_is_for(path: tuple[str, ...], command: click.Command) -> None:
    options = [one for one in command.params if isinstance(one, click.Option) and not one.hidden]
    assert [one.name for one in options if not one.help] == []


@every_command
def test_every_command_answers_in_json_too(path: tuple[str, ...], command: click.Command) -> None:
    options = {name for one in command.params for name in one.opts}
    assert "--json" in options or "--format" in options


def test_every_error_has_a_documented_exit_code_and_says_how_to_go_on() -> None:
    errors = generated.errors()
    assert {error.exit_code for error in errors} == set(generated.EXIT_CODES) - {0}
    for error in errors:
        assert generated.first_line(error).endswith("."), error
    assert "0 done, 1 the content is refused, 2 wrong use" in " ".join((cli.cli.help or "").split())


def leave(*words: str) -> int:
    return cli.run(list(words))


def test_0_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave("explain", "LAY-001", "--json") == 0
    assert json.loads(capsys.readouterr().out)["code"] == "LAY-001"
    assert leave("check", "--help") == 0


def test_1_the_content_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    refused = sorted(SAMPLES.glob("refused/*.xml"))[0]
    assert leave("check", str(refused), "--as-of", "2026-11-02", "--json") == 1
    assert json.loads(capsys.readouterr().out)["clean"] is False


@pytest.mark.parametrize(
    "words", [("explain", "XYZ-999"), ("nonsense",), ("check",), ("check", "none.xml"), ("explain", "--no")]
)
def test_2_wrong_use(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(*words) == 2
    assert capsys.readouterr().err.strip()


def practice(home: Path) -> tuple[str, ...]:
    # Nobody listens on port 1.
    fund = "sftp://52001700-lab@127.0.0.1:1"
    words = ("--home", str(home), "--fund", fund, "--code", "52001700", "--frame", "LAB", "--generate-key")
    assert leave("provider", "init", *words) == 0
    return ("--home", str(home))


def test_3_the_other_side_cannot_be_reached(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = practice(tmp_path / "practice")
    capsys.readouterr()
    assert leave("provider", "collect", *home, "--json") == 3
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == 3
    assert issubclass(Unreachable, CaisseError)


def test_4_a_broken_system(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = practice(tmp_path / "practice")
    database = next((tmp_path / "practice").glob("*.sqlite*"), None) or next(
        path for path in (tmp_path / "practice").rglob("*") if path.is_file() and is_sqlite(path)
    )
    with sqlite3.connect(database) as connection:
        (table,) = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%sending%' LIMIT 1"
        ).fetchone()
        connection.execute(f'DROP TABLE "{table}"')
    connection.close()
    capsys.readouterr()
    assert leave("provider", "status", *home) == 4
    assert "Something broke that should not" in capsys.readouterr().err


def is_sqlite(path: Path) -> bool:
    return path.read_bytes()[:15] == b"SQLite format 3"


@pytest.mark.parametrize("error", [ContentRefused, WrongUse, Unreachable, BrokenSystem])
def test_an_error_tells_a_person_and_a_program(
    error: type[CaisseError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    def failing(as_json: bool) -> None:
        raise error("It stands here.")

    monkeypatch.setattr(cli.LazyGroup, "get_command", lambda *_: failing)
    assert leave("any", "--json") == error.exit_code
    said = capsys.readouterr()
    assert "It stands here." in said.err
    told = json.loads(said.out)
    assert (told["error"], told["exit_code"]) == (error.__name__, error.exit_code)
