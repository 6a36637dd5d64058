"""What somebody who is nobody's friend can learn and do at the sign-in, and what it leaves in the record."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache

from caisse.fund.access import actions, queries
from caisse.fund.access.models import User
from caisse.fund.notices.models import Mail
from tests.fund.access.test_second_factor import PASSWORD, events, with_password
from tests.fund.visitors import person, visitor

NEW = {"name": "Paul Exemple", "email": "paul@example.org", "password1": PASSWORD, "password2": PASSWORD}


def sign_in(client, email, password, address="127.0.0.1"):
    return client.post("/account/login/", {"login": email, "password": password}, REMOTE_ADDR=address)


def test_sign_up_is_confirmed_from_the_mailbox_and_tells_nobody_who_is_known(db, now):
    person(now, "known@example.org")
    answers = [
        visitor().post("/account/signup/", {**NEW, "email": email})
        for email in ("paul@example.org", "Known@example.org")
    ]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0]["Location"] == answers[1]["Location"]
    # The one who is known is written to; the other has to confirm. Nobody can sign in yet.
    mails = {mail.to: mail for mail in Mail.objects.all()}
    assert set(mails) == {"paul@example.org", "known@example.org"}
    assert "/account/confirm-email/" in mails["paul@example.org"].text
    assert "/account/confirm-email/" not in mails["known@example.org"].text
    user = queries.find_user("paul@example.org")
    assert (user.name, user.language) == ("Paul Exemple", "en")
    client = visitor()
    assert sign_in(client, user.email, PASSWORD)["Location"] == "/account/confirm-email/"
    (path,) = {word for word in mails["paul@example.org"].text.split() if "/account/confirm-email/" in word}
    path = path.partition("localhost")[2]
    # A mail program that looks at the address confirms nothing.
    assert client.get(path).status_code == 200
    assert sign_in(visitor(), user.email, PASSWORD)["Location"] == "/account/confirm-email/"
    client.post(path)
    assert sign_in(visitor(), user.email, PASSWORD)["Location"] == "/account/signed-in/"
    assert events(user) == ["user.signed_up", "user.signed_in"]


@pytest.mark.parametrize("email", ["known@example.org", "unknown@example.org"])
def test_a_forgotten_password_says_the_same_of_everybody(db, now, email):
    person(now, "known@example.org")
    answer = visitor().post("/account/password/reset/", {"email": email})
    assert answer["Location"] == "/account/password/reset/done/"


def test_mails_are_written_in_the_language_of_the_addressee(db, now):
    user = person(now, language="de")
    visitor(language="fr").post("/account/password/reset/", {"email": user.email})
    mail = Mail.objects.get()
    assert mail.language == "de"
    assert "Passwort" in mail.subject
    assert settings.FUND.pages.url in mail.text


def test_wrong_passwords_and_unknown_addresses_are_refused_alike(db, now):
    user = with_password(person(now))
    one, other = (sign_in(visitor(), email, "wrong").text for email in (user.email, "nobody@example.org"))
    assert _without_secrets(one, user.email) == _without_secrets(other, "nobody@example.org")


def _without_secrets(text, email):
    lines = [line for line in text.replace(email, "").splitlines() if "csrf" not in line.lower()]
    return "\n".join(lines)


def test_whoever_guesses_locks_himself_out_and_not_the_user(db, now):
    user = with_password(person(now))
    for _ in range(5):
        assert "not correct" in sign_in(visitor(), user.email, "guess", "192.0.2.66").text
    assert "Too many" in sign_in(visitor(), user.email, PASSWORD, "192.0.2.66").text
    assert sign_in(visitor(), user.email, PASSWORD, "198.51.100.7").status_code == 302
    # The other half of an IPv6 network is the same guesser.
    cache.clear()
    for n in range(5):
        sign_in(visitor(), user.email, "guess", f"2001:db8::{n}")
    assert "Too many" in sign_in(visitor(), user.email, PASSWORD, "2001:db8::beef").text


def test_many_addresses_tried_from_one_place_are_stopped_too(db):
    answers = [sign_in(visitor(), f"person{n}@example.org", "guess", "192.0.2.66") for n in range(21)]
    assert "not correct" in answers[0].text
    assert "Too many" in answers[-1].text


@pytest.mark.parametrize("password", ["short", "123456789012345", "1q2w3e4r5t6y", "jeanne.muster@example"])
def test_a_weak_password_is_refused_with_a_reason(db, password):
    form = {**NEW, "email": "jeanne.muster@example.org", "password1": password, "password2": password}
    answer = visitor().post("/account/signup/", form)
    assert answer.status_code == 200
    assert 'class="summary"' in answer.text
    assert not User.objects.exists()


def test_a_deactivated_user_is_out_at_once(db, now):
    user = with_password(person(now))
    client = visitor(user)
    assert client.get("/account/email/").status_code == 200
    actions.set_active(user=user, active=False, why="left", by="test", at=now)
    assert client.get("/account/email/").status_code == 302
    assert sign_in(visitor(), user.email, PASSWORD)["Location"] == "/account/inactive/"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_nobody_is_led_elsewhere(db, now, target):
    user = with_password(person(now))
    form = {"login": user.email, "password": PASSWORD, "next": target}
    assert visitor().post("/account/login/", form)["Location"] == "/account/signed-in/"
    assert visitor().post("/language/", {"language": "de", "next": target})["Location"] == "/"


def test_cookies_go_nowhere_else(db, now):
    user = with_password(person(now))
    client = visitor()
    sign_in(client, user.email, PASSWORD)
    client.post("/language/", {"language": "de"})
    client.get("/account/login/")
    for name in ("__Host-session", "__Host-language"):
        cookie = client.cookies[name]
        assert (cookie["secure"], cookie["httponly"], cookie["samesite"], cookie["domain"], cookie["path"]) == (
            True, True, "Lax", "", "/",
        )  # fmt: skip


def test_sessions_that_ran_out_are_forgotten(db, now):
    alive = visitor(person(now))
    Session.objects.create(session_key="x" * 32, session_data="", expire_date=now - timedelta(days=1))
    assert actions.forget_sessions() == 1
    assert alive.get("/account/email/").status_code == 200
