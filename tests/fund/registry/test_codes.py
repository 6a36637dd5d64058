"""Codes: allotted once and for all, suspended, ended and opened again; and what was known of it when."""

from datetime import date, timedelta

import pytest

from caisse.agreement.errors import WrongUse
from caisse.agreement.identifiers import provider_code
from caisse.fund.registry import actions, queries
from caisse.fund.registry.actions.providers import Address
from caisse.fund.registry.errors import NotRegistered, PeriodRefused, PeriodsOverlap
from caisse.fund.registry.models import CodeSeries

D = date
ADDRESS = Address("Rue de l'Alzette", "12", "4010", "Esch-sur-Alzette")


@pytest.fixture
def said(db, now):
    return {"by": "test", "at": now}


def person(said, name: str = "Ann") -> int:
    return actions.register_provider(name=name, **said)


def code_of(said, provider: int | None = None, **more) -> int:
    more = {"profession": "doctors", "valid_from": D(2020, 1, 1), **more}
    return actions.allot_code(provider_id=provider or person(said), **more, **said)


def state(code: int, *on: int, known_at=None) -> str:
    return queries.standing(code, D(*on), known_at).state


def test_codes_are_allotted_one_after_the_other_with_their_check_digits(said):
    first, second = code_of(said), code_of(said)
    assert str(first).startswith("90")
    assert second // 100 == first // 100 + 1
    assert all(provider_code.is_valid(str(code)) for code in (first, second))


def test_a_code_that_ended_or_came_from_elsewhere_is_never_given_again(said):
    first = code_of(said)
    taken = int(provider_code.make(first // 100 + 1))
    actions.allocate_code(
        provider_id=person(said), code=taken, profession="doctors", valid_from=D(2020, 1, 1), **said
    )
    actions.withdraw_code(code=first, valid_until=D(2020, 1, 1), **said)
    assert code_of(said) // 100 == first // 100 + 2
    # Not even one whose row is gone: the series remembers.
    assert CodeSeries.objects.get().last == first // 100 + 2


def test_one_person_holds_two_codes_at_two_sites_or_for_two_specialities_and_no_third(said):
    provider = person(said)
    sites = [
        actions.open_site(provider_id=provider, address=ADDRESS, valid_from=D(2020, 1, 1), **said)
        for _ in range(2)
    ]
    code_of(said, provider, site_id=sites[0])
    code_of(said, provider, site_id=sites[1])
    code_of(said, provider, site_id=sites[1], speciality="cardiology")
    with pytest.raises(PeriodsOverlap):
        code_of(said, provider, site_id=sites[1], valid_from=D(2025, 1, 1))
    code_of(said, provider, site_id=sites[1], profession="dentists")
    other = person(said, "Ben")
    with pytest.raises(NotRegistered):
        code_of(said, other, site_id=sites[0])
    with pytest.raises(PeriodRefused):
        code_of(said, provider, site_id=sites[0], valid_from=D(2019, 12, 31))


def test_a_refused_allotment_leaves_its_number_to_the_next(said):
    provider = person(said)
    first = code_of(said, provider)
    with pytest.raises(PeriodsOverlap):
        code_of(said, provider)
    assert code_of(said) // 100 == first // 100 + 1


def test_a_suspended_code_does_not_hold_until_it_is_lifted(said):
    code = code_of(said)
    actions.suspend_code(code=code, valid_from=D(2024, 3, 1), why="inquiry", **said)
    found = queries.standing(code, D(2024, 3, 1))
    assert (found.state, found.why, found.suspended_until) == ("suspended", "inquiry", None)
    assert state(code, 2024, 2, 29) == "valid"
    actions.lift_suspension(code=code, valid_until=D(2024, 5, 1), why="over", **said)
    assert (state(code, 2024, 4, 30), state(code, 2024, 5, 1)) == ("suspended", "valid")
    assert queries.provider_of_code(code, D(2024, 4, 30)) is None
    assert queries.provider_codes().rows() == [
        (code, "doctors", D(2020, 1, 1), D(2024, 3, 1)), (code, "doctors", D(2024, 5, 1), None),
    ]  # fmt: skip
    with pytest.raises(WrongUse, match="No decision suspends"):
        actions.lift_suspension(code=code, valid_until=D(2024, 6, 1), why="over", **said)


def test_an_ended_code_opened_again_did_not_hold_in_between(said):
    code = code_of(said)
    actions.withdraw_code(code=code, valid_until=D(2024, 1, 1), why="moved abroad", **said)
    assert queries.standing(code, D(2024, 1, 1)).why == "moved abroad"
    actions.reopen_code(code=code, valid_from=D(2024, 6, 1), **said)
    assert [state(code, *day) for day in ((2023, 12, 31), (2024, 1, 1), (2024, 5, 31), (2024, 6, 1))] == [
        "valid", "suspended", "suspended", "valid",
    ]  # fmt: skip
    with pytest.raises(PeriodRefused):
        actions.reopen_code(code=code, valid_from=D(2025, 1, 1), **said)


def test_what_was_known_when(said, now):
    code = code_of(said)
    later, latest = now + timedelta(days=10), now + timedelta(days=20)
    actions.suspend_code(code=code, valid_from=D(2024, 1, 1), why="inquiry", by="test", at=later)
    actions.withdraw_code(code=code, valid_until=D(2023, 1, 1), by="test", at=latest)
    on = (2024, 6, 1)
    assert state(code, *on, known_at=now - timedelta(seconds=1)) == "unknown"
    assert state(code, *on, known_at=now) == "valid"
    assert state(code, *on, known_at=later) == "suspended"
    assert state(code, *on, known_at=latest) == state(code, *on) == "ended"
    assert state(code, 2022, 6, 1, known_at=latest) == "valid"
    assert state(code, 2019, 6, 1) == "not_yet"
    assert queries.codes_valid_on(D(*on), now)["code"].to_list() == [code]
    assert queries.codes_valid_on(D(*on), later).is_empty()
    assert queries.codes_valid_on(D(2022, 6, 1)).rows(named=True)[0]["profession"] == "doctors"


def test_a_code_that_is_not_registered(said):
    assert queries.standing(12345672, D(2024, 1, 1)).state == "unknown"
    assert not queries.is_code_closed(12345672, D(2024, 1, 1))
    for change in (actions.suspend_code, actions.withdraw_code):
        period = (
            {"valid_from": D(2024, 1, 1)}
            if change is actions.suspend_code
            else {"valid_until": D(2024, 1, 1)}
        )
        with pytest.raises(NotRegistered):
            change(code=12345672, why="none", **period, **said)


def test_a_code_cannot_end_before_it_begins(said):
    code = code_of(said)
    with pytest.raises(PeriodRefused):
        actions.withdraw_code(code=code, valid_until=D(2019, 12, 31), **said)
    actions.withdraw_code(code=code, valid_until=D(2020, 1, 1), **said)
    assert queries.codes_valid_on(D(2020, 1, 1)).is_empty()


def test_the_exchange_asks_whether_a_code_is_closed(said):
    code = code_of(said)
    assert not queries.is_code_closed(code, D(2024, 1, 1))
    assert queries.is_code_closed(code, D(2019, 12, 31))
    actions.suspend_code(code=code, valid_from=D(2024, 1, 1), valid_until=D(2024, 2, 1), why="x", **said)
    actions.withdraw_code(code=code, valid_until=D(2025, 1, 1), **said)
    closed = [queries.is_code_closed(code, D(*day)) for day in ((2024, 1, 1), (2024, 2, 1), (2025, 1, 1))]
    assert closed == [True, False, True]
