"""A year of the clock over many providers, day by day; then again killed at random moments, counted by an oracle.

    python -m tests.bench.bench_year [--providers 5000] [--days 365] [--kills 20] [--letters 1000]

`growth`: seconds of the year divided by those of half as many providers, in the same run. Letters are written down
by the clock and made by jobs: `letter_seconds` is one made, kept and put into a mail, by one worker.
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
from datetime import date, timedelta
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage

from caisse.fund.embedded import Cluster
from caisse.fund.home import VARIABLE, Home

FIRST = date(2026, 12, 1)


@contextmanager
def empty_fund() -> Iterator[None]:
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
            yield
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


def lived_year(providers: int, days: int) -> dict[str, float]:
    """One undisturbed year of so many providers in this process."""
    from tests.fund.casework.clock import year

    lives = year.lives(providers, FIRST, days)
    year.enter(lives, at=year.noon(FIRST - timedelta(days=1)))
    settle()
    taken: list[float] = []

    def told(day: date, seconds: float) -> None:
        taken.append(seconds)
        if sys.stderr.isatty() and len(taken) % 10 == 0:
            print(f"\r{providers} providers, {day}", end="", file=sys.stderr)

    year.live(lives, FIRST, days, told)
    check(lives, days)
    return {
        "providers": providers, "letters": year.letters_written().total(), "seconds": round(sum(taken), 2),
        "day_median_seconds": round(statistics.median(taken), 4), "day_longest_seconds": round(max(taken), 3),
    }  # fmt: skip


def check(lives: list, days: int) -> None:
    """Every letter once, as the oracle says; else the bench fails."""
    from tests.fund.casework.clock import year

    written, expected = year.letters_written(), year.letters_expected(lives, FIRST, days)
    if written != expected:
        raise SystemExit(f"wrong: {list(((written - expected) + (expected - written)).items())[:5]}")


def killed_year(providers: int, days: int, kills: int, seconds: float, letters: int) -> dict[str, float]:
    """The same year in a child that is killed about so often, then letters made by a child that is killed, too."""
    from caisse.fund.casework.models import Letter
    from caisse.fund.notices.models import Mail
    from tests.fund.casework.clock import year

    chance = random.Random(3)
    lives = year.lives(providers, FIRST, days)
    year.enter(lives, at=year.noon(FIRST - timedelta(days=1)))
    settle()
    longest = 2 * seconds / max(1, kills)
    pauses = year.so_often(kills, lambda: chance.uniform(0.05, longest))
    killed = year.killed_until_done(lambda: year.live(lives, FIRST, days), pauses)
    check(lives, days)
    chosen = list(Letter.objects.order_by("pk").values_list("pk", flat=True)[:letters])
    Letter.objects.exclude(pk__in=chosen).update(made_at=year.noon(FIRST))
    began = time.perf_counter()
    pauses = year.so_often(max(1, kills // 2), lambda: chance.uniform(0.5, 10.0))
    letters_killed = year.killed_until_done(year.make_all_letters, pauses)
    took = time.perf_counter() - began
    made, mails = Letter.objects.exclude(sha256="").count(), Mail.objects.count()
    if not made == mails == len(chosen):
        raise SystemExit(f"wrong: {len(chosen)} letters, {made} made, {mails} mails")
    return {
        "kills": killed, "kills_while_making_letters": letters_killed, "letters_made": made,
        "letter_seconds": round(took / max(1, made), 4),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--providers", type=int, default=5000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--letters", type=int, default=1000)
    options = parser.parse_args()
    with empty_fund():
        half = lived_year(options.providers // 2, options.days)
        empty_database()
        whole = lived_year(options.providers, options.days)
        peak = getrusage(RUSAGE_SELF).ru_maxrss / 1024
        empty_database()
        killed = killed_year(
            options.providers, options.days, options.kills, whole["seconds"], options.letters
        )
    figures = {
        "half": half, "whole": whole, "growth": round(whole["seconds"] / half["seconds"], 2),
        "peak_megabytes": round(peak), "killed": killed,
        "child_peak_megabytes": round(getrusage(RUSAGE_CHILDREN).ru_maxrss / 1024),
    }  # fmt: skip
    print(json.dumps({"year": figures}, indent=2))


if __name__ == "__main__":
    main()
