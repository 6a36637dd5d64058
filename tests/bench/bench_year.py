"""A year of the clock over many providers, day by day; then again killed at random moments, counted by an oracle.

    python -m tests.bench.bench_year [--providers 5000] [--days 365] [--kills 20] [--letters 1000]

`growth`: seconds of the year divided by those of half as many providers, in the same run; `cpu_growth` the same of
processor seconds, those of this process and the database, which a busy machine changes less;
`quiet_look_seconds` what a worker's look costs each minute on a day that brings nothing more. Letters are written
down by the clock and made by jobs: `letter_seconds` is one made, kept and put into a mail, by one worker, with the
starts of those that were killed.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

import psutil

from caisse.fund.embedded import Cluster
from caisse.fund.home import VARIABLE, Home

FIRST = date(2026, 12, 1)


class Processor:
    """Processor seconds since it was made: of this process with its children, and of the database's processes."""

    def __init__(self, cluster: Cluster) -> None:
        self.postmaster = psutil.Process(cluster.pid())
        self.begun = self._ours(), self._database()

    def _ours(self) -> float:
        return sum(sum(getrusage(who)[:2]) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))

    def _database(self) -> float:
        alive = [one.cpu_times() for one in self.postmaster.children()]
        # Those that ended are counted by the postmaster.
        return sum(self.postmaster.cpu_times()[:4]) + sum(one.user + one.system for one in alive)

    def taken(self) -> dict[str, float]:
        ours, database = self._ours() - self.begun[0], self._database() - self.begun[1]
        return {"cpu_seconds": round(ours, 1), "database_cpu_seconds": round(database, 1)}


@contextmanager
def empty_fund() -> Iterator[Cluster]:
    """A fund with a database of its own; Django is set up on it the first time."""
    folder = Path(tempfile.mkdtemp(prefix="caisse-bench-year-"))
    folder.chmod(0o755)  # PostgreSQL runs as a user of its own when this is root
    home = Home.at(folder)
    home.create("Bench")
    os.environ[VARIABLE] = str(folder)
    os.environ["DJANGO_SETTINGS_MODULE"] = "caisse.fund.settings"
    cluster = Cluster(home)
    try:
        cluster.create()
        with cluster.running():
            import django

            django.setup()
            from django.core.management import call_command
            from django.db import connections

            call_command("migrate", verbosity=0)
            yield cluster
            connections.close_all()
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def empty_database() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'django_migrations'"
        )
        tables = [f'"{row[0]}"' for row in cursor.fetchall()]
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def settle() -> None:
    """What PostgreSQL would do by itself in the minutes after so much was loaded, done before it is measured."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def lived_year(cluster: Cluster, providers: int, days: int) -> dict[str, float]:
    """One undisturbed year of so many providers in this process."""
    from caisse.fund.casework.models import Letter
    from caisse.fund.notices.models import Mail
    from caisse.fund.payments.models import AnnualStatement
    from tests.fund.casework.clock import year

    world = year.world(providers, FIRST, days)
    year.enter(world)
    settle()
    taken: list[float] = []
    processor = Processor(cluster)

    def told(day: date, seconds: float) -> None:
        taken.append(seconds)
        if sys.stderr.isatty() and len(taken) % 10 == 0:
            print(f"\r{providers} providers, {day}", end="", file=sys.stderr)

    year.live(world, told)
    spent = processor.taken()
    check(world)
    quiet = time.perf_counter()
    year.pass_again(world)
    quiet = time.perf_counter() - quiet
    return {
        "providers": providers, "letters": Letter.objects.count(), "mails": Mail.objects.count(),
        "statements": AnnualStatement.objects.count(), "seconds": round(sum(taken), 2), **spent,
        "day_median_seconds": round(statistics.median(taken), 4), "day_longest_seconds": round(max(taken), 3),
        "quiet_look_seconds": round(quiet, 3),
    }  # fmt: skip


def check(world) -> None:
    """Every letter, reminder and closed case once, as the oracles say; else the bench fails."""
    from tests.fund.casework.clock import year, year_cases

    written, expected = year.letters_written(), year.letters_expected(world)
    if written != expected:
        raise SystemExit(f"wrong: {list(((written - expected) + (expected - written)).items())[:5]}")
    found = year_cases.waiting_found(world.cases)
    due = year_cases.waiting_expected(world.cases, world.first, world.last)
    if found != due:
        raise SystemExit(
            f"wrong: {[(found.get(key), due[key]) for key in due if found.get(key) != due[key]][:5]}"
        )


def killed_year(
    cluster: Cluster, providers: int, days: int, kills: int, seconds: float, letters: int
) -> dict[str, float]:
    """The same year in a child that is killed about so often, then letters made by a child that is killed, too."""
    from caisse.fund.casework.models import Letter
    from caisse.fund.notices.models import Mail
    from tests.fund.casework.clock import year

    chance = random.Random(3)
    world = year.world(providers, FIRST, days)
    year.enter(world)
    settle()
    longest = 2 * seconds / max(1, kills)
    pauses = year.so_often(kills, lambda: chance.uniform(0.05, longest))
    processor, began = Processor(cluster), time.perf_counter()
    killed = year.killed_until_done(lambda: year.live(world), pauses)
    lasted, spent = time.perf_counter() - began, processor.taken()
    check(world)
    chosen = list(Letter.objects.order_by("pk").values_list("pk", flat=True)[:letters])
    Letter.objects.exclude(pk__in=chosen).update(made_at=year.noon(FIRST))
    began = time.perf_counter()
    pauses = year.so_often(max(1, kills // 2), lambda: chance.uniform(0.5, 10.0))
    letters_killed = year.make_all_letters_killed(pauses)
    took = time.perf_counter() - began
    made, mails = Letter.objects.exclude(sha256="").count(), Mail.objects.filter(about_type="letter").count()
    if not made == mails == len(chosen):
        raise SystemExit(f"wrong: {len(chosen)} letters, {made} made, {mails} mails")
    return {
        "kills": killed, "seconds": round(lasted, 2), **spent, "kills_while_making_letters": letters_killed, "letters_made": made,
        "letter_seconds": round(took / max(1, made), 4),
    }  # fmt: skip


def processor_seconds(figures: dict[str, float]) -> float:
    return figures["cpu_seconds"] + figures["database_cpu_seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--providers", type=int, default=5000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--letters", type=int, default=1000)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    began = time.perf_counter()
    with empty_fund() as cluster:
        half = lived_year(cluster, options.providers // 2, options.days)
        empty_database()
        whole = lived_year(cluster, options.providers, options.days)
        peak = getrusage(RUSAGE_SELF).ru_maxrss / 1024
        empty_database()
        killed = killed_year(
            cluster, options.providers, options.days, options.kills, whole["seconds"], options.letters
        )
    figures = {
        "half": half, "whole": whole, "growth": round(whole["seconds"] / half["seconds"], 2),
        "cpu_growth": round(processor_seconds(whole) / processor_seconds(half), 2),
        "peak_megabytes": round(peak), "killed": killed,
        "child_peak_megabytes": round(getrusage(RUSAGE_CHILDREN).ru_maxrss / 1024),
        "seconds_in_all": round(time.perf_counter() - began), "load_before": round(load, 1),
        "load_after": round(os.getloadavg()[0], 1), "cores": os.cpu_count(),
    }  # fmt: skip
    print(json.dumps({"year": figures}, indent=2))


if __name__ == "__main__":
    main()
