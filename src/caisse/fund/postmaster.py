"""The embedded server's process from outside: is it ours, is it gone, what does it leave behind?"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Servers this process started: a dead child stays a zombie until its parent asks for it.
children: dict[int, subprocess.Popen[bytes]] = {}


@contextmanager
def undisturbed() -> Iterator[None]:
    """SIGTERM and SIGINT wait for the end of the block: what it begins is known before anybody leaves."""
    if threading.current_thread() is not threading.main_thread():
        # Python's handlers run in the main thread alone.
        yield
        return
    arrived: list[int] = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda come, _frame: arrived.append(come)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for number in arrived:
            signal.raise_signal(number)


def is_postgres_of(pid: int, data: Path) -> bool:
    """True when the process is the server of the cluster in ``data``."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"postgres" in arguments[0] and os.fsencode(data) in arguments


def lingering(data: Path) -> bool:
    """True while any process works inside the cluster's folder, as every PostgreSQL process does."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cwd").readlink() == data:
                return True
        except OSError:
            continue
    return False


def reap_children() -> None:
    """Ask for every server of this process that has ended."""
    for pid, child in list(children.items()):
        if child.poll() is not None:
            del children[pid]


def send(pid: int, number: int) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def gone(pid: int, patience: float) -> bool:
    """True as soon as the process no longer runs; False after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if not runs(pid):
            # Now, for nobody may come past again before this process ends.
            reap_children()
            return True
        time.sleep(0.02)
    return False


def runs(pid: int) -> bool:
    """False for a process that is gone, and for a zombie its parent has not asked for yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False
