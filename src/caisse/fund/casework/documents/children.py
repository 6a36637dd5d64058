"""Work on a document in a process of its own, that cannot hurt the server.

The process gets the open document as its standard input and nothing else: no environment, no secrets. Before
it reads the first byte it gives up CPU time, memory and every further file or socket (`child.give_up`), so a
document that takes over its reader can neither read the fund's files nor reach a network.

One process for each document: starting one takes 0.1 s, and nothing of one document is left for the next.
"""

import json
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caisse.agreement.errors import BrokenSystem
from caisse.fund.casework.documents.limits import DocumentLimits

log = logging.getLogger("caisse.documents")

#: Exit code of a child that met its limit of memory and could still say so.
TOO_MUCH = 7
#: So many children of one server process work at a time.
_AT_A_TIME = threading.BoundedSemaphore(2)
#: How a process ends that a limit of CPU or memory stopped while native code ran.
_STOPPED_BY_LIMIT = frozenset({-signal.SIGXCPU, -signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS, TOO_MUCH})


class TooExpensive(Exception):
    """The document used up the CPU time or memory it is allowed."""


class Unfinished(BrokenSystem):
    """A document could not be looked at. Nothing was decided; try again, then tell an administrator."""


def work(task: str, path: Path, *, limits: DocumentLimits, options: Mapping[str, Any]) -> bytes:
    """What a task of `child` answers about a file; raises TooExpensive, or Unfinished by a fault of ours."""
    order = {
        "task": task,
        "cpu_seconds": limits.cpu_seconds,
        "memory_bytes": limits.memory_bytes,
        "options": dict(options),
    }
    command = [sys.executable, "-I", "-m", "caisse.fund.casework.documents.child", json.dumps(order)]
    with _AT_A_TIME, path.open("rb") as file:
        try:
            done = subprocess.run(
                command, stdin=file, capture_output=True, env={}, cwd="/", check=False, close_fds=True,
                timeout=limits.wall_seconds,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise Unfinished(f"{task} took longer than {limits.wall_seconds:.0f} s") from None
    if done.returncode in _STOPPED_BY_LIMIT:
        raise TooExpensive(task)
    if done.returncode != 0:
        # A traceback of ours names modules and lines, never what stands in the document.
        log.error("%s of a document ended with %d: %s", task, done.returncode, _last_words(done.stderr))
        raise Unfinished(f"{task} ended with {done.returncode}")
    return done.stdout


def _last_words(stderr: bytes) -> str:
    lines = [line for line in stderr.decode(errors="replace").splitlines() if line.startswith("  File ")]
    return " <- ".join(line.strip() for line in lines[-3:]) or "no trace"
