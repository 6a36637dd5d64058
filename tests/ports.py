"""Ports for servers that are stopped and started again: nobody else takes them meanwhile.

A port of the kernel's choice may be given to any outgoing connection while its server is down. These lie above the
range the kernel chooses from, and each process of a run counts through a hundred of its own.
"""

import fcntl
import functools
import itertools
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

FIRST, EACH, PROCESSES = 61_000, 100, 45


@functools.cache
def _mine() -> tuple[IO[str], Iterator[int]]:
    """The lock on this process's hundred, held until the process ends, and its ports round and round."""
    folder = Path(tempfile.gettempdir()) / "caisse-tests-ports"
    folder.mkdir(exist_ok=True)
    for place in range(PROCESSES):
        lock = (folder / str(place)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        start = FIRST + place * EACH
        return lock, itertools.cycle(range(start, start + EACH))
    raise AssertionError(f"{PROCESSES} processes of tests hold ports: see {folder}")


def reserved_port() -> int:
    """A port of 127.0.0.1 that nobody listens on and that only this process hands out."""
    for port in itertools.islice(_mine()[1], EACH):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no port of {EACH} is free")
