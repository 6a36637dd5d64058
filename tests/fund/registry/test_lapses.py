"""Licences that run out: warned, closed, opened again; each consequence once."""

from datetime import date, timedelta

import pytest

from caisse.fund.registry import actions, lapses, published, queries
from caisse.fund.registry.models import LapseNotice
from tests.fund.registry.test_codes import code_of, person

D = date
BEGIN, END = D(2020, 1, 1), D(2026, 1, 1)
KIND = "authorisation_to_practise"


@pytest.fixture
def said(db, now):
    return {"by": "clock", "at": now}


@pytest.fixture
def held(said):
    provider = person(said)
    code = code_of(said, provider)
    return provider, code


def licence(said, held, *, start=BEGIN, end=END, kind=KIND) -> int:
    provider, code = held
    return actions.record_licence(
        provider_id=provider, kind=kind, valid_from=start, valid_until=end, codes=[code], **said
    )


def run(said, held, on: date) -> list[tuple[str, int]]:
    provider, _code = held
    due = lapses.due_on(on)
    happened = lapses.apply_lapses(provider_id=provider, on=on, **said)
    assert due == ([provider] if happened else [])
    assert lapses.due_on(on) == lapses.apply_lapses(provider_id=provider, on=on, **said) == []
    return [(one.what, one.days) for one in happened]


def states(code: int, *days: date) -> list[str]:
    return [queries.standing(code, day).state for day in days]


def test_warnings_come_on_their_days_and_the_lapse_on_the_last(said, held):
    licence(said, held)
    told = {}
    day = END - timedelta(days=100)
    while day < END + timedelta(days=5):
        if happened := run(said, held, day):
            told[(day - END).days] = happened
        day += timedelta(days=1)
    assert told == {
        -90: [("warned", 90)], -30: [("warned", 30)], -7: [("warned", 7)], 0: [("suspended", 0)],
    }  # fmt: skip
    assert states(held[1], END - timedelta(days=1), END) == ["valid", "suspended"]


def test_a_clock_that_stood_still_warns_once_and_closes_from_the_right_day(said, held):
    licence(said, held)
    assert run(said, held, END - timedelta(days=20)) == [("warned", 30)]
    assert run(said, held, END + timedelta(days=40)) == [("suspended", 0)]
    assert states(held[1], END - timedelta(days=1), END) == ["valid", "suspended"]


def test_a_licence_that_is_continued_in_time_ends_quietly(said, held):
    licence(said, held)
    licence(said, held, start=END, end=D(2030, 1, 1))
    for days in (-90, -30, -7, 0, 1):
        assert run(said, held, END + timedelta(days=days)) == []


def test_a_continuation_of_another_kind_continues_nothing(said, held):
    licence(said, held)
    licence(said, held, start=END, end=None, kind="establishment_authorisation")
    assert run(said, held, END) == [("suspended", 0)]


def test_a_continuation_recorded_later_opens_the_code_from_its_first_day(said, held):
    licence(said, held)
    run(said, held, END)
    licence(said, held, start=END + timedelta(days=10), end=D(2030, 1, 1))
    assert run(said, held, END + timedelta(days=20)) == [("reopened", 0)]
    days = [END + timedelta(days=days) for days in (0, 9, 10, 400)]
    assert states(held[1], *days) == ["suspended", "suspended", "valid", "valid"]
    assert run(said, held, D(2030, 1, 1)) == [("suspended", 0)]


def test_a_continuation_from_the_first_day_annuls_the_suspension_and_the_past_is_kept(said, held, now):
    licence(said, held)
    run(said, held, END)
    later = {"by": "officer", "at": now + timedelta(days=5)}
    licence(later, held, start=END, end=None)
    assert run(later, held, END + timedelta(days=5)) == [("reopened", 0)]
    assert queries.standing(held[1], END).state == "valid"
    assert queries.standing(held[1], END, now).state == "suspended"


def test_days_covered_only_for_a_while_are_days_the_code_held(said, held):
    licence(said, held)
    run(said, held, END)
    licence(said, held, start=END + timedelta(days=5), end=END + timedelta(days=10))
    assert run(said, held, END + timedelta(days=20)) == [("suspended", 0)]
    days = [END + timedelta(days=days) for days in (4, 5, 9, 10)]
    assert states(held[1], *days) == ["suspended", "valid", "valid", "suspended"]


def test_a_licence_withdrawn_for_the_past_closes_the_code_for_the_past(said, held):
    one = licence(said, held, end=None)
    assert run(said, held, END) == []
    actions.end_licence(licence_id=one, valid_until=END - timedelta(days=30), why="withdrawn", **said)
    assert run(said, held, END) == [("suspended", 0)]
    assert states(held[1], END - timedelta(days=31), END - timedelta(days=30)) == ["valid", "suspended"]
    actions.end_licence(licence_id=one, valid_until=None, why="annulled in court", **said)
    assert run(said, held, END) == [("reopened", 0)]
    assert states(held[1], END - timedelta(days=30)) == ["valid"]


def test_a_lapse_that_ends_the_code_and_its_continuation(said, held, monkeypatch):
    monkeypatch.setattr(published, "on_lapse", lambda kind, on: "ends")
    licence(said, held)
    assert run(said, held, END + timedelta(days=2)) == [("ended", 0)]
    assert states(held[1], END) == ["ended"]
    licence(said, held, start=END + timedelta(days=3), end=None)
    assert run(said, held, END + timedelta(days=2)) == []
    assert run(said, held, END + timedelta(days=3)) == [("reopened", 0)]
    days = [END + timedelta(days=days) for days in (-1, 0, 3)]
    assert states(held[1], *days) == ["valid", "suspended", "valid"]


def test_two_licences_that_end_a_code_on_one_day_and_the_end_that_was_planned(said, held, monkeypatch):
    monkeypatch.setattr(published, "on_lapse", lambda kind, on: "ends")
    planned = D(2027, 1, 1)
    actions.withdraw_code(code=held[1], valid_until=planned, why="planned", **said)
    for _ in range(2):
        licence(said, held)
    assert run(said, held, END) == [("ended", 0), ("ended", 0)]
    licence(said, held, start=END, end=None)
    assert run(said, held, END + timedelta(days=1)) == [("reopened", 0)]
    assert states(held[1], END, planned - timedelta(days=1), planned) == ["valid", "valid", "ended"]


def test_a_lapse_that_is_only_noted(said, held, monkeypatch):
    monkeypatch.setattr(published, "on_lapse", lambda kind, on: "noted")
    licence(said, held)
    assert run(said, held, END) == [("noted", 0)]
    assert states(held[1], END) == ["valid"]


def test_a_code_that_ends_before_its_licence_is_left_alone(said, held):
    licence(said, held)
    actions.withdraw_code(code=held[1], valid_until=END, **said)
    assert run(said, held, END - timedelta(days=90)) == run(said, held, END) == []


def test_what_is_rolled_back_happens_again(said, held):
    from django.db import transaction

    licence(said, held)
    with pytest.raises(OSError, match="no printer"), transaction.atomic():
        assert lapses.apply_lapses(provider_id=held[0], on=END, **said)
        raise OSError("no printer")
    assert not LapseNotice.objects.exists()
    assert run(said, held, END) == [("suspended", 0)]


def test_licences_that_end_soon_are_listed(said, held):
    one = licence(said, held)
    found = queries.expiring_licences(END - timedelta(days=30), 30)
    assert [(held_.licence_id, held_.codes) for held_ in found] == [(one, (held[1],))]
    assert queries.expiring_licences(END - timedelta(days=31), 30) == []
    assert queries.expiring_licences(END, 30) == []
