"""The cumulation rules as arrays by edition and act, in the numbers of `TariffIndex`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.rules.tariffs import NONE, tariff_index
from caisse.agreement.tables import Tables

Flags = NDArray[np.bool_]

#: A text rule whose unit (type of sample, dynamic test, site) the file does not show.
UNIT_NOT_SHOWN = "counts per a unit the file does not show"


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Acts that together count at most ``maximum``; ``code`` is CUM-003 or CUM-004 (CUM-900: only a warning).

    ``counts_acts``: each different act counts once, else every quantity counts. ``per`` names the columns
    within which it holds; ``bearers`` are the members whose own cell prints it.
    """

    code: str
    edition: int
    maximum: int
    pregnancy_maximum: int
    counts_acts: bool
    per: tuple[str, ...]
    members: Flags
    bearers: Flags
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class RuleIndex:
    """Arrays of shape (editions, acts + 1), or with acts + 1 once more; the last act is the unknown one.

    ``incompatible`` is symmetric; ``excludes`` marks acts with any incompatibility. ``act_maximum`` is
    ``NONE`` where there is none; ``is_ruled`` marks acts with any rule over several lines. Rules kept as
    text: ``text_always`` matters whenever the act is paid, ``text_above`` when the act alone exceeds a
    number, ``text_with`` when one of the marked acts is paid too, ``text_groups`` when several acts together
    exceed a number; ``texts`` holds the printed clauses.
    ``asks_partner`` and ``is_partner`` mark the acts that stand on either side of ``text_with``.
    """

    unit: tuple[str, ...]
    incompatible: Flags
    excludes: Flags
    act_maximum: NDArray[np.int64]
    groups: tuple[Group, ...]
    grouped: Flags
    is_ruled: Flags
    may_repeat: Flags
    has_text: Flags
    text_always: Flags
    text_above: NDArray[np.int64]
    text_with: Flags
    asks_partner: Flags
    is_partner: Flags
    text_groups: tuple[Group, ...]
    text_grouped: Flags
    texts: dict[tuple[int, int], str]


@lru_cache(maxsize=8)
def rule_index(tables: Tables) -> RuleIndex:
    """The arrays of ``tables``, built once and kept."""
    numbers = _Numbers.of(tables)
    incompatible = np.zeros((*numbers.shape, numbers.shape[1]), bool)
    for edition, act, other in numbers.rows(tables.incompatible, "act", "other"):
        incompatible[edition, act, other] = True
    maximum = np.full(numbers.shape, NONE, np.int64)
    for edition, act, number in numbers.rows(tables.act_maxima, "act", "maximum"):
        held = maximum[edition, act]
        maximum[edition, act] = number if held == NONE else min(held, number)
    groups = (*_groups(tables, numbers), *_sections(tables, numbers))
    texts = _texts(tables, numbers)
    excludes, grouped = incompatible.any(axis=2), _grouped(numbers, groups)
    return RuleIndex(
        unit=tables.cumulation.unit,
        incompatible=incompatible,
        excludes=excludes,
        act_maximum=maximum,
        groups=groups,
        grouped=grouped,
        is_ruled=excludes | grouped | (maximum != NONE) | texts["has_text"],
        may_repeat=_may_repeat(tables, numbers, maximum, groups),
        **texts,
    )


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Acts and editions by number."""

    acts: dict[str, int]
    editions: dict[str, int]
    shape: tuple[int, int]

    @classmethod
    def of(cls, tables: Tables) -> "_Numbers":
        index = tariff_index(tables)
        acts = {name: at for at, name in enumerate(index.acts.categories)}
        editions = {name: at for at, name in enumerate(index.editions)}
        return cls(acts, editions, (len(editions), len(acts) + 1))

    def rows(self, frame: pl.DataFrame, *columns: str) -> Iterator[tuple[Any, ...]]:
        """Rows of (edition, *columns) with editions and acts replaced by their numbers."""
        for edition, *values in frame.select("edition", *columns).iter_rows():
            yield (
                self.editions[edition],
                *(
                    self.acts[value] if name in {"act", "other"} else value
                    for name, value in zip(columns, values, strict=True)
                ),
            )

    def flags(self, acts: Iterable[int]) -> Flags:
        marked = np.zeros(self.shape[1], bool)
        marked[list(acts)] = True
        return marked


def _groups(tables: Tables, numbers: _Numbers) -> Iterator[Group]:
    members = _members(tables, numbers)
    columns = ("group", "maximum", "counts", "per", "text")
    for edition, group, maximum, counts, per, text in numbers.rows(tables.group_maxima, *columns):
        yield Group(
            code="CUM-003",
            edition=edition,
            maximum=maximum,
            pregnancy_maximum=maximum,
            counts_acts=counts == "acts",
            per=_columns(tables, per),
            members=(within := numbers.flags(members[edition, group])),
            bearers=within,
            text=text,
        )


def _sections(tables: Tables, numbers: _Numbers) -> Iterator[Group]:
    members = _members(tables, numbers)
    columns = ("group", "section", "maximum", "pregnancy_maximum", "per")
    for edition, group, section, maximum, pregnancy, per in numbers.rows(tables.section_maxima, *columns):
        yield Group(
            code="CUM-004",
            edition=edition,
            maximum=maximum,
            pregnancy_maximum=maximum if pregnancy is None else pregnancy,
            counts_acts=False,
            per=_columns(tables, per),
            members=(within := numbers.flags(members[edition, group])),
            bearers=within,
            text=section.rpartition(" > ")[2],
        )


def _grouped(numbers: _Numbers, groups: Iterable[Group]) -> Flags:
    grouped = np.zeros(numbers.shape, bool)
    for group in groups:
        grouped[group.edition] |= group.members
    return grouped


def _columns(tables: Tables, per: str) -> tuple[str, ...]:
    return tables.cumulation.prescription if per == "prescription" else tables.cumulation.unit


def _members(tables: Tables, numbers: _Numbers) -> dict[tuple[int, str], list[int]]:
    members: dict[tuple[int, str], list[int]] = {}
    for edition, group, act in numbers.rows(tables.group_members, "group", "act"):
        members.setdefault((edition, group), []).append(act)
    return members


def _may_repeat(
    tables: Tables, numbers: _Numbers, maximum: NDArray[np.int64], groups: Iterable[Group]
) -> Flags:
    """Acts whose second line of the day is judged by a maximum of their own, or cannot be judged at all."""
    repeat: Flags = maximum != NONE
    for group in groups:
        if group.counts_acts or group.code == "CUM-004":
            repeat[group.edition] |= group.members
    for edition, act, why in numbers.rows(tables.text_rules, "act", "why"):
        repeat[edition, act] |= why == UNIT_NOT_SHOWN
    return repeat


def _texts(tables: Tables, numbers: _Numbers) -> dict[str, Any]:
    always = np.zeros(numbers.shape, bool)
    above_self = np.full(numbers.shape, NONE, np.int64)
    together = np.zeros((*numbers.shape, numbers.shape[1]), bool)
    groups: dict[tuple[int, int, frozenset[int]], list[int]] = {}
    texts: dict[tuple[int, int], list[str]] = {}
    for edition, act, text, others, above in numbers.rows(
        tables.text_rules, "act", "text", "others", "above"
    ):
        texts.setdefault((edition, act), []).append(text)
        partners = [numbers.acts[other] for other in others]
        if above is not None and partners:
            groups.setdefault((edition, above, frozenset((act, *partners))), []).append(act)
        elif above is not None:
            above_self[edition, act] = above
        elif partners:
            together[edition, act, partners] = True
        else:
            always[edition, act] = True
    has_text = np.zeros(numbers.shape, bool)
    for place in texts:
        has_text[place] = True
    text_groups = tuple(
        Group(
            code="CUM-900",
            edition=edition,
            maximum=above,
            pregnancy_maximum=above,
            counts_acts=False,
            per=tables.cumulation.unit,
            members=numbers.flags(members),
            bearers=numbers.flags(bearers),
            text="",
        )
        for (edition, above, members), bearers in groups.items()
    )
    return {
        "has_text": has_text,
        "text_always": always,
        "text_above": above_self,
        "text_with": together,
        "asks_partner": together.any(axis=2),
        # In any edition: the pair itself is looked at next.
        "is_partner": np.broadcast_to(together.any(axis=(0, 1)), numbers.shape).copy(),
        "text_groups": text_groups,
        "text_grouped": _grouped(numbers, text_groups),
        "texts": {place: " · ".join(parts) for place, parts in texts.items()},
    }
