"""The newsletter's pages: nothing is confirmed or ended by opening a link; mail programs end it in one click."""

import re

import pytest

from caisse.fund.notices.models import Mail, Subscription
from tests.fund.visitors import visitor

EMAIL = "abo@example.org"


def link_of(mail: Mail) -> str:
    return re.search(r"https://[^/]+(/newsletter/\S+)", mail.text)[1]


@pytest.fixture
def subscribed(office):
    client = visitor(language="fr")
    answer = client.post(
        "/newsletter/", {"email": EMAIL, "language": "de", "professions": ["nurses", "taxis"]}
    )
    assert answer.status_code == 200
    return link_of(Mail.objects.get(to=EMAIL))


def test_it_is_confirmed_by_a_button_not_by_the_link(subscribed):
    client = visitor()
    assert client.get(subscribed).status_code == 200
    assert Subscription.objects.get().state == "asked"
    assert client.post(subscribed).status_code == 200
    found = Subscription.objects.get()
    assert (found.state, found.language, found.professions) == ("confirmed", "de", ["nurses", "taxis"])


def test_whether_an_address_is_known_is_not_told(subscribed):
    def answer(email: str) -> str:
        text = visitor().post("/newsletter/", {"email": email, "language": "fr"}).text
        return re.sub(r'(csrfmiddlewaretoken" value=|X-CSRFToken": )"\w+"', "", text)

    assert answer(EMAIL) == answer("unknown@example.org")


def test_what_cannot_be_read_is_told_at_its_field(office):
    client = visitor()
    for given in ({"email": "nonsense", "language": "fr"}, {"email": EMAIL, "language": "xx"},
                  {"email": EMAIL, "language": "fr", "professions": ["wizards"]}):  # fmt: skip
        answer = client.post("/newsletter/", given)
        assert "summary" in answer.text
    assert not Subscription.objects.exists()


def test_it_is_changed_and_ended_by_its_links(subscribed):
    client = visitor()
    client.post(subscribed)
    found = Subscription.objects.get()
    from caisse.fund.notices.links import change_link, unsubscribe_link

    change, end = (re.sub(r"^https://[^/]+", "", link(found)) for link in (change_link, unsubscribe_link))
    assert "checked" in client.get(change).text
    client.post(change, {"language": "en", "professions": ["doctors"]})
    found.refresh_from_db()
    assert (found.language, found.professions) == ("en", ["doctors"])
    assert client.get(end).status_code == 200
    found.refresh_from_db()
    assert found.state == "confirmed"
    assert client.post(end).status_code == 200
    found.refresh_from_db()
    assert found.state == "ended"
    assert client.get(change).status_code == 404


def test_a_mail_program_ends_it_in_one_click_without_any_cookie(subscribed):
    visitor().post(subscribed)
    from caisse.fund.notices.links import unsubscribe_link

    end = re.sub(r"^https://[^/]+", "", unsubscribe_link(Subscription.objects.get()))
    program = visitor()
    program.handler.enforce_csrf_checks = True
    # The page's own button needs the form's secret; a mail program needs nothing but the link.
    assert program.post(end).status_code == 403
    assert program.post(end, {"List-Unsubscribe": "Two"}).status_code == 400
    answer = program.post(end, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200 and not answer.cookies
    assert Subscription.objects.get().state == "ended"
    assert program.post(end[:-1], {"List-Unsubscribe": "One-Click"}).status_code == 404


@pytest.mark.parametrize("page", ["confirm", "change", "unsubscribe"])
def test_a_link_that_is_not_ours_leads_nowhere(office, page):
    for method in ("get", "post"):
        assert getattr(visitor(), method)(f"/newsletter/{page}/nonsense").status_code == 404
