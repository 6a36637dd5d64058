"""Validate and read a big invoicing file on two warm workers, in turn with ``xmllint --stream --schema``.

python -m tests.bench.bench_layouts [--lines 250000] [--pairs 5] [--workers 2]
"""

import argparse
import json
import mmap
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import psutil

from caisse.agreement.layouts import catalogue, reading
from tests.bench.invoice_files import invoice_file

LAYOUT = ("LAB", "FAC", 2)


def warm_up(content: bytes) -> int:
    """Bring a worker to where it is after its first file."""
    result = reading.read(content, catalogue.find(*LAYOUT))
    assert result.document is not None
    time.sleep(0.2)
    return os.getpid()


def reopen(path: str) -> mmap.mmap:
    """The file mapped into memory, as a worker of the fund does with a stored deposit."""
    with Path(path).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def spent(process: psutil.Process) -> float:
    """CPU seconds of a running process."""
    times = process.cpu_times()
    return times.user + times.system


def measure_xmllint(schema: Path, path: Path) -> tuple[float, float]:
    """Wall and CPU seconds of the yardstick."""
    before, start = os.times(), time.perf_counter()
    subprocess.run(
        ["xmllint", "--noout", "--stream", "--schema", str(schema), str(path)],
        check=True,
        capture_output=True,
    )
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu


def measure(work: Callable[[], object], processes: list[psutil.Process]) -> tuple[float, float]:
    """Wall seconds of the work and CPU seconds of all processes that do it."""
    before, start = sum(map(spent, processes)), time.perf_counter()
    work()
    return time.perf_counter() - start, sum(map(spent, processes)) - before


def peak(process: psutil.Process) -> int:
    """Most resident memory so far, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def main() -> None:
    """Print one JSON object of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=250_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--send", dest="reopen", action="store_false", help="send the bytes to the workers")
    arguments = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = "1"  # read by the workers when they start
    layout = catalogue.find(*LAYOUT)
    with tempfile.TemporaryDirectory() as folder:
        path, schema = Path(folder, "file.xml"), Path(folder, "schema.xsd")
        path.write_bytes(invoice_file(arguments.lines))
        schema.write_bytes(layout.schema)
        content = reopen(str(path))
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(arguments.workers, mp_context=context) as executor:
            sample = invoice_file(2000)
            pids: set[int] = set()
            while len(pids) < arguments.workers:  # on a busy machine one worker may take all the samples
                pids.update(executor.map(warm_up, [sample] * arguments.workers))
            workers = [psutil.Process(pid) for pid in pids]
            resting = [peak(worker) for worker in workers]
            figures = run(arguments, content, executor, path, schema, workers)
            figures["worker_peak_mb"] = max(peak(worker) for worker in workers) // 2**20
            figures["worker_resting_mb"] = max(resting) // 2**20
            figures["file_mb"] = round(len(content) / 1e6, 1)
    print(json.dumps(figures, indent=2))


def run(
    arguments: argparse.Namespace,
    content: bytes,
    executor: ProcessPoolExecutor,
    path: Path,
    schema: Path,
    workers: list[psutil.Process],
) -> dict[str, object]:
    """The pairs, in turn."""
    layout = catalogue.find(*LAYOUT)
    me = psutil.Process()
    again = partial(reopen, str(path)) if arguments.reopen else None

    def ours() -> None:
        document = reading.read(content, layout, executor=executor, reopen=again).document
        assert document is not None
        assert document.tables["lines"].height == arguments.lines

    ours()
    pairs = [(measure(ours, [me, *workers]), measure_xmllint(schema, path)) for _ in range(arguments.pairs)]
    return {
        "lines": arguments.lines,
        "pairs": len(pairs),
        "ours_wall_s": round(statistics.median(ours[0] for ours, _ in pairs), 3),
        "ours_cpu_s": round(statistics.median(ours[1] for ours, _ in pairs), 3),
        "xmllint_wall_s": round(statistics.median(peer[0] for _, peer in pairs), 3),
        "xmllint_cpu_s": round(statistics.median(peer[1] for _, peer in pairs), 3),
        "wall_ratio": round(statistics.median(ours[0] / peer[0] for ours, peer in pairs), 3),
        "wall_ratios": [round(ours[0] / peer[0], 3) for ours, peer in pairs],
        "cpu_ratio": round(statistics.median(ours[1] / peer[1] for ours, peer in pairs), 3),
    }


if __name__ == "__main__":
    main()
