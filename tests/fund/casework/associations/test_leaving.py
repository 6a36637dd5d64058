"""An association left with too few members by an end of activity: all are told, once, and nobody acts for it."""

from datetime import timedelta

import pypdfium2

from caisse.fund.access.queries import persons_of
from caisse.fund.casework.actions import decisions, previewing
from caisse.fund.casework.models import Letter
from caisse.fund.notices.models import Mail
from caisse.fund.registry import queries as register
from tests.fund.casework.associations.members import filed, founded, in_review, member
from tests.fund.casework.clock.days import make_letters, noon, run_through
from tests.fund.casework.office import Office, text_of

DAY = timedelta(days=1)


def ending(office: Office, code: int, days: int):
    """The end of the code's activity after its last day, so many days from now, ready to be decided."""
    case = filed(office, code, kind="end_of_activity", last_day=str(office.today + (days - 1) * DAY))
    return in_review(office, case)


def test_all_members_are_told_once_in_their_language_that_the_association_ends(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd", language="de")
    common = founded(office, [anna, bernd])
    until = office.today + 5 * DAY
    association = register.standing(common, office.today).provider_id
    case = office.grant(ending(office, anna, 5))
    assert register.standing(common, until - DAY).state == "valid"
    assert register.standing(common, until).state == "ended"
    told = Letter.objects.filter(kind="association_ended")
    assert sorted(told.values_list("to", "language")) == [
        ("anna@practice.example", "fr"), ("bernd@practice.example", "de"),
    ]  # fmt: skip
    # What is written to the others is no part of the case of the one who stops.
    assert list(case.letters.values_list("kind", flat=True).exclude(kind="acknowledgement")) == ["code_ended"]
    make_letters(office.tick())
    shown = text_of(office.home, told.get(language="de").sha256)
    assert "Les Tilleuls" in shown and "weniger als zwei Mitglieder" in shown
    run_through(office.today, until + DAY)
    assert told.count() == 2
    assert Mail.objects.filter(to="bernd@practice.example", about_type="letter").count() == 2
    assert [scope for _user, scope in persons_of(association, until - DAY)] == ["owner", "owner"]
    assert persons_of(association, until) == []


def test_an_association_of_three_goes_on_without_the_one_who_stops(office: Office) -> None:
    anna, bernd, carla = (member(office, name) for name in ("Anna", "Bernd", "Carla"))
    common = founded(office, [anna, bernd, carla])
    association = register.standing(common, office.today).provider_id
    office.grant(ending(office, carla, 0))
    assert [one.code for one in register.members_of(association, office.today)] == sorted([anna, bernd])
    assert not Letter.objects.filter(kind="association_ended").exists()
    acting = {user.email for user, _scope in persons_of(association, office.today)}
    assert acting == {"owner-anna@example.lu", "owner-bernd@example.lu"}


def test_an_association_that_never_began_is_told_of_too(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    founded(office, [anna, bernd], day=office.today + 40 * DAY)
    office.grant(ending(office, anna, 10))
    told = Letter.objects.filter(kind="association_ended")
    assert set(told.values_list("to", flat=True)) == {"anna@practice.example", "bernd@practice.example"}
    assert make_letters(noon(office.today)) == 2


def test_the_officer_sees_these_letters_before_deciding_and_none_is_left_behind(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd", language="de")
    founded(office, [anna, bernd])
    case = ending(office, anna, 5)
    before = Letter.objects.count()
    seen = previewing.preview_decision(
        case_id=case.pk, verdict=decisions.Verdict("granted"), officer_id=office.user("officer"),
        at=office.tick(),
    )  # fmt: skip
    assert [(one.kind, one.language) for one in seen] == [
        ("code_ended", "fr"), ("association_ended", "fr"), ("association_ended", "de"),
    ]  # fmt: skip
    shown = pypdfium2.PdfDocument(previewing.together(seen))
    words = [page.get_textpage().get_text_range() for page in shown]
    shown.close()
    assert len(words) == 3 and "weniger als zwei Mitglieder" in words[2]
    assert Letter.objects.count() == before
