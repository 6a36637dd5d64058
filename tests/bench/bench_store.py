"""Line decisions into PostgreSQL: COPY of frames against Django's bulk_create, in turn on the same table.

    python -m tests.bench.bench_store [--lines 250000] [--pairs 5]

Both sides write the same rows of `claims_linedecision`, with its primary key and its check, in one transaction that
is committed with fsync; row objects and CSV are made inside the measured time.
"""

import argparse
import json
import statistics
import sys
import time
from datetime import date

import numpy as np
import polars as pl

from tests.bench.fund_home import fund_home

BATCH = 10_000


def decisions(lines: int) -> pl.DataFrame:
    """Rows such as a month's adjudication gives."""
    random = np.random.default_rng(5)
    amounts = random.integers(200, 9_000, lines)
    return (
        pl.DataFrame({"line": np.arange(lines, dtype=np.int32)})
        .with_columns(
            invoice=(pl.col("line") // 5).cast(pl.Int32),
            line_reference=pl.format("L{}", pl.col("line") % 5 + 1),
            person=pl.Series(random.integers(1, 900_000, lines)),
            act=pl.Series([f"BC{n:03}" for n in random.integers(1, 184, lines)]),
            date_of_service=pl.lit(date(2024, 3, 14)),
            quantity_paid=pl.lit(1, pl.Int32),
            asked_cents=pl.Series(amounts),
            paid_cents=pl.Series(amounts),
            patient_cents=pl.lit(0, pl.Int64),
            refused_cents=pl.lit(0, pl.Int64),
            outcome=pl.lit("paid"),
        )
        .with_columns(act_paid="act")
    )


def by_copy(rows: pl.DataFrame, file: int) -> None:
    from django.db import transaction

    from caisse.fund.copying import copy_frame

    with transaction.atomic():
        copy_frame("claims_linedecision", rows.with_columns(file_id=pl.lit(file, pl.Int64)))


def by_bulk_create(rows: pl.DataFrame, file: int) -> None:
    from django.db import transaction

    from caisse.fund.claims.models import LineDecision

    with transaction.atomic():
        LineDecision.objects.bulk_create(
            (LineDecision(file_id=file, **row) for row in rows.iter_rows(named=True)), batch_size=BATCH
        )


def timed(work, *arguments: object) -> float:
    began = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=250_000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    rows = decisions(options.lines)
    with fund_home(insured=10):
        from caisse.fund.claims.models import LineDecision

        by_copy(rows.head(1000), 1)
        by_bulk_create(rows.head(1000), 2)
        pairs = []
        for n in range(options.pairs):
            copied, created = timed(by_copy, rows, 10 + 2 * n), timed(by_bulk_create, rows, 11 + 2 * n)
            pairs.append((copied, created))
            print(f"  pair {n + 1}: {copied:.2f} s, bulk_create {created:.2f} s", file=sys.stderr)
        stored = LineDecision.objects.count()
        if stored != 2 * options.lines * options.pairs + 2000:
            raise SystemExit(f"{stored} rows stored")
    figures = {
        "times_bulk_create": statistics.median(created / copied for copied, created in pairs),
        "copy_seconds": statistics.median(copied for copied, _ in pairs),
        "bulk_create_seconds": statistics.median(created for _, created in pairs),
        "lines": options.lines,
    }
    print(json.dumps({"store": {name: round(value, 2) for name, value in figures.items()}}, indent=2))


if __name__ == "__main__":
    main()
