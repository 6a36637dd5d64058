"""The real fund and the real practice, each through its commands, over the real doors on loopback."""

import contextlib
import csv
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.month import COLUMNS
from tests.ports import reserved_port

from caisse.agreement.errors import Unreachable
from caisse.provider.balance import Owed
from caisse.provider.client import Practice

CAISSE = Path(sys.executable).with_name("caisse")
ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
KILLED = -9


def run(
    *words: object, env: dict[str, str] | None = None, accept: Iterable[int] = (0,)
) -> subprocess.CompletedProcess[str]:
    """Run one `caisse` command; fails the test with all it printed when the exit code is another."""
    done = subprocess.run(
        [str(CAISSE), *(str(word) for word in words)], capture_output=True, text=True, check=False, timeout=PATIENCE,
        env={**os.environ, **(env or {})},
    )  # fmt: skip
    assert done.returncode in set(accept), (
        f"{words}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    )
    return done


def run_json(*words: object, accept: Iterable[int] = (0,)) -> Any:
    """Run one command with --json and return what it says."""
    return json.loads(run(*words, "--json", accept=accept).stdout)


@dataclass
class FundServer:
    """A fund with its own home; `start` and `kill` as often as needed, always on the same ports."""

    home: Path
    http_port: int = field(default_factory=reserved_port)
    sftp_port: int = field(default_factory=reserved_port)
    workers: int = 1
    env: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)

    def create(self, persons: int = 2_000) -> "FundServer":
        run("fund", "init", "--home", self.home)
        run("fund", "load-demo", "--no-office", "--home", self.home, "--persons", persons)
        return self

    def start(self) -> "FundServer":
        """Start serving and wait for the ready line."""
        command = [
            str(CAISSE), "fund", "serve", "--home", str(self.home),
            "--http-port", str(self.http_port), "--sftp-port", str(self.sftp_port), "--pages-port", "0",
            "--workers", str(self.workers),
        ]  # fmt: skip
        with (self.home / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **self.env}
            )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if re.search(r"sftp://", line):
                threading.Thread(target=self._drain, daemon=True).start()
                return self
        self.process.stdout.close()
        raise AssertionError(f"the fund did not start ({self.process.wait(PATIENCE)}):\n{self.log()}")

    def _drain(self) -> None:
        process = self.process
        assert process is not None and process.stdout is not None
        with process.stdout:
            self.said.extend(process.stdout)

    def log(self) -> str:
        path = self.home / "serve.log"
        return path.read_text(errors="replace")[-5000:] if path.exists() else ""

    def stop(self) -> int:
        """Ask the fund to stop; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)

    def kill(self) -> None:
        """SIGKILL to the supervisor alone, as the out-of-memory killer would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def database_pid_file(self) -> Path:
        return self.home / "pg" / "data" / "postmaster.pid"

    def account(self, provider: str, ssh_key: Path, frame: str = "LAB") -> None:
        run(
            "fund",
            "account",
            "create",
            "--home",
            self.home,
            "--provider",
            provider,
            "--frame",
            frame,
            "--ssh-key",
            ssh_key,
        )

    def status(self) -> Any:
        return run_json("fund", "status", "--home", self.home)

    def deposits(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = run_json("fund", "deposits", "--home", self.home)["deposits"]
        return found

    def verify(self) -> Any:
        """`caisse fund verify`: exit code 0 and nothing wrong, or the test fails."""
        return run_json("fund", "verify", "--home", self.home)

    def insured(self) -> list[dict[str, str]]:
        with (self.home / "demo" / "insured.csv").open(newline="") as lines:
            return list(csv.DictReader(lines))

    def prescribers(self) -> list[str]:
        with (self.home / "demo" / "prescribers.csv").open(newline="") as lines:
            return [row["provider"] for row in csv.DictReader(lines) if not row["valid_until"]]


@dataclass
class PracticeHome:
    """A practice of one provider code: its commands in processes of their own, its library in this one."""

    home: Path
    code: str
    fund: FundServer

    def create(self) -> "PracticeHome":
        """Set the practice up with a key of its own and open its account at the fund."""
        opened = run_json(
            "provider", "init", "--home", self.home, "--code", self.code, "--frame", "LAB", "--generate-key",
            "--fund", f"sftp://{self.code}-lab@127.0.0.1:{self.fund.sftp_port}",
        )  # fmt: skip
        key = self.home / "public-key.pub"
        key.write_text(opened["public_key"] + "\n")
        self.fund.account(self.code, key)
        return self

    def do(
        self, *words: object, accept: Iterable[int] = (0,), fault: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one `caisse provider` command, which ``fault`` may kill."""
        env = {"CAISSE_PROVIDER_HOME": str(self.home)} | ({"CAISSE_FAULT": fault} if fault else {})
        return run("provider", *words, env=env, accept=accept)

    def client(self) -> Practice:
        """The same practice through the library; close it after use."""
        return Practice.open(self.home)

    def owed(self) -> Owed:
        """What the practice's books say."""
        with self.client() as practice:
            return practice.owed()

    def build(self, number: int) -> Path:
        """Build a request file of 2024 with this sending number; where it lies."""
        with self.client() as practice:
            built = practice.build_invoices(year=2024, number=number)
        assert built is not None
        return Path(built.path)

    def record(
        self, path: Path, rows: Sequence[Sequence[object]], accept: Iterable[int] = (0,), fault: str | None = None
    ) -> None:  # fmt: skip
        """Write rows in the order of `demo.month.COLUMNS` to ``path`` and record them."""
        with path.open("w", newline="") as target:
            writer = csv.writer(target)
            writer.writerow(COLUMNS)
            writer.writerows(rows)
        if fault:
            self.do("record", path, accept=accept, fault=fault)
            return
        with self.client() as practice:
            practice.record(path)

    def deliver(self, patience: float = PATIENCE) -> None:
        """Send and collect as a cautious practice does, whatever fails on the way, until everything is answered."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            with self.client() as practice:
                for step in (practice.send, practice.collect):
                    # A door that is down, or a fund that is being started again, is what these tests are about.
                    with contextlib.suppress(Unreachable):
                        step()
                states = {sending.state for sending in practice.status().sendings}
            if states <= {"returned", "refused"}:
                return
            time.sleep(0.2)
        raise AssertionError(
            f"not answered in {patience} s: {states}\n{self.fund.status()}\n{self.fund.log()}"
        )
