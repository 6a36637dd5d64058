"""Forks one child for each document: `python -m caisse.fund.casework.documents.nursery HANDLE`.

Starting Python and loading the libraries costs twenty times what most documents cost to look at. The nursery
does it once, in a clean process without environment, secrets or threads, and forks for every document: what
one document does to its child dies with that child. It ends when the server that started it is gone.

Over the socket HANDLE comes, for each document, an order (JSON) with four handles: document, answer, words of
a failure, state. On the last the nursery writes the child's process id and later how it ended, four bytes
each.
"""

import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import traceback

from caisse.fund.casework.documents import child

#: The longest order (bytes); a larger one would be a fault of ours.
LONGEST_ORDER = 65_536
NUMBER = struct.Struct("=i")
_HANDLES = 4


def main() -> None:
    """Serve until the other end of the socket is closed."""
    control = socket.socket(fileno=int(sys.argv[1]))
    for module in child.TASKS.values():
        importlib.import_module(module)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda _signal, _frame: None)
    states: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([control, reading], [], [])
        if reading in ready:
            os.read(reading, 4096)
            _bury(states)
        if control in ready and not _serve(control, states):
            return


def _serve(control: socket.socket, states: dict[int, int]) -> bool:
    """Fork a child for the next order; False when nobody is there any more."""
    order, handles, _flags, _address = socket.recv_fds(control, LONGEST_ORDER, _HANDLES)
    if not order:
        return False
    pid = os.fork()
    if pid == 0:
        _become_child(order, handles)
    *given, state = handles
    for handle in given:
        os.close(handle)
    states[pid] = state
    _tell(state, pid)
    return True


def _become_child(order: bytes, handles: list[int]) -> None:
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for target, handle in enumerate(handles[:3]):
            os.dup2(handle, target)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        child.carry_out(json.loads(order))
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(1)


def _bury(states: dict[int, int]) -> None:
    """Tell of every child that ended how it did."""
    while states:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        state = states.pop(pid)
        _tell(state, os.waitstatus_to_exitcode(status))
        os.close(state)


def _tell(state: int, number: int) -> None:
    try:
        os.write(state, NUMBER.pack(number))
    except BrokenPipeError:
        # Whoever asked has given up waiting.
        return


if __name__ == "__main__":
    main()
