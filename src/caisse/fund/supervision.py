"""A part of a supervised fund never outlives its parent: no forgotten process keeps a port or a lock."""

import ctypes
import os
import select
import sys
import threading

#: Set in every process below a supervisor.
VARIABLE = "CAISSE_SUPERVISED"
#: Names the pipe on which a process that is being started tells its supervisor that it is ready.
READY_VARIABLE = "CAISSE_READY_HANDLE"
_PR_SET_PDEATHSIG = 1


def follow_parent(number: int) -> None:
    """Receive signal ``number`` when this process's parent dies, even by SIGKILL (Linux only)."""
    if VARIABLE not in os.environ or not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if parent == 1 or os.getppid() != parent:
        os.kill(os.getpid(), number)


def follow(process_id: int) -> None:
    """End this process when ``process_id``, which need not be its parent, ends (Linux only).

    The child of a fork server outlives the process it works for: the fork server lives as long as it does.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        process = os.pidfd_open(process_id)
    except ProcessLookupError:
        os._exit(0)
    threading.Thread(target=_end_with, args=(process,), name="follow", daemon=True).start()


def _end_with(process: int) -> None:
    # A pidfd becomes readable when its process ends.
    waiting = select.poll()
    waiting.register(process, select.POLLIN)
    waiting.poll()
    os._exit(0)
