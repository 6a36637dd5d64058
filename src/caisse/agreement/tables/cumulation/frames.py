"""The cumulation rules of several editions as frames, ready to be joined to lines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from caisse.agreement.tables import package_data
from caisse.agreement.tables.cumulation.grammar import (
    MaximumOfAct,
    MaximumOfGroup,
    NotCumulable,
    TextRule,
)
from caisse.agreement.tables.cumulation.reading import EditionRules, parse_edition
from caisse.agreement.tables.editions import Edition

INCOMPATIBLE_SCHEMA = pl.Schema(
    {"edition": pl.String(), "act": pl.String(), "other": pl.String(), "stated": pl.Boolean()}
)
ACT_MAXIMA_SCHEMA = pl.Schema(
    {"edition": pl.String(), "act": pl.String(), "maximum": pl.Int64(), "counted": pl.String()}
)
GROUP_MAXIMA_SCHEMA = pl.Schema(
    {
        "edition": pl.String(),
        "group": pl.String(),
        "maximum": pl.Int64(),
        "counts": pl.String(),
        "per": pl.String(),
        "text": pl.String(),
    }
)
GROUP_MEMBERS_SCHEMA = pl.Schema(
    {"edition": pl.String(), "group": pl.String(), "act": pl.String(), "stated": pl.Boolean()}
)
SECTION_MAXIMA_SCHEMA = pl.Schema(
    {
        "edition": pl.String(),
        "group": pl.String(),
        "section": pl.String(),
        "maximum": pl.Int64(),
        "pregnancy_maximum": pl.Int64(),
        "per": pl.String(),
        "text": pl.String(),
    }
)
TEXT_RULES_SCHEMA = pl.Schema(
    {
        "edition": pl.String(),
        "act": pl.String(),
        "text": pl.String(),
        "why": pl.String(),
        "others": pl.List(pl.String()),
        "above": pl.Int64(),
    }
)
SECTION_TEXTS_SCHEMA = pl.Schema(
    {"edition": pl.String(), "section": pl.String(), "codes": pl.List(pl.String()), "text": pl.String()}
)


@dataclass(frozen=True, slots=True, eq=False)
class Cumulation:
    """The rules of all editions as frames, each with a column ``edition``; never change them in place.

    ``incompatible``: act, other (both directions); ``stated`` = printed on ``act`` itself.
    ``act_maxima``: act, maximum, counted (the printed noun). ``group_maxima``: group, maximum, ``counts``
    ("quantity" or "acts": each different act once), ``per`` ("unit" or "prescription"), text.
    ``section_maxima``: the same for a chapter, by quantity, with ``pregnancy_maximum``.
    ``group_members``: group, act for both; ``stated`` = the act's own cell prints this maximum.
    ``text_rules``: clauses kept as text and why; a rule matters when one of ``others`` is billed too, or when
    act and others together exceed ``above``; with neither it always matters.
    ``section_texts``: remarks on a section kept as text.
    ``unit`` and ``prescription``: the columns within which rules hold, ours.
    """

    incompatible: pl.DataFrame
    act_maxima: pl.DataFrame
    group_maxima: pl.DataFrame
    group_members: pl.DataFrame
    section_maxima: pl.DataFrame
    text_rules: pl.DataFrame
    section_texts: pl.DataFrame
    unit: tuple[str, ...]
    prescription: tuple[str, ...]


def _frame(rows: Sequence[tuple[Any, ...]], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")


def _incompatible(editions: Sequence[EditionRules]) -> pl.DataFrame:
    # A cell can set other acts against one another ("X à Y non cumulables entre eux"); those pairs hold, but
    # only the pairs of the act itself are printed on it.
    pairs = {
        (edition.edition, rule.act, other, rule.act == cell.act)
        for edition in editions
        for cell in edition.cells
        for rule in cell.rules
        if isinstance(rule, NotCumulable)
        for other in rule.others
    }
    stated = {(edition, act, other) for edition, act, other, printed in pairs if printed}
    one_way = {(edition, act, other) for edition, act, other, _ in pairs}
    both = one_way | {(edition, other, act) for edition, act, other in one_way}
    return _frame([(*pair, pair in stated) for pair in sorted(both)], INCOMPATIBLE_SCHEMA)


def _act_maxima(editions: Sequence[EditionRules]) -> pl.DataFrame:
    rows = [
        (edition.edition, rule.act, rule.maximum, rule.counted)
        for edition in editions
        for rule in edition.rules(MaximumOfAct)
    ]
    return _frame(sorted(rows), ACT_MAXIMA_SCHEMA)


def _groups(editions: Sequence[EditionRules]) -> tuple[pl.DataFrame, pl.DataFrame]:
    maxima: list[tuple[Any, ...]] = []
    members: list[tuple[Any, ...]] = []
    for edition in editions:
        printed_on: dict[tuple[Any, ...], list[MaximumOfGroup]] = {}
        for rule in edition.rules(MaximumOfGroup):
            # The same group printed on several acts is one group.
            key = (tuple(sorted(rule.members)), rule.maximum, rule.counts, rule.per)
            printed_on.setdefault(key, []).append(rule)
        for number, rules in enumerate(printed_on.values(), start=1):
            group, first = f"G{number:02}", rules[0]
            bearers = {rule.act for rule in rules}
            maxima.append((edition.edition, group, first.maximum, first.counts, first.per, first.text))
            members += [(edition.edition, group, act, act in bearers) for act in first.members]
        for number, (_, acts) in enumerate(edition.sections, start=1):
            members += [(edition.edition, f"S{number:02}", act, True) for act in acts]
    return _frame(maxima, GROUP_MAXIMA_SCHEMA), _frame(members, GROUP_MEMBERS_SCHEMA)


def _section_maxima(editions: Sequence[EditionRules]) -> pl.DataFrame:
    rows = [
        (
            edition.edition,
            f"S{number:02}",
            maximum.section,
            maximum.maximum,
            maximum.pregnancy_maximum,
            maximum.per,
            maximum.text,
        )
        for edition in editions
        for number, (maximum, _) in enumerate(edition.sections, start=1)
    ]
    return _frame(rows, SECTION_MAXIMA_SCHEMA)


def _text_rules(editions: Sequence[EditionRules]) -> pl.DataFrame:
    rows = [
        (edition.edition, rule.act, rule.text, rule.why, list(rule.others), rule.above)
        for edition in editions
        for rule in edition.rules(TextRule)
    ]
    return _frame(rows, TEXT_RULES_SCHEMA)


def _section_texts(editions: Sequence[EditionRules]) -> pl.DataFrame:
    rows = [
        (edition.edition, remark.section, list(remark.codes), remark.text)
        for edition in editions
        for remark in edition.section_texts
    ]
    return _frame(rows, SECTION_TEXTS_SCHEMA)


def cumulation_of(editions: Iterable[Edition]) -> Cumulation:
    """The cumulation rules of the editions as frames."""
    parsed = [parse_edition(edition) for edition in editions]
    group_maxima, group_members = _groups(parsed)
    unit = package_data.toml(package_data.folder("ours", "cumulation_unit.toml"))
    return Cumulation(
        incompatible=_incompatible(parsed),
        act_maxima=_act_maxima(parsed),
        group_maxima=group_maxima,
        group_members=group_members,
        section_maxima=_section_maxima(parsed),
        text_rules=_text_rules(parsed),
        section_texts=_section_texts(parsed),
        unit=tuple(unit["unit"]),
        prescription=tuple(unit["prescription"]),
    )
