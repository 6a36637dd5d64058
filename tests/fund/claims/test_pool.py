"""The processes that read large files do not outlive their worker."""

import subprocess
import sys
import time
from pathlib import Path

READ = """
import multiprocessing, time
from caisse.fund.claims import pool
pool.warm_up()
print(*(child.pid for child in pool._pool._processes.values()), flush=True)
time.sleep(600)
"""


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


def test_when_the_worker_is_killed_its_readers_go_too():
    worker = subprocess.Popen(
        [sys.executable, "-c", READ], stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    readers = [int(pid) for pid in worker.stdout.readline().split()]
    assert len(readers) == 2
    assert all(map(runs, readers))
    worker.kill()
    worker.communicate(timeout=60)
    deadline = time.monotonic() + 60
    while any(map(runs, readers)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
