"""Valid laboratory invoicing files of any size, the same for the same arguments; synthetic persons only."""

from datetime import date, timedelta

import numpy as np
import polars as pl

from caisse.agreement.layouts import catalogue
from caisse.agreement.layouts.writing import write
from caisse.agreement.money import tariff_cents

KEY_LETTER_2024 = 32706
#: Frequent acts with the coefficients of the edition of 1.1.2020, in hundredths.
ACTS = {
    "BC001": 700, "BC006": 3000, "BC012": 700, "BC013": 700, "BC014": 1400, "BC026": 700, "BC042": 700,
    "BG001": 1500, "BY001": 2000, "BY003": 1600,
}  # fmt: skip
LABORATORY = 52001700
PRESCRIBERS = (90000135, 90000232, 90000329, 90000426)


def invoice_tables(lines: int, lines_per_invoice: int = 5, seed: int = 2024) -> dict[str, pl.DataFrame]:
    """Invoices and lines of one month, March 2024; the last invoice may be shorter."""
    random = np.random.default_rng(seed)
    invoices = -(-lines // lines_per_invoice)
    invoice = np.arange(lines) // lines_per_invoice
    acts = np.array(list(ACTS))
    tariffs = np.array([tariff_cents(coefficient, KEY_LETTER_2024) for coefficient in ACTS.values()])
    drawn = (np.arange(lines) % lines_per_invoice + random.integers(0, len(ACTS), invoices)[invoice]) % len(
        ACTS
    )
    first = date(2024, 3, 1)
    days = pl.Series([first + timedelta(days=day) for day in range(31)])
    day = days.gather(random.integers(0, 31, invoices))
    line_table = pl.DataFrame(
        {
            "line": pl.Series(np.arange(lines), dtype=pl.UInt32),
            "invoice": pl.Series(invoice, dtype=pl.UInt32),
            "line_reference": (pl.Series(np.arange(lines)) + 1).cast(pl.String),
            "act": acts[drawn],
            "date_of_service": day.gather(invoice),
            "sampled_on": day.gather(invoice),
            "sampling_place": np.array(["L1", "L2", "D1"])[random.integers(0, 3, lines)],
            "quantity": np.ones(lines, np.int32),
            "gross_cents": tariffs[drawn],
            "net_cents": tariffs[drawn],
            "executing_provider": np.full(lines, LABORATORY),
        }
    )
    sums = line_table.group_by("invoice", maintain_order=True).agg(
        pl.len().cast(pl.Int32).alias("count"), pl.col("gross_cents", "net_cents").sum()
    )
    number = pl.Series(np.arange(invoices))
    invoice_table = sums.with_columns(
        ("INV-2024-" + (number + 1).cast(pl.String).str.pad_start(6, "0")).alias("invoice_reference"),
        pl.Series("insured_person", 1_900_000_000_000 + random.integers(0, 99_999_999_999, invoices)),
        pl.lit(date(2024, 4, 1)).alias("issued_on"),
        ("ORD-" + (number + 1).cast(pl.String).str.pad_start(7, "0")).alias("prescription_reference"),
        (day - timedelta(days=7)).alias("prescribed_on"),
        pl.Series("prescriber", np.array(PRESCRIBERS)[random.integers(0, len(PRESCRIBERS), invoices)]),
    )
    return {"invoices": invoice_table, "lines": line_table}


def invoice_file(lines: int, *, layout: int = 2, lines_per_invoice: int = 5) -> bytes:
    """One valid file of that many lines, some 560 bytes each."""
    tables = invoice_tables(lines, lines_per_invoice)
    invoices = tables["invoices"]
    header = {
        "billing_provider": LABORATORY,
        "organisation": 99,
        "sent_on": date(2024, 4, 2),
        "file_reference": "2024-03-A",
        "year": 2024,
        "number": 3,
        "count": invoices.height,
        "gross_cents": invoices["gross_cents"].sum(),
        "net_cents": invoices["net_cents"].sum(),
    }
    return write(catalogue.find("LAB", "FAC", layout), header, tables)
