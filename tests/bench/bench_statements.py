"""Annual statements of associations: written down, typeset by two workers, each with its mail queued.

    python -m tests.bench.bench_statements [--members 5000] [--workers 2]

The year before has half as many members: what twice as many cost says whether a run grows evenly. The peer is the
bare typesetter making an empty page in one process.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
import uuid
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import psutil

from tests.bench.fund_home import fund_home

MEMBERS_EACH, LINES_EACH = 4, 480
#: Years long gone: those of last year are issued by the clock of the workers.
HALF, WHOLE = 2022, 2023


def enter(associations: int) -> None:
    """Associations of four, half of them founded a year later, each charged 480 lines a year."""
    from django.db import transaction

    from caisse.agreement.identifiers import provider_code
    from caisse.fund.casework.clock.running import once
    from caisse.fund.daily import STATED
    from caisse.fund.registry import revisions
    from caisse.fund.registry.models import Association, Membership, Provider, ProviderCode, Site, SiteAddress

    at = datetime.now(UTC)
    with transaction.atomic():
        revision = revisions.take(action="bench", by="bench", at=at)
        for number in range(associations):
            since = date(2020, 1, 1) if number % 2 else date(WHOLE, 1, 1)
            names = [f"Praxis {number}", *(f"Dr Ségolène Weiß-{number}-{n}" for n in range(MEMBERS_EACH))]
            found = Provider.objects.bulk_create(
                Provider(name=name, kind="person" if n else "association", language=("fr", "de", "en")[n % 3],
                         email=f"p{number}.{n}@practice.example")
                for n, name in enumerate(names)
            )  # fmt: skip
            Association.objects.create(
                provider=found[0], profession="dentists", founded_on=since, revision=revision
            )
            once(STATED, f"{at.year - 1} {found[0].pk}", day=at.date(), at=at)
            sites = Site.objects.bulk_create(Site(provider=one) for one in found)
            SiteAddress.objects.bulk_create(
                SiteAddress(site=site, street="rue du Parc", house_number="3", postcode="4321", locality="Esch-sur-Alzette",
                            country="LU", valid_from=since, revision=revision)
                for site in sites
            )  # fmt: skip
            codes = ProviderCode.objects.bulk_create(
                ProviderCode(provider=one, code=int(provider_code.make(100_000 + number * 5 + n)), profession="dentists",
                             site=sites[n], valid_from=since, revision=revision)
                for n, one in enumerate(found)
            )  # fmt: skip
            Membership.objects.bulk_create(
                Membership(association_id=found[0].pk, member=code, valid_from=since, revision=revision)
                for code in codes[1:]
            )
            charge([code.code for code in codes], (HALF, WHOLE) if number % 2 else (WHOLE,), number)


def charge(codes: list[int], years: tuple[int, ...], seed: int) -> None:
    from caisse.fund.claims.models import JudgedFile
    from caisse.fund.copying import copy_frame
    from caisse.fund.exchange.models import Account, Deposit

    at, chance = datetime.now(UTC), np.random.default_rng(seed)
    size = LINES_EACH * len(years)
    asked = chance.integers(1_000, 20_000, size)
    days = np.concatenate(
        [np.datetime64(f"{year}-01-01") + chance.integers(0, 365, LINES_EACH) for year in years]
    )
    account = Account.objects.create(
        user=f"{codes[0]}-den", provider_code=codes[0], frame="DEN", created_at=at
    )
    deposit = Deposit.objects.create(
        id=uuid.uuid4(), account=account, door="bench", name=f"{codes[0]}.xml", sha256="0" * 64, size=0, received_at=at,
        stage="returned", stage_at=at, receipt="",
    )  # fmt: skip
    file = JudgedFile.objects.create(
        deposit=deposit, provider_code=codes[0], file_reference="b", processing_group=str(deposit.pk), layout="b",
        schema_sha256="", engine="b", table_editions={}, registry_revision=0, is_test=False, judged_at=at,
        invoices_count=0, lines_count=size, asked_cents=int(asked.sum()), paid_cents=int(asked.sum()), patient_cents=0,
        refused_cents=0,
    )  # fmt: skip
    copy_frame(
        "claims_linedecision",
        pl.DataFrame({"line": np.arange(size, dtype=np.int32), "asked_cents": asked}).with_columns(
            file_id=pl.lit(file.pk, pl.Int64), invoice=pl.lit(0), line_reference=pl.lit("L"), act=pl.lit("D"),
            act_paid=pl.lit("D"), date_of_service=pl.Series(days), executing_code=pl.Series(chance.choice(codes[1:], size)),
            quantity_paid=pl.lit(1), paid_cents=pl.col("asked_cents"), patient_cents=pl.lit(0), refused_cents=pl.lit(0),
            outcome=pl.lit("paid"),
        ),
    )  # fmt: skip


def written(year: int) -> tuple[float, int]:
    """Seconds to write down a year's statements, and how many they are."""
    from caisse.fund.payments.statements import issue_statements

    began = time.perf_counter()
    issued = issue_statements(year=year, by="bench", at=datetime.now(UTC))
    return time.perf_counter() - began, issued.new


class Watched(threading.Thread):
    """The largest sum of resident memory (MB) of a process and its children, and the processor time they took."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.process, self.peak, self.stopped = psutil.Process(pid), 0.0, threading.Event()
        self.cpu = self.cpu_before = 0.0

    def run(self) -> None:
        while not self.stopped.wait(0.5):
            try:
                family = [self.process, *self.process.children(recursive=True)]
                self.peak = max(self.peak, sum(one.memory_info().rss for one in family) / 2**20)
                self.cpu = sum(one.cpu_times().user + one.cpu_times().system for one in family)
                self.cpu_before = self.cpu_before or self.cpu
            except psutil.NoSuchProcess:
                return


def typeset(folder: Path, workers: int) -> tuple[float, Watched]:
    """Seconds until workers have made every ordered letter, and what was seen of the workers."""
    from caisse.fund.casework.models import Letter

    waiting = Letter.objects.filter(made_at__isnull=True)
    whole = waiting.count()
    command = [
        sys.executable,
        "-m",
        "caisse.cli",
        "fund",
        "worker",
        "--home",
        str(folder),
        "--processes",
        str(workers),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            watched, began = Watched(process.pid), time.perf_counter()
            watched.start()
            while left := waiting.count():
                if sys.stderr.isatty():
                    print(f"\r  {whole - left:,} of {whole:,}", end="", file=sys.stderr)
                time.sleep(0.5)
            seconds = time.perf_counter() - began
        finally:
            watched.stopped.set()
            process.terminate()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return seconds, watched


def empty_pages(count: int = 2_000) -> float:
    """Seconds the bare typesetter needs for an empty page."""
    import typst

    compiler = typst.Compiler()
    compiler.compile(b"", format="pdf")
    began = time.perf_counter()
    for _ in range(count):
        compiler.compile(b"", format="pdf")
    return (time.perf_counter() - began) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--members", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with fund_home(insured=10) as folder:
        from caisse.fund.payments.models import AnnualStatement

        enter(options.members // MEMBERS_EACH)
        runs = {}
        for year in (HALF, WHOLE):
            order, count = written(year)
            made, watched = typeset(folder, options.workers)
            runs[year] = {"statements": count, "order": order, "made": made, "watched": watched}
            print(f"  {year}: {count:,} written in {order:.1f} s, made in {made:.1f} s", file=sys.stderr)
        if AnnualStatement.objects.filter(letter__made_at__isnull=False).count() != sum(
            run["statements"] for run in runs.values()
        ):
            raise SystemExit("statements without a PDF")
    whole, half, page = runs[WHOLE], runs[HALF], empty_pages()
    seconds = whole["order"] + whole["made"]
    figures = {
        "statements": whole["statements"],
        "seconds_in_all": seconds,
        "seconds_per_1000": 1_000 * seconds / whole["statements"],
        "of_it_written_down": 1_000 * whole["order"] / whole["statements"],
        "times_an_empty_page": seconds / whole["statements"] / page,
        "twice_as_many_cost": seconds / (half["order"] + half["made"]),
        "processor_seconds_of_workers_per_1000": 1_000
        * (whole["watched"].cpu - whole["watched"].cpu_before)
        / whole["statements"],
        "peak_memory_mb": whole["watched"].peak,
        "workers": options.workers,
    }
    print(json.dumps({"statements": {name: round(value, 2) for name, value in figures.items()}}, indent=2))


if __name__ == "__main__":
    main()
