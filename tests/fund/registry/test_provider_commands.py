"""Any past day on the command line: who was valid then, and what of it was known."""

import json
from datetime import date, timedelta

import pytest

from caisse import cli
from caisse.fund.audit.models import AuditEvent
from caisse.fund.registry import actions
from tests.fund.registry.test_codes import ADDRESS, code_of, person


@pytest.fixture
def code(db, now):
    said = {"by": "test", "at": now}
    provider = person(said, "Ann Example")
    site = actions.open_site(provider_id=provider, address=ADDRESS, valid_from=date(2020, 1, 1), **said)
    code = code_of(said, provider, site_id=site, speciality="cardiology")
    actions.record_licence(
        provider_id=provider, kind="authorisation_to_practise", valid_from=date(2020, 1, 1), codes=[code], **said
    )  # fmt: skip
    later = {"by": "test", "at": now + timedelta(days=1)}
    actions.suspend_code(code=code, valid_from=date(2024, 1, 1), why="inquiry", **later)
    return code


def command(home, *words: object) -> int:
    return cli.run(["fund", *map(str, words), "--home", str(home.path)])


def test_a_code_is_shown_as_it_stands_on_a_day_and_as_it_was_known(code, home, capsys):
    assert command(home, "provider", "show", code, "--on", "2024-06-01") == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{str(code)[:6]}-{str(code)[6:]} on 2024-06-01: suspended\n")
    for part in ("Ann Example", "inquiry", "cardiology", "Esch-sur-Alzette", "authorisation_to_practise"):
        assert part in said
    event = AuditEvent.objects.latest("id")
    assert (event.action, event.by) == ("registry.read", "command line")
    # `now` is half past ten in Luxembourg; the day alone means its end.
    for known, state in (
        ("2026-11-22T10:29", "unknown"), ("2026-11-22T10:30", "valid"), ("2026-11-22T09:30Z", "valid"),
        ("2026-11-22", "valid"), ("2026-11-23", "suspended"),
    ):  # fmt: skip
        words = ("provider", "show", code, "--on", "2024-06-01", "--known-at", known, "--json")
        assert command(home, *words) == 0
        assert json.loads(capsys.readouterr().out)["state"] == state, known


def test_the_codes_of_a_day_are_listed(code, home, capsys):
    assert command(home, "codes", "--on", "2023-06-01") == 0
    assert "1 code(s) valid on 2023-06-01." in capsys.readouterr().out
    assert command(home, "codes", "--on", "2023-06-01", "--profession", "taxis", "--json") == 0
    assert json.loads(capsys.readouterr().out)["codes"] == []
    assert command(home, "codes", "--on", "2024-06-01", "--known-at", "2026-11-22", "--json") == 0
    assert [row["code"] for row in json.loads(capsys.readouterr().out)["codes"]] == [code]


@pytest.mark.parametrize("wrong", ["yesterday", "2026-13-01", "9999-12-31", "2026-11-22T25:00"])
def test_a_time_that_is_none_is_refused(code, home, capsys, wrong):
    assert command(home, "codes", "--known-at", wrong) == 2
    assert "neither a day nor a time" in capsys.readouterr().err
