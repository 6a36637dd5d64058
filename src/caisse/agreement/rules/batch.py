"""What goes into an adjudication and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.rules.fingerprints import Marks
from caisse.agreement.rules.lookups import PeriodIndex

#: What a line came to: all that was asked, a part of it, or nothing.
OUTCOME = pl.Enum(["paid", "reduced", "refused"])
PAID, REDUCED, REFUSED = "paid", "reduced", "refused"


#: Lines paid before, in the order in which they were paid; ``quantity`` is what was paid of it.
EARLIER_SCHEMA = pl.Schema(
    {
        "person": pl.Int64(),
        "act": pl.String(),
        "date_of_service": pl.Date(),
        "sampled_on": pl.Date(),
        "quantity": pl.Int32(),
        "prescriber": pl.Int32(),
        "prescribed_on": pl.Date(),
        "prescription_reference": pl.String(),
        "billing_provider": pl.Int32(),
        "invoice_reference": pl.String(),
        "line_reference": pl.String(),
        "paid_on": pl.Date(),
        "deposit": pl.String(),
    }
)


class History(Protocol):
    """Lines paid before: fingerprints to look up quickly, and the full keys to be certain.

    ``fingerprints`` is sorted (uint64, may be memory-mapped) and made with `fingerprint`, or several such
    arrays: a large old one and small ones since. ``confirm`` takes line, person, act, date_of_service,
    billing_provider and gives line, paid_on, deposit for those that were really paid.

    ``unit_marks`` likewise holds their `sampling_marks` (a second one where something was served on another
    day) and `prescription_marks`; ``paid_in`` gives the lines behind some of these marks as
    `EARLIER_SCHEMA`, and may give others with them.
    """

    @property
    def fingerprints(self) -> Marks: ...

    def confirm(self, candidates: pl.DataFrame) -> pl.DataFrame: ...

    @property
    def unit_marks(self) -> Marks: ...

    def paid_in(self, marks: NDArray[np.uint64]) -> pl.DataFrame: ...


@dataclass(frozen=True, slots=True)
class Batch:
    """One request file as tables: its header, one row an invoice, one row a line (money in cents)."""

    header: Mapping[str, object]
    invoices: pl.DataFrame
    lines: pl.DataFrame


@dataclass(frozen=True)
class Facts:
    """What the registers say. A fact that is None was not looked up: its checks are deferred.

    ``insured``: insured_person (the printed number), person (stable id), fund, insured_from, insured_until;
    sorted by insured_person, one row a period. ``providers``: provider, profession, valid_from, valid_until.
    ``executing``: billing_provider, executing_provider, valid_from, valid_until.
    ``authorisations``: reference, laboratory, insured_person, act, granted_cents, valid_from, valid_until,
    status, used_by (the line of an earlier file that it has paid, in words; null: none yet). Periods are
    half-open.
    """

    insured: pl.DataFrame | None = None
    providers: pl.DataFrame | None = None
    executing: pl.DataFrame | None = None
    authorisations: pl.DataFrame | None = None
    history: History | None = None

    @cached_property
    def insured_index(self) -> PeriodIndex | None:
        """Periods of insurance by printed number; built once as the snapshot stays in memory."""
        if self.insured is None:
            return None
        return PeriodIndex.build(
            self.insured, "insured_person", "insured_from", "insured_until", identity="person", is_sorted=True
        )

    @cached_property
    def provider_index(self) -> PeriodIndex | None:
        """Periods of validity by provider code."""
        if self.providers is None:
            return None
        return PeriodIndex.build(self.providers, "provider", "valid_from", "valid_until")

    def executing_index(self, billing_provider: int) -> PeriodIndex | None:
        """Periods in which others may execute for one biller, by the executing provider's code."""
        if self.executing is None:
            return None
        under = self.executing.filter(pl.col("billing_provider") == billing_provider)
        return PeriodIndex.build(under, "executing_provider", "valid_from", "valid_until")

    @property
    def missing(self) -> frozenset[str]:
        """The names of the facts that were not looked up."""
        names = ("insured", "providers", "executing", "authorisations", "history")
        return frozenset(name for name in names if getattr(self, name) is None)


@dataclass(frozen=True, slots=True)
class Adjudication:
    """What was decided. In every row asked = paid + patient's share + refused, in cents.

    ``lines``: line, invoice, act_paid, quantity_paid, asked_cents, paid_cents, patient_cents, refused_cents,
    outcome. ``invoices``: invoice, the same four amounts, outcome. ``findings``: of ``FINDINGS_SCHEMA``.
    ``deferred``: the codes whose verdict only the holder of the missing facts can give.
    """

    lines: pl.DataFrame
    invoices: pl.DataFrame
    findings: pl.DataFrame
    deferred: tuple[str, ...]
