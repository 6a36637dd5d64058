"""How a process of the fund is asked to stop: once is enough, and it is never lost."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from caisse.fund import supervision

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_NUMBERS = (signal.SIGTERM, signal.SIGINT)
#: So long (seconds) after Python dropped the wish to leave it is told again.
_AGAIN = 0.01


class _Leave(SystemExit):
    """Raised wherever the main thread is when it is asked to leave."""


def leave_when_asked() -> None:
    """Until this process has its own way of stopping, SIGTERM lets it leave: what it holds is let go.

    Below a supervisor it is asked to when the supervisor dies, even by SIGKILL.
    """
    signal.signal(signal.SIGTERM, _leave)
    sys.unraisablehook = _leave_all_the_same
    if supervision.READY_VARIABLE in os.environ:
        os.environ[supervision.VARIABLE] = "1"
        supervision.follow_parent(signal.SIGTERM)


@contextmanager
def stopping_by(stop: Callable[[], None]) -> Iterator[None]:
    """Inside the block SIGTERM or SIGINT call ``stop``, the first time; then this process ignores them.

    A signal to the whole group is followed by the supervisor's own; neither it nor an impatient person
    cuts short what a process finishes, or lets go, after it was asked.
    """

    def ask(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked
        _ignore()
        asked = True
        stop()

    asked = False
    before = {number: signal.signal(number, ask) for number in _NUMBERS}
    try:
        yield
    finally:
        for number, handler in before.items():
            # Asked in this very moment, it stays asked.
            if not asked:
                signal.signal(number, handler)
        if asked:
            _ignore()


def _ignore() -> None:
    for number in _NUMBERS:
        signal.signal(number, _asked_already)


def _asked_already(_signal: int, _frame: FrameType | None) -> None:
    """Not SIG_IGN, which a child that is begun in this moment would inherit."""


def _leave(_signal: int, _frame: FrameType | None) -> None:
    _ignore()
    raise _Leave(0)


def _leave_all_the_same(lost: "UnraisableHookArgs") -> None:
    """A callback or a finaliser lets no exception out, not even this one: raised again a moment later."""
    if lost.exc_type is _Leave and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGALRM, _leave)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)
    else:
        sys.__unraisablehook__(lost)
