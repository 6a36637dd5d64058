"""Named points at which a test can kill a process, to prove that nothing is lost or doubled.

A point does nothing unless the environment variable ``CAISSE_FAULT`` names a file that names the point:

    echo claims.acknowledged.before_commit > /tmp/fault
    CAISSE_FAULT=/tmp/fault caisse fund serve …

The first process that reaches the point takes the file away and kills itself with SIGKILL, as a power cut
or the out-of-memory killer would: no handler runs, nothing is flushed, every connection breaks. A second word
in the file, the path of a file that begins with a process id (PostgreSQL's postmaster.pid), kills that
process instead.
"""

import os
import signal
import time
from pathlib import Path

#: Every point there is, in the order a deposit, a mail, then the clock meets them; `reach`
#: refuses a name that is not listed.
POINTS: tuple[str, ...] = (
    "exchange.staged",
    "exchange.stored",
    "exchange.accepted.before_commit",
    "exchange.accepted.after_commit",
    "claims.taken",
    "claims.examined",
    "claims.acknowledged.before_delivery",
    "claims.acknowledged.before_commit",
    "claims.acknowledged.after_commit",
    "claims.adjudicated",
    "claims.returned.before_decisions",
    "claims.returned.after_decisions",
    "claims.returned.before_commit",
    "claims.returned.after_commit",
    "claims.refused.before_commit",
    "claims.refused.after_commit",
    "payments.booked.before_commit",
    "payments.booked.after_commit",
    "statements.before_commit",
    "statements.after_commit",
    "notices.received.before_commit",
    "notices.received.after_commit",
    "intake.opened",
    "intake.filed",
    "intake.read.before_commit",
    "intake.read.after_commit",
    "notices.taken",
    "notices.sent.before_commit",
    "notices.sent.after_commit",
    "notices.portion.before_commit",
    "notices.portion.after_commit",
    "clock.day.begun",
    "clock.thing.before_commit",
    "clock.thing.after_commit",
    "clock.day.before_commit",
    "casework.letter.kept",
    "casework.letter.before_commit",
)

VARIABLE = "CAISSE_FAULT"


def reach(point: str) -> None:
    """Kill the process the environment's file asks for if it names ``point``; else do nothing."""
    order = os.environ.get(VARIABLE)
    if order is None:
        return
    if point not in POINTS:
        raise ValueError(f"{point!r} is no fault point; add it to caisse.fund.faults.POINTS")
    wanted, pid_file = _read_order(Path(order))
    if wanted == point and _take(Path(order)):
        os.kill(_process_id(pid_file), signal.SIGKILL)
        # Another process dies a moment later; this one goes on and meets what is left.
        time.sleep(0.2)


def _read_order(order: Path) -> tuple[str, str]:
    try:
        wanted, _, pid_file = order.read_text(encoding="utf-8").strip().partition(" ")
    except FileNotFoundError:
        return "", ""
    return wanted, pid_file


def _take(order: Path) -> bool:
    """True for exactly one process: the file is gone before anything is killed."""
    try:
        order.unlink()
    except FileNotFoundError:
        return False
    return True


def _process_id(pid_file: str) -> int:
    return int(Path(pid_file).read_text(encoding="utf-8").split()[0]) if pid_file else os.getpid()
