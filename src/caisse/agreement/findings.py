"""A finding: one thing that is wrong, where it stands, what was found and what was expected."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import polars as pl

#: One row a finding. ``invoice`` and ``line`` are row numbers of the file's tables (from 0),
#: ``xml_line`` counts from 1, ``follows`` holds the code of the root error this one follows from.
FINDINGS_SCHEMA = pl.Schema(
    {
        "code": pl.String(),
        "severity": pl.String(),
        "level": pl.String(),
        "invoice": pl.UInt32(),
        "line": pl.UInt32(),
        "invoice_reference": pl.String(),
        "line_reference": pl.String(),
        "xml_line": pl.Int32(),
        "found": pl.String(),
        "expected": pl.String(),
        "follows": pl.String(),
    }
)

FILE, INVOICE, LINE = "file", "invoice", "line"
ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. ``follows`` is None for a root error, else the code of the error it follows from."""

    code: str
    severity: str = ERROR
    level: str = FILE
    invoice: int | None = None
    line: int | None = None
    invoice_reference: str | None = None
    line_reference: str | None = None
    xml_line: int | None = None
    found: str | None = None
    expected: str | None = None
    follows: str | None = None


def findings_frame(findings: Iterable[Finding] = ()) -> pl.DataFrame:
    """Findings as a frame of ``FINDINGS_SCHEMA``, in the order given."""
    return pl.DataFrame([asdict(finding) for finding in findings], schema=FINDINGS_SCHEMA)


def findings_from_frame(frame: pl.DataFrame) -> tuple[Finding, ...]:
    """The rows of a frame of ``FINDINGS_SCHEMA`` as findings."""
    return tuple(Finding(**row) for row in frame.select(FINDINGS_SCHEMA.names()).iter_rows(named=True))


def is_refused(findings: Iterable[Finding]) -> bool:
    """True when at least one finding is an error: warnings alone never refuse."""
    return any(finding.severity == ERROR for finding in findings)
