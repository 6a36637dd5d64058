"""Durable deposits per second at 8 writers, as a ratio to bare scripts doing only the same syncs and commits.

Both sides write the same bodies to the same disk and commit to the same PostgreSQL:

    file   write, fsync, rename, fsync the folder, INSERT of one narrow row, COMMIT: what acceptance takes at least
           when every body is a file; the yardstick
    row    INSERT of one row with the body, COMMIT: shown beside it, since that is where we put small bodies (16 KB)
    ours   `receive_deposit`: hashes, signs a receipt, writes deposit, receipt, job and audit event; a small body
           into its row, a large one (80 KB) into a file

Taken in turn, five pairs.

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
SMALL, LARGE = 16_384, 81_920
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


def _content(side: str, size: int, round_: int, writer: int, number: int) -> bytes:
    head = f"{side} {round_} {writer} {number} ".encode()
    return head + b"x" * (size - len(head))


class Bare:
    """Only the calls without which nothing is durable."""

    def __init__(self, home: Home, dsn: str) -> None:
        self.folder = home.path / "bare"
        for number in range(256):
            (self.folder / f"{number:02x}").mkdir(parents=True, exist_ok=True)
        self.dsn = dsn
        self.local = threading.local()
        with psycopg.connect(dsn) as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS bare (writer int, number int, at timestamptz, body bytea)"
            )
            connection.execute("ALTER TABLE bare ALTER COLUMN body SET STORAGE EXTERNAL")

    def rate(self, how: str, size: int, round_: int, seconds: float) -> float:
        def prepare(_writer: int) -> None:
            self.local.connection = psycopg.connect(self.dsn, autocommit=True)

        def work(writer: int, number: int) -> None:
            body = _content("bare", size, round_, writer, number)
            if how == "row":
                self._insert(writer, number, body)
                return
            upload = self.folder / f"upload-{writer}"
            with upload.open("wb", buffering=0) as file:
                file.write(body)
                os.fsync(file.fileno())
            target = self.folder / f"{number % 256:02x}"
            upload.rename(target / f"{round_}-{size}-{writer}-{number}")
            handle = os.open(target, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
            self._insert(writer, number, None)

        return _rate(seconds, work, prepare, lambda: self.local.connection.close())  # noqa: PLW0108

    def _insert(self, writer: int, number: int, body: bytes | None) -> None:
        self.local.connection.execute(
            "INSERT INTO bare VALUES (%s, %s, now(), %b)", (writer, number, body), prepare=True
        )


class Ours:
    """`receive_deposit`, from a complete upload to the receipt."""

    def __init__(self, home: Home) -> None:
        from caisse.fund.exchange import actions

        self.home = home
        self.accounts = [
            actions.create_account(
                provider_code=52_000_000 + n, frame="LAB", password=None, by="bench", at=_now()
            )
            for n in range(WRITERS)
        ]

    def rate(self, size: int, round_: int, seconds: float) -> float:
        from django.db import connection

        from caisse.fund.exchange import actions

        began = _now()

        def work(writer: int, number: int) -> None:
            account = self.accounts[writer]
            name = f"F{account.provider_code:08d}202403_LAB_FAC_002_R{round_}-{size}-{number}.xml"
            content = _content("ours", size, round_, writer, number)
            actions.receive_deposit(
                account=account, name=name, staged=self._upload(writer, content), door="bench", by="bench",
                at=began + timedelta(days=10 * round_, minutes=number),
            )  # fmt: skip

        def prepare(_writer: int) -> None:
            connection.ensure_connection()

        return _rate(seconds, work, prepare, lambda: connection.close())  # noqa: PLW0108 - bound in each thread

    def _upload(self, writer: int, content: bytes) -> object:
        """What a door hands over: a small upload in memory, a large one as a file."""
        from caisse.fund.exchange.store import LARGEST_IN_ROW, StagedFile

        if len(content) <= LARGEST_IN_ROW:
            return StagedFile.from_bytes(content)
        upload = self.home.staging / f"upload-{writer}"
        with upload.open("wb", buffering=0) as file:
            file.write(content)
        return StagedFile.from_path(upload)


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
            rounds = [
                {
                    "ours, small": ours.rate(SMALL, n, seconds),
                    "file": bare.rate("file", SMALL, n, seconds),
                    "row": bare.rate("row", SMALL, n, seconds),
                    "large file": bare.rate("file", LARGE, n, seconds),
                    "ours, large": ours.rate(LARGE, n, seconds),
                }
                for n in range(pairs + 1)
            ][1:]
            from django.db import connection

            connection.close()

    def ratio(our: str, their: str) -> float:
        return round(statistics.median(one[our] / one[their] for one in rounds), 2)

    small = ratio("ours, small", "file")
    return {
        "what": "durable deposits per second, 8 writers, 16 KB and 80 KB",
        **{f"{name} per second": [round(one[name]) for one in rounds] for name in rounds[0]},
        "small ÷ file": small,
        "small ÷ row": ratio("ours, small", "row"),
        "large ÷ large file": ratio("ours, large", "large file"),
        "target": f"small ÷ file at least {TARGET}",
        "met": small >= TARGET,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    result = measure(seconds=options.seconds, pairs=options.pairs)
    print(
        json.dumps(result) if options.json else "\n".join(f"{key:26}{value}" for key, value in result.items())
    )


if __name__ == "__main__":
    main()
