"""A process that is asked to stop: it always hears it, and once."""

import subprocess
import sys

import pytest

#: A process that is asked while Python lets no exception out: in a finaliser, and in a weak reference's callback, as
#: the import system has one for every module.
DEAF = """
import os, signal, sys, time, weakref
from caisse.fund import leaving

leaving.leave_when_asked()

def ask(*_):
    os.kill(os.getpid(), signal.SIGTERM)
    for _step in range(100):
        pass

class Asking:
    __del__ = ask

class Watched:
    pass

try:
    if sys.argv[1] == "finaliser":
        Asking()
    else:
        watched = Watched()
        reference = weakref.ref(watched, ask)
        del watched
    time.sleep(30)
    print("did not hear it")
finally:
    print("let go")
"""

#: A process that goes on for a moment after it was asked, and is asked again meanwhile; its child is not deaf.
ASKED_TWICE = """
import os, signal, subprocess, sys
from caisse.fund import leaving

leaving.leave_when_asked()
asked = []
with leaving.stopping_by(lambda: asked.append(1)):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        os.kill(os.getpid(), number)
child = subprocess.Popen([sys.executable, "-c", "print(flush=True); import time; time.sleep(30)"], stdout=subprocess.PIPE)
child.stdout.readline()
child.terminate()
print(len(asked), child.wait())
os.kill(os.getpid(), signal.SIGTERM)
print("finished")
"""


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("where", ["finaliser", "callback"])
def test_asked_where_python_lets_no_exception_out_it_leaves_all_the_same(where: str) -> None:
    done = run(DEAF, where)
    assert (done.returncode, done.stdout, done.stderr) == (0, "let go\n", "")


def test_asked_again_it_finishes_what_it_does_and_its_children_still_hear() -> None:
    done = run(ASKED_TWICE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 -15\nfinished\n", "")


def test_nobody_asked_and_all_is_as_before() -> None:
    done = run(
        "import signal; from caisse.fund import leaving; before = [signal.getsignal(n) for n in (15, 2)]\n"
        "with leaving.stopping_by(lambda: None): assert signal.getsignal(15) not in before\n"
        "assert [signal.getsignal(n) for n in (15, 2)] == before"
    )
    assert (done.returncode, done.stderr) == (0, "")
