"""Every address of the pages as everybody: who may, can; for others nothing exists, and nothing is said.

Of the walks there is a thorough one, which leaves nothing out, for the soak.
"""

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from django.db import connection
from django.test import Client

from tests.fund.isolation.table import FAR, SIGN_IN, TABLE, Row, Thing
from tests.fund.isolation.walking import (
    TRACES,
    address,
    addresses,
    comparable,
    differing,
    leaks,
    outcome,
    undone,
    watched,
)
from tests.fund.isolation.world import STAFF, VISITORS, World

# Some thousand requests each.
pytestmark = pytest.mark.timeout(1200)

EVERYTHING = {**TABLE, **SIGN_IN}
THOROUGH = pytest.mark.parametrize(
    "thorough", [False, pytest.param(True, marks=pytest.mark.soak)], ids=["", "thorough"]
)
#: Who goes also to the further things of an address: whoever has something alike of his own.
AT_HOME = {
    "portal": ("nobody", "link", "owner", "provider_a", "casework_a", "mandate_other_scope", "provider_b",
               "signer", "signer_weak"),
    "desk": STAFF,
}  # fmt: skip
#: Where nobody is let in, with a method the address does not know, and on the pages of the sign-in.
SOME = (
    "nobody",
    "deactivated",
    "link",
    "provider_a",
    "provider_b",
    "officer_weak",
    "officer",
    "administrator",
)


#: Everybody signs in again after so many seconds: two factors open what is signed for five minutes.
_FRESH = 120.0


@pytest.fixture
def clients(world: World) -> dict[str, Client]:
    return {name: world.client(name) for name in VISITORS}


def test_every_address_has_a_row() -> None:
    missing = sorted(set(addresses()) - set(EVERYTHING))
    assert not missing, (
        f"Nobody has said who may see {missing}: add a row for each to TABLE in tests/fund/isolation/table.py, "
        "with its gate, its methods and the things it names."
    )
    gone = sorted(set(EVERYTHING) - set(addresses()))
    assert not gone, f"These addresses are no more; take their rows out of the table: {gone}"


def expected(row: Row, method: str, visitor: str, name: str, thing: Thing) -> str:
    if name.startswith("desk:") and visitor in FAR:
        return "gone"
    if method not in row.methods:
        return "method"
    gate = row.post_gate if method == "POST" and row.post_gate else row.gate
    return gate(visitor, thing)


def send(client: Client, method: str, path: str, row: Row, body: dict) -> object:
    if method == "POST":
        return client.post(path, body)
    return client.generic(method, path, QUERY_STRING="&".join(f"{k}={v}" for k, v in row.query.items()))


def digests() -> dict[str, str]:
    """Of each table that a look must not change, what is in it."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            if table not in TRACES:
                cursor.execute(f'SELECT md5(t::text) FROM "{table}" t ORDER BY 1')
                found[table] = hashlib.sha256("".join(row[0] for row in cursor).encode()).hexdigest()
    return found


@dataclass
class Walk:
    """Goes to addresses with one method and notes what is wrong, with the visitors for whom it is."""

    world: World
    clients: dict[str, Client]
    method: str
    faults: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    allowed: Counter[str] = field(default_factory=Counter)
    twins: dict[tuple[str, str], tuple[tuple, int]] = field(default_factory=dict)
    thorough: bool = False
    begun: float = field(default_factory=time.monotonic)

    def visitors(self, name: str, row: Row, further: bool) -> Iterable[str]:
        """Who goes to a thing: everybody to the first of an address, to the others who got past its gate there."""
        if self.thorough:
            return self.clients
        if self.method not in row.methods:
            return () if further else SOME
        return AT_HOME[name.partition(":")[0]] if further and ":" in name else self.clients

    def go(self, name: str, row: Row, thing: Thing, *, further: bool = False) -> None:
        """One thing as everybody."""
        if time.monotonic() - self.begun > _FRESH:
            self.clients = {visitor: self.world.client(visitor) for visitor in self.clients}
            self.begun = time.monotonic()
        path = address(name, thing.address)
        body = dict(row.body(self.world, thing)) if self.method == "POST" else {}
        for visitor in self.visitors(name, row, further):
            client = self.clients[visitor]
            said_of = expected(row, self.method, visitor, name, thing)
            known, wanted = said_of.startswith("known "), said_of.removeprefix("known ")
            with undone(client), watched() as asked:
                answer = send(client, self.method, path, row, body)
            got = outcome(answer)
            self.allowed[name] += got == "ok"
            said = [] if got == wanted else [f"{got} instead of {wanted}"]
            if found := leaks(self.world, visitor, path, answer, thing.shows):
                said.append(f"shows secrets of {sorted(found)}")
            if (self.method == "GET" or got != "ok") and asked.tables - TRACES:
                said.append(f"writes to {sorted(asked.tables - TRACES)}")
            if wanted != "ok" and not known and thing.twin is not None:
                twin, statements = self._twin(visitor, address(name, thing.twin), row, body)
                if difference := differing(comparable(answer, path), twin):
                    said.append(f"differs from {dict(thing.twin)}: {difference}")
                # What takes more statements takes more time, and that tells as well.
                if asked.statements != statements:
                    said.append(f"{asked.statements} statements, {statements} for {dict(thing.twin)}")
            for one in said:
                self.faults[f"{self.method} {name} {dict(thing.address)} {one}"].append(visitor)

    def _twin(self, visitor: str, path: str, row: Row, body: dict) -> tuple[tuple, int]:
        """The answer for what does not exist, and how many statements it takes."""
        if (visitor, path) not in self.twins:
            client = self.clients[visitor]
            with undone(client), watched() as asked:
                answer = comparable(send(client, self.method, path, row, body), path)
            self.twins[visitor, path] = answer, asked.statements
        return self.twins[visitor, path]


@THOROUGH
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_may_can_and_for_others_nothing_exists(
    world: World, clients: dict[str, Client], method: str, thorough: bool
) -> None:
    walk, before = Walk(world, clients, method, thorough=thorough), digests()
    for name, row in TABLE.items():
        for place, thing in enumerate(row.things(world)):
            walk.go(name, row, thing, further=place > 0)
    told = [f"{fault} for {', '.join(who)}" for fault, who in walk.faults.items()]
    assert not told, "\n".join(told)
    # What may be done was done: a table that forbids everything would be kept as well.
    barren = {name for name, row in TABLE.items() if method in row.methods and not walk.allowed[name]}
    assert not barren, f"nobody was let in: {barren}"
    assert digests() == before


@THOROUGH
def test_the_pages_of_the_sign_in_tell_nobody_of_others(
    world: World, clients: dict[str, Client], thorough: bool
) -> None:
    faults = []
    for name, row in SIGN_IN.items():
        for thing in row.things(world):
            for visitor in clients if thorough else SOME:
                client = clients[visitor]
                for method in ("GET", "POST"):
                    path = address(name, thing.address)
                    with undone(client):
                        answer = send(client, method, path, row, {})
                    where = f"{method} {path} as {visitor}: {answer.status_code}"
                    known = row.gate(visitor, thing) != "login"
                    if answer.status_code >= 500 or (not known and outcome(answer) != "login"):
                        faults.append(where)
                    if found := leaks(world, visitor, path, answer, thing.shows):
                        faults.append(f"{where} shows secrets of {sorted(found)}")
                    if thing.twin is None:
                        continue
                    twin = address(name, thing.twin)
                    with undone(client):
                        other = comparable(send(client, method, twin, row, {}), twin)
                    if difference := differing(comparable(answer, path), other):
                        faults.append(f"{where} differs from {twin}: {difference}")
    assert not faults, "\n".join(faults)
