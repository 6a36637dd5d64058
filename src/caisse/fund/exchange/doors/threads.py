"""Threads in which a door does what may block: disk, hash, database. Each keeps its connection."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from time import monotonic

from django.db import InterfaceError, OperationalError, connection

#: Seconds a thread's connection may rest before it is asked whether it is still alive.
_REST = 5.0


class DatabaseThreads(ThreadPoolExecutor):
    """A pool of threads with lasting database connections."""

    def __init__(self, count: int, name: str) -> None:
        super().__init__(count, thread_name_prefix=name)
        self._last = local()

    async def run[**P, T](self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work`` in one of the threads and return its result."""
        return await asyncio.get_running_loop().run_in_executor(
            self, lambda: self._guarded(work, *args, **kwargs)
        )

    def _guarded[**P, T](self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A connection the server has dropped meanwhile is opened anew before, and after an error."""
        if monotonic() - getattr(self._last, "used", 0.0) > _REST and not connection.is_usable():
            connection.close()
        try:
            return work(*args, **kwargs)
        except (InterfaceError, OperationalError):
            connection.close()
            raise
        finally:
            self._last.used = monotonic()
