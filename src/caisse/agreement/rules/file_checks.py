"""Checks of a whole file that need nothing but the file: references, totals, counts, the biller's code.

They are step 4 of a deposit's life. One error and the file is not conform: all or nothing.
"""

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

from caisse.agreement.identifiers import provider_code
from caisse.agreement.rules.batch import Batch
from caisse.agreement.rules.check import euros
from caisse.agreement.rules.hits import Hits, findings_of

_AMOUNTS = ("gross_cents", "net_cents")
_CURRENCY = "EUR"


def check_file(batch: Batch) -> pl.DataFrame:
    """The findings of a file by itself, a frame of ``FINDINGS_SCHEMA``; empty when all ties."""
    return findings_of([hits for check in FILE_CHECKS for hits in check(batch)], batch)


def check_biller_digits(batch: Batch) -> Iterator[Hits]:
    """PRO-001: the biller's code has the right check digits."""
    code = str(batch.header["billing_provider"])
    if not provider_code.is_valid(code):
        yield _of_file("PRO-001", code, "six digits and their remainder modulo 97")


def check_invoice_references(batch: Batch) -> Iterator[Hits]:
    """KEY-002: an invoice reference stands once in a file."""
    references = batch.invoices["invoice_reference"]
    repeated = ~references.is_first_distinct()
    yield _where("KEY-002", "invoice", repeated, references, None)


def check_line_references(batch: Batch) -> Iterator[Hits]:
    """KEY-003: a line reference stands once in an invoice."""
    lines = batch.lines.select("invoice", "line_reference")
    repeated = _repeated_references(lines)
    yield _where("KEY-003", "line", repeated, lines["line_reference"], None)


def _repeated_references(lines: pl.DataFrame) -> pl.Series:
    """True where the reference stood before in the invoice.

    Strings are numbered, and pairs of numbers compared as one: hashing 250,000 pairs costs three times more.
    """
    number = lines["line_reference"].cast(pl.Categorical).to_physical().cast(pl.Int64).to_numpy()
    key = lines["invoice"].to_numpy().astype(np.int64) * (int(number.max(initial=0)) + 1) + number
    ordered = np.sort(key)
    if not (ordered[1:] == ordered[:-1]).any():
        return pl.repeat(False, lines.height, dtype=pl.Boolean, eager=True)
    return ~pl.Series(key).is_first_distinct()


def check_invoice_totals(batch: Batch) -> Iterator[Hits]:
    """TOT-001: an invoice's amounts are the sums of its lines' amounts."""
    invoice_of = batch.lines["invoice"].to_numpy()
    for amount in _AMOUNTS:
        total = np.zeros(batch.invoices.height, np.int64)
        np.add.at(total, invoice_of, batch.lines[amount].to_numpy())
        stated = batch.invoices[amount]
        sums = pl.Series(total)
        yield _where("TOT-001", "invoice", stated != sums, _amounts(stated), _amounts(sums))


def check_file_totals(batch: Batch) -> Iterator[Hits]:
    """TOT-002: the file's amounts are the sums of its invoices' amounts."""
    for amount in _AMOUNTS:
        stated, total = int(str(batch.header[amount])), int(batch.invoices[amount].sum())
        if stated != total:
            amounts = _amounts(pl.Series([stated, total]))
            yield _of_file("TOT-002", amounts[0], amounts[1])


def check_counts(batch: Batch) -> Iterator[Hits]:
    """TOT-003: an invoice counts its lines, the file its invoices."""
    count = int(str(batch.header["count"]))
    if count != batch.invoices.height:
        yield _of_file("TOT-003", str(count), str(batch.invoices.height))
    lines = pl.Series(
        np.bincount(batch.lines["invoice"].to_numpy(), minlength=batch.invoices.height).astype(np.int64)
    )
    stated = batch.invoices["count"]
    yield _where("TOT-003", "invoice", stated != lines, stated.cast(pl.String), lines.cast(pl.String))


def check_currency(batch: Batch) -> Iterator[Hits]:
    """TOT-004: every amount is in euros."""
    if batch.header["currency"] != _CURRENCY:
        yield _of_file("TOT-004", str(batch.header["currency"]), _CURRENCY)
    for level, table in (("invoice", batch.invoices), ("line", batch.lines)):
        currency = table["currency"]
        other = currency.ne_missing(pl.Series([_CURRENCY]))
        yield _where("TOT-004", level, other, currency, None)


FILE_CHECKS: tuple[Callable[[Batch], Iterator[Hits]], ...] = (
    check_biller_digits,
    check_invoice_references,
    check_line_references,
    check_invoice_totals,
    check_file_totals,
    check_counts,
    check_currency,
)


def _of_file(code: str, found: str, expected: str) -> Hits:
    return Hits(code, "file", np.zeros(1, np.int64), pl.Series([found]), pl.Series([expected]))


def _where(code: str, level: str, broken: pl.Series, found: pl.Series, expected: pl.Series | None) -> Hits:
    rows = np.flatnonzero(broken.fill_null(False).to_numpy())
    return Hits(code, level, rows, found.gather(rows), None if expected is None else expected.gather(rows))


def _amounts(cents: pl.Series) -> pl.Series:
    return pl.select(euros(pl.lit(cents))).to_series()
