"""What no address answers: forms that are not ours, methods nobody named, and texts made to break something."""

import pytest
from django.test import Client
from django.urls import reverse

from caisse.fund.access.models import User
from caisse.fund.casework.models import CaseDocument, Entry, Question
from caisse.fund.registry.models import Provider
from tests.fund.isolation.table import ALL, ID, SIGN_IN, TABLE, Thing
from tests.fund.isolation.walking import address, addresses, content_of, leaks, outcome, undone
from tests.fund.isolation.world import VISITORS, World

#: Who may do nearly everything between them.
_SEVERAL = (
    "nobody",
    "link",
    "owner",
    "provider_a",
    "officer",
    "supervisor",
    "editor",
    "administrator",
    "auditor",
)
_PAYLOAD = "<img src=x onerror=alert(1)>\"'><script>alert(1)</script>"


@pytest.fixture(scope="module")
def clients(world: World) -> dict[str, Client]:
    return {name: world.client(name) for name in VISITORS}


def _who_may(name: str, thing: Thing, method: str) -> str | None:
    row = TABLE[name]
    gate = row.post_gate if method == "POST" and row.post_gate else row.gate
    return (
        next((one for one in _SEVERAL if gate(one, thing) == "ok"), None) if method in row.methods else None
    )


def _first(name: str, world: World, method: str) -> tuple[Thing, str] | None:
    """A thing of this address and somebody who may do something with it."""
    for thing in TABLE[name].things(world):
        if thing.reach and (visitor := _who_may(name, thing, method)):
            return thing, visitor
    return None


def test_a_form_without_our_token_is_refused_everywhere(world: World, clients: dict[str, Client]) -> None:
    tried = 0
    for name, row in {**TABLE, **SIGN_IN}.items():
        thing = row.things(world)[0]
        body = dict(row.body(world, thing))
        for visitor in ("nobody", "link", "provider_a", "supervisor", "administrator"):
            client = clients[visitor]
            client.handler.enforce_csrf_checks = True
            try:
                with undone(client):
                    answer = client.post(address(name, thing.address), body)
            finally:
                client.handler.enforce_csrf_checks = False
            assert answer.status_code == 403, (name, visitor, answer.status_code)
            assert not leaks(world, visitor, address(name, thing.address), answer, thing.shows)
            tried += 1
    assert tried == 5 * len(addresses())


def test_a_mail_program_ends_a_subscription_without_a_token(world: World) -> None:
    """RFC 8058: the one POST that needs none."""
    client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
    client.defaults["wsgi.url_scheme"] = "https"
    path = reverse("portal:newsletter_unsubscribe", args=[world.tokens["unsubscribe"]])
    with undone(client):
        assert client.post(path, {"List-Unsubscribe": "One-Click"}).status_code == 200
        assert client.post(path, {"something": "else"}).status_code == 403


_AT_GATES = ("provider_b", "officer", "nobody", "administrator")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS", "HEAD"])
def test_other_methods_do_nothing_and_say_nothing(
    world: World, clients: dict[str, Client], method: str
) -> None:
    for name, row in TABLE.items():
        for thing in row.things(world)[:1]:
            for visitor in _AT_GATES[:2] if method == "HEAD" else _AT_GATES:
                client, path = clients[visitor], address(name, thing.address)
                with undone(client):
                    answer = client.generic(method, path)
                got = outcome(answer)
                where = f"{method} {name} as {visitor}: {answer.status_code}"
                assert not leaks(world, visitor, path, answer, thing.shows), where
                if method == "HEAD":
                    assert content_of(answer) == b"", where
                    if "GET" in row.methods:
                        with undone(client):
                            answer = client.get(path)
                            content_of(answer)
                            assert got == outcome(answer), where
                elif name not in ("signed_in", "strong_sign_in"):
                    assert got in ("method", "gone", "login", "strong", "forbidden"), where


_PARAMETERS = (
    "page", "document", "sort", "q", "text", "kind", "on", "known_at", "case", "day", "user", "action",
    "state", "next", "wide",
)  # fmt: skip
_ODD = {"nul": "\x00", "digits": "9" * 40, "backwards": "\u202efdp.exe", "long": "x" * 300_000,
        "odd": "\ud7ff\uffff", "minus": "-1"}  # fmt: skip


def _soak(word: str) -> tuple[pytest.MarkDecorator, ...]:
    """Two of the texts broke something once; the others take as long."""
    return () if word in ("nul", "digits") else (pytest.mark.soak,)


@pytest.mark.parametrize("value", [pytest.param(one, marks=_soak(key), id=key) for key, one in _ODD.items()])
def test_no_text_breaks_a_page(world: World, clients: dict[str, Client], value: str) -> None:
    broken = []
    for name, row in TABLE.items():
        if found := _first(name, world, "POST"):
            thing, visitor = found
            body = dict(row.body(world, thing))
            # One after the other, for a wrong field hides the next; and all at once.
            for changed in [*({**body, key: value} for key in [*body][:5]), dict.fromkeys(body, value)]:
                if _quietly(clients[visitor], "POST", address(name, thing.address), changed) >= 500:
                    wrong = sorted(key for key in changed if changed[key] == value)
                    broken.append(f"POST {name} as {visitor} with {wrong[:5]}")
        if found := _first(name, world, "GET"):
            thing, visitor = found
            given = dict.fromkeys(_PARAMETERS, value[:500])
            if _quietly(clients[visitor], "GET", address(name, thing.address), given) >= 500:
                broken.append(f"GET {name} as {visitor}")
    assert not broken, "\n".join(broken)


def _quietly(client: Client, method: str, path: str, data: dict) -> int:
    """The status of an answer; what breaks is 500, as it is for a visitor."""
    client.raise_request_exception = False
    try:
        with undone(client):
            answer = getattr(client, method.lower())(path, data)
            content_of(answer)
            return answer.status_code
    finally:
        client.raise_request_exception = True


def test_no_address_breaks_a_page(world: World, clients: dict[str, Client]) -> None:
    broken = []
    for name, row in TABLE.items():
        for thing in row.things(world)[:1]:
            for key, value in thing.address.items():
                odd = (
                    [10**30, 2**63, 0]
                    if isinstance(value, int)
                    else ["a\x00b", "\u202e", "%", "x" * 3000, "..", "-"]
                )
                for one in odd:
                    try:
                        path = address(name, {**thing.address, key: one})
                    except Exception:
                        continue
                    for method in ("GET", "POST"):
                        for visitor in {"nobody", _who_may(name, thing, method) or "nobody"}:
                            if (status := _quietly(clients[visitor], method, path, {})) >= 500:
                                broken.append(
                                    f"{method} {name} {key}={str(one)[:9]!r} as {visitor}: {status}"
                                )
    assert not broken, "\n".join(broken)


def test_what_people_write_is_never_markup(world: World, clients: dict[str, Client]) -> None:
    """Names, sheets, questions, notes and names of files full of tags, on every page there is."""
    read = 0
    with undone(clients["nobody"]):
        for case in world.cases.values():
            case.refresh_from_db()
            case.sheet = {name: f"{_PAYLOAD}{value}" for name, value in case.sheet.items()}
            case.save(update_fields=["sheet"])
        CaseDocument.objects.update(name=_PAYLOAD, reason=_PAYLOAD)
        Question.objects.update(text=_PAYLOAD, answer=_PAYLOAD)
        Entry.objects.update(text=_PAYLOAD)
        Provider.objects.update(name=_PAYLOAD)
        User.objects.update(name=_PAYLOAD)
        for name, row in TABLE.items():
            for thing in row.things(world):
                for visitor in _SEVERAL:
                    if "GET" in row.methods and thing.reach and row.gate(visitor, thing) == "ok":
                        with undone(clients[visitor]):
                            answer = clients[visitor].get(address(name, thing.address), row.query)
                            content = content_of(answer)
                        if answer.headers["Content-Type"].startswith("text/html"):
                            text = content.decode()
                            assert "<img src=x" not in text and "<script>alert" not in text, (name, visitor)
                            assert "onerror=alert(1)>" not in text, (name, visitor)
                            read += "&lt;img src=x" in text
    assert read > 20


_ELSEWHERE = ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "https:evil.example",
              "\thttps://evil.example", "http://localhost@evil.example/")  # fmt: skip


@pytest.mark.parametrize("there", _ELSEWHERE)
def test_nobody_is_led_elsewhere(world: World, clients: dict[str, Client], there: str) -> None:
    for visitor in ("nobody", "person", "officer_weak", "officer"):
        client = clients[visitor]
        for path in ("/account/login/", "/account/logout/", "/account/confirm/", "/account/2fa/reauthenticate/",
                     "/account/reauthenticate/", "/account/signup/"):  # fmt: skip
            with undone(client):
                answer = client.get(path, {"next": there})
            assert "evil.example" not in answer.get("Location", "").partition("?")[0], (path, visitor)
            assert f'href="{there}' not in content_of(answer).decode()
        with undone(client):
            assert client.post("/language/", {"language": "de", "next": there})["Location"] == "/"
    # Whoever has to prove a second factor first comes back to us, whatever page sent him.
    client = clients["officer_weak"]
    with undone(client):
        answer = client.post("/desk/next/", headers={"referer": there.strip()})
        answer = client.get(answer["Location"])
        assert "evil.example" not in answer.get("Location", "")


_KINDS = ("application/pdf", "application/jose", "image/png", "application/json", "text/csv")


def test_personal_pages_are_kept_by_no_cache_and_taken_for_nothing_else(
    world: World, clients: dict[str, Client]
) -> None:
    files = 0
    for name, row in TABLE.items():
        if (found := _first(name, world, "GET")) is None:
            continue
        thing, visitor = found
        with undone(clients[visitor]):
            answer = clients[visitor].get(address(name, thing.address), row.query)
            content_of(answer)
        if name == "static_file":
            continue
        assert "no-store" in answer["Cache-Control"], name
        assert answer["X-Content-Type-Options"] == "nosniff", name
        if answer["Content-Type"].startswith("text/html"):
            continue
        files += 1
        assert answer["Content-Type"].partition(";")[0] in _KINDS, name
        if name in ("portal:original", "desk:original", "portal:letter", "portal:provider_letter"):
            assert answer["Content-Disposition"].startswith("attachment;"), name
        if name in ("portal:original", "desk:original", "desk:picture"):
            assert "sandbox" in answer["Content-Security-Policy"], name
            assert "default-src 'none'" in answer["Content-Security-Policy"], name
    assert files >= 8


def test_a_session_prepared_by_somebody_else_is_worth_nothing(world: World) -> None:
    client = world.client("nobody")
    client.get("/account/login/")
    with undone(client):
        client.post("/cases/link/", {"number": "2026-999999"})
        before = client.cookies.get("__Host-session")
        before_value = before.value if before else ""
        client.get(f"/case/{world.cases['linked'].number}/{world.keys['linked']}")
        assert client.cookies["__Host-session"].value not in ("", before_value)
        # A second case in the same session gives it another name again.
        value = client.cookies["__Host-session"].value
        client.get(f"/case/again/{world.tokens['again']}")
        assert client.cookies["__Host-session"].value != value


def test_ids_are_of_things(world: World) -> None:
    """The table's own numbers for nothing are of nothing."""
    assert ID not in world.ids.values() and set(VISITORS) == ALL
