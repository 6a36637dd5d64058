"""Codes whose time runs out: warned of, closed, opened again, each once and in the holder's language."""

from datetime import date, timedelta

import pytest

from caisse.agreement.identifiers import national_number, provider_code
from caisse.fund.casework.clock.codes import birthday_of
from caisse.fund.casework.models import Letter
from caisse.fund.exchange import actions as exchange
from caisse.fund.exchange import queries as mailbox
from caisse.fund.exchange.models import Account
from caisse.fund.notices.models import Mail
from caisse.fund.registry import actions, queries
from tests.fund.casework.clock.days import (
    ADDRESS,
    BEGIN,
    FIRST,
    holder,
    letters,
    licence,
    make_letters,
    noon,
    run_on,
    run_through,
)
from tests.fund.casework.office import text_of

END = FIRST + timedelta(days=100)
DAY = timedelta(days=1)


@pytest.fixture
def said(db, now):
    return {"by": "test", "at": now}


def test_a_licence_is_warned_of_three_times_and_its_lapse_suspends_the_code(said):
    provider, code = holder(said)
    licence(said, provider, code, end=END)
    happened = run_through(FIRST, END + 5 * DAY)
    told = {day: done["licences"] for day, done in happened.items() if "licences" in done}
    assert told == {END - 90 * DAY: 1, END - 30 * DAY: 1, END - 7 * DAY: 1, END: 1}
    assert letters() == {"licence_warning": 3, "code_lapsed": 1}
    assert queries.standing(code, END - DAY).state == "valid"
    assert queries.standing(code, END).state == "suspended"


@pytest.mark.parametrize(("language", "words"), [
    ("fr", "autorisation d'exercer"), ("de", "ruht ab dem"), ("en", "suspended from"),
])  # fmt: skip
def test_the_letters_are_made_by_a_job_and_go_by_mail_once(said, db, language, words):
    provider, code = holder(said, language=language)
    licence(said, provider, code, end=FIRST)
    run_on(FIRST)
    assert not Mail.objects.exists()
    assert make_letters(noon(FIRST)) == 1
    assert make_letters(noon(FIRST)) == 0
    (letter,) = Letter.objects.all()
    shown = " ".join(text_of(db, letter.sha256).replace("’", "'").split())
    assert provider_code.format(str(code)) in shown
    assert words.lower() in shown.lower()
    (mail,) = Mail.objects.all()
    assert (mail.to, mail.language, mail.attachments.count()) == ("ann@example.lu", language, 1)


def test_several_codes_of_one_licence_are_warned_of_in_one_letter_and_closed_in_one_each(said):
    provider, code = holder(said)
    site = actions.open_site(provider_id=provider, address=ADDRESS, valid_from=date(2020, 1, 1), **said)
    second = actions.allot_code(
        provider_id=provider, profession="doctors", site_id=site, valid_from=date(2020, 1, 1), **said
    )
    licence(said, provider, code, second, end=FIRST + 7 * DAY)
    run_through(FIRST, FIRST + 8 * DAY)
    assert letters() == {"licence_warning": 1, "code_lapsed": 2}
    assert Letter.objects.get(kind="licence_warning").content["further_codes"] == [second]
    assert make_letters(noon(FIRST)) == 3


def test_the_doors_of_the_exchange_close_with_the_code_and_open_with_its_continuation(said, monkeypatch):
    provider, code = holder(said, profession="physiotherapists")
    licence(said, provider, code, end=FIRST)
    account = exchange.create_account(provider_code=code, frame="PHY", password="a long secret", **said)
    monkeypatch.setattr(mailbox.timezone, "localdate", lambda *_: FIRST)
    assert mailbox.open_accounts({account.pk}) == {account.pk}
    run_on(FIRST)
    assert mailbox.open_accounts({account.pk}) == set()
    licence(said, provider, code, start=FIRST, end=FIRST + 1000 * DAY)
    run_on(FIRST)
    assert mailbox.open_accounts({account.pk}) == {account.pk}
    assert letters() == {"code_lapsed": 1, "code_reopened": 1}
    assert Letter.objects.get(kind="code_reopened").content["gap_from"] is None


def test_a_continuation_after_a_gap_tells_of_the_gap(said):
    provider, code = holder(said)
    licence(said, provider, code, end=FIRST)
    run_on(FIRST)
    licence(said, provider, code, start=FIRST + 10 * DAY, end=None)
    run_on(FIRST + 9 * DAY)
    assert letters() == {"code_lapsed": 1}
    run_on(FIRST + 10 * DAY)
    content = Letter.objects.get(kind="code_reopened").content
    assert (content["gap_from"], content["effective_on"]) == (str(FIRST), str(FIRST + 10 * DAY))


def test_a_code_that_a_decision_keeps_closed_is_not_called_open(said):
    provider, code = holder(said)
    licence(said, provider, code, end=FIRST)
    actions.suspend_code(code=code, valid_from=FIRST, why="inquiry", **said)
    run_on(FIRST)
    licence(said, provider, code, start=FIRST, end=None)
    run_on(FIRST + DAY)
    assert letters() == {"code_lapsed": 1}


def test_a_code_for_a_limited_time_is_warned_of_and_its_account_closes_with_it(said):
    _provider, code = holder(said, profession="physiotherapists", valid_until=END)
    account = exchange.create_account(provider_code=code, frame="PHY", password=None, **said)
    happened = run_through(FIRST, END + DAY)
    told = {day: done for day, done in happened.items() if "planned ends" in done}
    assert sorted(told) == [END - 90 * DAY, END - 30 * DAY, END - 7 * DAY, END]
    assert letters() == {"licence_warning": 3, "code_lapsed": 1}
    assert happened[END]["accounts closed"] == 1
    assert not Account.objects.get(pk=account.pk).active
    make_letters(noon(END))


def test_ends_from_before_the_clock_began_are_no_news(said):
    holder(said, valid_until=FIRST - DAY)
    run_through(FIRST, FIRST + DAY)
    assert letters() == {}


def test_an_end_that_somebody_decided_is_told_by_its_own_case(said):
    _provider, code = holder(said)
    actions.withdraw_code(code=code, valid_until=FIRST + DAY, why="case 2026-000001", **said)
    run_through(FIRST, FIRST + 2 * DAY)
    assert letters() == {}


def test_a_concession_ends_on_the_seventieth_birthday_and_is_warned_of_like_any(said):
    provider, code = holder(said, profession="pharmacists")
    number = national_number.make(END.year - 70, END.month, END.day, 17)
    actions.record_number(provider_id=provider, kind="national", number=number, **said)
    licence(said, provider, code, end=None, kind="ministerial_concession")
    happened = run_through(FIRST, END + DAY)
    assert [day for day, done in happened.items() if "age limits" in done] == [END - 90 * DAY]
    assert letters() == {"licence_warning": 3, "code_lapsed": 1}
    assert queries.standing(code, END).state == "ended"


def test_who_is_seventy_already_when_the_clock_first_looks(said):
    provider, code = holder(said, profession="pharmacists")
    actions.record_number(
        provider_id=provider, kind="national", number=national_number.make(1950, 1, 2, 17), **said
    )
    licence(said, provider, code, end=None, kind="ministerial_concession")
    run_on(FIRST)
    assert queries.standing(code, date(2020, 1, 2)).state == "ended"
    run_on(FIRST + DAY)
    assert letters() == {"code_lapsed": 1}


@pytest.mark.parametrize(("born", "reached"), [
    ("19560229", date(2026, 3, 1)), ("19570301", date(2027, 3, 1)), ("19570000", None),
])  # fmt: skip
def test_the_day_an_age_is_reached(born, reached):
    assert birthday_of(born, 70) == reached


def test_a_lapse_that_ends_a_code_ends_the_membership_and_one_alone_is_no_association(said, db):
    spoken = {"Ann": "fr", "Ben": "de", "Eve": "en"}
    members = [holder(said, name, "dentists", language) for name, language in spoken.items()]
    association = actions.found_association(name="A&B", profession="dentists", valid_from=FIRST, **said)
    common = actions.allot_code(provider_id=association, profession="dentists", valid_from=FIRST, **said)
    for _provider, code in members:
        actions.add_member(association_id=association, member=code, valid_from=FIRST, **said)
    for (provider, code), end in zip(members, (FIRST + 5 * DAY, None, FIRST + 3 * DAY), strict=True):
        licence(said, provider, code, end=end, kind="service_declaration")
    happened = run_through(FIRST, FIRST + 6 * DAY)
    assert happened[FIRST + 3 * DAY]["memberships ended"] == 1
    assert happened[FIRST + 5 * DAY]["memberships ended"] == 1
    assert len(queries.members_of(association, FIRST + 4 * DAY)) == 2
    assert queries.members_of(association, FIRST + 5 * DAY) == []
    assert queries.standing(common, FIRST + 5 * DAY).state == "ended"
    told = Letter.objects.filter(kind="association_ended")
    assert sorted(told.values_list("language", flat=True)) == ["de", "fr"]
    assert letters()["code_lapsed"] == 2
    make_letters(noon(FIRST))
    shown = text_of(db, told.get(language="de").sha256)
    assert "weniger als zwei Mitglieder" in shown and provider_code.format(str(common)) in shown


def test_an_association_ends_on_the_day_it_is_too_small_and_one_without_a_code_is_told_of_too(said, db):
    members = [holder(said, name=name) for name in ("Ann", "Ben", "Eve")]
    association = actions.found_association(name="ABE", profession="doctors", valid_from=BEGIN, **said)
    for (_provider, code), until in zip(members, (None, FIRST + 30 * DAY, None), strict=True):
        actions.add_member(
            association_id=association, member=code, valid_from=BEGIN, valid_until=until, **said
        )
    actions.withdraw_code(code=members[2][1], valid_until=FIRST, why="case 2026-000001", **said)
    run_through(FIRST, FIRST + DAY)
    told = Letter.objects.filter(kind="association_ended")
    assert set(told.values_list("provider_id", flat=True)) == {members[0][0], members[1][0]}
    assert {one.content["valid_until"] for one in told} == {str(FIRST + 30 * DAY)}
    assert len(queries.members_of(association, FIRST + 29 * DAY)) == 2
    assert make_letters(noon(FIRST)) == 2
