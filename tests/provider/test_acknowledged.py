"""What an acknowledgement says of its findings reaches the person who reads it: the root error, and in words."""

import json
from pathlib import Path

import polars as pl
import pytest

from caisse import cli
from caisse.agreement.examination import examine_file
from caisse.agreement.findings import Finding, findings_frame
from caisse.agreement.layouts import catalogue, reading
from tests.provider.fund import today
from tests.provider.test_reconciliation import Desk, desk  # noqa: F401 - a fixture

ROOT = Finding("PRO-001", found="52001701", expected="six digits and their remainder modulo 97")
FOLLOWING = Finding("PRO-002", found="52001701", expected="a code valid on 2024-04-02", follows="PRO-001")


def test_the_reader_sees_the_root_error_and_its_words(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    built = desk.send_month()
    content = Path(built.path).read_bytes()
    examined = examine_file(built.name, content, on=today())
    told = type(examined)(
        **{name: getattr(examined, name) for name in examined.__slots__} | {"findings": (ROOT, FOLLOWING)}
    )
    name = next(name for name in desk.answers_to(built) if "_ACC_" in name)
    desk.deliver((name, desk.answers.acknowledgement(built.name, content, told, conform=False)))
    told = desk.practice.reasons(built.name, language="fr")
    assert [(one.code, one.follows) for one in told] == [("PRO-001", None), ("PRO-002", "PRO-001")]
    assert told[1].expected == "un code valable le 2024-04-02"
    home = ("--home", str(desk.practice.home.root))
    assert cli.run(["provider", "show", built.name, *home, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[1]["follows"] == "PRO-001"
    assert cli.run(["provider", "show", built.name, *home]) == 0
    said = capsys.readouterr().out
    assert "← PRO-001" in said
    assert "it goes away once CODE is put right" in said


def test_the_schema_takes_a_root_error_and_three_languages() -> None:
    layout = catalogue.find("LAB", "ACC", 1)
    sample = next(Path(catalogue.__file__).parent.glob("acknowledgement/v1/samples/accepted/*.xml"))
    document = reading.read(sample.read_bytes(), layout).document
    assert document is not None
    found = document.tables["findings"]
    assert found["follows"].to_list() == [None, "PER-002"]
    assert found.select(pl.col("^expected_.*$")).row(1) == (
        "pas après le 2024-03-12", "nicht nach dem 2024-03-12", "not after 2024-03-12",
    )  # fmt: skip
    assert findings_frame([FOLLOWING])["follows"].to_list() == ["PRO-001"]
