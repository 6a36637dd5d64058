"""A register around the turn of a year, the clock killed again and again: everything once, nothing lost.

The small world has every sort of event; with the soak, two hundred providers have them too.
"""

import calendar
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from django.db import connection

from caisse.fund.audit.models import AuditEvent
from caisse.fund.casework.models import BoardSession, ClockDay, Letter
from caisse.fund.exchange.models import Account
from caisse.fund.notices.models import Mail
from caisse.fund.payments.models import AnnualStatement
from caisse.fund.registry import queries
from tests.fund.casework.clock import year, year_cases
from tests.fund.conftest import _empty

# The statements of last year come on the first of March.
FIRST, DAYS = date(2027, 1, 10), 60
DAY = timedelta(days=1)
SIZES = [
    pytest.param((48, 16, 6, 2, 5), id="small"),
    pytest.param((200, 7, 12, 4, 25), id="large", marks=pytest.mark.soak),
]


# A child that hangs is no reason for the suite to hang with it.
pytestmark = pytest.mark.timeout(400)


@dataclass
class Lived:
    world: year.World
    clock_kills: int
    letters: int


@pytest.fixture(scope="module", params=SIZES)
def lived(request, module_db, _seeded) -> Iterator[Lived]:
    """What there was, how often the clock was killed, and how many letters were made, killed too."""
    providers, seed, kills, letter_kills, few = request.param
    chance, world = random.Random(11), year.world(providers, FIRST, DAYS, seed)
    year.enter(world)
    pauses = year.so_often(kills, lambda: chance.uniform(0.1, 0.8))
    clock = year.killed_until_done(lambda: year.live(world), pauses)
    chosen = list(Letter.objects.order_by("pk").values_list("pk", flat=True)[:few])
    Letter.objects.exclude(pk__in=chosen).update(made_at=year.noon(FIRST))
    pauses = year.so_often(letter_kills, lambda: chance.uniform(0.1, 0.5))
    year.make_all_letters_killed(pauses)
    yield Lived(world, clock, few)
    _empty(module_db, _seeded)


def test_it_was_killed_and_went_through_every_day_once(lived):
    assert lived.clock_kills >= 3
    days = list(ClockDay.objects.order_by("day").values_list("day", flat=True))
    assert days == [FIRST + n * DAY for n in range(DAYS)]
    assert AuditEvent.objects.filter(action="clock.day_ended").count() == DAYS


def test_every_letter_was_written_once(lived):
    year.pass_again(lived.world)
    expected = year.letters_expected(lived.world)
    assert year.letters_written() == expected
    assert {kind for _code, kind, *_ in expected} == {
        "licence_warning", "code_lapsed", "code_reopened", "association_ended", "annual_statement",
    }  # fmt: skip
    ended = {one.number for one in lived.world.lives if one.aged and one.ends <= lived.world.last}
    assert ended


def test_who_never_came_back_was_reminded_once_and_closed_once(lived):
    expected = year_cases.waiting_expected(lived.world.cases, FIRST, lived.world.last)
    assert year_cases.waiting_found(lived.world.cases) == expected
    closed = Counter(one.what for one in lived.world.cases if expected[one.email][0] == "lapsed")
    assert set(closed) == set(year_cases.COURSES)
    assert {told for _state, told, _letters in expected.values()} == {0, 1}


def test_members_have_one_statement_of_last_year(lived):
    members = sum(len(group.members) for group in lived.world.groups)
    assert AnnualStatement.objects.filter(year=FIRST.year - 1, version=1).count() == members > 0
    assert AnnualStatement.objects.count() == members


def test_every_letter_has_one_job_and_those_made_went_by_one_mail(lived):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT args ->> 'letter_id') FROM procrastinate_jobs"
            " WHERE task_name LIKE '%make_letter'"
        )
        assert cursor.fetchone() == (Letter.objects.count(),) * 2
    made, mails = Letter.objects.exclude(sha256=""), Mail.objects.filter(about_type="letter")
    assert made.count() == mails.count() == lived.letters
    assert set(made.values_list("mail_id", flat=True)) == set(mails.values_list("pk", flat=True))


def test_accounts_closed_with_codes_that_ended_and_no_others(lived):
    closed = {one.code for one in lived.world.lives if one.planned and one.ends <= lived.world.last}
    assert set(Account.objects.filter(active=False).values_list("provider_code", flat=True)) == closed
    assert closed


def test_the_sessions_of_the_board_were_planned_once(lived):
    days = [date(2027, month, 1) for month in range(1, 6)]
    third = [[day for day in calendar.Calendar().itermonthdates(one.year, one.month)
              if day.month == one.month and day.isoweekday() == 3][2] for one in days]  # fmt: skip
    assert list(BoardSession.objects.order_by("day").values_list("day", flat=True)) == third


def test_any_past_day_can_be_asked_for_as_it_was_known_then(lived):
    lives, chance = lived.world.lives, random.Random(5)
    courses = {one.code: year.course(one, FIRST, DAYS) for one in lives}
    seen = set()
    for _ in range(20):
        on = FIRST + DAY * chance.randint(-10, DAYS + 5)
        known = FIRST + DAY * chance.randint(-1, DAYS - 1)
        evening = year.noon(known) + timedelta(hours=6)
        expected = {one.code: year.state_known(one, courses[one.code], on, known) for one in lives}
        valid = set(queries.codes_valid_on(on, evening)["code"]) & set(expected)
        assert valid == {code for code, state in expected.items() if state == "valid"}, (on, known)
        for code in chance.sample(sorted(expected), 5):
            assert queries.standing(code, on, evening).state == expected[code], (code, on, known)
            seen.add(expected[code])
    assert seen >= {"valid", "suspended", "ended"}
