"""Checking a file as the fund will, as far as that is possible without the fund's registers."""

import mmap
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from caisse.agreement.errors import WrongUse
from caisse.agreement.examination import Examination, examine_file
from caisse.agreement.findings import ERROR, Finding, findings_from_frame
from caisse.agreement.rules import Batch, Facts, adjudicate
from caisse.agreement.tables import load_tables
from caisse.provider.home import profession_of

if TYPE_CHECKING:
    from collections.abc import Buffer


@dataclass(frozen=True, slots=True)
class Check:
    """What is known before sending. ``conform``: the fund will judge the file; lines may still be refused.

    ``deferred`` are the reason codes only the fund can rule out. Amounts are cents and None when not conform.
    """

    name: str
    size: int
    sha256: str
    conform: bool
    layout: str | None
    invoices: int | None
    lines: int | None
    findings: tuple[Finding, ...]
    deferred: tuple[str, ...]
    asked_cents: int | None
    payable_cents: int | None
    patient_cents: int | None
    refused_cents: int | None
    notes: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """True when the file is conform and no line would be refused for what can be seen here."""
        return self.conform and not any(finding.severity == ERROR for finding in self.findings)


def check_file(path: Path, *, on: date, provider: int | None = None, language: str = "en") -> Check:
    """Examine and adjudicate ``path`` as if sent on that day; raises WrongUse when it cannot be read."""
    try:
        with path.open("rb") as file:
            if path.stat().st_size == 0:
                return check_content(path.name, b"", on=on, provider=provider, language=language)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return check_content(path.name, content, on=on, provider=provider, language=language)
    except OSError as error:
        raise WrongUse(f"{path}: {error.strerror}") from None


def check_content(
    name: str, content: "Buffer", *, on: date, provider: int | None = None, language: str = "en"
) -> Check:
    """The same for bytes in memory."""
    examination = examine_file(name, content, on=on, provider=provider)
    if not examination.conform or examination.document is None:
        return _only_examined(examination)
    document = examination.document
    tables = load_tables(profession_of(str(document.header["frame"])))
    batch = Batch(document.header, document.tables["invoices"], document.tables["lines"])
    decided = adjudicate(batch, Facts(), tables)
    sums = {name: int(decided.lines[name].sum()) for name in
            ("asked_cents", "paid_cents", "patient_cents", "refused_cents")}  # fmt: skip
    days = batch.lines["date_of_service"]
    notes = tuple(
        note.text(language)
        for note in tables.notes
        if ((days >= note.valid_from) & (days < (note.valid_until or date.max))).any()
    )
    return Check(
        name=name,
        size=examination.size,
        sha256=examination.sha256,
        conform=True,
        layout=_label(examination),
        invoices=batch.invoices.height,
        lines=batch.lines.height,
        findings=(*examination.findings, *findings_from_frame(decided.findings)),
        deferred=decided.deferred,
        asked_cents=sums["asked_cents"],
        payable_cents=sums["paid_cents"],
        patient_cents=sums["patient_cents"],
        refused_cents=sums["refused_cents"],
        notes=notes,
    )


def _label(examination: Examination) -> str | None:
    return examination.layout.label if examination.layout else None


def _only_examined(examination: Examination) -> Check:
    return Check(
        name=examination.name, size=examination.size, sha256=examination.sha256, conform=False,
        layout=_label(examination), invoices=None, lines=None, findings=examination.findings, deferred=(),
        asked_cents=None, payable_cents=None, patient_cents=None, refused_cents=None, notes=(),
    )  # fmt: skip
