"""Who sees which page: every address of the desk for every role, and for people who have none."""

import re

import pytest
from django.urls import URLPattern

from caisse.fund.access.models import ROLES
from caisse.fund.desk.urls import urlpatterns
from tests.fund.desk.counter import Counter, page_of
from tests.fund.visitors import visitor

READERS = {"officer", "supervisor", "board_secretary"}
OFFICERS = {"officer", "supervisor"}
SECRETARIES = {"board_secretary", "supervisor"}
SENDERS = READERS | {"editor"}
WRITERS = {"editor", "supervisor"}
#: The address's name -> who may use it; what shows cases or providers is a 404 for others, the rest a 403.
_GROUPS = (
    (
        READERS,
        "queue case document picture original signed letter board session session_paper expiring register",
    ),
    (READERS, "provider provider_letter outbox"),
    (
        OFFICERS,
        "take_next take assign note profession ask_back decide confirm give_back judge sort dates send_again"
        " ask_signatures assign_signature tell_signer offer_again",
    ),
    (SECRETARIES, "convene close record"),
    ({"supervisor"}, "account release case_audit"),
    (SENDERS, "newsletter issue call_back_issue send_issue"),
    (WRITERS, "new_issue write_issue proof discard_issue"),
    ({"administrator"}, "staff member grant_role end_role reset_factor set_active"),
    ({"auditor"}, "audit"),
)
ROLES_OF = {name: roles for roles, names in _GROUPS for name in names.split()}
OPEN_TO_ALL_STAFF = {"front"}
NEWSLETTER = {one for one, roles in ROLES_OF.items() if "editor" in roles}
NO_CASES = NEWSLETTER | {"audit"} | {one for one, roles in ROLES_OF.items() if roles == {"administrator"}}


def address(pattern: URLPattern, number: str) -> str:
    """An address of the pattern; what it names does not exist, except the case."""
    path = re.sub(r"<case:\w+>", number, str(pattern.pattern))
    path = path.replace("<slug:name>", "new").replace("<slug:what>", "agenda")
    return "/desk/" + re.sub(r"<int:\w+>", "987654", path)


def test_the_table_knows_every_address() -> None:
    assert {one.name for one in urlpatterns} == set(ROLES_OF) | OPEN_TO_ALL_STAFF


@pytest.mark.parametrize("role", ROLES)
def test_an_address_answers_only_its_roles(counter: Counter, role: str) -> None:
    case = counter.office.submitted("doctors")
    client = counter.at(role)
    for pattern in urlpatterns:
        if pattern.name in OPEN_TO_ALL_STAFF:
            continue
        path = address(pattern, case.number)
        looked, sent = client.get(path).status_code, client.post(path).status_code
        if role in ROLES_OF[pattern.name]:
            # 404: the address names something that is not there, but the page is for this role.
            assert (sent if looked == 405 else looked) in {200, 302, 400, 404, 409}, (path, looked, sent)
            continue
        got = {looked, sent}
        refused = {403} if pattern.name in NO_CASES or role in READERS else {404}
        assert got <= refused | {405}, (pattern.name, path, got)
    assert client.get(page_of(case)).status_code == (200 if role in READERS else 404)


def test_a_case_there_is_and_one_there_is_not_look_the_same_to_others(counter: Counter) -> None:
    case = counter.office.submitted("doctors")
    for role in ("administrator", "auditor", "editor"):
        client = counter.at(role)
        there, not_there = (client.get(f"/desk/cases/{number}/") for number in (case.number, "2026-999999"))
        assert (there.status_code, there.content) == (not_there.status_code, not_there.content)


def test_an_administrator_who_is_an_officer_too_reads_no_case(counter: Counter) -> None:
    case = counter.office.submitted("doctors")
    both = counter.at("double", "administrator", "officer")
    assert both.get(page_of(case)).status_code == 404
    assert both.get("/desk/queues/new/").status_code == 404
    assert both.post("/desk/next/").status_code == 404
    assert both.get("/desk/", follow=True).redirect_chain[-1][0] == "/desk/staff/"


def test_the_desk_is_not_there_for_others(counter: Counter) -> None:
    stranger = visitor(counter.user("stranger"), factor="totp")
    assert stranger.get("/desk/queues/new/").status_code == 404
    assert visitor().get("/desk/queues/new/").status_code == 302
    counter.at("officer")
    only_password = visitor(counter.user("officer"))
    assert only_password.get("/desk/queues/new/").url.startswith("/account/confirm/")


def test_what_changes_something_is_never_got(counter: Counter) -> None:
    case = counter.office.submitted("doctors")
    officer = counter.at("supervisor")
    for rest in ("take/", "assign/", "note/", "confirm/", "give-back/", "documents/1/judge/"):
        assert officer.get(page_of(case, rest)).status_code == 405
    case.refresh_from_db()
    assert case.state == "submitted"
