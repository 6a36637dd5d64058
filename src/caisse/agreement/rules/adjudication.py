"""Adjudication: every check, what they leave of each line, and what is paid for it."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.rules.authorisations import authorisation_hits, check_used_once
from caisse.agreement.rules.batch import Adjudication, Batch, Facts
from caisse.agreement.rules.beside import set_aside
from caisse.agreement.rules.check import Check
from caisse.agreement.rules.checks import deferred_codes
from caisse.agreement.rules.cumulation import check_act_maxima, check_exclusions, check_group_maxima
from caisse.agreement.rules.decisions import decide_invoices, decide_lines
from caisse.agreement.rules.hits import Hits, findings_of, hits_of
from caisse.agreement.rules.invoice_checks import INVOICE_CHECKS
from caisse.agreement.rules.joined import Joined, join_facts
from caisse.agreement.rules.line_checks import LINE_CHECKS
from caisse.agreement.rules.repeats import check_history, check_repeats
from caisse.agreement.rules.standing import Standing
from caisse.agreement.rules.text_rules import check_text_rules
from caisse.agreement.tables import Tables

Mask = NDArray[np.bool_]
Broken = Mapping[Check, Mask]


def adjudicate(batch: Batch, facts: Facts, tables: Tables) -> Adjudication:
    """Decide every line of a conform file: what is paid of it and why not the rest.

    Facts that are None defer their checks; the amounts then are what would be paid if those found nothing.
    """
    joined = join_facts(batch, facts, tables)
    of_file = check_biller(batch, facts)
    of_invoices = _broken(joined.invoices, INVOICE_CHECKS, facts.missing)
    of_lines = _broken(joined.lines, LINE_CHECKS, facts.missing)
    of_authorisations = list(authorisation_hits(joined, facts))

    roots = _roots(of_file, of_invoices, batch.invoices.height)
    refused = (roots >= 0)[joined.invoice_of]
    for check, mask in of_lines.items():
        if check.effect == "refuse":
            refused |= mask
    for hits in of_authorisations:
        refused[hits.rows] = True

    standing = Standing.of(batch, joined, tables, ~refused)
    staged = list(_staged(standing, facts, tables))
    lines = decide_lines(standing)
    found = [
        *of_file,
        *_check_hits(of_invoices, joined.invoices),
        *_check_hits(of_lines, joined.lines),
        *of_authorisations,
        *staged,
        _follow_ons(joined, roots),
    ]
    return Adjudication(
        lines=lines,
        invoices=decide_invoices(lines, joined.invoice_of, batch.invoices.height),
        findings=findings_of(found, batch),
        deferred=deferred_codes(facts.missing),
    )


def check_biller(batch: Batch, facts: Facts) -> list[Hits]:
    """PRO-002: the biller's code is valid on the day the file was sent; if not, nothing of it is paid."""
    providers = facts.provider_index
    if providers is None:
        return []
    sent_on = pl.Series([batch.header["sent_on"]], dtype=pl.Date)
    billing = pl.Series([batch.header["billing_provider"]], dtype=pl.Int64)
    valid = providers.holds_on(providers.find(billing.to_numpy()), sent_on.to_physical().to_numpy())
    if valid[0]:
        return []
    expected = pl.select(pl.format("a code valid on {}", pl.lit(sent_on))).to_series()
    return [Hits("PRO-002", "file", np.zeros(1, np.int64), billing.cast(pl.String), expected)]


def _broken(table: pl.DataFrame, checks: Sequence[Check], missing: frozenset[str]) -> Broken:
    """The checks that found something, with the rows on which they did."""
    active = [check for check in checks if not missing.intersection(check.needs)]
    masks = table.select(check.broken.fill_null(False).alias(str(at)) for at, check in enumerate(active))
    return {check: masks[str(at)].to_numpy() for at, check in enumerate(active) if bool(masks[str(at)].any())}


def _check_hits(broken: Broken, table: pl.DataFrame) -> Iterator[Hits]:
    by_code: dict[str, Mask] = {}
    for check, mask in broken.items():
        rows = np.flatnonzero(mask)
        yield hits_of(check, table, rows, _follows(check, by_code, rows))
        by_code[check.code] = by_code[check.code] | mask if check.code in by_code else mask


def _follows(check: Check, by_code: Mapping[str, Mask], rows: NDArray[np.int64]) -> pl.Series | None:
    """The first code of ``check.follows`` that was found on each row."""
    place = np.full(len(rows), -1, np.int64)
    for at, code in enumerate(check.follows):
        if code in by_code:
            place[by_code[code][rows] & (place < 0)] = at
    if not (place >= 0).any():
        return None
    named = pl.Series([*check.follows, None], dtype=pl.String)
    return named.gather(np.where(place < 0, len(check.follows), place))


#: Codes that refuse a whole invoice, in the order in which they are named as its root.
ROOTS: tuple[str, ...] = (
    "PRO-002",
    *dict.fromkeys(check.code for check in INVOICE_CHECKS if check.effect == "refuse"),
)


def _roots(of_file: Sequence[Hits], of_invoices: Broken, invoices: int) -> NDArray[np.int64]:
    """For each invoice the place in ``ROOTS`` of the error that refuses it, -1 where none does."""
    roots = np.full(invoices, ROOTS.index(of_file[0].code) if of_file else -1, np.int64)
    for check, mask in of_invoices.items():
        if check.effect == "refuse":
            roots[mask & (roots < 0)] = ROOTS.index(check.code)
    return roots


def _follow_ons(joined: Joined, roots: NDArray[np.int64]) -> Hits:
    """INV-001 on every line of a refused invoice, naming the root error."""
    root = roots[joined.invoice_of]
    rows = np.flatnonzero(root >= 0)
    codes = pl.Series(ROOTS).gather(root[rows]) if len(rows) else pl.Series(dtype=pl.String)
    return Hits("INV-001", "line", rows, follows=codes)


def _staged(standing: Standing, facts: Facts, tables: Tables) -> Iterator[Hits]:
    """The rules over several lines, in the order of the policy ``order_of_rules``.

    Lines whose person was paid for the same unit before are judged apart, together with those.
    """
    yield check_used_once(standing)
    aside = None
    if facts.history is not None:
        yield check_history(standing, facts.history)
        aside = set_aside(standing, facts.history, tables)
    yield from _among_lines(standing)
    if aside is not None:
        yield from aside.in_file(_among_lines(aside.standing))
        aside.put_back(standing)


def _among_lines(standing: Standing) -> Iterator[Hits]:
    yield check_repeats(standing)
    yield check_exclusions(standing)
    yield check_act_maxima(standing)
    yield from check_group_maxima(standing)
    yield check_text_rules(standing)
