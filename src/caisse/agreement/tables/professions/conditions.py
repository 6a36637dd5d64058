"""Conditions of the catalogue: a few literals joined by ``and``, each of which may begin with ``not``.

A literal is a fact (``radiation``), a trait of the profession (``@doctors``, ``@agreement``,
``@establishment``) or a value of the sheet (``verb=activate``).

>>> parse("company and not @taxis").holds({"company": True}, {"dentists"})
True
>>> parse("company and not @taxis").holds({"company": True}, {"taxis"})
False
>>> parse("company and verb=activate").pending({"company": True}, set())
Condition(literals=(Literal(kind='value', name='verb', value='activate', wanted=True),))
>>> parse("").holds({}, set())
True
"""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass

from caisse.agreement.errors import BrokenSystem

_LITERAL = re.compile(r"(?P<trait>@)?(?P<name>[a-z][a-z0-9_]*)(?:=(?P<value>[a-z0-9_]+))?")


@dataclass(frozen=True, slots=True)
class Literal:
    """One part of a condition; ``kind`` is fact, trait or value."""

    kind: str
    name: str
    value: str
    wanted: bool

    def __str__(self) -> str:
        body = {"fact": self.name, "trait": f"@{self.name}", "value": f"{self.name}={self.value}"}[self.kind]
        return body if self.wanted else f"not {body}"


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds when every literal does; without literals it always holds."""

    literals: tuple[Literal, ...] = ()

    def holds(
        self, facts: Mapping[str, bool], traits: Set[str], values: Mapping[str, str] | None = None
    ) -> bool:
        """True when all literals hold; a fact or value that is not given counts as no."""
        return all(_truth(one, facts, traits, values or {}) is one.wanted for one in self.literals)

    def pending(self, facts: Mapping[str, bool], traits: Set[str]) -> "Condition | None":
        """What the sheet's values still have to decide; None when facts and traits already say no."""
        decided = Condition(tuple(one for one in self.literals if one.kind != "value"))
        if not decided.holds(facts, traits):
            return None
        return Condition(tuple(one for one in self.literals if one.kind == "value"))

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of its literals of one kind."""
        return tuple(one.name for one in self.literals if one.kind == kind)

    def __str__(self) -> str:
        return " and ".join(map(str, self.literals))


def _truth(one: Literal, facts: Mapping[str, bool], traits: Set[str], values: Mapping[str, str]) -> bool:
    if one.kind == "fact":
        return facts.get(one.name) is True
    if one.kind == "trait":
        return one.name in traits
    return values.get(one.name) == one.value


def parse(text: str) -> Condition:
    """The condition a text stands for; the empty text always holds. Raises BrokenSystem."""
    if not text.strip():
        return Condition()
    return Condition(tuple(_literal(part.strip(), text) for part in text.split(" and ")))


def _literal(part: str, text: str) -> Literal:
    wanted = not part.startswith("not ")
    found = _LITERAL.fullmatch(part.removeprefix("not ").strip())
    if found is None or (found["trait"] and found["value"]):
        raise BrokenSystem(f"Condition {text!r}: {part!r} is not a fact, @trait or field=value.")
    kind = "trait" if found["trait"] else "value" if found["value"] else "fact"
    return Literal(kind, found["name"], found["value"] or "", wanted)
