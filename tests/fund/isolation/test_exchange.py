"""The exchange's HTTPS API as everybody, through the real process: another's mailbox is as one that is not there."""

import base64
import itertools
import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date

import httpx
import pytest
from django.utils import timezone

from caisse.fund.exchange import actions
from caisse.fund.exchange.models import Deposit
from caisse.fund.home import Home
from caisse.fund.registry import actions as registry
from tests.fund.doors.doorway import CODE, OTHER_CODE, PASSWORD, Door, Practice, browser, https_door, practice
from tests.fund.isolation.walking import routes

_URLS = "caisse.fund.exchange.doors.https"
_TUS = {"Tus-Resumable": "1.0.0"}
_BYTES = _TUS | {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
#: Every address of the door: whether it needs an account, and what is sent along with a method.
TABLE: dict[str, tuple[bool, dict[str, dict[str, str]]]] = {
    "/api/v1/mailbox/in": (True, {}),
    "/api/v1/mailbox/in/{name}": (True, {}),
    "/api/v1/mailbox/out": (True, {}),
    "/api/v1/mailbox/out/{name}": (True, {}),
    "/api/v1/deposits": (True, {}),
    "/api/v1/deposits/{deposit_id}": (True, {}),
    "/api/v1/uploads": (True, dict.fromkeys(_METHODS, _TUS)),
    "/api/v1/uploads/{name}": (True, {**dict.fromkeys(_METHODS, _TUS), "PATCH": _BYTES}),
    "/api/v1/keys": (False, {}),
    "/api/v1/layouts": (False, {}),
    "/api/v1/reasons/{code}": (False, {}),
    "/api/": (False, {}),
    "/api/docs": (False, {}),
    "/api/docs/assets/{name}": (False, {}),
    "/api/openapi.json": (False, {}),
}
_CLOSED_CODE, _ENDED_CODE = 52001902, 52002003
_sources = (f"127.0.{4 + number // 250}.{1 + number % 250}" for number in itertools.count())


@dataclass
class Exchange:
    """Two practices with mailboxes, and one whose account and one whose code is closed; all that is A's."""

    home: Home
    door: Door
    a: Practice
    b: Practice
    closed: Practice
    ended: Practice
    #: By the kind of thing an address names: what is A's, and what is nobody's.
    things: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def caller(self, who: Practice | None = None) -> AbstractContextManager[httpx.Client]:
        """A client of its own, from an address that has not been slowed down."""
        return browser(self.home, self.door, who, next(_sources))


@pytest.fixture(scope="module")
def exchange(module_db: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    folder = tmp_path_factory.mktemp("exchange")
    people = [practice(code, folder) for code in (CODE, OTHER_CODE, _CLOSED_CODE, _ENDED_CODE)]
    said = {"by": "test", "at": timezone.now()}
    actions.set_active(account_id=people[2].account.pk, active=False, **said)
    provider = registry.register_provider(name="Ended", kind="company", **said)
    registry.allocate_code(
        provider_id=provider, code=_ENDED_CODE, profession="laboratories", valid_from=date(2020, 1, 1), **said
    )
    registry.withdraw_code(code=_ENDED_CODE, valid_until=date(2021, 1, 1), why="", **said)
    with https_door(module_db, folder / "door") as door:
        made = Exchange(module_db, door, *people)
        _furnish(made)
        yield made


def _furnish(exchange: Exchange) -> None:
    """A has a file that waits, an answered one, and an upload that is not finished."""
    at, name = timezone.now(), exchange.a.name
    with browser(exchange.home, exchange.door, exchange.a) as client:
        waiting = client.put(f"/mailbox/in/{name('SECRETW')}", content=b"<waiting/>").json()
        answered = client.put(f"/mailbox/in/{name('SECRETX')}", content=b"<answered/>").json()
        metadata = base64.b64encode(name("SECRETU").encode()).decode()
        told = _TUS | {"Upload-Length": "10", "Upload-Metadata": f"filename {metadata}"}
        assert client.post("/uploads", headers=told).status_code == 201
        assert (
            client.patch(f"/uploads/{name('SECRETU')}", content=b"<half", headers=_BYTES).status_code == 204
        )
    actions.deliver_answer(
        deposit_id=answered["deposit"], kind="acknowledgement", name="SECRETY.xml", content=b"<secret/>",
        by="test", at=at,
    )  # fmt: skip
    receipt = f"{name('SECRETW')}.receipt.jws"
    nobody = name("SECRETN")
    exchange.things = {
        "/api/v1/mailbox/in/{name}": [(name("SECRETW"), nobody), (name("SECRETU"), nobody)],
        "/api/v1/mailbox/out/{name}": [(receipt, f"{nobody}.receipt.jws"), ("SECRETY.xml", "SECRETN.xml")],
        "/api/v1/deposits/{deposit_id}": [(waiting["deposit"], "01a202e1-f878-7a6a-901d-60b1ededa63b")],
        "/api/v1/uploads/{name}": [(name("SECRETU"), nobody), (name("SECRETW"), nobody)],
    }
    exchange.secrets = {
        "SECRET", exchange.a.user, waiting["deposit"], waiting["sha256"], answered["deposit"],
        answered["sha256"], waiting["receipt"], "<secret/>",
    }  # fmt: skip


def _root(client: httpx.Client) -> str:
    return str(client.base_url).removesuffix("/api/v1/")


def _filled(template: str, value: str) -> str:
    return re.sub(r"\{\w+\}", value, template)


def _comparable(answer: httpx.Response, value: str) -> tuple:
    """An answer without its moment and without what it was asked for."""
    headers = {
        key: text.replace(value, "[thing]") for key, text in answer.headers.items() if key not in ("date",)
    }
    return answer.status_code, headers, answer.content.replace(value.encode(), b"[thing]")


def _ask(client: httpx.Client, method: str, template: str, value: str = "", **more: object) -> httpx.Response:
    headers = TABLE[template][1].get(method, {}) | more.pop("headers", {})
    content = b"x" if method in ("PUT", "PATCH", "POST") else b""
    return client.request(
        method, _root(client) + _filled(template, value), headers=headers, content=content, **more
    )


def _shown(exchange: Exchange, answer: httpx.Response, *but: str) -> list[str]:
    text = answer.text + json.dumps(dict(answer.headers))
    for one in but:
        text = text.replace(one, "")
    return [one for one in exchange.secrets if one in text]


def test_every_address_and_operation_is_in_the_table(exchange: Exchange) -> None:
    found = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", f"/{route}") for route in routes(_URLS)}
    with exchange.caller() as client:
        found |= set(client.get(f"{_root(client)}/api/openapi.json").json()["paths"])
    assert found == set(TABLE), "say in TABLE what each address of the exchange is"


@pytest.mark.parametrize("method", _METHODS)
def test_what_is_another_s_is_answered_as_what_is_not_there(exchange: Exchange, method: str) -> None:
    deposits = sorted(Deposit.objects.values_list("pk", "account_id", "stage"))
    with exchange.caller(exchange.b) as other:
        for template, pairs in exchange.things.items():
            for stolen, absent in pairs:
                told, nothing = (_ask(other, method, template, one) for one in (stolen, absent))
                where = f"{method} {template} {stolen}: {told.status_code}"
                assert _comparable(told, stolen) == _comparable(nothing, absent), where
                assert 400 <= told.status_code < 500 or (method, told.status_code) == ("OPTIONS", 204), where
                assert not _shown(exchange, told, stolen), where
    assert sorted(Deposit.objects.values_list("pk", "account_id", "stage")) == deposits
    # What A has is still as it was, and his.
    with exchange.caller(exchange.a) as owner:
        half = owner.head(f"/uploads/{exchange.a.name('SECRETU')}", headers=_TUS)
        assert (half.status_code, half.headers["upload-offset"]) == (200, "5")


def test_neither_parts_nor_marks_nor_repeats_tell_of_another_s_file(exchange: Exchange) -> None:
    template = "/api/v1/mailbox/out/{name}"
    (stolen, absent), *_more = exchange.things[template]
    with exchange.caller(exchange.a) as owner, exchange.caller(exchange.b) as other:
        mark = _ask(owner, "GET", template, stolen).headers["etag"]
        for headers in ({"Range": "bytes=0-3"}, {"Range": "bytes=999999-"}, {"If-None-Match": mark}):
            told, nothing = (_ask(other, "GET", template, one, headers=headers) for one in (stolen, absent))
            assert _comparable(told, stolen) == _comparable(nothing, absent), headers
        # The very bytes A sent, other bytes under A's name, and a name of A's that is still free.
        name = exchange.a.name
        sent = [
            other.put(f"/mailbox/in/{one}", content=content)
            for one, content in (
                (name("SECRETW"), b"<waiting/>"), (name("SECRETW"), b"<other/>"), (name("SECRETF"), b"<other/>"),
            )
        ]  # fmt: skip
        assert {answer.status_code for answer in sent} == {403}
        assert len({answer.content for answer in sent}) == 1
        # A's bytes under a name of B's own are a deposit of B's like any other.
        own = other.put(f"/mailbox/in/{exchange.b.name('OWN')}", content=b"<waiting/>")
        assert (own.status_code, own.json()["duplicate"]) == (201, False)
        assert not [one for one in _shown(exchange, own) if one not in own.json()["sha256"]]


def test_lists_hold_what_is_one_s_own_however_they_are_asked(exchange: Exchange) -> None:
    with exchange.caller(exchange.a) as owner:
        places = [one["place"] for one in owner.get("/mailbox/out").json()]
        assert len(owner.get("/deposits").json()) == 2 and len(places) >= 2
        held = owner.get("/deposits", params={"name": exchange.a.name("SECRETW")}).json()
        assert len(held) == 1
    own = {exchange.b.name("OWN"), f"{exchange.b.name('OWN')}.receipt.jws"}
    # What B himself tried to send under A's names is noted in his own mailbox, in the same words for each.
    tried = {f"{exchange.a.name(word)}.refused.txt" for word in ("SECRETW", "SECRETU", "SECRETN", "SECRETF")}
    with exchange.caller(exchange.b) as other:
        for path in ("/mailbox/in", "/mailbox/out", "/deposits"):
            for params in ({}, {"after": min(places)}, {"after": "20240101T000000.000000Z-", "limit": 1000},
                           {"name": exchange.a.name("SECRETW")}, {"stage": "received"},
                           {"account": str(exchange.a.account.pk)}, {"user": exchange.a.user}):  # fmt: skip
                answer = other.get(path, params=params)
                assert {one["name"] for one in answer.json()} <= own | tried, (path, params)
            # A number that counts all accounts would tell how much the others send.
            counted = [
                key for one in other.get(path).json() for key, value in one.items() if isinstance(value, int)
            ]
            assert set(counted) == {"size"}, path
        notes = {one: other.get(f"/mailbox/out/{one}") for one in tried}
        found = {(one.status_code, one.text.replace(name.removesuffix(".refused.txt"), ""))
                 for name, one in notes.items() if one.status_code != 404}  # fmt: skip
        assert len(found) == 1, found


def test_who_has_no_account_learns_nothing(exchange: Exchange) -> None:
    """Nobody, a wrong password, a name that is not there, a closed account, a code that has ended."""
    a = exchange.a.user
    keys = {
        "nobody": None, "wrong": (a, "wrong"), "unknown": ("52009999-lab", PASSWORD),
        "closed": (exchange.closed.user, PASSWORD), "ended": (exchange.ended.user, PASSWORD),
    }  # fmt: skip
    answers: dict[str, set] = {who: set() for who in keys}
    # Every wrong password costs the door as much as a right one: not all is tried with each.
    for template, (needs_account, _) in TABLE.items():
        if not needs_account:
            continue
        methods = {"uploads": ("PATCH",), "in": ("PUT",)}.get(template.split("/")[-2], ("GET",))
        values = exchange.things.get(template, [("", "")])[0]
        for method, value, (who, auth) in itertools.product(methods, values, keys.items()):
            if who not in ("nobody", "wrong") and (value != values[0] or template not in exchange.things):
                continue
            with exchange.caller() as client:
                answer = _ask(client, method, template, value, **({"auth": auth} if auth else {}))
            where = f"{method} {template} {value} as {who}: {answer.status_code}"
            assert answer.status_code in (401, 403, 404, 405), where
            assert not _shown(exchange, answer, value, exchange.ended.user), where
            if answer.status_code != 405:
                answers[who].add((answer.status_code, answer.content, answer.headers.get("www-authenticate")))
    assert answers["wrong"] == answers["unknown"] == answers["closed"] == answers["nobody"]
    assert {status for status, *_ in answers["wrong"]} == {401}
    assert {status for status, *_ in answers["ended"]} == {403}


def test_what_is_published_is_the_same_for_everybody(exchange: Exchange) -> None:
    open_to_all = [template for template, (needs_account, _) in TABLE.items() if not needs_account]
    with exchange.caller() as stranger, exchange.caller(exchange.b) as other:
        for template in open_to_all:
            value = {"/api/v1/reasons/{code}": "KEY-001"}.get(template, "swagger-ui.css")
            told = [_ask(client, "GET", template, value) for client in (stranger, other)]
            assert told[0].status_code == (404 if template == "/api/" else 200), template
            assert _comparable(told[0], value) == _comparable(told[1], value), template
            assert not _shown(exchange, told[0]), template
