"""The process that looks at one document: `python -m caisse.fund.casework.documents.child ORDER < document`.

Only `children.work` starts it. ORDER is JSON; the answer stands on standard output. It knows no database and
no settings.
"""

import contextlib
import importlib
import json
import os
import resource
import sys
from typing import Any, BinaryIO, Protocol

from caisse.fund.casework.documents.children import TOO_MUCH

#: The module of each task; its `prepare` runs before anything is given up, its `answer` after.
TASKS = {
    "examine": "caisse.fund.casework.documents.examination",
    "signatures": "caisse.fund.casework.documents.signature_reading",
    "page": "caisse.fund.casework.documents.page_reading",
}


class Task(Protocol):
    """What the module of a task offers."""

    def prepare(self, options: dict[str, Any]) -> Any:
        """Read what the task needs beside the document."""

    def answer(self, document: BinaryIO, prepared: Any) -> bytes:
        """The answer about the document."""


def give_up(*, cpu_seconds: int, memory_bytes: int) -> None:
    """From here on: so much CPU and memory, no core dump, no written file, and no further file or socket."""
    for what, limit in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        with contextlib.suppress(ValueError):
            resource.setrlimit(what, (limit, limit))
    # SIGXCPU at the soft limit tells why; SIGKILL follows a second later.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))


def main() -> None:
    """Carry out the order in the first argument."""
    order = json.loads(sys.argv[1])
    task: Task = importlib.import_module(TASKS[order["task"]])  # type: ignore[assignment]
    prepared = task.prepare(order["options"])
    give_up(cpu_seconds=order["cpu_seconds"], memory_bytes=order["memory_bytes"])
    try:
        answer = task.answer(sys.stdin.buffer, prepared)
    except MemoryError:
        os._exit(TOO_MUCH)
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    # What the libraries would tidy up dies with the process; a damaged document must not crash that.
    os._exit(0)


if __name__ == "__main__":
    main()
