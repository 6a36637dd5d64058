"""Days: each once, in order, by one process; and what was killed goes on where it was."""

import os
import signal
import time
from datetime import date, timedelta

import psycopg
import pytest
from django.db import connection, transaction

from caisse.fund.casework.clock import running
from caisse.fund.casework.clock.codes import settle_licences
from caisse.fund.casework.clock.running import ClockAhead, Step
from caisse.fund.casework.clock.steps import STEPS, due_on
from caisse.fund.casework.models import BoardSession, ClockDay, ClockDeed, Letter
from caisse.fund.registry import queries
from caisse.fund.registry.models import LapseNotice
from tests.fund.casework.clock.days import FIRST, holder, letters, licence, noon, run_on

DAY = timedelta(days=1)


@pytest.fixture
def said(db, now):
    return {"by": "test", "at": now}


def noting(seen: list[date]) -> tuple[Step, ...]:
    """A step that notes on which days it was asked."""
    return (Step("seen", lambda day: seen.append(day) or [], lambda key, *, day, by, at: 0),)


def test_missed_days_are_made_up_for_in_order_and_a_clock_set_back_does_nothing(db):
    seen: list[date] = []
    run_on(FIRST, noting(seen))
    run_on(FIRST + 4 * DAY, noting(seen))
    assert seen == [FIRST + n * DAY for n in range(5)]
    run_on(FIRST + 2 * DAY, noting(seen))
    assert len(seen) == 5
    run_on(FIRST + 4 * DAY, noting(seen))
    assert seen[5:] == [FIRST + 4 * DAY]
    assert ClockDay.objects.filter(ended_at__isnull=False).count() == 5


def test_a_clock_far_ahead_is_not_believed_unless_told(db):
    run_on(FIRST)
    with pytest.raises(ClockAhead, match="--day"):
        run_on(FIRST + 3650 * DAY)
    assert ClockDay.objects.count() == 1
    run_on(FIRST + 61 * DAY, noting([]), forced=True)
    assert ClockDay.objects.count() == 62


def test_after_days_without_the_clock_only_the_last_warning_is_written(said):
    provider, code = holder(said)
    licence(said, provider, code, end=FIRST + 80 * DAY)
    run_on(FIRST)
    run_on(FIRST + 20 * DAY)
    run_on(FIRST + 75 * DAY)
    warned = Letter.objects.order_by("pk").values_list("content__days_left", flat=True)
    assert list(warned) == [80, 5]
    run_on(FIRST + 85 * DAY)
    assert letters() == {"licence_warning": 2, "code_lapsed": 1}
    assert queries.standing(code, FIRST + 80 * DAY).state == "suspended"
    assert queries.standing(code, FIRST + 79 * DAY).state == "valid"


def test_while_one_process_runs_the_clock_another_does_not(said, admin: psycopg.Connection):
    provider, code = holder(said)
    licence(said, provider, code, end=FIRST)
    admin.execute("SELECT pg_advisory_lock(%s)", [running._LOCK])
    report = running.run(STEPS, until=FIRST, now=lambda: noon(FIRST))
    assert (report.finished, report.done, report.days) == (False, {}, [])
    admin.execute("SELECT pg_advisory_unlock(%s)", [running._LOCK])
    assert run_on(FIRST)["licences"] == 1


def test_two_who_both_found_it_due_do_it_once(said):
    provider, code = holder(said)
    licence(said, provider, code, end=FIRST)
    for _ in range(2):
        with transaction.atomic():
            settle_licences(provider, day=FIRST, by="clock", at=noon(FIRST))
    assert letters() == {"code_lapsed": 1}


def test_what_fails_is_left_for_later_and_holds_nobody_up(said, monkeypatch, caplog):
    pair = [holder(said, name=name) for name in ("Ann", "Ben")]
    for provider, code in pair:
        licence(said, provider, code, end=FIRST)
    real = STEPS[2]

    def broken(key, *, day, by, at):
        if key == pair[0][0]:
            raise RuntimeError("Ann is not to be named in a log")
        return real.do(key, day=day, by=by, at=at)

    report = running.run((Step("licences", real.due, broken),), until=FIRST, now=lambda: noon(FIRST))
    assert report.troubles == [f"licences {pair[0][0]}: RuntimeError"]
    assert (report.done, ClockDay.objects.get().troubles) == ({"licences": 1}, 1)
    assert "Ann" not in caplog.text
    assert run_on(FIRST)["licences"] == 1
    assert (letters(), ClockDay.objects.get().troubles) == ({"code_lapsed": 2}, 0)


def test_asked_to_stop_it_goes_on_later_with_the_same_day(said):
    for name in ("Ann", "Ben", "Eve"):
        provider, code = holder(said, name=name)
        licence(said, provider, code, end=FIRST)
    answers = iter([False, True])
    report = running.run(STEPS, until=FIRST, now=lambda: noon(FIRST), stop=lambda: next(answers))
    assert (report.finished, report.days, sum(report.done.values())) == (False, [], 1)
    assert ClockDay.objects.get().ended_at is None
    run_on(FIRST)
    assert letters() == {"code_lapsed": 3}


def test_what_is_due_can_be_asked_without_doing_it(said):
    provider, code = holder(said)
    licence(said, provider, code, end=FIRST + 30 * DAY)
    assert due_on(STEPS, FIRST)["licences"] == [str(provider)]
    assert letters() == {} and not ClockDay.objects.exists()


def world(said) -> None:
    """Something for most steps on one day."""
    provider, code = holder(said)
    licence(said, provider, code, end=FIRST)
    holder(said, name="Eve", language="en", valid_until=FIRST)


def traces() -> dict[str, list]:
    """Everything the clock left, without numbers that depend on who came first."""
    tables = {
        "registry_suspension": "code_id, licence_id, valid_from, valid_until, why, superseded IS NULL",
        "registry_providercode": "code, valid_from, valid_until, why",
        "registry_lapsenotice": "period_id, what, code_id, day",
        "casework_clockdeed": "what, key, day",
        "casework_letter": "kind, language, provider_id, content::text",
        "casework_boardsession": "day, state",
        "notices_mail": '"to", subject',
        "audit_event": "action, by, subject_type, data::text",
    }
    found = {}
    with connection.cursor() as cursor:
        for table, columns in tables.items():
            cursor.execute(f"SELECT {columns} FROM {table}")
            found[table] = sorted(map(repr, cursor.fetchall()))
        cursor.execute(
            "SELECT j.task_name, l.kind, l.provider_id FROM procrastinate_jobs j"
            " LEFT JOIN casework_letter l ON l.id = (j.args->>'letter_id')::bigint"
        )
        found["jobs"] = sorted(map(repr, cursor.fetchall()))
    return found


def wait_for_the_lock() -> None:
    """Until the database has noticed that the process killed before is gone."""
    held = "SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database d ON d.oid = database"
    held += " WHERE locktype = 'advisory' AND datname = current_database())"
    with connection.cursor() as cursor:
        while cursor.execute(held).fetchone()[0]:
            time.sleep(0.002)


def in_a_process_killed_at(step: int) -> bool:
    """Run the clock's day in a child that kills itself before that statement or commit; True: it came through."""
    connection.close()
    child = os.fork()
    if not child:
        try:
            wait_for_the_lock()
            left = iter(range(step))

            def count() -> None:
                if next(left, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)

            def before_statement(execute, *asked):
                count()
                return execute(*asked)

            commit = connection.commit
            connection.commit = lambda: count() or commit()
            with connection.execute_wrapper(before_statement):
                running.run(STEPS, until=FIRST, now=lambda: noon(FIRST))
            os._exit(0)
        finally:
            os._exit(1)
    _pid, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status == 0


def things_done() -> tuple[int, ...]:
    tables = (LapseNotice, ClockDeed, ClockDay, Letter, BoardSession)
    return tuple(table.objects.count() for table in tables)


@pytest.mark.timeout(300)
def test_killed_before_every_statement_of_everything_it_leaves_what_an_undisturbed_day_leaves(said, fresh_db):
    world(said)
    kills, step, before = 0, 1, things_done()
    while not in_a_process_killed_at(step):
        kills += 1
        # What was committed is not reached again: the next thing is killed from its first statement on.
        step, before = (step + 1, before) if things_done() == before else (1, things_done())
    disturbed = traces()
    fresh_db()
    world(said)
    assert in_a_process_killed_at(10_000)
    undisturbed = traces()
    assert disturbed == undisturbed
    assert len(undisturbed["casework_letter"]) == 2
    assert kills > 100
