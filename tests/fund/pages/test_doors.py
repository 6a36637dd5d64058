"""What stands before every page: host, size, headers, errors, static files; and what the exchange's door leaves out."""

import os
import subprocess
import sys

import pytest

from tests.fund.visitors import person, staff, visitor


def test_a_page_asks_the_browser_to_be_strict(db):
    headers = visitor().get("/account/login/").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["form-action"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"].find("no-store") >= 0
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_pages_have_neither_scripts_nor_styles_in_them(db, now):
    client = visitor(person(now), factor="totp")
    for path in ("/account/login/", "/account/signup/", "/account/2fa/", "/account/email/"):
        page = client.get(path, follow=True).text
        assert "<style" not in page and " style=" not in page and " onclick=" not in page
        assert page.count("<script") == page.count("<script src=") + page.count('type="application/json"')


def test_another_host_name_is_not_answered(db):
    assert visitor().get("/account/login/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(("length", "status"), [("33554433", 413), ("-1", 413), ("nonsense", 413)])
def test_what_is_too_large_is_refused_before_it_is_read(db, length, status):
    answer = visitor(language="de").post("/account/login/", CONTENT_LENGTH=length)
    assert answer.status_code == status
    assert "zu groß" in answer.text


@pytest.mark.parametrize(
    ("language", "words"), [("fr", "n’existe pas"), ("de", "gibt es nicht"), ("en", "no such page")]
)
def test_errors_speak_the_language_of_the_reader_and_say_nothing_else(db, language, words):
    answer = visitor(language=language).get("/nothing/at/all/")
    assert answer.status_code == 404
    assert words in answer.text
    assert f'lang="{language}"' in answer.text
    assert "Traceback" not in answer.text and "urlconf" not in answer.text.lower()


def test_a_form_from_elsewhere_is_refused_with_words(db):
    client = visitor()
    client.handler.enforce_csrf_checks = True
    answer = client.post("/account/login/", {}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "form" in answer.text


def test_the_real_server_knows_where_a_caller_is(visit, now):
    """The link to the desk is there for staff on its networks only: the web server tells the caller's address."""
    page = visit("/account/email/", staff(now, "officer"))
    assert page.get_by_role("link", name="Desk").count() == 1
    page = visit("/account/email/", person(now))
    assert page.get_by_role("link", name="Desk").count() == 0


def test_the_hidden_desk_answers_like_any_page_that_is_not_there(db):
    hidden = visitor().get("/desk/cases/", REMOTE_ADDR="192.0.2.7")
    nothing = visitor().get("/nothing/", REMOTE_ADDR="192.0.2.7")
    assert hidden.content == nothing.content
    assert set(nothing.headers) - set(hidden.headers) <= {"Vary"}


def test_static_files_are_kept_for_ever_under_a_name_of_their_content(db):
    page = visitor().get("/account/login/").text
    address = page.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = visitor().get(address)
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in answer["Cache-Control"]
    assert visitor().get(address.replace("caisse.css", "../../settings.py")).status_code == 404
    mark = address.split("/")[2]
    assert visitor().get(address.replace(mark, "0" * 16)).status_code == 404


_LOADED = """
import django, sys
django.setup()
from django.conf import settings
from django.urls import resolve, Resolver404
import caisse.fund.exchange.doors.https
for path in ("/account/login/", "/desk/"):
    try:
        resolve(path)
    except Resolver404:
        continue
    raise SystemExit(f"{path} is there")
print(*settings.INSTALLED_APPS, *settings.MIDDLEWARE, *[name for name in sys.modules if name.startswith("allauth")])
"""


def test_the_exchange_door_has_no_pages(home):
    environment = {**os.environ, "CAISSE_DOOR": "exchange"}
    done = subprocess.run(
        [sys.executable, "-c", _LOADED], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not any(
        word in done.stdout for word in ("allauth", "sessions", "pages", "portal", "desk", "auth.")
    )
    assert "caisse.fund.exchange" in done.stdout


def test_the_pages_have_no_exchange(db):
    assert visitor().get("/api/v1/openapi.json").status_code == 404
