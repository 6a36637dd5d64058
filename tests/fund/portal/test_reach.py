"""A case exists for its owner, for who acts for its provider, and for a session that opened its link."""

import re
from datetime import date

import pytest
from django.utils import timezone

from caisse.fund.access import actions as access
from caisse.fund.audit.models import AuditEvent
from caisse.fund.casework import links
from caisse.fund.casework.actions import applications
from caisse.fund.casework.models import Case
from caisse.fund.notices.models import Mail
from caisse.fund.registry.models import Provider
from tests.fund.portal.test_application import EMAIL, began
from tests.fund.visitors import person, staff, visitor

#: Every page of a case, and what is sent to it.
PAGES = (
    "", "questions/", "sheet/", "documents/", "check/", "answers/1/", "withdraw/", "appeal/", "object/", "adopt/",
    "profession/", "letters/1/", "documents/1/", "documents/1/file/", "documents/1/remove/",
)  # fmt: skip


def words(answer) -> str:
    """What a page says, without the secrets of its forms, which differ each time."""
    return re.sub(r'(csrfmiddlewaretoken" value=|X-CSRFToken": )"\w+"', "", answer.text)


def key_of(mail: Mail) -> str:
    return re.search(r"https://[^/]+(/case/\S+)", mail.text)[1]


@pytest.mark.parametrize("page", PAGES)
def test_for_anybody_else_a_case_is_as_one_that_was_never_opened(office, now, page):
    case = began(visitor())
    for client in (visitor(), visitor(person(now)), visitor(staff(now, "officer"), factor="totp")):
        for method in (client.get, client.post):
            there = method(f"/cases/{case.number}/{page}")
            nowhere = method(f"/cases/2026-999999/{page}")
            assert there.status_code == nowhere.status_code
            assert there.status_code in (404, 405, 302)
            if there.status_code == 302:
                assert there["Location"].startswith("/account/login/")
            assert there.content == nowhere.content
    case.refresh_from_db()
    assert case.state == "draft" and not case.documents.exists()


@pytest.mark.parametrize("number", ["2026-000001'--", "x" * 500, "%00", "２０２６-000001", "..", "1%2f2"])
def test_no_number_breaks_a_page(office, number):
    assert visitor().get(f"/cases/{number}/").status_code == 404


def test_the_link_of_the_mail_opens_the_case_in_another_browser(office):
    first = visitor()
    case = began(first)
    link = key_of(Mail.objects.get(to=EMAIL))
    other = visitor()
    answer = other.get(link)
    assert answer["Location"] == f"/cases/{case.number}/"
    assert "no-store" in answer["Cache-Control"]
    assert other.get(f"/cases/{case.number}/sheet/").status_code == 200
    assert case.number in other.get("/cases/").text
    # Half a secret, or another case's, opens nothing.
    for wrong in (link[:-1], link.replace(case.number, "2026-999999")):
        answer = visitor().get(wrong)
        assert answer.status_code == 404 and "leads nowhere" in answer.text


def test_a_renewed_secret_ends_what_the_old_link_opened(office, now):
    client = visitor()
    case = began(client)
    assert client.get(f"/cases/{case.number}/").status_code == 200
    applications.renew_key(case_id=case.pk, by="test", at=now)
    assert client.get(f"/cases/{case.number}/").status_code == 404
    assert case.number not in client.get("/cases/").text


def test_a_lost_link_is_mailed_again_and_the_page_says_nothing(office):
    case = began(visitor())
    sent = Mail.objects.count()
    known = visitor().post("/cases/link/", {"number": case.number})
    unknown = visitor().post("/cases/link/", {"number": "2026-999999"})
    assert known.status_code == unknown.status_code == 200
    assert words(known).replace(case.number, "N") == words(unknown).replace("2026-999999", "N")
    assert Mail.objects.count() == sent + 1
    mail = Mail.objects.latest("pk")
    assert mail.to == EMAIL
    other = visitor()
    assert other.get(key_of(mail))["Location"] == f"/cases/{case.number}/"
    assert other.get(f"/cases/{case.number}/").status_code == 200
    assert visitor().get(key_of(mail)[:-2]).status_code == 404


def test_a_link_mailed_again_ends_with_the_secret_and_with_its_week(office, now, monkeypatch):
    case = began(visitor())
    link = links.again_link(case)
    token = link.rpartition("/")[2]
    assert links.case_of_again(token) == case
    monkeypatch.setattr(links, "AGAIN_WITHIN", -1)
    assert links.case_of_again(token) is None
    monkeypatch.undo()
    applications.renew_key(case_id=case.pk, by="test", at=now)
    assert links.case_of_again(token) is None
    # A token for one purpose is none for another.
    assert links.decision_of_objection(token) is None


def test_nobody_has_the_fund_write_mails_without_end(office):
    case = began(visitor())
    sent = Mail.objects.count()
    answers = {visitor().post("/cases/link/", {"number": case.number}).status_code for _ in range(6)}
    assert answers == {200}
    assert Mail.objects.count() == sent + 3
    for _ in range(9):
        began(visitor())
    refused = visitor().post("/apply/doctors/", {"email": EMAIL})
    assert refused.status_code == 200 and "Too many drafts" in refused.text
    assert began(visitor(), email="somebody.else@example.org")


def test_an_owner_reaches_his_case_without_a_link(office, now):
    user = person(now)
    client = visitor(user)
    answer = client.post("/apply/doctors/", {})
    case = Case.objects.get()
    assert answer["Location"] == f"/cases/{case.number}/questions/"
    assert (case.owner, case.email) == (user, user.email)
    assert not Mail.objects.filter(about_type="case").exists()
    assert visitor(user).get(f"/cases/{case.number}/").status_code == 200
    assert case.number in visitor(user).get("/cases/").text


def test_a_case_of_a_link_is_taken_into_an_account_once(office, now):
    anonymous = visitor()
    case = began(anonymous)
    link = key_of(Mail.objects.get(to=EMAIL))
    first, second = visitor(person(now)), visitor(person(now, "other@example.org"))
    for client in (first, second):
        client.get(link)
    assert anonymous.post(f"/cases/{case.number}/adopt/").status_code == 302
    assert "Put it into my account" in first.get(f"/cases/{case.number}/").text
    first.post(f"/cases/{case.number}/adopt/")
    second.post(f"/cases/{case.number}/adopt/")
    case.refresh_from_db()
    assert case.owner.email == "jeanne.muster@example.org"


def test_who_acts_for_the_provider_reads_its_cases_and_that_is_recorded(office, now):
    provider = Provider.objects.create(name="Practice")
    user, leaver = person(now), person(now, "leaver@example.org")
    case = office.open("doctors", kind="address_change", provider_id=provider.pk, owner_id=leaver.pk)
    assert visitor(user).get(f"/cases/{case.number}/").status_code == 404
    for one in (user, leaver):
        access.grant_mandate(
            user=one,
            provider_id=provider.pk,
            scope="casework",
            valid_from=date(2020, 1, 1),
            by="test",
            at=now,
        )
    assert visitor(user).get(f"/cases/{case.number}/").status_code == 200
    reads = AuditEvent.objects.filter(action="case.read", subject_id=case.number)
    assert [(event.by, event.data) for event in reads] == [(f"user {user.pk}", {"what": "case"})]
    visitor(leaver).get(f"/cases/{case.number}/")
    assert reads.count() == 1
    # Who acts for the provider no longer reads its cases no longer, though he opened them.
    access.end_mandate(
        user=leaver, provider_id=provider.pk, scope="casework", valid_until=timezone.localdate(), why="left",
        by="test", at=now,
    )  # fmt: skip
    assert visitor(leaver).get(f"/cases/{case.number}/").status_code == 404
    assert case.number not in visitor(leaver).get("/cases/").text


def test_nothing_is_changed_by_get_nor_without_the_forms_secret(office):
    client = visitor()
    case = began(client)
    for page in ("withdraw/", "check/", "adopt/", "documents/1/remove/"):
        client.get(f"/cases/{case.number}/{page}")
    strict = visitor()
    strict.handler.enforce_csrf_checks = True
    strict.cookies = client.cookies
    for page in ("questions/", "sheet/", "documents/", "check/", "withdraw/"):
        assert strict.post(f"/cases/{case.number}/{page}").status_code == 403
    case.refresh_from_db()
    assert case.state == "draft"


@pytest.mark.parametrize(
    "path",
    [
        "/case/%00/x",
        "/case/2026-000001/%00",
        "/case/again/%00",
        "/objection/%00",
        "/providers/" + "9" * 40 + "/",
    ],
)
def test_no_link_breaks_a_page(office, now, path):
    assert visitor(person(now)).get(path).status_code == 404
