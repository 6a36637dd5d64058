"""Work on a document in a process of its own, that cannot hurt the server.

The process gets the open document as its standard input and nothing else: no environment, no secrets. Before
it reads the first byte it gives up CPU time, memory and every further file or socket (`child.give_up`), so a
document that takes over its reader can neither read the fund's files nor reach a network.

One process for each document, and nothing of one is left for the next. They are forks of a `nursery`, one for
each process of the server, which is started with the first document.
"""

import atexit
import contextlib
import json
import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
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
#: Bytes of the child's process id and of how it ended.
_NUMBER = 4


class TooExpensive(Exception):
    """The document used up the CPU time or memory it is allowed."""


class Unfinished(BrokenSystem):
    """A document could not be looked at. Nothing was decided; try again, then tell an administrator."""


class Nursery:
    """The process that forks the children; started anew when it is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._of = 0

    def order(self, order: bytes, handles: list[int]) -> None:
        """Have a child forked for an order; raises Unfinished when no nursery can be had."""
        with self._lock:
            # A fork of the server has no nursery of its own yet.
            if self._of != os.getpid():
                self._control, self._process, self._of = None, None, os.getpid()
            for _attempt in range(2):
                if self._control is None:
                    self._start()
                try:
                    socket.send_fds(self._control, [order], handles)
                except OSError:
                    self.end()
                else:
                    return
        raise Unfinished("the process for documents does not start")

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-I", "-m", "caisse.fund.casework.documents.nursery"]
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno())], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={},
                cwd="/", pass_fds=(theirs.fileno(),), start_new_session=True,
            )  # fmt: skip
        self._control = ours

    def end(self) -> None:
        """Let the process go; the next order starts another one."""
        if self._of != os.getpid():
            return
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.wait()
        self._control, self._process = None, None


_NURSERY = Nursery()
atexit.register(_NURSERY.end)


def work(task: str, path: Path, *, limits: DocumentLimits, options: Mapping[str, Any]) -> bytes:
    """What a task of `child` answers about a file; raises TooExpensive, or Unfinished by a fault of ours."""
    order = {
        "task": task,
        "cpu_seconds": limits.cpu_seconds,
        "memory_bytes": limits.memory_bytes,
        "options": dict(options),
    }
    deadline = time.monotonic() + limits.wall_seconds
    with _AT_A_TIME, path.open("rb") as file, contextlib.ExitStack() as reading:
        with contextlib.ExitStack() as writing:
            pipes = [_pipe(reading, writing) for _ in range(3)]
            handles = [file.fileno(), *(theirs for _, theirs in pipes)]
            _NURSERY.order(json.dumps(order).encode(), handles)
        answer, words, state = _collect([ours for ours, _ in pipes], deadline)
    if len(state) < 2 * _NUMBER:
        raise Unfinished(f"{task} took longer than {limits.wall_seconds:.0f} s, or its process vanished")
    ended = int.from_bytes(state[_NUMBER:], sys.byteorder, signed=True)
    if ended in _STOPPED_BY_LIMIT:
        raise TooExpensive(task)
    if ended != 0:
        # A traceback of ours names modules and lines, never what stands in the document.
        log.error("%s of a document ended with %d: %s", task, ended, _last_words(words))
        raise Unfinished(f"{task} ended with {ended}")
    return answer


def _pipe(reading: contextlib.ExitStack, writing: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe whose ends are closed with one stack each."""
    ours, theirs = os.pipe()
    reading.callback(os.close, ours)
    writing.callback(os.close, theirs)
    return ours, theirs


def _collect(handles: list[int], deadline: float) -> list[bytes]:
    """Everything the child says, and its state; after the deadline it is killed and what there is counts."""
    parts: dict[int, list[bytes]] = {handle: [] for handle in handles}
    with selectors.DefaultSelector() as selector:
        for handle in handles:
            selector.register(handle, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                _kill(b"".join(parts[handles[-1]]))
                break
            for key, _events in ready:
                piece = os.read(key.fd, 1 << 16)
                parts[key.fd].append(piece)
                if not piece:
                    selector.unregister(key.fd)
    return [b"".join(parts[handle]) for handle in handles]


def _kill(state: bytes) -> None:
    """End a child that takes too long; its id is its own until the nursery told how it ended."""
    if len(state) == _NUMBER:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int.from_bytes(state, sys.byteorder, signed=True), signal.SIGKILL)


def _last_words(stderr: bytes) -> str:
    lines = [line for line in stderr.decode(errors="replace").splitlines() if line.startswith("  File ")]
    return " <- ".join(line.strip() for line in lines[-3:]) or "no trace"
