"""What a reader sees when something goes wrong: his language, how to go on, and nothing of what is inside."""

import logging
import re

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation

from caisse.fund.pages import views
from tests.fund.visitors import person, visitor

SECRET = "postgresql://fund:hunter2@db/fund of 1980010100187"
TITLES = {
    400: {
        "fr": "Cette demande est illisible",
        "de": "Diese Anfrage ist nicht lesbar",
        "en": "This request cannot be read",
    },
    403: {
        "fr": "Cette page ne relève pas de votre fonction",
        "de": "Diese Seite gehört nicht zu Ihrer Rolle",
        "en": "This page is not for your role",
    },
    500: {
        "fr": "Cela n’a pas fonctionné",
        "de": "Das hat nicht funktioniert",
        "en": "This did not work",
    },
}
RAISED = {400: SuspiciousOperation(SECRET), 403: PermissionDenied(SECRET), 500: ZeroDivisionError(SECRET)}


@pytest.mark.parametrize("language", ["fr", "de", "en"])
@pytest.mark.parametrize("status", [400, 403, 500])
def test_what_broke_is_told_in_the_reader_s_language_and_no_detail_of_it(
    db, now, monkeypatch, caplog, status, language
):
    def fails(*_):
        raise RAISED[status]

    client = visitor(person(now, language=language), language=language)
    client.raise_request_exception = False
    monkeypatch.setattr(views.queries, "roles_of", fails)
    monkeypatch.setattr(views, "may_reach_desk", lambda _: True)
    with caplog.at_level(logging.ERROR):
        answer = client.get("/account/signed-in/")
    assert answer.status_code == status
    assert TITLES[status][language] in answer.text.replace("&#x27;", "’")
    assert f'lang="{language}"' in answer.text
    for inside in ("hunter2", "1980010100187", "Traceback", "ZeroDivision", "views.py", "/site-packages/"):
        assert inside not in answer.text
    (number,) = re.findall(rf": ({status}[-0-9a-f]*)</p>", answer.text)
    if status == 500:
        # What the reader quotes leads to what stands in the log.
        assert re.fullmatch(r"500-[0-9a-f]{8}", number)
        assert number in caplog.text
