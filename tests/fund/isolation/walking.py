"""Going to every address as everybody: requests that leave nothing behind, and answers made comparable."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.fund.isolation.table import may_read
from tests.fund.isolation.world import SECRET, World

#: Tables in which a look may leave a trace: the record, sessions, counters of attempts.
TRACES = frozenset({"audit_event", "audit_unsealed", "django_session", "access_cache"})
_WRITES = re.compile(r'^\s*(?:INSERT INTO|UPDATE|DELETE FROM|TRUNCATE)\s+(?:ONLY\s+)?"?(\w+)', re.IGNORECASE)
_CHANGING = re.compile(
    r'name="csrfmiddlewaretoken" value="[^"]*"|nonce="[^"]*"|data:image/svg\+xml[^"]*|"X-CSRFToken": "[^"]*"'
)
_HEADERS = frozenset({"set-cookie", "date", "content-length", "expires"})


def addresses() -> dict[str, str]:
    """Every address of the pages: its name with its namespace, or its route, and its route."""
    return dict(_walk(get_resolver(), "", ""))


def routes(urls: str) -> set[str]:
    """Every route of a door whose addresses stand in the module ``urls``."""
    return {route for _name, route in _walk(get_resolver(urls), "", "")}


def _walk(resolver: URLResolver, route: str, space: str) -> Iterator[tuple[str, str]]:
    for one in resolver.url_patterns:
        here = route + str(one.pattern)
        if isinstance(one, URLPattern):
            yield (f"{space}{one.name}" if one.name else here), here
        else:
            yield from _walk(one, here, f"{space}{one.namespace}:" if one.namespace else space)


def address(name: str, parts: Mapping[str, Any]) -> str:
    """The path of an address; one without a name is its own route."""
    return f"/{name}" if "/" in name else reverse(name, kwargs=dict(parts))


@contextmanager
def undone(client: Client) -> Iterator[None]:
    """What is done within it leaves neither rows nor cookies."""
    cookies = deepcopy(client.cookies)
    try:
        with transaction.atomic():
            yield
            transaction.set_rollback(True)
    finally:
        client.cookies = cookies


@dataclass
class Asked:
    """Tables that statements wrote to, and how many statements there were."""

    tables: set[str] = field(default_factory=set)
    statements: int = 0

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        self.statements += 1
        if found := _WRITES.match(sql):
            self.tables.add(found[1])
        return execute(sql, params, many, context)


@contextmanager
def watched() -> Iterator[Asked]:
    """What the database is asked within it."""
    asked = Asked()
    with connection.execute_wrapper(asked):
        yield asked


def content_of(response: HttpResponseBase) -> bytes:
    """What an answer says; the file it comes from is closed, as a server does."""
    said = b"".join(response) if response.streaming else response.content  # type: ignore[attr-defined]
    for close in response._resource_closers:
        close()
    return said


def comparable(response: HttpResponseBase, path: str) -> tuple[int, list[tuple[str, str]], str, list[str]]:
    """Status, headers, content and names of cookies, without what differs between any two answers."""
    text = _without(path, _CHANGING.sub("", content_of(response).decode("utf-8", "replace")))
    headers = [(name, _without(path, value)) for name, value in response.items()]
    kept = sorted(pair for pair in headers if pair[0].lower() not in _HEADERS)
    return response.status_code, kept, text, sorted(response.cookies)


def _without(path: str, text: str) -> str:
    """A text without the address it was asked under, however it is quoted."""
    for form in (path, quote(path, safe="/"), quote(path, safe="")):
        text = text.replace(form, "[address]")
    return text


def differing(one: tuple, other: tuple) -> str:
    """The first difference of two comparable answers; empty when there is none."""
    for mine, theirs in zip(one, other, strict=True):
        if mine != theirs and isinstance(mine, str):
            at = next((n for n, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), 0)
            return f"{mine[max(0, at - 40) : at + 40]!r} and {theirs[max(0, at - 40) : at + 40]!r}"
        if mine != theirs:
            return f"{mine} and {theirs}"
    return ""


def outcome(response: HttpResponseBase) -> str:
    """What an answer comes to, in the table's words."""
    place = response.get("Location", "")
    if response.status_code == 302 and place.startswith("/account/login/"):
        return "login"
    if response.status_code == 302 and place.startswith("/account/confirm/?"):
        return "strong"
    return {200: "ok", 302: "ok", 404: "gone", 403: "forbidden", 405: "method"}.get(
        response.status_code, str(response.status_code)
    )


def leaks(
    world: World, visitor: str, path: str, response: HttpResponseBase, shows: frozenset[str]
) -> set[str]:
    """Whose secrets an answer shows, headers included, that the visitor may not read; its own address aside."""
    text = content_of(response).decode("utf-8", "replace")
    text += "\n".join(f"{name}: {value}" for name, value in response.items())
    found = set()
    for match in SECRET.finditer(_without(path, text)):
        word = match[0]
        whose = world.secrets.get(word) or world.secrets.get(word.replace(" ", ""))
        if whose and not may_read(visitor, whose) and whose.rpartition(" of ")[2] not in shows:
            found.add(whose)
    return found
