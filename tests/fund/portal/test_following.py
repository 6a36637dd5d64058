"""Following a case: asked back, withdrawn, refused and opposed, granted and told, stopped in time."""

import re
from datetime import timedelta

import pytest

from caisse.fund.casework.actions import applications, decisions, examination
from caisse.fund.casework.models import Case
from caisse.fund.notices.models import Mail
from tests.fund.casework.office import Office, pdf
from tests.fund.portal.test_application import upload
from tests.fund.visitors import visitor


def follower(office: Office, case: Case, language: str = "en"):
    """A visitor who followed the case's link."""
    client = visitor(language=language)
    key = applications.renew_key(case_id=case.pk, by="test", at=office.tick())
    assert client.get(f"/case/{case.number}/{key}").status_code == 302
    return client


def test_what_was_asked_back_is_answered_or_changed_and_handed_in_again(office):
    case = office.submitted("doctors")
    officer = office.user("officer")
    examination.take_case(case_id=case.pk, officer_id=officer, at=office.tick())
    identity = case.documents.get(kind="identity_document")
    examination.judge_document(
        document_id=identity.pk, accepted=False, reason="Not readable.", officer_id=officer, at=office.tick()
    )
    examination.write_note(case_id=case.pk, text="Looks odd to me", officer_id=officer, at=office.tick())
    questions = [("sheet:iban", "Is it yours?"), ("", "Since when <b>do</b> you practise?")]
    examination.ask_back(case_id=case.pk, questions=questions, officer_id=officer, at=office.tick())
    client = follower(office, case)
    text = client.get(f"/cases/{case.number}/").text
    assert "Your answer is needed" in text and "Not readable." in text
    assert f"/cases/{case.number}/sheet/?faults#id_iban" in text
    assert "&lt;b&gt;do&lt;/b&gt;" in text
    # Neither notes of the office nor names of officers are shown.
    assert "Looks odd" not in text and "officer@" not in text and "user " not in text

    iban, general = case.questions.order_by("pk")
    assert (
        upload(client, case, "identity_document", pdf("better"), expires_on="31.12.2035").status_code == 302
    )
    client.post(f"/cases/{case.number}/sheet/", {"iban": "DE89 3704 0044 0532 0130 00"})
    prefix = f"answer-{general.pk}"
    client.post(f"/cases/{case.number}/answers/{general.pk}/", {f"{prefix}-text": "Since May."})
    client.post(f"/cases/{case.number}/answers/{iban.pk + 999}/", {f"answer-{iban.pk + 999}-text": "x"})
    client.post(f"/cases/{case.number}/check/")
    case.refresh_from_db()
    assert case.state == "in_review"
    general.refresh_from_db()
    assert general.answer == "Since May."
    assert "Since May." not in client.get(f"/cases/{case.number}/check/").text


def test_a_case_is_taken_back_after_asking_once(office):
    case = office.submitted("doctors")
    client = follower(office, case)
    assert client.get(f"/cases/{case.number}/withdraw/").status_code == 200
    for _ in range(2):
        client.post(f"/cases/{case.number}/withdraw/")
    case.refresh_from_db()
    assert case.state == "withdrawn"
    assert "Take the case back" not in client.get(f"/cases/{case.number}/").text


def test_a_refusal_is_read_and_opposed_once(office):
    case = office.reviewed("doctors")
    verdict = decisions.Verdict("refused", grounds="L'autorisation manque.")
    decisions.propose_decision(
        case_id=case.pk, verdict=verdict, officer_id=office.user("officer"), at=office.tick()
    )
    client = follower(office, case)
    text = client.get(f"/cases/{case.number}/").text
    letter = case.letters.get(kind="refusal")
    answer = client.get(f"/cases/{case.number}/letters/{letter.pk}/")
    assert b"".join(answer.streaming_content).startswith(b"%PDF-")
    assert f"/cases/{case.number}/appeal/" in text
    assert "40 days" in client.get(f"/cases/{case.number}/appeal/").text
    assert client.post(f"/cases/{case.number}/appeal/", {"text": " "}).status_code == 200
    answer = client.post(f"/cases/{case.number}/appeal/", {"text": "It was there."})
    appeal = Case.objects.get(kind="appeal")
    assert answer["Location"] == f"/cases/{appeal.number}/"
    assert (appeal.state, appeal.about) == ("submitted", case)
    assert client.get(f"/cases/{appeal.number}/").status_code == 200
    client.post(f"/cases/{case.number}/appeal/", {"text": "Again."})
    assert Case.objects.filter(kind="appeal").count() == 1


@pytest.fixture
def waiting(office):
    """A change of bank account in its cooling-off time."""
    provider = office.grant(office.reviewed("doctors"))
    case = office.open(
        "doctors", kind="bank_account_change", provider_id=provider.provider_id, code=provider.code
    )
    office.submit(office.complete(case, new_iban="DE89370400440532013000"))
    officer = office.user("officer")
    examination.take_case(case_id=case.pk, officer_id=officer, at=office.tick())
    office.accept_all(case)
    office.grant(case)
    case.refresh_from_db()
    assert case.state == "cooling_off"
    return case


def test_the_holder_stops_a_change_by_the_link_in_the_notice_alone(office, waiting):
    letter = waiting.letters.get(kind="bank_account_notice")
    link = re.search(r"https://[^/]+(/objection/\S+)", Mail.objects.get(pk=letter.mail_id).text)[1]
    client = visitor()
    page = client.get(link)
    assert page.status_code == 200
    # The page tells no more than the notice did.
    assert "DE89" not in page.text and waiting.email not in page.text
    assert client.get(f"/cases/{waiting.number}/").status_code == 404
    assert client.get(link[:-1]).status_code == 404
    assert "stopped" in client.post(link, {"text": "Not me."}).text
    waiting.refresh_from_db()
    assert waiting.state == "in_review"
    assert "any more" in client.post(link, {"text": "Again."}).text
    assert waiting.entries.filter(kind="objection").count() == 1


def test_a_change_is_stopped_from_the_case_itself(office, waiting):
    client = follower(office, waiting)
    text = client.get(f"/cases/{waiting.number}/").text
    assert "Object to this change" in text
    client.post(f"/cases/{waiting.number}/object/", {"text": "A mistake."})
    waiting.refresh_from_db()
    assert waiting.state == "in_review"
    assert client.post(f"/cases/{waiting.number}/object/", {"text": "x"}).status_code == 302


def test_a_draft_that_came_by_mail_gets_its_profession(office):
    case = office.open("", door="mail")
    client = follower(office, case, "fr")
    assert client.get(f"/cases/{case.number}/sheet/")["Location"] == f"/cases/{case.number}/"
    assert client.get(f"/cases/{case.number}/documents/").status_code == 302
    client.post(f"/cases/{case.number}/profession/", {"profession": "osteopaths"})
    case.refresh_from_db()
    assert case.profession == ""
    client.post(f"/cases/{case.number}/profession/", {"profession": "nurses"})
    case.refresh_from_db()
    assert case.profession == "nurses"


def test_every_state_has_its_words(office):
    from caisse.fund.casework.lifecycle import CASE
    from caisse.fund.portal.words import CASE_STATES

    assert set(CASE_STATES) == set(CASE)
    case = office.open("doctors")
    client = follower(office, case, "de")
    for state in CASE:
        if state != "cooling_off":
            Case.objects.filter(pk=case.pk).update(state=state, due_on=office.today + timedelta(days=9))
            assert client.get(f"/cases/{case.number}/").status_code == 200
