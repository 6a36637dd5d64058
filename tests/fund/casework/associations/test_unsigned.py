"""Changes that not everybody signs: those missing are reminded, then the case is closed and all are told, once."""

from datetime import timedelta

import pytest

from caisse.fund.access.actions import end_mandate
from caisse.fund.casework.actions import examination
from caisse.fund.casework.actions import signatures as signing
from caisse.fund.casework.clock import cases
from caisse.fund.casework.models import Case
from caisse.fund.notices.models import Mail
from caisse.fund.registry import queries as register
from tests.fund.casework.associations.members import (
    all_sign,
    answer_again,
    asked,
    filed,
    founded,
    join,
    member,
    owner_of,
    sign,
)
from tests.fund.casework.clock.days import make_letters, noon, run_on, run_through
from tests.fund.casework.office import Office, text_of

DAY = timedelta(days=1)


@pytest.fixture
def joining(office: Office) -> Case:
    """Carla wants to join Anna and Bernd; Anna has signed, the others have not."""
    anna, bernd = member(office, "Anna"), member(office, "Bernd", language="de")
    carla = member(office, "Carla", language="en")
    common = founded(office, [anna, bernd])
    case = asked(office, join(office, common, carla, office.today + 100 * DAY))
    sign(office, case.signatures.get(signer_code=anna))
    case.refresh_from_db()
    return case


def reminders() -> dict[str, Mail]:
    words = ("Rappel", "Erinnerung", "Reminder")
    return {mail.to: mail for mail in Mail.objects.all() if mail.subject.startswith(words)}


def test_whoever_is_missing_is_reminded_and_the_case_closed_with_a_letter_to_all(joining, office):
    due = office.today + 60 * DAY
    assert joining.due_on == due
    happened = run_through(office.today, due + 2 * DAY)
    told = {what: [day for day, done in happened.items() if what in done] for what in (
        "signatures reminded of", "cases unsigned")}  # fmt: skip
    assert told == {"signatures reminded of": [due - 14 * DAY], "cases unsigned": [due]}
    assert set(reminders()) == {"bernd@practice.example", "carla@practice.example"}
    german = reminders()["bernd@practice.example"].text
    assert "freiberuflichen Vereinigung „Les Tilleuls“" in german and "/signatures/" in german
    assert f"{(due - DAY).day}.\N{NO-BREAK SPACE}Januar" in german
    joining.refresh_from_db()
    assert (joining.state, joining.due_on) == ("lapsed", None)
    letters = joining.letters.filter(kind="closed_unsigned")
    assert sorted(letters.values_list("to", "language")) == [
        ("anna@practice.example", "fr"), ("bernd@practice.example", "de"), ("carla@practice.example", "en"),
    ]  # fmt: skip
    make_letters(noon(due + 2 * DAY))
    shown = " ".join(text_of(office.home, letters.get(language="en").sha256).split())
    assert joining.number in shown and "Nothing changes in the register" in shown
    assert len(register.memberships_of(register.provider_by_code(joining.code).pk)) == 0


def test_nobody_signs_a_case_that_was_closed(joining, office):
    run_through(office.today + 46 * DAY, office.today + 60 * DAY)
    office.at = noon(office.today + 61 * DAY)
    with pytest.raises(signing.CaseMoved):
        sign(office, joining.signatures.filter(signed_at__isnull=True).first())


def test_signatures_that_come_after_the_reminder_stop_the_clock(joining, office):
    due = joining.due_on
    run_on(due - 14 * DAY)
    office.at = noon(due - DAY)
    case = all_sign(office, joining)
    assert (case.state, case.due_on) == ("in_review", None)
    assert "cases unsigned" not in run_on(due)
    assert not case.letters.filter(kind="closed_unsigned").exists()


def test_a_reminder_that_comes_late_gives_the_days_it_promises(joining, office):
    late = joining.due_on + 20 * DAY
    run_on(late)
    joining.refresh_from_db()
    assert (joining.state, joining.due_on) == ("awaiting_signatures", late + 14 * DAY)
    assert len(reminders()) == 2
    happened = run_through(late + DAY, late + 14 * DAY)
    assert [day for day, done in happened.items() if "cases unsigned" in done] == [late + 14 * DAY]
    assert len(reminders()) == 2


def test_asked_again_the_time_to_sign_begins_again(joining, office):
    first = joining.due_on
    run_on(first - 14 * DAY)
    office.at = noon(first - 5 * DAY)
    row = joining.signatures.filter(signed_at__isnull=True).get(language="de")
    signing.refuse_signature(
        signature_id=row.pk, user=owner_of(office, "Bernd"), reason="Too early.", at=office.tick()
    )
    examination.ask_back(
        case_id=joining.pk, questions=[("", "When?")], officer_id=office.user("officer"), at=office.tick()
    )
    joining.questions.update(answer="Later")
    answer_again(office, joining)
    signing.ask_signatures(case_id=joining.pk, officer_id=office.user("officer"), at=office.tick())
    joining.refresh_from_db()
    assert joining.due_on == office.today + 60 * DAY
    happened = run_through(first, joining.due_on - 14 * DAY)
    assert [day for day, done in happened.items() if "signatures reminded of" in done] == [
        joining.due_on - 14 * DAY
    ]


def test_an_applicant_whose_provider_has_no_address_is_told_at_his_own(office):
    anna, bernd = member(office, "Anna", email=""), member(office, "Bernd")
    case = asked(office, filed(
        office, anna, facts={"founding": True}, association_name="Les Tilleuls",
        members=f"{anna} {bernd}", effective_from=str(office.today),
    ))  # fmt: skip
    run_on(case.due_on - 14 * DAY)
    run_on(case.due_on)
    told = case.letters.filter(kind="closed_unsigned")
    assert sorted(told.values_list("to", flat=True)) == ["", "applicant@example.lu", "bernd@practice.example"]


@pytest.fixture
def unreached(office: Office) -> tuple[Case, int]:
    """Anna and Bernd are asked to sign; nobody knows a mail address of Bernd's. The case and his code."""
    anna, bernd = member(office, "Anna"), member(office, "Bernd", email="", language="de")
    end_mandate(
        user=owner_of(office, "Bernd"), provider_id=register.provider_by_code(bernd).pk, scope="owner",
        valid_until=office.today, why="sold", by="test", at=office.tick(),
    )  # fmt: skip
    case = asked(office, filed(
        office, anna, facts={"founding": True}, association_name="Les Tilleuls",
        members=f"{anna} {bernd}", effective_from=str(office.today),
    ))  # fmt: skip
    assert case.signatures.get(signer_code=bernd).told_at is None
    return case, bernd


def tell(office: Office, case: Case, code: int) -> bool:
    officer = office.user("officer")
    return signing.tell_by_letter(case_id=case.pk, code=code, officer_id=officer, at=office.tick())


def test_no_case_is_closed_before_everybody_was_told(unreached, office):
    case, bernd = unreached
    due = case.due_on
    run_on(due - 14 * DAY)
    assert cases.unsigned(due + 5 * DAY) == []
    assert not signing.lapse_unsigned(case_id=case.pk, by="clock", at=noon(due + 6 * DAY))
    office.at = noon(due + 10 * DAY)
    assert tell(office, case, bernd)
    case.refresh_from_db()
    assert case.due_on == due + 70 * DAY
    assert cases.unsigned(due + 69 * DAY) == []
    assert cases.unsigned(due + 70 * DAY) == [case.pk]
    assert signing.lapse_unsigned(case_id=case.pk, by="clock", at=noon(due + 70 * DAY))


def test_a_signer_without_an_address_gets_a_letter_and_is_reminded_by_another(unreached, office):
    case, bernd = unreached
    assert tell(office, case, bernd)
    case.refresh_from_db()
    with pytest.raises(signing.CaseMoved):
        tell(office, case, bernd)
    run_on(case.due_on - 14 * DAY)
    first, second = case.letters.filter(kind="signature_request").order_by("pk")
    assert (first.to, first.language, first.content["reminder"]) == ("", "de", False)
    assert second.content["reminder"]
    make_letters(noon(case.due_on - 14 * DAY))
    first.refresh_from_db()
    shown = " ".join(text_of(office.home, first.sha256).split())
    assert "Les Tilleuls" in shown and case.number in shown and "/signatures/" not in shown
    assert first.mail_id is None
    assert "bernd" not in " ".join(Mail.objects.values_list("to", flat=True))


def test_a_signer_whose_address_is_known_meanwhile_is_told_by_mail(unreached, office):
    case, bernd = unreached
    provider = register.provider_by_code(bernd)
    provider.email = "bernd@practice.example"
    provider.save()
    assert not tell(office, case, bernd)
    assert case.number in Mail.objects.get(to="bernd@practice.example").subject
    assert case.signatures.get(signer_code=bernd).told_at is not None
    assert not case.letters.filter(kind="signature_request").exists()
