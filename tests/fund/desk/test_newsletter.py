import re

import pytest
from django.http import HttpResponse

from caisse.fund.notices import subscriptions
from caisse.fund.notices.models import Issue, Mail, Subscription
from tests.fund.desk.counter import Counter, hidden, text_of

TEXTS = {
    f"{part}_{language}": f"{part} {language} **important**"
    for part in ("subject", "body")
    for language in ("fr", "de", "en")
}


def written(counter: Counter, **more: object) -> Issue:
    answer = counter.at("editor").post("/desk/newsletter/new/", {**TEXTS, **more})
    assert answer.status_code == 302, text_of(answer)
    return Issue.objects.get(pk=int(re.search(r"(\d+)/$", answer.url)[1]))


def subscribed(counter: Counter, email: str, language: str, *professions: str) -> None:
    office = counter.office
    subscriptions.subscribe(
        email=email, professions=professions, language=language, by="test", at=office.tick()
    )
    Subscription.objects.filter(email=email).update(state="confirmed", confirmed_at=office.at)


def row(page: HttpResponse, label: str) -> list[str]:
    cells = re.search(rf">{label}</th>(.*?)</tr>", page.content.decode(), re.DOTALL)
    return re.findall(r">(\d+)<", cells[1])


def test_subscribers_are_counted_by_profession_and_language(counter: Counter) -> None:
    subscribed(counter, "a@example.lu", "fr", "doctors", "dentists")
    subscribed(counter, "b@example.lu", "de", "doctors")
    subscribed(counter, "c@example.lu", "en")
    page = counter.at("editor").get("/desk/newsletter/")
    assert row(page, "Doctor") == ["1", "1", "0", "2"]
    assert row(page, "All professions") == ["0", "0", "1", "1"]


def test_one_writes_and_another_sends(counter: Counter) -> None:
    issue = written(counter, professions=["doctors"])
    editor, officer, address = counter.at("editor"), counter.at("officer"), f"/desk/newsletter/{issue.pk}/"
    page = editor.get(address).content.decode()
    assert "<strong>important</strong>" in page
    assert "a colleague has to send it" in page
    seen = {"seen": issue.changed_at.isoformat()}
    assert editor.post(f"{address}send/", seen).status_code == 403
    assert officer.post(f"{address}send/", {"seen": "an older look"}).status_code == 409
    issue.refresh_from_db()
    assert issue.state == "draft"
    assert hidden(officer.get(address), "seen") == seen["seen"]
    assert officer.post(f"{address}send/", seen).status_code == 302
    issue.refresh_from_db()
    assert issue.state == "scheduled"
    assert officer.post(f"{address}send/", seen).status_code == 409
    assert editor.get(f"{address}write/").url == address
    editor.post(f"{address}call-back/")
    issue.refresh_from_db()
    assert issue.state == "draft"


def test_what_is_incomplete_is_kept_and_not_sent(counter: Counter) -> None:
    issue = written(counter, body_de="")
    address = f"/desk/newsletter/{issue.pk}/"
    assert "German: text" in text_of(counter.at("officer").get(address))
    seen = {"seen": issue.changed_at.isoformat()}
    assert counter.at("officer").post(f"{address}send/", seen).status_code == 409
    bad = counter.at("editor").post(f"{address}write/", {**TEXTS, "subject_fr": "x" * 300})
    assert bad.status_code == 400
    assert "body de **important**" in bad.content.decode()
    assert counter.at("editor").post(f"{address}discard/").status_code == 302
    assert not Issue.objects.exists()


@pytest.mark.parametrize("language", ["fr", "xx"])
def test_a_proof_goes_to_whoever_asks_alone(counter: Counter, language: str) -> None:
    issue = written(counter)
    counter.at("editor").post(f"/desk/newsletter/{issue.pk}/proof/", {"language": language})
    sent = Mail.objects.filter(about_type="issue")
    assert [mail.to for mail in sent] == ([counter.user("editor").email] if language == "fr" else [])


def test_markdown_cannot_bring_in_marks(counter: Counter) -> None:
    issue = written(
        counter, body_en="<script>alert(1)</script> [x](javascript:alert(2)) ![y](https://example.org/y)"
    )
    page = counter.at("editor").get(f"/desk/newsletter/{issue.pk}/").content.decode()
    assert "<script>alert" not in page
    assert 'href="javascript' not in page
    assert 'src="https://example.org' not in page


def test_a_mail_that_failed_is_sent_again(counter: Counter) -> None:
    counter.office.submitted("doctors")
    mail = Mail.objects.latest("pk")
    Mail.objects.filter(pk=mail.pk).update(
        state="failed", answer="550 no such user", failed_at=counter.office.at
    )
    officer = counter.at("officer")
    page = text_of(officer.get("/desk/outbox/?state=failed"))
    assert "550 no such user" in page
    assert mail.text[:40] not in page
    officer.post(f"/desk/outbox/{mail.pk}/again/")
    mail.refresh_from_db()
    assert mail.state == "queued"
    again = officer.post(f"/desk/outbox/{mail.pk}/again/", follow=True)
    assert "Only a mail that failed can be sent again." in text_of(again)
