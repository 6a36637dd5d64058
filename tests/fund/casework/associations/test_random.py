"""Random foundings, joins, leaves and ends over time, against an oracle that keeps a set of members a day."""

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest

from caisse.fund.casework import consents, queries, signature_records
from caisse.fund.casework.actions import letters
from caisse.fund.casework.models import Case
from caisse.fund.exchange import receipts
from caisse.fund.registry import queries as register
from tests.fund.casework.associations.members import filed, granted, member
from tests.fund.casework.office import Office

HORIZON = 150
FEWEST = 2


@dataclass
class Oracle:
    """Who belongs to which association on each day of the horizon; an association that ended stays empty."""

    start: date
    days: dict[int, dict[date, set[int]]] = field(default_factory=dict)

    def every_day(self) -> list[date]:
        return [self.start + timedelta(days=number) for number in range(HORIZON)]

    def found(self, association: int, codes: list[int], day: date) -> None:
        self.days[association] = {one: set(codes) if one >= day else set() for one in self.every_day()}

    def is_taken(self, code: int, day: date) -> bool:
        return any(code in who for one in self.days.values() for on, who in one.items() if on >= day)

    def change(self, association: int, joining: set[int], leaving: set[int], day: date) -> None:
        held = self.days[association]
        alive = [on for on in self.every_day() if on >= day and len(held[on]) >= FEWEST]
        for on in alive:
            held[on] = (held[on] | joining) - leaving
        self._end_when_too_few(association, day)

    def dissolve(self, association: int, day: date) -> None:
        for on in self.every_day():
            if on >= day:
                self.days[association][on] = set()

    def _end_when_too_few(self, association: int, day: date) -> None:
        short = [on for on in self.every_day() if on >= day and len(self.days[association][on]) < FEWEST]
        if short:
            self.dissolve(association, short[0])


@pytest.mark.parametrize("seed", [1, 2])
def test_members_are_always_those_who_signed(
    office: Office, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the letters say is tried elsewhere; here many changes are made.
    monkeypatch.setattr(letters, "make_letter", lambda **_: False)
    chance = random.Random(seed)
    codes = [member(office, f"Member{number}") for number in range(6)]
    oracle = Oracle(office.today - timedelta(days=30))
    done: list[Case] = []
    for _step in range(12):
        office.tick(days=chance.randint(0, 4))
        day = office.today + timedelta(days=chance.randint(-15, 20))
        case, effect = propose(office, oracle, codes, day, chance)
        if queries.missing(case, on=office.today):
            assert effect is None
            continue
        assert effect is not None
        case = granted(office, case)
        effect(case.decisions.get().result["association"])
        done.append(case)
        compare(oracle, codes)
    assert len(done) >= 4
    keys = signature_records.read_keys(receipts.public_keys(office.home))
    for case in done:
        rows = consents.standing_signatures(case)
        assert rows and all(
            signature_records.read_record(row.record, keys).statement == row.statement for row in rows
        )


def propose(office: Office, oracle: Oracle, codes: list[int], day: date, chance: random.Random):
    """A random change as a case, and what the oracle does with it; None when it must be refused."""
    known = list(oracle.days)
    what = chance.choice(["found", "join", "leave", "leave", "dissolve"]) if known else "found"
    if what == "found":
        chosen = chance.sample(codes, chance.randint(2, 3))
        case = filed(
            office, chosen[0], facts={"founding": True}, association_name="Les Tilleuls",
            members=" ".join(map(str, chosen)), effective_from=str(day),
        )  # fmt: skip
        refused = any(oracle.is_taken(code, day) for code in chosen)
        return case, None if refused else lambda association: oracle.found(association, chosen, day)
    association = chance.choice(known)
    common = register.codes_of(association)[0].code
    members = oracle.days[association][day]
    alive = len(members) >= FEWEST
    sheet = {"association_code": str(common), "effective_from": str(day)}
    by = chance.choice(sorted(members)) if members else codes[0]
    if what == "dissolve":
        case = filed(office, by, facts={"dissolving": True}, **sheet)
        return case, (lambda _: oracle.dissolve(association, day)) if alive else None
    code = chance.choice(codes)
    if what == "join":
        case = filed(office, code, facts={"joining": True}, joining_members=str(code), **sheet)
        right = alive and not oracle.is_taken(code, day)
        return case, (lambda _: oracle.change(association, {code}, set(), day)) if right else None
    case = filed(office, code, facts={"leaving": True}, leaving_members=str(code), **sheet)
    right = alive and code in members
    return case, (lambda _: oracle.change(association, set(), {code}, day)) if right else None


def compare(oracle: Oracle, codes: list[int]) -> None:
    """The register says what the oracle says, on every day; and an association that exists has its members."""
    for association, held in oracle.days.items():
        common = register.codes_of(association)[0].code
        for on, who in held.items():
            found = [one.code for one in register.members_of(association, on)]
            assert len(found) == len(set(found)) and set(found) == who, (association, on)
            assert (register.standing(common, on).state == "valid") is (len(who) >= FEWEST), (association, on)
    for on in oracle.every_day():
        belongs = [code for held in oracle.days.values() for code in held[on]]
        assert len(belongs) == len(set(belongs)), on
