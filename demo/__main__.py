"""`make demo`: the main job from beginning to end, with the commands anybody would use."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.month import MONTH, YEAR, People, write_month

LABORATORY, FRAME, USER = "52001700", "LAB", "52001700-lab"
INVOICES = int(os.environ.get("CAISSE_DEMO_INVOICES", "5000"))
CAISSE = Path(sys.executable).with_name("caisse")
WAIT_SECONDS = 120
screen = Console(highlight=False)


def main() -> None:
    """Play the laboratory and the fund; ends with what was asked, paid, refused and is still owed."""
    home = fresh_home()
    fund, practice = home / "fund", home / "practice"
    step(
        "The fund: an embedded PostgreSQL, the real laboratory nomenclature, synthetic persons and providers"
    )
    caisse("fund", "init", "--home", fund)
    caisse("fund", "load-demo", "--no-office", "--home", fund)
    with serving(fund) as sftp_port:
        step("The laboratory opens its practice: a database of its own and a key for the fund's door")
        address = f"sftp://{USER}@127.0.0.1:{sftp_port}"
        os.environ["CAISSE_PROVIDER_HOME"] = str(practice)
        key = open_practice(practice, address)
        caisse(
            "fund",
            "account",
            "create",
            "--home",
            fund,
            "--provider",
            LABORATORY,
            "--frame",
            FRAME,
            "--ssh-key",
            key,
        )
        mistakes = record_month(fund, home)
        step("Build the request file and check it before it leaves, with the rules the fund will apply")
        built = caisse_json("provider", "build", "invoices", "--year", YEAR, "--number", MONTH)
        request = Path(built["path"])
        caisse("provider", "check", request, "--lang", "en", "--summary", accept=(0, 1))
        screen.print(
            "  A real laboratory would correct these first. We send them, so that the answer is worth reading.",
            soft_wrap=True,
        )
        step("Deposit it over SFTP; the fund signs a receipt before it says OK")
        caisse("provider", "send")
        step("Collect: the receipt is verified offline, the acknowledgement and the return are booked")
        collect_until_returned()
        verify_receipt(practice, request)
    conclude(home, fund, practice, mistakes)


def fresh_home() -> Path:
    """An empty folder for the demonstration; under root one that PostgreSQL's own user can reach."""
    home = Path(os.environ.get("CAISSE_DEMO_HOME", "demo-home")).resolve()
    closed = [folder for folder in home.parents if not folder.stat().st_mode & 0o001]
    if os.geteuid() == 0 and closed:
        home = Path("/var/lib/caisse/demo-home")
        screen.print(
            f"{closed[0]} is closed to other users, and PostgreSQL does not run as root: using {home}",
            soft_wrap=True,
        )
    if home.exists():
        if not (home / ".caisse-demo").exists():
            sys.exit(
                f"{home} is not an earlier demonstration's folder; name another: CAISSE_DEMO_HOME=… make demo"
            )
        shutil.rmtree(home)
    home.mkdir(parents=True, mode=0o755)
    (home / ".caisse-demo").touch()
    return home


def open_practice(practice: Path, address: str) -> Path:
    """Set the practice up and return its public key, which the laboratory would hand to the fund."""
    opened = caisse_json(
        "provider",
        "init",
        "--home",
        practice,
        "--fund",
        address,
        "--code",
        LABORATORY,
        "--frame",
        FRAME,
        "--generate-key",
    )
    public_key = practice / "public-key.pub"
    public_key.write_text(opened["public_key"] + "\n", encoding="utf-8")
    return public_key


def record_month(fund: Path, home: Path) -> dict[str, int]:
    """Write the month as the laboratory's own software would export it, and record it in the practice."""
    step(
        f"Record the month of {YEAR}-{MONTH:02d}: {INVOICES:,} invoices, with deliberate mistakes of each kind"
    )
    records = home / f"records-{YEAR}-{MONTH:02d}.csv"
    mistakes = write_month(records, People.read(fund / "demo"), LABORATORY, INVOICES)
    caisse("provider", "record", records)
    return mistakes


def collect_until_returned() -> None:
    """Collect as a practice would, every few seconds, until the return has been booked."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        caisse_json("provider", "collect", accept=(0, 1))
        status = caisse_json("provider", "status")
        if all(sending["state"] in {"returned", "refused"} for sending in status["sendings"]):
            caisse("provider", "status")
            return
        time.sleep(0.5)
    sys.exit(
        f"The fund did not answer within {WAIT_SECONDS} s: caisse fund status says where the deposit stands."
    )


def verify_receipt(practice: Path, request: Path) -> None:
    """Verify the receipt once more by hand, as anybody could without the fund."""
    receipts = sorted(practice.rglob("*.receipt.jws"))
    if receipts:
        caisse("verify", receipts[-1], request)


def conclude(home: Path, fund: Path, practice: Path, mistakes: dict[str, int]) -> None:
    """What came of it, what had been put in, and how to look further."""
    step("What was asked, paid, refused and is still owed")
    caisse("provider", "owed")
    table = Table("Put in on purpose", "Invoices", title="The mistakes of this month", title_justify="left")
    for kind, count in mistakes.items():
        table.add_row(kind, str(count))
    screen.print(table)
    program = CAISSE.relative_to(Path.cwd()) if CAISSE.is_relative_to(Path.cwd()) else CAISSE
    screen.print("\n[bold]Look further[/bold]")
    for why, command in (
        ("The fund again; https://…/api/docs is its API", f"fund serve --home {fund}"),
        ("Deposits by stage, oldest first", f"fund status --home {fund}"),
        ("Audit chain, stored files, totals", f"fund verify --home {fund}"),
        ("Any reason code, in fr, de or en", "explain PRE-005 --lang fr"),
        ("The practice's side", f"provider owed --home {practice}"),
    ):
        screen.print(f"  {why}\n    [dim]{program} {command}[/dim]", soft_wrap=True)
    screen.print(f"  Everything lies in {home}", soft_wrap=True)


@contextmanager
def serving(fund: Path) -> Iterator[int]:
    """The fund's server runs inside the block; yields the port of its SFTP door."""
    command = [
        CAISSE,
        "fund",
        "serve",
        "--home",
        fund,
        "--http-port",
        "0",
        "--sftp-port",
        "0",
        "--pages-port",
        "0",
    ]
    with (fund / "demo-serve.log").open("w") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert server.stdout is not None
    try:
        with screen.status("The fund's server starts"):
            line = server.stdout.readline()
        ready = re.search(r"sftp://[^\s:]+:(\d+)", line)
        if ready:
            screen.print(f"  {line.strip()}", soft_wrap=True)
            yield int(ready.group(1))
            return
        sys.exit(f"The fund's server did not start; see {fund / 'demo-serve.log'}")
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


def step(title: str) -> None:
    screen.print(f"\n[bold]{title}[/bold]", soft_wrap=True)


def caisse(*words: object, accept: tuple[int, ...] = (0,)) -> None:
    """Run one command as a person would and show what it prints; stops the demonstration when it fails."""
    screen.print(f"  [dim]$ caisse {' '.join(str(word) for word in words)}[/dim]", soft_wrap=True)
    done = subprocess.run([CAISSE, *(str(word) for word in words)], check=False)
    if done.returncode not in accept:
        sys.exit(f"caisse {words[0]} {words[1]} ended with {done.returncode}; the demonstration stops here.")


def caisse_json(*words: object, accept: tuple[int, ...] = (0,)) -> Any:
    """Run one command with --json and return what it says."""
    command = [CAISSE, *(str(word) for word in words), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in accept:
        sys.exit(f"caisse {words[0]} {words[1]} ended with {done.returncode}; the demonstration stops here.")
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
