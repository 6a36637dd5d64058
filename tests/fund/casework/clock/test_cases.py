"""What time does to cases: reminders, closing, changes carried out; and the Board's sessions."""

from datetime import date, timedelta

import pytest

from caisse.fund.casework.actions import board, decisions, examination
from caisse.fund.casework.clock.cases import regular_session
from caisse.fund.casework.models import BoardSession, Case, ClockDeed, Letter
from caisse.fund.notices.models import Mail
from caisse.fund.registry import actions
from caisse.fund.registry import queries as register
from tests.fund.casework.clock.days import letters, make_letters, noon, run_on, run_through
from tests.fund.casework.office import Office, text_of

DAY = timedelta(days=1)


@pytest.fixture
def asked(office: Office) -> Case:
    """A case that waits for an answer."""
    case = office.reviewed("doctors")
    examination.ask_back(
        case_id=case.pk, questions=[("", "Which site?")], officer_id=office.user("officer"), at=office.tick()
    )
    case.refresh_from_db()
    return case


def state(case: Case) -> str:
    case.refresh_from_db()
    return case.state


def mails(word: str) -> int:
    return Mail.objects.filter(subject__startswith=word).count()


def test_an_applicant_is_reminded_a_week_ahead_and_the_case_closed_after_the_days_of_grace(asked, office):
    due = asked.due_on
    happened = run_through(office.today, due + 31 * DAY)
    assert [day for day, done in happened.items() if "answers reminded of" in done] == [due - 7 * DAY]
    assert [day for day, done in happened.items() if "cases unanswered" in done] == [due + 30 * DAY]
    assert (state(asked), mails("Rappel")) == ("lapsed", 1)
    assert asked.number in Mail.objects.get(subject__startswith="Rappel").text
    assert letters()["closed_unanswered"] == 1
    make_letters(noon(due + 31 * DAY))
    shown = text_of(office.home, Letter.objects.get(kind="closed_unanswered").sha256)
    assert asked.number in shown


def test_an_answer_in_time_stops_the_clock_and_a_second_question_has_a_reminder_of_its_own(asked, office):
    run_through(asked.due_on - 7 * DAY, asked.due_on - 7 * DAY)
    asked.questions.update(answer="At home")
    office.at = noon(asked.due_on - 2 * DAY)
    office.submit(asked)
    assert state(asked) == "in_review"
    examination.ask_back(
        case_id=asked.pk,
        questions=[("", "And since when?")],
        officer_id=office.user("officer"),
        at=office.tick(),
    )
    asked.refresh_from_db()
    run_through(office.today, asked.due_on)
    assert mails("Rappel") == 2


def test_a_draft_is_reminded_of_and_then_closed_unless_somebody_goes_on_with_it(office):
    left, used = office.open(), office.open(language="de", email="other@example.lu")
    opened = office.today
    happened = run_through(opened + 70 * DAY, opened + 78 * DAY)
    assert [
        (day, done["drafts reminded of"]) for day, done in happened.items() if "drafts reminded of" in done
    ] == [(opened + 76 * DAY, 2)]
    assert (mails("Votre demande"), mails("Ihr Antrag")) == (1, 1)
    office.at = noon(opened + 80 * DAY)
    office.attach(used, "identity_document")
    run_through(opened + 89 * DAY, opened + 91 * DAY)
    assert (state(left), state(used)) == ("lapsed", "draft")
    run_through(opened + 155 * DAY, opened + 171 * DAY)
    assert state(used) == "lapsed"
    assert mails("Ihr Antrag") == 2
    assert used.documents.count() == 1


def test_nobody_loses_a_draft_without_the_days_the_reminder_promises(office):
    draft = office.open()
    late = office.today + 200 * DAY
    run_on(late)
    assert state(draft) == "draft"
    run_on(late + 13 * DAY)
    assert state(draft) == "draft"
    run_on(late + 14 * DAY)
    assert state(draft) == "lapsed"


def test_a_change_is_carried_out_when_its_cooling_off_time_is_over(office):
    first = office.grant(office.reviewed("doctors"))
    case = office.reviewed(
        "doctors", kind="bank_account_change", provider_id=first.provider_id, code=first.code
    )
    office.grant(case)
    until = case.decisions.get().holds_until
    assert state(case) == "cooling_off"
    run_on(until - DAY)
    assert state(case) == "cooling_off"
    assert run_on(until)["changes carried out"] == 1
    assert state(case) == "granted"
    assert register.bank_account_on(first.provider_id, until).valid_from == until
    waiting = Letter.objects.get(case=case, made_at__isnull=True)
    assert waiting.kind == "change_confirmed"


def test_an_objection_stops_a_change_for_good(office):
    first = office.grant(office.reviewed("doctors"))
    case = office.reviewed(
        "doctors", kind="bank_account_change", provider_id=first.provider_id, code=first.code
    )
    office.grant(case)
    until = case.decisions.get().holds_until
    decisions.object_to_change(case_id=case.pk, text="Not mine.", by="applicant", at=office.tick())
    assert "changes carried out" not in run_on(until)
    assert state(case) == "in_review"


def test_a_continuation_that_is_granted_opens_the_code_at_once(office):
    first = office.grant(office.reviewed("doctors"))
    (held,) = register.licences_of(first.provider_id)
    office.at = noon(office.today + 30 * DAY)
    said = {"by": "test", "at": office.at}
    actions.end_licence(licence_id=held.licence_id, valid_until=office.today - DAY, why="not renewed", **said)
    run_on(office.today)
    assert register.standing(first.code, office.today).state == "suspended"
    renewal = office.reviewed(
        "doctors", kind="licence_renewal", provider_id=first.provider_id, code=first.code
    )
    office.grant(renewal)
    assert register.standing(first.code, office.today).state == "valid"
    assert letters()["code_reopened"] == 1
    assert "licences" not in run_on(office.today)


def test_sessions_of_the_board_are_planned_by_the_rhythm(db):
    assert regular_session(date(2026, 12, 1)) == date(2026, 12, 16)
    assert regular_session(date(2027, 9, 1)) == date(2027, 9, 15)
    board.plan_session(day=date(2027, 1, 6), by="test", at=noon(date(2026, 11, 20)))
    BoardSession.objects.update(state="cancelled")
    run_on(date(2026, 11, 22))
    planned = BoardSession.objects.filter(state="planned").order_by("day").values_list("day", flat=True)
    assert list(planned) == [date(2026, 12, 16)]
    run_through(date(2026, 11, 23), date(2026, 12, 2))
    assert list(planned.all()) == [date(2026, 12, 16), date(2027, 2, 17)]


def test_deeds_name_no_person(asked, office):
    run_through(asked.due_on - 8 * DAY, asked.due_on - 6 * DAY)
    (deed,) = ClockDeed.objects.all()
    assert deed.key == f"{asked.number} {asked.due_on}"
