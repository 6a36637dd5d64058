"""The printed cumulation rules of an edition, cell by cell, and how much of them is structured."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from caisse.agreement.tables import package_data
from caisse.agreement.tables.cumulation.grammar import (
    CONDITION,
    CONDITION_ON_OTHER,
    CONTRADICTED,
    EXCEPTION,
    PRESCRIPTION,
    Clause,
    MaximumOfGroup,
    MaximumOfSection,
    NotCumulable,
    Rule,
    TextRule,
    clauses,
    fold,
    parse_clause,
)
from caisse.agreement.tables.editions import Act, Edition, SectionRemark, professions, read_editions


@dataclass(frozen=True, slots=True)
class Cell:
    """The printed rule of one act and what became of it."""

    act: str
    text: str
    rules: tuple[Rule, ...]

    @property
    def share(self) -> str:
        """``full``, ``part`` or ``text``: how much of the cell is structured."""
        kept = sum(isinstance(rule, TextRule) for rule in self.rules)
        if kept == 0:
            return "full"
        return "text" if kept == len(self.rules) else "part"


@dataclass(frozen=True, slots=True)
class EditionRules:
    """All cumulation rules of one edition: its cells, its section maxima, and the remarks kept as text."""

    edition: str
    cells: tuple[Cell, ...]
    sections: tuple[tuple[MaximumOfSection, tuple[str, ...]], ...]
    section_texts: tuple[SectionRemark, ...]

    def rules[R: Rule](self, kind: type[R]) -> list[R]:
        """The rules of one kind, in printed order."""
        return [rule for cell in self.cells for rule in cell.rules if isinstance(rule, kind)]


@cache
def _readings() -> dict[str, Any]:
    return package_data.toml(package_data.folder("ours", "readings.toml"))


def _kept_by_reading(act: str, text: str) -> TextRule | None:
    for entry in _readings()["kept_as_text"]:
        if (entry["act"], entry["clause"]) == (act, text):
            return TextRule(act, text, entry["why"], above=entry.get("above"))
    return None


def parse_cell(act: str, text: str, known: frozenset[str], section_acts: tuple[str, ...]) -> Cell:
    """The printed rule of one act, clause by clause: one odd clause does not lose the others."""
    rules: list[Rule] = []
    for clause in clauses(text):
        if kept := _kept_by_reading(act, clause):
            rules.append(kept)
        else:
            rules += parse_clause(Clause(act, clause, known, section_acts))
    return Cell(act, text, tuple(rules))


def _conditional_pairs(cells: Iterable[Cell]) -> frozenset[tuple[str, str]]:
    return frozenset(
        (rule.act, other)
        for cell in cells
        for rule in cell.rules
        if isinstance(rule, TextRule) and rule.why in {CONDITION, EXCEPTION} and rule.above is None
        for other in rule.others
    )


def _with_conditions_of_others(cell: Cell, conditional: frozenset[tuple[str, str]]) -> Cell:
    """The cell without the pairs that the other act excludes only under a condition; these become text.

    BH501 excludes BH506 outright, BH506 excludes BH501 only in a search in stools: no refusal unseen.
    """
    rules: list[Rule] = []
    for rule in cell.rules:
        if isinstance(rule, NotCumulable):
            taken_back = tuple(other for other in rule.others if (other, rule.act) in conditional)
            left = tuple(other for other in rule.others if other not in taken_back)
            rules += [NotCumulable(rule.act, left)] if left else []
            rules += [
                TextRule(rule.act, f"Non cumulable avec {other}", CONDITION_ON_OTHER, (other,))
                for other in taken_back
            ]
        else:
            rules.append(rule)
    return Cell(cell.act, cell.text, tuple(rules))


def _group_key(rule: MaximumOfGroup) -> tuple[frozenset[str], str, str]:
    return frozenset(rule.members), rule.counts, rule.per


def _contradicted(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """The cells, where one group is printed with two maxima, without refusing what one of them allows.

    BH908 says at most 3 codes of a group of which the seven others say 2. An act that prints the larger
    maximum does not count towards the smaller one; beyond that one it gets a text rule.
    """
    cells = tuple(cells)
    groups = [rule for cell in cells for rule in cell.rules if isinstance(rule, MaximumOfGroup)]
    smallest = {_group_key(rule): rule.maximum for rule in sorted(groups, key=lambda rule: -rule.maximum)}
    larger = {
        (_group_key(rule), rule.act): rule.maximum
        for rule in groups
        if rule.maximum > smallest[_group_key(rule)]
    }

    def resolved(rule: Rule) -> list[Rule]:
        if not isinstance(rule, MaximumOfGroup):
            return [rule]
        key = _group_key(rule)
        if (key, rule.act) in larger:
            rest = tuple(other for other in rule.members if other != rule.act)
            return [rule, TextRule(rule.act, rule.text, CONTRADICTED, rest, smallest[key])]
        counted = tuple(act for act in rule.members if larger.get((key, act), 0) <= rule.maximum)
        return [replace(rule, members=counted)]

    return tuple(
        replace(cell, rules=tuple(new for rule in cell.rules for new in resolved(rule))) for cell in cells
    )


_SECTION_MAXIMUM = re.compile(r"Maximum ([0-9]+) actes de ce chapitre\b")
_PREGNANCY_MAXIMUM = re.compile(
    r"premier bilan de grossesse, ce nombre peut être porté à ([0-9]+) actes maximum"
)


def parse_section(remark: SectionRemark) -> MaximumOfSection | None:
    """The maximum a section remark sets, or None when it is to be kept as text."""
    text = fold(remark.text)
    maximum = _SECTION_MAXIMUM.match(text)
    if maximum is None:
        return None
    pregnancy = _PREGNANCY_MAXIMUM.search(text)
    return MaximumOfSection(
        remark.section, int(maximum[1]), int(pregnancy[1]) if pregnancy else None, PRESCRIPTION, text
    )


def _section_members(acts: Iterable[Act], section: str) -> tuple[str, ...]:
    left_out = {
        act
        for entry in _readings()["not_counted"]
        if section.endswith(entry["section"])
        for act in entry["acts"]
    }
    within = (act.code for act in acts if act.section == section or act.section.startswith(f"{section} > "))
    return tuple(code for code in within if code not in left_out)


def parse_edition(edition: Edition) -> EditionRules:
    """The cumulation rules of an edition: every cell and every section remark."""
    known = frozenset(act.code for act in edition.acts)
    by_section: dict[str, list[str]] = {}
    for act in edition.acts:
        by_section.setdefault(act.section, []).append(act.code)
    cells = tuple(
        parse_cell(act.code, act.cumulation_rule, known, tuple(by_section[act.section]))
        for act in edition.acts
        if act.cumulation_rule
    )
    conditional = _conditional_pairs(cells)
    maxima = [(remark, parse_section(remark)) for remark in edition.remarks]
    return EditionRules(
        edition=edition.name,
        cells=_contradicted(_with_conditions_of_others(cell, conditional) for cell in cells),
        sections=tuple(
            (maximum, _section_members(edition.acts, remark.section))
            for remark, maximum in maxima
            if maximum is not None
        ),
        section_texts=tuple(remark for remark, maximum in maxima if maximum is None),
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of an edition is structured: cells by share, clauses kept as text by reason."""

    edition: str
    cells: int
    full: int
    part: int
    text: int
    kept_because: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        head = (
            f"{self.edition}: {self.full} of {self.cells} cells fully structured, "
            f"{self.part} in part, {self.text} kept as text"
        )
        return "\n".join([head, *(f"    {count:4} clauses kept: {why}" for why, count in self.kept_because)])


def coverage(rules: EditionRules) -> Coverage:
    """The share of an edition's cells that is structured."""
    shares = Counter(cell.share for cell in rules.cells)
    kept = Counter(rule.why for rule in rules.rules(TextRule))
    return Coverage(
        rules.edition,
        len(rules.cells),
        shares["full"],
        shares["part"],
        shares["text"],
        tuple(kept.most_common()),
    )


def report() -> str:
    """The coverage of every edition that prints cumulation rules, as text."""
    covered = (coverage(parse_edition(edition)) for name in professions() for edition in read_editions(name))
    return "\n".join(str(entry) for entry in covered if entry.cells) + "\n"
