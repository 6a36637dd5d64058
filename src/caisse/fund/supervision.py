"""A part of a supervised fund never outlives its parent: no forgotten process keeps a port or a lock."""

import ctypes
import os
import sys

#: Set in every process below a supervisor.
VARIABLE = "CAISSE_SUPERVISED"
_PR_SET_PDEATHSIG = 1


def follow_parent(number: int) -> None:
    """Receive signal ``number`` when this process's parent dies, even by SIGKILL (Linux only)."""
    if VARIABLE not in os.environ or not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if parent == 1 or os.getppid() != parent:
        os.kill(os.getpid(), number)
