"""Named points at which a test can kill the process, to prove that nothing is lost or doubled.

A point does nothing unless the environment variable ``CAISSE_FAULT`` names it:

    CAISSE_FAULT=claims.acknowledged.before_commit            kill the process each time the point is reached
    CAISSE_FAULT=claims.acknowledged.before_commit:/tmp/once  only the first time; the file remembers it

The process kills itself with SIGKILL, as a power cut or the out-of-memory killer would: no handler runs,
nothing is flushed, every database connection breaks.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

#: Every point there is, in the order a deposit meets them. `reach` refuses a name that is not listed.
POINTS: tuple[str, ...] = (
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
)

VARIABLE = "CAISSE_FAULT"


def reach(point: str) -> None:
    """Kill this process with SIGKILL if the environment asks for a fault at ``point``; else do nothing."""
    wanted = os.environ.get(VARIABLE)
    if wanted is None:
        return
    if point not in POINTS:
        raise ValueError(f"{point!r} is no fault point; add it to caisse.fund.faults.POINTS")
    name, _, once = wanted.partition(":")
    if name == point and (not once or _first_time(Path(once))):
        os.kill(os.getpid(), signal.SIGKILL)


def _first_time(mark: Path) -> bool:
    """True for exactly one caller; the mark is on disk before the process dies."""
    with suppress(FileExistsError):
        handle = os.open(mark, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        os.fsync(handle)
        os.close(handle)
        return True
    return False
