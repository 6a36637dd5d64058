"""Any past day, as it was known at any time: the register against a naive replay of the list of changes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caisse.agreement.errors import WrongUse
from caisse.fund.registry import actions, queries

DAY0 = date(2024, 1, 1)
#: The days of the little world; periods may be open beyond them.
WORLD = range(9)


def day(number: int) -> date:
    return DAY0 + timedelta(days=number)


@dataclass
class Oracle:
    """The register as one would write it down on paper: for each code and day what holds, nothing else."""

    opened: dict[int, int] = field(default_factory=dict)
    ended: dict[int, int | None] = field(default_factory=dict)
    suspended: dict[int, set[int]] = field(default_factory=dict)
    members: set[tuple[int, int]] = field(default_factory=set)
    licensed: set[int] = field(default_factory=set)

    def copy(self) -> "Oracle":
        return Oracle(
            dict(self.opened), dict(self.ended), {code: set(days) for code, days in self.suspended.items()},
            set(self.members), set(self.licensed),
        )  # fmt: skip

    def state(self, code: int, on: int) -> str:
        if code not in self.opened:
            return "unknown"
        if on < self.opened[code]:
            return "not_yet"
        end = self.ended[code]
        if end is not None and on >= end:
            return "ended"
        return "suspended" if on in self.suspended[code] else "valid"


#: One change: its name, which of the codes, and two days.
CHANGES = st.lists(
    st.tuples(
        st.sampled_from(("suspend", "lift", "withdraw", "reopen", "join", "leave", "relicense")),
        st.integers(0, 1), st.sampled_from(WORLD), st.one_of(st.none(), st.sampled_from(WORLD)),
    ),
    min_size=1, max_size=12,
)  # fmt: skip
#: Far enough beyond the world that an open period covers every day looked at.
_EVER = 40


class World:
    """Two members' codes, an association and a licence; every change is made twice: in the register and on paper."""

    def __init__(self, now: datetime) -> None:
        self.now, self.clock = now, 0
        self.past: list[tuple[datetime, Oracle]] = [(now - timedelta(days=1), Oracle())]
        self.paper = Oracle()
        said = {"by": "test", "at": now}
        self.codes = []
        for name in ("Ann", "Ben", "Carl", "Dora"):
            provider = actions.register_provider(name=name, **said)
            code = actions.allot_code(
                provider_id=provider, profession="physiotherapists", valid_from=day(2), **said
            )
            self.codes.append(code)
            self.paper.opened[code], self.paper.ended[code], self.paper.suspended[code] = 2, None, set()
        self.licence = actions.record_licence(
            provider_id=queries.provider_by_code(self.codes[0]).pk, kind="authorisation_to_practise",
            valid_from=day(0), codes=[self.codes[0]], **said,
        )  # fmt: skip
        self.paper.licensed = set(range(_EVER))
        self.association = actions.found_association(
            name="A", profession="physiotherapists", valid_from=day(0), **said
        )
        # Two members that never leave: the association never ends by itself.
        for code in self.codes[2:]:
            actions.add_member(association_id=self.association, member=code, valid_from=day(2), **said)
            self.paper.members |= {(code, on) for on in range(2, _EVER)}
        self.remember(now)

    def remember(self, at: datetime) -> None:
        self.past.append((at, self.paper.copy()))

    def change(self, what: str, which: int, start: int, end: int | None) -> None:
        self.clock += 1
        at = self.now + timedelta(minutes=self.clock)
        code = self.codes[which]
        after = self.paper.copy()
        make: Callable[..., bool] = getattr(self, what)
        try:
            with transaction.atomic():
                is_possible = make(after, code, start, end, {"by": "test", "at": at})
        except WrongUse:
            return
        assert is_possible, f"{what} {code} {start} {end} was not refused"
        self.paper = after
        self.remember(at)

    def suspend(self, paper: Oracle, code: int, start: int, end: int | None, said: dict) -> bool:
        until = None if end is None else day(end)
        actions.suspend_code(code=code, valid_from=day(start), valid_until=until, why="x", **said)
        paper.suspended[code] |= set(range(start, _EVER if end is None else end))
        return end is None or end > start

    def lift(self, paper: Oracle, code: int, start: int, end: int | None, said: dict) -> bool:
        actions.lift_suspension(code=code, valid_until=day(start), why="x", **said)
        beyond = {on for on in paper.suspended[code] if on >= start}
        paper.suspended[code] -= beyond
        return bool(beyond)

    def withdraw(self, paper: Oracle, code: int, start: int, end: int | None, said: dict) -> bool:
        actions.withdraw_code(code=code, valid_until=day(start), **said)
        paper.ended[code] = start
        return start >= paper.opened[code]

    def reopen(self, paper: Oracle, code: int, start: int, end: int | None, said: dict) -> bool:
        until = None if end is None else day(end)
        actions.reopen_code(code=code, valid_from=day(start), valid_until=until, **said)
        old = paper.ended[code]
        assert old is not None
        paper.suspended[code] |= set(range(old, start))
        paper.ended[code] = end
        return end is None or end > max(start, old)

    def join(self, paper: Oracle, code: int, start: int, end: int | None, said: dict) -> bool:
        until = None if end is None else day(end)
        days = set(range(start, _EVER if end is None else end))
        can = paper.state(code, start) == "valid" and bool(days)
        can = can and not {(code, on) for on in days} & paper.members
        actions.add_member(
            association_id=self.association, member=code, valid_from=day(start), valid_until=until, **said
        )
        paper.members |= {(code, on) for on in days}
        return can

    def leave(self, paper: Oracle, code: int, start: int, end: int | None, said: dict) -> bool:
        actions.end_membership(association_id=self.association, member=code, valid_until=day(start), **said)
        gone = {(code, on) for on in range(start, _EVER)} & paper.members
        paper.members -= gone
        return bool(gone)

    def relicense(self, paper: Oracle, code: int, start: int, end: int | None, said: dict) -> bool:
        until = None if end is None else day(end)
        actions.end_licence(licence_id=self.licence, valid_until=until, why="x", **said)
        paper.licensed = set(range(_EVER if end is None else end))
        return end is None or end > 0

    def compare(self, at: datetime | None, paper: Oracle) -> None:
        holding: dict[int, list[int]] = {}
        for on in WORLD:
            for code in self.codes[:2]:
                assert queries.standing(code, day(on), at).state == paper.state(code, on), (at, code, on)
            valid = [code for code in self.codes if paper.state(code, on) == "valid"]
            assert queries.codes_valid_on(day(on), at)["code"].to_list() == sorted(valid)
            holding[on] = sorted(valid)
            members = [one.code for one in queries.members_of(self.association, day(on), at)]
            assert members == sorted(code for code, when in paper.members if when == on)
            provider = None if not paper.opened else queries.provider_by_code(self.codes[0]).pk
            held = queries.licences_of(provider, day(on), at) if provider else []
            assert bool(held) == (on in paper.licensed)
        if at is None:
            self.compare_frames(holding)

    def compare_frames(self, holding: dict[int, list[int]]) -> None:
        """What claims see: the periods hold on the same days, in order, and do not touch."""
        rows = queries.provider_codes().rows()
        for on, valid in holding.items():
            held = [
                code for code, _, start, end in rows if start <= day(on) and (end is None or day(on) < end)
            ]
            assert held == valid
            closed = [code for code in self.codes if queries.is_code_closed(code, day(on))]
            assert sorted([*held, *closed]) == sorted(self.codes)
        for (code, _, _, end), (following, _, start, _) in pairwise(rows):
            assert code < following or (code == following and end < start)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(changes=CHANGES)
def test_every_past_day_as_it_was_known_then(db, now, changes):
    try:
        with transaction.atomic():
            world = World(now)
            for change in changes:
                world.change(*change)
            for at, paper in world.past[:: max(1, len(world.past) // 3)]:
                world.compare(at, paper)
            world.compare(None, world.paper)
            raise _Done
    except _Done:
        assert not connection.in_atomic_block


class _Done(Exception):
    """Rolls an example's world back."""


@pytest.mark.parametrize("seconds", [0, 1])
def test_two_changes_recorded_at_one_moment_or_a_second_apart(db, now, seconds):
    world = World(now)
    code, later = world.codes[0], now + timedelta(seconds=seconds)
    actions.suspend_code(code=code, valid_from=day(5), why="x", by="test", at=later)
    assert queries.standing(code, day(5), now).state == ("valid" if seconds else "suspended")
    assert queries.standing(code, day(5), later).state == "suspended"
