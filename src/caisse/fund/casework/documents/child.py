"""What looks at one document: a process of its own, forked by the nursery, without database and settings.

The document is its standard input, the answer its standard output; nothing else is open.
"""

import contextlib
import importlib
import os
import resource
from typing import Any, BinaryIO, NoReturn, Protocol

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


def carry_out(order: dict[str, Any]) -> NoReturn:
    """Do what ``order`` asks for and end the process."""
    task: Task = importlib.import_module(TASKS[order["task"]])  # type: ignore[assignment]
    prepared = task.prepare(order["options"])
    give_up(cpu_seconds=order["cpu_seconds"], memory_bytes=order["memory_bytes"])
    with open(0, "rb", closefd=False) as document, open(1, "wb", closefd=False) as output:
        try:
            answer = task.answer(document, prepared)
        except MemoryError:
            os._exit(TOO_MUCH)
        output.write(answer)
        output.flush()
    # What the libraries would tidy up dies with the process; a damaged document must not crash that.
    os._exit(0)
