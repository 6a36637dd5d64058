"""Acts that exclude one another, and maxima of an act, of a group, of a section.

Each rule looks at what the ones before it left (`Standing`), in the order of the file: the first is kept.
Lines that earlier files paid come first of all and are never taken from.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.rules.hits import Hits
from caisse.agreement.rules.rule_index import Group
from caisse.agreement.rules.standing import Standing
from caisse.agreement.rules.tariffs import NONE

Numbers = NDArray[np.int64]


def check_exclusions(standing: Standing) -> Hits:
    """CUM-001: refuse the acts that are not cumulable with one that stands earlier in the same unit."""
    rules, act = standing.rules, standing.act
    rows = np.flatnonzero(standing.payable & standing.held(rules.excludes))
    rows = rows[_shared(standing.unit[rows])]
    # Every different act of a unit is one item; its place in the order is that of its first line.
    key = standing.unit[rows] * rules.excludes.shape[1] + act[rows]
    order = np.argsort(key, kind="stable")
    rows, key = rows[order], key[order]
    starts = np.flatnonzero(np.append(True, key[1:] != key[:-1])) if len(key) else np.zeros(0, np.int64)
    first = rows[starts]
    earlier, later = _incompatible_items(standing, first)
    culprit = _first_kept(len(first), earlier, later, first)
    item_of = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(rows))))
    refused = (culprit[item_of] != NONE) & (rows >= standing.settled)
    refused_rows, culprits = rows[refused], first[culprit[item_of[refused]]]
    order = np.argsort(refused_rows)
    refused_rows, culprits = refused_rows[order], culprits[order]
    standing.refuse(refused_rows)
    acts, lines = standing.batch.lines["act"], standing.batch.lines["line_reference"]
    told = pl.DataFrame({"act": acts.gather(culprits), "reference": lines.gather(culprits)})
    here = told.select(pl.format("not with {} (line {})", "act", "reference")).to_series()
    return Hits(
        code="CUM-001",
        level="line",
        rows=refused_rows,
        found=acts.gather(refused_rows),
        expected=standing.told_of("not with {}", culprits, here),
    )


def _shared(unit: Numbers) -> NDArray[np.bool_]:
    """True where the unit holds more than one of the rows."""
    if not len(unit):
        return np.zeros(0, bool)
    return np.asarray(np.bincount(unit)[unit] > 1)


def _incompatible_items(standing: Standing, first: Numbers) -> tuple[Numbers, Numbers]:
    """Pairs (earlier, later) of items of one unit that exclude one another, in the later one's edition.

    ``first`` is sorted by unit. Items are compared at growing distance, so that memory stays that of the
    items even when one unit holds hundreds.
    """
    unit, act, edition = standing.unit[first], standing.act[first], standing.edition[first]
    pairs: list[tuple[Numbers, Numbers]] = []
    left = np.arange(len(first) - 1)
    distance = 1
    while len(left := left[left + distance < len(first)]):
        left = left[unit[left] == unit[left + distance]]
        right = left + distance
        swapped = first[left] > first[right]
        earlier, later = np.where(swapped, right, left), np.where(swapped, left, right)
        hit = standing.rules.incompatible[edition[later], act[later], act[earlier]]
        # What was paid before stays, whatever it was paid beside.
        hit &= first[later] >= standing.settled
        pairs.append((earlier[hit], later[hit]))
        distance += 1
    if not pairs:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate([pair[0] for pair in pairs]), np.concatenate([pair[1] for pair in pairs])


def _first_kept(items: int, earlier: Numbers, later: Numbers, order: Numbers) -> Numbers:
    """For each item the first kept item that excludes it, ``NONE`` when it is kept itself.

    An item is kept when all earlier ones that exclude it are refused; each round settles at least the first
    open one of every unit.
    """
    culprit = np.full(items, NONE, np.int64)
    rank = np.argsort(np.argsort(order))
    by_rank = np.argsort(rank[earlier], kind="stable")
    earlier, later = earlier[by_rank], later[by_rank]
    while len(later):
        is_open = np.zeros(items, bool)
        is_open[later] = True
        refusing = ~is_open[earlier]
        # Reversed: of several assignments to one item the first in the file is to remain.
        culprit[later[refusing][::-1]] = earlier[refusing][::-1]
        settled = culprit != NONE
        remaining = ~(settled[earlier] | settled[later])
        earlier, later = earlier[remaining], later[remaining]
    return culprit


def check_act_maxima(standing: Standing) -> Hits:
    """CUM-002: refuse what exceeds the maximum of an act in its unit."""
    rules = standing.rules
    maximum = standing.held(rules.act_maximum)
    rows = np.flatnonzero(standing.payable & (maximum != NONE))
    key = standing.unit[rows] * rules.act_maximum.shape[1] + standing.act[rows]
    _, unit = np.unique(key, return_inverse=True)
    excess, running = _beyond(unit, standing.quantity[rows], maximum[rows])
    return _reduced(standing, Exceeding("CUM-002", rows, unit, excess, running, maximum[rows]))


def check_group_maxima(standing: Standing) -> Iterator[Hits]:
    """CUM-003 and CUM-004: refuse what exceeds the maximum of a group or section."""
    grouped = np.flatnonzero(standing.payable & standing.held(standing.rules.grouped))
    for group in standing.rules.groups:
        yield _check_group(standing, group, group_rows(standing, group, grouped))


def _check_group(standing: Standing, group: Group, rows: Numbers) -> Hits:
    maximum = _maximum_of_rows(standing, group, rows)
    if group.per == standing.rules.unit:
        unit = standing.unit[rows]
    else:
        rows, maximum = _possibly_beyond(standing, rows, maximum)
        unit = standing.units.of(group.per, rows)
    if group.counts_acts:
        excess, running = _beyond_by_acts(unit, standing.act[rows], standing.quantity[rows], maximum)
    else:
        excess, running = _beyond(unit, standing.quantity[rows], maximum)
    return _reduced(standing, Exceeding(group.code, rows, unit, excess, running, maximum, group.text))


def group_rows(standing: Standing, group: Group, rows: Numbers) -> Numbers:
    """Those of ``rows`` that are payable and whose act is a member of the group in its edition."""
    member = group.members[standing.act[rows]] & (standing.edition[rows] == group.edition)
    still: Numbers = rows[member & standing.payable[rows]]
    return still


def _maximum_of_rows(standing: Standing, group: Group, rows: Numbers) -> Numbers:
    maximum = np.full(len(rows), group.maximum, np.int64)
    if group.pregnancy_maximum != group.maximum:
        first_check = standing.batch.invoices["first_pregnancy_check"].cast(pl.Boolean).fill_null(False)
        maximum[first_check.to_numpy()[standing.joined.invoice_of[rows]]] = group.pregnancy_maximum
    return maximum


def _possibly_beyond(standing: Standing, rows: Numbers, maximum: Numbers) -> tuple[Numbers, Numbers]:
    """Only the rows of persons who have more than the maximum in the whole file: others cannot exceed it."""
    if not len(rows):
        return rows, maximum
    person = standing.units.of(("person",), rows)
    total = np.zeros(int(person.max()) + 1, np.int64)
    np.add.at(total, person, standing.quantity[rows])
    beyond = _any_of(person, total[person] > maximum)
    return rows[beyond], maximum[beyond]


def _any_of(key: Numbers, marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True for every row whose key is marked on at least one row: their maxima may differ."""
    keys = np.zeros(int(key.max(initial=0)) + 1, bool)
    keys[key[marked]] = True
    return keys[key]


def _beyond(unit: Numbers, quantity: Numbers, maximum: Numbers) -> tuple[Numbers, Numbers]:
    """What of each quantity lies beyond the maximum of its unit, in the order given; and the count so far.

    ``unit`` is numbered from 0 without great gaps.
    """
    excess, running = np.zeros(len(unit), np.int64), np.zeros(len(unit), np.int64)
    total = np.zeros(int(unit.max(initial=-1)) + 1, np.int64)
    np.add.at(total, unit, quantity)
    concerned = np.flatnonzero(_any_of(unit, total[unit] > maximum))
    order = concerned[np.argsort(unit[concerned], kind="stable")]
    if not len(order):
        return excess, running
    count = np.cumsum(quantity[order])
    begins = np.append(True, unit[order][1:] != unit[order][:-1])
    before = (count - quantity[order])[begins]
    count -= np.repeat(before, np.diff(np.append(np.flatnonzero(begins), len(order))))
    running[order] = count
    excess[order] = np.clip(count - maximum[order], 0, quantity[order])
    return excess, running


def _beyond_by_acts(
    unit: Numbers, act: Numbers, quantity: Numbers, maximum: Numbers
) -> tuple[Numbers, Numbers]:
    """As `_beyond`, but every different act counts once and stands or falls with all its lines."""
    excess, running = np.zeros(len(unit), np.int64), np.zeros(len(unit), np.int64)
    # There are never more different acts than lines.
    some = np.flatnonzero(np.bincount(unit)[unit] > maximum) if len(unit) else np.zeros(0, np.int64)
    key = unit[some] * (int(act.max(initial=0)) + 1) + act[some]
    _, first, item = np.unique(key, return_index=True, return_inverse=True)
    counts = np.zeros(len(some), np.int64)
    counts[first] = 1
    beyond, count = _beyond(unit[some], counts, maximum[some])
    excess[some] = beyond[first][item] * quantity[some]
    running[some] = count[first][item]
    return excess, running


@dataclass(frozen=True, slots=True)
class Exceeding:
    """Lines counted against a maximum: for each row its unit, what exceeds, the count so far, the maximum."""

    code: str
    rows: Numbers
    unit: Numbers
    excess: Numbers
    running: Numbers
    maximum: Numbers
    text: str | None = None


def _reduced(standing: Standing, counted: Exceeding) -> Hits:
    hit = (counted.excess > 0) & (counted.rows >= standing.settled)
    rows = counted.rows[hit]
    told = pl.DataFrame({"running": counted.running[hit], "maximum": counted.maximum[hit]})
    words = [pl.format("at most {}", "maximum")]
    if counted.text is not None:
        words.append(pl.lit(f": {counted.text}"))
    here = told.select(pl.concat_str(words)).to_series()
    standing.reduce(rows, counted.excess[hit])
    return Hits(
        code=counted.code,
        level="line",
        rows=rows,
        found=told["running"].cast(pl.String),
        expected=_with_earlier(standing, counted, hit, here),
    )


def _with_earlier(
    standing: Standing, counted: Exceeding, hit: NDArray[np.bool_], here: pl.Series
) -> pl.Series:
    """The words of each finding, and the earlier line that was counted with it if there is one."""
    if not standing.settled:
        return here
    none = pl.repeat("", len(here), dtype=pl.String, eager=True)
    return here + standing.told_of("; counted with {}", _last_settled(standing, counted)[hit], none)


def _last_settled(standing: Standing, counted: Exceeding) -> Numbers:
    """For each row the last line of its unit that an earlier file paid; a row of this file where none did."""
    last = np.full(int(counted.unit.max(initial=0)) + 1, standing.settled, np.int64)
    before = np.flatnonzero(counted.rows < standing.settled)
    last[counted.unit[before]] = counted.rows[before]
    of_row: Numbers = last[counted.unit]
    return of_row
