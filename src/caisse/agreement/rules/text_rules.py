"""CUM-900: rules kept as text, shown as a warning where they matter, once for each act of an invoice."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.rules.cumulation import group_rows
from caisse.agreement.rules.hits import Hits
from caisse.agreement.rules.standing import Numbers, Standing
from caisse.agreement.rules.tariffs import NONE

Flags = NDArray[np.bool_]


def check_text_rules(standing: Standing) -> Hits:
    """CUM-900 on the first paid line of each act of an invoice to which a rule kept as text may apply."""
    rules, act, edition = standing.rules, standing.act, standing.edition
    rows = np.flatnonzero(standing.payable & standing.held(rules.has_text))
    matters = standing.held(rules.text_always, rows)
    matters |= _alone_above(standing, rows)
    matters |= _beside_others(standing, rows)
    grouped = np.flatnonzero(standing.payable & standing.held(rules.text_grouped))
    for group in rules.text_groups:
        beyond = _together_above(standing, group_rows(standing, group, grouped), group.maximum)
        matters |= np.isin(rows, beyond[group.bearers[act[beyond]]])
    rows = rows[matters & (rows >= standing.settled)]
    invoice_and_act = standing.joined.invoice_of[rows] * rules.has_text.shape[1] + act[rows]
    rows = np.sort(rows[np.unique(invoice_and_act, return_index=True)[1]])
    places = zip(edition[rows].tolist(), act[rows].tolist(), strict=True)
    return Hits(
        code="CUM-900",
        level="line",
        rows=rows,
        found=standing.batch.lines["act"].gather(rows),
        expected=pl.Series([rules.texts[place] for place in places], dtype=pl.String),
    )


def _alone_above(standing: Standing, rows: Numbers) -> Flags:
    """Where the act alone exceeds in its unit the number its rule names."""
    above = standing.held(standing.rules.text_above, rows)
    numbered = np.flatnonzero(above != NONE)
    rows = rows[numbered]
    key = standing.unit[rows] * standing.rules.has_text.size + standing.place[rows]
    marked = np.zeros(len(above), bool)
    marked[numbered] = _totals(key, standing.quantity[rows]) > above[numbered]
    return marked


def _together_above(standing: Standing, rows: Numbers, maximum: int) -> Numbers:
    """The rows whose acts together exceed the number in their unit."""
    return rows[_totals(standing.unit[rows], standing.quantity[rows]) > maximum]


def _totals(key: Numbers, quantity: Numbers) -> Numbers:
    distinct, number = np.unique(key, return_inverse=True)
    total = np.zeros(len(distinct), np.int64)
    np.add.at(total, number, quantity)
    return total[number]


def _beside_others(standing: Standing, rows: Numbers) -> Flags:
    """Where one of the acts the rule names is paid in the same unit."""
    rules, act, edition, unit = standing.rules, standing.act, standing.edition, standing.unit
    asking = np.flatnonzero(standing.held(rules.asks_partner, rows))
    partners = np.flatnonzero(standing.payable & standing.held(rules.is_partner))
    # Each different act of a unit once and in order of units: those of a line's unit stand in one slice,
    # compared one after the other, and a slice is never longer than the list of acts.
    key = unit[partners] * rules.has_text.shape[1] + act[partners]
    partners = partners[np.unique(key, return_index=True)[1]]
    matters = np.zeros(len(rows), bool)
    at = np.searchsorted(unit[partners], unit[rows[asking]], side="left")
    end = np.searchsorted(unit[partners], unit[rows[asking]], side="right")
    while len(asking := asking[(inside := at < end)]):
        at, end = at[inside], end[inside]
        line = rows[asking]
        hit = rules.text_with[edition[line], act[line], act[partners[at]]]
        matters[asking[hit]] = True
        asking, at, end = asking[~hit], at[~hit] + 1, end[~hit]
    return matters
