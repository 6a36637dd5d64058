"""The commands as a person or a script runs them: exit codes, JSON, words on stderr."""

import fcntl
import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from caisse.cli import COMMANDS, run
from tests.provider.fund import PASSWORD, Fund
from tests.provider.months import write_month

CAISSE = Path(sys.executable).with_name("caisse")


@dataclass
class Said:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


class Shell:
    """Runs `caisse` in a folder of its own: in this process, or as a process of its own where that matters."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *, as_process: bool = False) -> None:
        self.folder, self.monkeypatch, self.as_process = folder, monkeypatch, as_process
        monkeypatch.chdir(folder)
        monkeypatch.setenv("CAISSE_PROVIDER_HOME", str(folder / "practice"))

    def __call__(self, *words: object, given: str = "", expect: int = 0) -> Said:
        """Run one command; its exit code must be ``expect``."""
        done = (self._spawn if self.as_process else self._call)([str(word) for word in words], given)
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    def _spawn(self, words: list[str], given: str) -> Said:
        done = subprocess.run([CAISSE, *words], input=given, capture_output=True, text=True, check=False)
        return Said(done.returncode, done.stdout, done.stderr)

    def _call(self, words: list[str], given: str) -> Said:
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(words)
        return Said(code, out.getvalue(), err.getvalue())

    def json(self, *words: object, given: str = "", expect: int = 0) -> Any:
        """The JSON document of one command."""
        return json.loads(self(*words, "--json", given=given, expect=expect).stdout)


@pytest.fixture
def caisse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, monkeypatch)


def test_the_main_job_in_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fund: Fund, month: Path
) -> None:
    caisse = Shell(tmp_path, monkeypatch, as_process=True)
    fund.server.answers = fund.answers
    said = caisse(
        "provider", "init", "--fund", fund.url, "--code", "52001700", "--password-stdin", given=PASSWORD
    )
    assert fund.host_key.get_fingerprint() in said.stdout
    assert PASSWORD not in said.stdout + said.stderr
    assert (caisse.folder / "practice" / "secret").stat().st_mode & 0o777 == 0o600
    caisse("provider", "record", month)
    built = caisse.json("provider", "build", "invoices", "--year", 2024, "--number", 3)
    assert caisse.json("provider", "build", "invoices", "--year", 2024, "--number", 3) is None
    checked = caisse.json("check", built["path"], expect=1)
    (finding,) = checked["findings"]
    assert (finding["code"], finding["invoice_reference"], finding["line_reference"]) == (
        "PRI-001",
        "INV-3",
        "1",
    )
    assert finding["text"]
    assert finding["remedy"]
    (sent,) = caisse.json("provider", "send")
    assert (sent["stage"], sent["receipted"]) == ("sent", True)
    assert [one["kind"] for one in caisse.json("provider", "collect")] == ["acknowledgement", "return"]
    (file,) = caisse.json("provider", "status")["sendings"]
    assert file["state"] == "returned"
    owed = caisse.json("provider", "owed")
    assert owed["asked_cents"] == built["net_cents"] == owed["paid_cents"] + owed["refused_cents"]
    receipt = caisse.folder / "practice" / "inbox" / f"{built['name']}.receipt.jws"
    assert caisse.json("verify", receipt, built["path"])["valid"]
    caisse("provider", "export", "--format", "csv", "--output", "all.csv")
    assert len((caisse.folder / "all.csv").read_text("utf-8").splitlines()) == 21
    caisse.as_process = False
    for words in (("status",), ("owed",), ("owed", "--overdue", "--lang", "fr"), ("collect",), ("columns",)):
        assert caisse("provider", *words).stdout


def test_check_needs_no_practice_and_speaks_three_languages(caisse: Shell, fund: Fund, month: Path) -> None:
    caisse("provider", "init", "--fund", fund.url, "--code", "52001700")
    caisse("provider", "record", month)
    built = caisse.json("provider", "build", "invoices", "--year", 2024, "--number", 3)
    path = Path(built["path"])
    texts = {lang: caisse("check", path, "--lang", lang, expect=1).stdout for lang in ("fr", "de", "en")}
    assert len(set(texts.values())) == 3
    assert "PRI-001" in caisse("provider", "check", path.name, expect=1).stdout
    assert "PRI-001" in caisse("check", path, "--summary", expect=1).stdout
    # before the layout was in force the whole file would come back
    early = caisse.json("check", path, "--as-of", "2026-09-30", expect=1)
    assert [one["code"] for one in early["findings"]] == ["LAY-002"]
    assert not early["conform"]


def test_a_clean_file_is_said_to_be_clean(caisse: Shell, fund: Fund, tmp_path: Path) -> None:
    caisse("provider", "init", "--fund", fund.url, "--code", "52001700")
    caisse("provider", "record", write_month(tmp_path / "clean.csv", 2))
    built = caisse.json("provider", "build", "invoices", "--year", 2024, "--number", 3)
    checked = caisse.json("provider", "check", built["path"])
    assert checked["clean"]
    assert checked["findings"] == []
    assert "PER-004" in checked["deferred"]


def test_another_providers_file_is_not_ours(caisse: Shell, fund: Fund, month: Path) -> None:
    caisse("provider", "init", "--fund", fund.url, "--code", "52001700")
    caisse("provider", "record", month)
    built = caisse.json("provider", "build", "invoices", "--year", 2024, "--number", 3)
    caisse("provider", "--home", "other", "init", "--fund", fund.url, "--code", "70000048")
    found = caisse.json("provider", "--home", "other", "check", built["path"], expect=1)
    assert "PRO-003" in {one["code"] for one in found["findings"]}
    caisse("provider", "--home", "other", "send", built["path"], expect=2)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("provider", "status"), 2, "Create one with `caisse provider init`"),
        (("provider", "record"), 2, "Missing argument"),
        (("check", "nothing.xml"), 2, "No such file"),
        (("check",), 2, "Missing argument"),
        (("check", "x.jpg", "--as-of", "yesterday"), 2, "is not a day"),
        (("explain", "ABC-123"), 2, "ABC-123"),
        (("verify", "a", "b"), 2, "No such file"),
        (("provider", "init", "--fund", "ftp://x", "--code", "52001700"), 2, "--fund"),
        (("provider", "init", "--fund", "sftp://a:b@c", "--code", "52001700"), 2, "leave the password out"),
        (("provider", "init", "--fund", "sftp://127.0.0.1:1", "--code", "1"), 2, "8 digits"),
        (("nonsense",), 2, "No such command"),
        ((), 2, ""),
    ],
)
def test_wrong_use_ends_with_2_and_says_how(
    caisse: Shell, words: tuple[str, ...], code: int, said: str
) -> None:
    done = caisse(*words, expect=code)
    assert said in done.stderr
    if words and words[0] != "nonsense" and "Missing" not in said:
        assert json.loads(caisse(*words, "--json", expect=code).stdout)["exit_code"] == code


def test_refused_content_ends_with_1(caisse: Shell, tmp_path: Path) -> None:
    picture = tmp_path / "F52001700202403_LAB_FAC_002_A.xml"
    picture.write_bytes(b"\xff\xd8\xff\xe0 JFIF")
    assert caisse.json("check", picture, expect=1)["conform"] is False
    empty = tmp_path / "empty.xml"
    empty.touch()
    assert caisse.json("check", empty, expect=1)["conform"] is False
    caisse("provider", "init", "--fund", "sftp://127.0.0.1:1", "--code", "52001700")
    records = tmp_path / "records.csv"
    records.write_text("a,b\n1,2\n", "utf-8")
    told = caisse.json("provider", "record", records, expect=1)
    assert told["error"] == "RecordRefused"


def test_a_fund_out_of_reach_ends_with_3(caisse: Shell, month: Path) -> None:
    caisse("provider", "init", "--fund", "sftp://127.0.0.1:1", "--code", "52001700")
    caisse("provider", "record", month)
    caisse("provider", "build", "invoices", "--year", 2024, "--number", 3)
    said = caisse("provider", "send", expect=3).stderr
    assert "cannot be reached" in said
    assert caisse.json("provider", "collect", expect=3)["exit_code"] == 3


def test_a_broken_system_ends_with_4_without_a_traceback(caisse: Shell) -> None:
    caisse("provider", "init", "--fund", "sftp://127.0.0.1:1", "--code", "52001700")
    (caisse.folder / "practice" / "practice.sqlite").write_bytes(b"no database at all" * 100)
    said = caisse("provider", "status", expect=4).stderr
    assert "CAISSE_TRACE=1" in said
    caisse.monkeypatch.setenv("CAISSE_TRACE", "1")
    done = subprocess.run([CAISSE, "provider", "status"], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "Traceback" in done.stderr


def test_explain_tells_the_article_and_what_to_do(caisse: Shell) -> None:
    said = caisse("explain", "pri-001", "--lang", "de").stdout
    assert "PRI-001" in said
    assert caisse.json("explain", "PRI-001")["text"]["fr"]


def loaded_by(*words: str) -> tuple[set[str], str]:
    """The packages a command loads in a fresh interpreter, and what it says."""
    program = f"import sys; from caisse.cli import run; run({list(words)!r}); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    said, modules = done.stdout.rstrip().rsplit("\n", 1)
    return {name.split(".")[0] for name in modules.split()}, said


def test_help_lists_every_command_without_loading_it() -> None:
    loaded, said = loaded_by("--help")
    assert all(f"  {name} " in said for name in COMMANDS)
    assert not loaded & {"django", "sqlalchemy", "polars", "lxml", "rich"}


def test_check_loads_neither_a_database_nor_a_server(tmp_path: Path) -> None:
    path = tmp_path / "F52001700202403_LAB_FAC_002_A.xml"
    path.write_bytes(b"<a/>")
    loaded, _ = loaded_by("check", str(path))
    assert not loaded & {"sqlalchemy", "asyncssh", "httpx", "django", "psycopg", "jwt"}


def test_two_commands_at_once_do_not_meet(caisse: Shell, month: Path) -> None:
    caisse("provider", "init", "--fund", "sftp://127.0.0.1:1", "--code", "52001700")
    with (caisse.folder / "practice" / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "at work" in caisse("provider", "record", month, expect=2).stderr
        caisse("provider", "status")
