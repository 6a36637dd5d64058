"""The processes that read large files beside this one; started once, kept warm, renewed when one dies."""

import atexit
import mmap
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from threading import Lock

from caisse.fund import supervision

#: Reading gains nothing from more processes than this on the machines measured.
PROCESSES = 2

_POLARS_THREADS = "POLARS_MAX_THREADS"
_lock = Lock()
_pool: ProcessPoolExecutor | None = None


def reading_pool() -> Executor:
    """This process's pool. Its children come from a fork server: never from a process that has threads."""
    global _pool  # noqa: PLW0603 - one pool a process is the point
    with _lock:
        if _pool is None:
            context = get_context("forkserver")
            context.set_forkserver_preload(["caisse.agreement.layouts.reading"])
            with _one_thread_each():
                ensure_running()
            _pool = ProcessPoolExecutor(
                PROCESSES, mp_context=context, initializer=supervision.follow, initargs=(os.getpid(),)
            )
        return _pool


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Polars in the children works on one core each: there are as many children as cores to use."""
    before = os.environ.get(_POLARS_THREADS)
    os.environ[_POLARS_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_POLARS_THREADS]
        else:
            os.environ[_POLARS_THREADS] = before


def warm_up() -> None:
    """Start the children now, so that the first file does not wait for their imports."""
    list(reading_pool().map(_import_reading, range(PROCESSES)))


@dataclass(frozen=True, slots=True)
class MappedFile:
    """A stored file as a child process takes it up: mapped there, so that its bytes are not sent."""

    path: str

    def __call__(self) -> mmap.mmap:
        """The bytes of the file."""
        with Path(self.path).open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def drop_pool() -> None:
    """Forget a pool in which a child died; the next file gets a new one."""
    global _pool
    with _lock:
        dropped, _pool = _pool, None
    if dropped is not None:
        dropped.shutdown(wait=False, cancel_futures=True)


def _import_reading(_: int) -> int:
    import caisse.agreement.layouts.reading  # noqa: F401, PLC0415 - for its side effect: warm

    return os.getpid()


atexit.register(drop_pool)

__all__ = ["PROCESSES", "BrokenProcessPool", "MappedFile", "drop_pool", "reading_pool", "warm_up"]
