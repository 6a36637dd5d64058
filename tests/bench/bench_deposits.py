"""Durable deposits per second at 8 writers, as a ratio to a bare script doing only the same syncs and commits.

Both sides write the same files into folders of the same shape on the same disk and commit to the same PostgreSQL.
The bare side: write, fsync, rename, fsync the folder, INSERT one narrow row, COMMIT. Ours: `receive_deposit`,
which hashes, signs a receipt, and writes deposit, receipt, job and audit event. Taken in turn, five pairs.

    python -m tests.bench.bench_deposits [--seconds 3] [--pairs 5] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from caisse.fund.embedded import Cluster
from caisse.fund.home import VARIABLE, Home

WRITERS = 8
SIZE = 16_384
TARGET = 0.6


def _rate(
    seconds: float, work: Callable[[int, int], None], prepare: Callable[[int], None], end: Callable[[], None]
) -> float:
    """Pieces of work per second of `WRITERS` threads."""
    counts = [0] * WRITERS
    ready, start = threading.Barrier(WRITERS + 1), threading.Barrier(WRITERS + 1)
    stop = threading.Event()

    def write(writer: int) -> None:
        prepare(writer)
        ready.wait()
        start.wait()
        while not stop.is_set():
            work(writer, counts[writer])
            counts[writer] += 1
        end()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    ready.wait()
    began = time.perf_counter()
    start.wait()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def _content(side: int, round_: int, writer: int, number: int) -> bytes:
    head = f"{side} {round_} {writer} {number} ".encode()
    return head + b"x" * (SIZE - len(head))


class Bare:
    """Only the calls without which nothing is durable."""

    def __init__(self, home: Home, dsn: str) -> None:
        self.folder = home.path / "bare"
        for number in range(256):
            (self.folder / f"{number:02x}").mkdir(parents=True, exist_ok=True)
        self.dsn = dsn
        self.local = threading.local()
        with psycopg.connect(dsn) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS bare (writer int, number int, at timestamptz)")

    def rate(self, round_: int, seconds: float) -> float:
        def prepare(_writer: int) -> None:
            self.local.connection = psycopg.connect(self.dsn, autocommit=True)

        def work(writer: int, number: int) -> None:
            upload = self.folder / f"upload-{writer}"
            with upload.open("wb", buffering=0) as file:
                file.write(_content(0, round_, writer, number))
                os.fsync(file.fileno())
            target = self.folder / f"{number % 256:02x}"
            upload.rename(target / f"{round_}-{writer}-{number}")
            handle = os.open(target, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
            self.local.connection.execute("INSERT INTO bare VALUES (%s, %s, now())", (writer, number))

        return _rate(seconds, work, prepare, lambda: self.local.connection.close())  # noqa: PLW0108


class Ours:
    """`receive_deposit`, from a complete upload in staging/ to the receipt."""

    def __init__(self, home: Home) -> None:
        from caisse.fund.exchange import actions

        self.home = home
        self.accounts = [
            actions.create_account(
                provider_code=52_000_000 + n, frame="LAB", password=None, by="bench", at=_now()
            )
            for n in range(WRITERS)
        ]

    def rate(self, round_: int, seconds: float) -> float:
        from django.db import connection

        from caisse.fund.exchange import actions
        from caisse.fund.exchange.store import StagedFile

        began = _now()

        def work(writer: int, number: int) -> None:
            account = self.accounts[writer]
            upload = self.home.staging / f"upload-{writer}"
            with upload.open("wb", buffering=0) as file:
                file.write(_content(1, round_, writer, number))
            name = f"F{account.provider_code:08d}202403_LAB_FAC_002_R{round_}-{number}.xml"
            actions.receive_deposit(
                account_id=account.pk, name=name, staged=StagedFile.from_path(upload), door="bench", by="bench",
                at=began + timedelta(days=10 * round_, minutes=number),
            )  # fmt: skip

        def prepare(_writer: int) -> None:
            connection.ensure_connection()

        return _rate(seconds, work, prepare, lambda: connection.close())  # noqa: PLW0108 - bound in each thread


def _now() -> datetime:
    return datetime.now(UTC)


def measure(*, seconds: float = 3.0, pairs: int = 5) -> dict[str, object]:
    """Rates of both sides and the median of the pairs' ratios."""
    with tempfile.TemporaryDirectory(prefix="caisse-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        home = Home.at(Path(folder) / "home")
        command = [sys.executable, "-m", "caisse.cli", "fund", "init", "--home", str(home.path)]
        subprocess.run(command, check=True, capture_output=True)
        text = home.config_file.read_text()
        # No worker answers here. The limit per hour stays: each writer's clock runs a minute a deposit.
        home.config_file.write_text(text.replace("waiting = 500", "waiting = 0"))
        os.environ[VARIABLE] = str(home.path)
        os.environ["DJANGO_SETTINGS_MODULE"] = "caisse.fund.settings"
        cluster = Cluster(home)
        with cluster.running():
            import django

            django.setup()
            bare, ours = Bare(home, cluster.dsn()), Ours(home)
            bare.rate(0, 1.0), ours.rate(0, 1.0)
            rates = [(bare.rate(n, seconds), ours.rate(n, seconds)) for n in range(1, pairs + 1)]
            from django.db import connection

            connection.close()
    ratios = [our / their for their, our in rates]
    return {
        "what": "durable deposits per second, 8 writers, 16 KB",
        "bare_per_second": [round(their) for their, _ in rates],
        "ours_per_second": [round(our) for _, our in rates],
        "ratios": [round(ratio, 2) for ratio in ratios],
        "median_ratio": round(statistics.median(ratios), 3),
        "target": f"at least {TARGET}",
        "met": statistics.median(ratios) >= TARGET,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(seconds=options.seconds, pairs=options.pairs)
    print(
        json.dumps(result) if options.json else "\n".join(f"{key:18}{value}" for key, value in result.items())
    )


if __name__ == "__main__":
    main()
