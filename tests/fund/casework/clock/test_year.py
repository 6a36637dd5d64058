"""Two hundred providers around the turn of the year, the clock killed again and again: everything once, nothing lost."""

import random
from datetime import date, timedelta

import pytest
from django.db import connection

from caisse.fund.audit.models import AuditEvent
from caisse.fund.casework.models import BoardSession, ClockDay, Letter
from caisse.fund.exchange.models import Account
from caisse.fund.notices.models import Mail
from caisse.fund.registry import queries
from tests.fund.casework.clock import year

pytestmark = pytest.mark.soak

FIRST, DAYS, PROVIDERS = date(2026, 12, 10), 40, 200
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def lived(module_db) -> tuple[list[year.Life], int, int]:
    """The lives, and how often the clock and the making of letters were killed."""
    chance = random.Random(11)
    lives = year.lives(PROVIDERS, FIRST, DAYS)
    year.enter(lives, at=year.noon(FIRST - DAY))
    pauses = year.so_often(8, lambda: chance.uniform(0.1, 1.0))
    clock = year.killed_until_done(lambda: year.live(lives, FIRST, DAYS), pauses)
    few = list(Letter.objects.order_by("pk").values_list("pk", flat=True)[:25])
    Letter.objects.exclude(pk__in=few).update(made_at=year.noon(FIRST))
    made = year.killed_until_done(year.make_all_letters, year.so_often(3, lambda: chance.uniform(0.2, 1.0)))
    return lives, clock, made


def test_it_was_killed_and_went_through_every_day_once(lived):
    _lives, clock, _made = lived
    assert clock >= 3
    days = list(ClockDay.objects.order_by("day").values_list("day", flat=True))
    assert days == [FIRST + n * DAY for n in range(DAYS)]
    assert AuditEvent.objects.filter(action="clock.day_ended").count() == DAYS


def test_every_letter_was_written_once(lived):
    lives, _clock, _made = lived
    expected = year.letters_expected(lives, FIRST, DAYS)
    assert year.letters_written() == expected
    assert {kind for _code, kind, *_ in expected} == {"licence_warning", "code_lapsed", "code_reopened"}
    assert expected.total() > 100


def test_every_letter_has_one_job_and_those_made_went_by_one_mail(lived):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT args ->> 'letter_id') FROM procrastinate_jobs"
            " WHERE task_name LIKE '%make_letter'"
        )
        assert cursor.fetchone() == (Letter.objects.count(),) * 2
    made = Letter.objects.exclude(sha256="")
    assert made.count() == Mail.objects.count() == 25
    assert set(made.values_list("mail_id", flat=True)) == set(Mail.objects.values_list("pk", flat=True))


def test_accounts_closed_with_codes_that_ended_and_no_others(lived):
    lives, _clock, _made = lived
    last = FIRST + (DAYS - 1) * DAY
    closed = {one.code for one in lives if one.planned and one.ends <= last}
    assert set(Account.objects.filter(active=False).values_list("provider_code", flat=True)) == closed
    assert closed


def test_the_sessions_of_the_board_were_planned_once(lived):
    months = BoardSession.objects.order_by("day").values_list("day", flat=True)
    assert list(months) == [date(2026, 12, 16), date(2027, 1, 20), date(2027, 2, 17), date(2027, 3, 17)]


def test_any_past_day_can_be_asked_for_as_it_was_known_then(lived):
    lives, _clock, _made = lived
    chance = random.Random(5)
    courses = {one.code: year.course(one, FIRST, DAYS) for one in lives}
    seen = set()
    for _ in range(40):
        on = FIRST + DAY * chance.randint(-10, DAYS + 5)
        known = FIRST + DAY * chance.randint(-1, DAYS - 1)
        evening = year.noon(known) + timedelta(hours=6)
        expected = {one.code: year.state_known(one, courses[one.code], on, known) for one in lives}
        valid = set(queries.codes_valid_on(on, evening)["code"])
        assert valid == {code for code, state in expected.items() if state == "valid"}, (on, known)
        for code in chance.sample(sorted(expected), 5):
            assert queries.standing(code, on, evening).state == expected[code], (code, on, known)
            seen.add(expected[code])
    assert seen >= {"valid", "suspended", "ended"}
