"""Threads in which a door does what may block: disk, hash, database. Each keeps its connection."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import local
from time import monotonic

from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

#: Seconds a thread's connection may rest before it is asked whether it is still alive.
_REST = 5.0


class DatabaseThreads(ThreadPoolExecutor):
    """A pool of threads with lasting database connections."""

    def __init__(self, count: int, name: str) -> None:
        super().__init__(count, thread_name_prefix=name)
        self._last = local()
        self._opened: list[BaseDatabaseWrapper] = []

    async def run[**P, T](self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do ``work`` in one of the threads and return its result."""
        return await asyncio.get_running_loop().run_in_executor(
            self, lambda: self._guarded(work, *args, **kwargs)
        )

    def end(self) -> None:
        """Wait for work in hand, then end the threads and their connections."""
        self.shutdown()
        for opened in self._opened:
            if opened.connection is not None:
                # Not Django's close, which only the thread may call that opened it, and that thread is gone.
                opened.connection.close()

    def _guarded[**P, T](self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A connection the server has dropped meanwhile is opened anew before, and after an error."""
        if not hasattr(self._last, "used"):
            self._opened.append(connections[DEFAULT_DB_ALIAS])
            self._last.used = 0.0
        if monotonic() - self._last.used > _REST and not connection.is_usable():
            connection.close()
        try:
            return work(*args, **kwargs)
        except (InterfaceError, OperationalError):
            connection.close()
            raise
        finally:
            self._last.used = monotonic()
