"""Wrong use of the fund's commands is told in words and by the exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from caisse.agreement.errors import WrongUse
from caisse.fund import console
from caisse.fund.exchange.store import Store
from caisse.fund.verification import Report, verify_files
from tests.together.harness import run


def test_a_mistyped_provider_code_gets_no_account() -> None:
    assert console.provider_code_of("520017-00") == 52001700
    with pytest.raises(WrongUse, match="check digits"):
        console.provider_code_of("52001701")


def test_a_database_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    url = {"CAISSE_FUND_DATABASE_URL": "postgresql://somebody:secret@127.0.0.1:1/none"}
    run("fund", "init", "--home", tmp_path / "fund", env=url, accept=(3,))
    told = run("fund", "status", "--home", tmp_path / "fund", env=url, accept=(3,))
    assert "127.0.0.1" in told.stderr
    assert "secret" not in told.stderr + told.stdout


@pytest.mark.usefixtures("db")
def test_a_store_the_database_knows_nothing_of_is_a_problem(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in range(11):
        store.keep_bytes(b"somebody's deposit", f"{number:064x}")
    report = Report()
    verify_files(store, (), report)
    assert report.problems == [f"{tmp_path.name}/ holds 11 files and the database knows of none"]


def test_a_short_command_starts_without_what_only_judging_or_browsers_need(db, home):
    program = "import sys; from caisse.cli import run; print(run(sys.argv[1:])); print(*sys.modules)"
    heavy = {"polars", "numpy", "requests", "lxml", "typst", "cryptography.x509"}
    done = subprocess.run(
        [sys.executable, "-c", program, "fund", "status", "--home", str(home.path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    *_, code, modules = done.stdout.splitlines()
    assert code == "0", done.stderr
    assert heavy & set(modules.split()) == set()
