"""Named points at which a test may kill the process, to prove that nothing is lost and nothing doubled."""

import os
import signal

#: Every point, in the order a month passes them.
POINTS: tuple[str, ...] = (
    "record.before_commit",
    "record.after_commit",
    "build.before_file",
    "build.before_commit",
    "build.after_commit",
    "send.before_intent",
    "send.after_intent",
    "send.during_put",
    "send.before_rename",
    "send.after_rename",
    "send.after_put",
    "send.after_commit",
    "collect.before_get",
    "collect.after_get",
    "collect.before_commit",
    "collect.after_commit",
    "collect.after_copy",
)


def reach(point: str) -> None:
    """Kill this process with SIGKILL when the environment's CAISSE_FAULT names ``point``; else do nothing."""
    if point not in POINTS:
        raise ValueError(f"{point} is not in POINTS")
    if os.environ.get("CAISSE_FAULT") == point:
        os.kill(os.getpid(), signal.SIGKILL)
