"""Months of records of synthetic persons."""

import csv
from collections.abc import Collection
from pathlib import Path

from caisse.agreement.identifiers import national_number

COLUMNS = (
    "invoice_reference", "insured_person", "issued_on", "prescription_reference", "prescribed_on", "prescriber",
    "line_reference", "act", "date_of_service", "sampled_on", "sampling_place", "quantity", "amount",
    "executing_provider",
)  # fmt: skip
ACTS = ("BY001", "BC001")


def person(number: int) -> str:
    """A synthetic national number with right check digits."""
    return national_number.make(1980, 1 + number % 12, 1 + number // 12 % 28, 100 + number // 336)


def rows_of(
    count: int, too_dear: Collection[int] = (), unknown: Collection[int] = (), start: int = 0
) -> list[list[str]]:
    """Two lines an invoice; the first line of those in ``too_dear`` asks 99.90, of those in ``unknown`` BC999."""
    rows = []
    for number in range(start, start + count):
        for line, act in enumerate(ACTS, start=1):
            odd = line == 1 and number in unknown
            amount = "99.90" if line == 1 and number in too_dear else "5.00" if odd else ""
            rows.append([
                f"INV-{number}", person(number), "2024-03-31", f"P-{number}", "2024-03-01", "90000135", f"{line}",
                "BC999" if odd else act, "2024-03-05", "2024-03-05", "LAB", "1", amount, "52001700",
            ])  # fmt: skip
    return rows


def write_month(path: Path, count: int, *, too_dear: Collection[int] = (), unknown: Collection[int] = (),
                start: int = 0) -> Path:  # fmt: skip
    """Write a month of ``count`` invoices as CSV."""
    with path.open("w", newline="", encoding="utf-8") as target:
        rows = csv.writer(target)
        rows.writerow(COLUMNS)
        rows.writerows(rows_of(count, too_dear, unknown, start))
    return path
