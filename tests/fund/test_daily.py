"""The day of the whole fund: the clock's steps with the statements of the year, and the command that runs them."""

import json
from datetime import UTC, date, datetime, timedelta

from click.testing import CliRunner

from caisse import cli
from caisse.fund import daily
from caisse.fund.casework.clock import running
from caisse.fund.casework.models import BoardSession, ClockDay
from caisse.fund.payments.models import AnnualStatement
from tests.fund.payments.charges import Line, association, charge, physio

DAY = timedelta(days=1)


def run_on(day: date) -> dict[str, int]:
    at = datetime(day.year, day.month, day.day, 11, tzinfo=UTC)
    report = running.run(daily.STEPS, until=day, now=lambda: at)
    assert report.troubles == []
    return report.done


def test_statements_of_the_year_are_issued_once_when_it_is_time(db):
    at = datetime(2025, 1, 20, 9, 30, tzinfo=UTC)
    ann, ben = physio("Ann", at), physio("Ben", at)
    _found, code = association("A", at, [(ann, date(2020, 1, 1), None), (ben, date(2020, 1, 1), None)])
    charge(code, [Line(date(2025, 6, 1), 1_000, patient=120, executing=ann)], at)
    due = date(2026, 3, 1)
    assert "annual statements" not in run_on(due - DAY)
    assert run_on(due)["annual statements"] == 2
    assert "annual statements" not in run_on(due + DAY)
    assert AnnualStatement.objects.count() == 2


def test_the_command_lists_what_is_due_and_does_it(db):
    def say(*options: str) -> object:
        done = CliRunner().invoke(cli.cli, ["fund", "clock", "--home", str(db.path), "--json", *options])
        return json.loads(done.stdout) if done.exit_code == 0 else done.exception

    due = say("--dry-run")["due"]
    assert len(due["sessions planned"]) in (2, 3)
    assert not ClockDay.objects.exists()
    assert say()["done"]["sessions planned"] == len(due["sessions planned"])
    assert BoardSession.objects.count() == len(due["sessions planned"])
    assert say()["done"] == {}
    assert "has not come yet" in str(say("--day", "2999-01-01"))
