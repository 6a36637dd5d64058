"""Lines paid before, and lines repeated in the file."""

import numpy as np
import polars as pl

from caisse.agreement.rules.batch import History
from caisse.agreement.rules.fingerprints import among, mix_keys
from caisse.agreement.rules.hits import Hits
from caisse.agreement.rules.standing import Numbers, Standing


def check_history(standing: Standing, history: History) -> Hits:
    """DUP-001: refuse lines whose person, act, day of service and biller were paid before."""
    # Whether a collective code was billed before is said by the authorisation it names, not by its day.
    rows = np.flatnonzero(standing.payable & ~standing.index.is_collective[standing.act])
    served = standing.batch.lines["date_of_service"].to_physical().to_numpy()
    billing = int(str(standing.batch.header["billing_provider"]))
    marks = mix_keys(
        standing.joined.person[standing.joined.invoice_of[rows]],
        standing.index.act_hashes[standing.act[rows]],
        served[rows],
        np.array([billing], np.int64),
    )
    rows = rows[among(history.fingerprints, marks)]
    if not len(rows):
        return Hits("DUP-001", "line", rows)
    lines = standing.batch.lines
    candidates = pl.DataFrame(
        {
            "line": pl.Series(rows, dtype=pl.UInt32),
            "person": standing.joined.person[standing.joined.invoice_of[rows]],
            "act": lines["act"].gather(rows),
            "date_of_service": lines["date_of_service"].gather(rows),
            "billing_provider": pl.repeat(billing, len(rows), dtype=pl.Int32, eager=True),
        }
    )
    paid = history.confirm(candidates).sort("line")
    told = paid.select(
        found=pl.format("paid on {} (deposit {})", "paid_on", pl.col("deposit").cast(pl.String)),
    )
    rows = paid["line"].cast(pl.Int64).to_numpy()
    standing.refuse(rows)
    return Hits("DUP-001", "line", rows, found=told["found"])


def check_repeats(standing: Standing) -> Hits:
    """DUP-002: refuse later lines with the same act in the same unit, unless the act may be counted again."""
    rules = standing.rules
    once = standing.payable & ~standing.held(rules.may_repeat)
    # Collective codes are in no edition: each pays an authorisation of its own.
    rows = np.flatnonzero(once & ~standing.index.is_collective[standing.act])
    key = standing.unit[rows] * rules.may_repeat.shape[1] + standing.act[rows]
    ordered = np.sort(key)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return Hits("DUP-002", "line", np.zeros(0, np.int64))
    return _repeated(standing, rows[np.isin(key, twice)])


def _repeated(standing: Standing, rows: Numbers) -> Hits:
    key = standing.unit[rows] * standing.rules.may_repeat.shape[1] + standing.act[rows]
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    originals = rows[first[number]]
    later = (rows != originals) & (rows >= standing.settled)
    standing.refuse(rows[later])
    lines = standing.batch.lines
    told = pl.DataFrame(
        {
            "invoice": standing.batch.invoices["invoice_reference"].gather(
                standing.joined.invoice_of[originals[later]]
            ),
            "line": lines["line_reference"].gather(originals[later]),
        }
    )
    here = told.select(pl.format("once: see invoice {} line {}", "invoice", "line")).to_series()
    return Hits(
        code="DUP-002",
        level="line",
        rows=rows[later],
        found=lines["act"].gather(rows[later]),
        expected=standing.told_of("once: see {}", originals[later], here),
    )
