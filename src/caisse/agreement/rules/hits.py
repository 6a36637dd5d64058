"""Findings of whole columns: which rows, what was found, what was expected; texts only where there is one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.findings import FILE, FINDINGS_SCHEMA, INVOICE, LINE
from caisse.agreement.rules.batch import Batch
from caisse.agreement.rules.check import NOTHING, Check
from caisse.agreement.tables.reasons import reason


@dataclass(frozen=True, slots=True)
class Hits:
    """The rows (of invoices or of lines, by ``level``) with a finding of one code."""

    code: str
    level: str
    rows: NDArray[np.int64]
    found: pl.Series | None = None
    expected: pl.Series | None = None
    follows: pl.Series | None = None

    def frame(self) -> pl.DataFrame:
        """The findings with the row in place of its references."""
        size = len(self.rows)
        return pl.DataFrame(
            {
                "code": _repeated(self.code, size),
                "severity": _repeated(reason(self.code).severity, size),
                "level": _repeated(self.level, size),
                "row": pl.Series(self.rows, dtype=pl.UInt32),
                "found": _texts(self.found, size),
                "expected": _texts(self.expected, size),
                "follows": _texts(self.follows, size),
            }
        )


def _repeated(text: str, size: int) -> pl.Series:
    return pl.repeat(text, size, dtype=pl.String, eager=True)


def _texts(texts: pl.Series | None, size: int) -> pl.Series:
    if texts is None:
        return pl.repeat(None, size, dtype=pl.String, eager=True)
    return texts.cast(pl.String)


def hits_of(check: Check, joined: pl.DataFrame, rows: NDArray[np.int64], follows: pl.Series | None) -> Hits:
    """The findings of a check on ``rows`` of the table it looks at."""
    needed = {*check.found.meta.root_names(), *check.expected.meta.root_names()}
    texts = {"found": check.found, "expected": check.expected}
    asked = [expr.alias(name) for name, expr in texts.items() if expr is not NOTHING]
    told = joined.select(sorted(needed))[rows].select(asked) if needed else pl.select(asked)
    return Hits(
        code=check.code,
        level=check.level,
        rows=rows,
        found=_told(told, "found", len(rows)),
        expected=_told(told, "expected", len(rows)),
        follows=follows,
    )


def _told(told: pl.DataFrame, name: str, size: int) -> pl.Series | None:
    if name not in told.columns:
        return None
    texts = told[name]
    return texts if len(texts) == size else texts.new_from_index(0, size)


def findings_of(hits: Sequence[Hits], batch: Batch) -> pl.DataFrame:
    """All findings in the order of the file; those of one line in the order of the checks."""
    told = [hit.frame() for hit in hits if len(hit.rows)]
    if not told:
        return pl.DataFrame(schema=FINDINGS_SCHEMA)
    rows = pl.concat(told)
    by_level = [
        _of_file(rows.filter(pl.col("level") == FILE)),
        _of_invoices(rows.filter(pl.col("level") == INVOICE), batch),
        _of_lines(rows.filter(pl.col("level") == LINE), batch),
    ]
    frame = pl.concat(by_level).sort("invoice", "line", maintain_order=True, nulls_last=False)
    return frame.select(FINDINGS_SCHEMA.names()).cast(FINDINGS_SCHEMA)


def _of_file(rows: pl.DataFrame) -> pl.DataFrame:
    return _placed(rows, None, None, None, None)


def _of_invoices(rows: pl.DataFrame, batch: Batch) -> pl.DataFrame:
    places = batch.invoices.select("invoice_reference", "xml_line")[rows["row"]]
    return _placed(rows, rows["row"], None, places["invoice_reference"], places["xml_line"])


def _of_lines(rows: pl.DataFrame, batch: Batch) -> pl.DataFrame:
    places = batch.lines.select("invoice", "line_reference", "xml_line")[rows["row"]]
    references = batch.invoices["invoice_reference"].gather(places["invoice"])
    return _placed(
        rows, places["invoice"], rows["row"], references, places["xml_line"], places["line_reference"]
    )


def _placed(
    rows: pl.DataFrame,
    invoice: pl.Series | None,
    line: pl.Series | None,
    invoice_reference: pl.Series | None,
    xml_line: pl.Series | None,
    line_reference: pl.Series | None = None,
) -> pl.DataFrame:
    columns = {
        "invoice": invoice,
        "line": line,
        "invoice_reference": invoice_reference,
        "line_reference": line_reference,
        "xml_line": xml_line,
    }
    return (
        rows.drop("row")
        .with_columns(
            pl.lit(None, FINDINGS_SCHEMA[name]).alias(name) if column is None else column.alias(name)
            for name, column in columns.items()
        )
        .select(FINDINGS_SCHEMA.names())
    )
