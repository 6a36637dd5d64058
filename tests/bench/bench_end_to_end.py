"""A fund's worker, from stored bytes to acknowledgement, decisions and return, against xmllint's validation alone.

    python -m tests.bench.bench_end_to_end [--lines 250000] [--pairs 5] [--insured 900000] [--history 10000000]

Both sides run in turn on the same file in the same minute; the figure is the median of the pairs' ratios. Ours
validates, reads, checks, adjudicates against the registry and the history, writes and delivers both answers,
stores one row a line by COPY, and commits with fsync. xmllint only validates. CPU seconds: of the worker, of its
two reading processes, and of PostgreSQL. Peaks are resident memory above what the worker holds when idle.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tests.bench.fund_home import deposit, fund_home, write_synthetic_history
from tests.fund.claims.month import Month, month, national_numbers


@dataclass
class Pair:
    lines: int
    megabytes: float
    ours_seconds: float
    xmllint_seconds: float
    ours_cpu_seconds: float
    postgres_cpu_seconds: float
    xmllint_cpu_seconds: float
    worker_peak_megabytes: float
    reader_peak_megabytes: float
    stages: dict[str, float]

    @property
    def ratio(self) -> float:
        return self.ours_seconds / self.xmllint_seconds


def processes() -> tuple[list[psutil.Process], list[psutil.Process]]:
    """This worker with its readers, and PostgreSQL's processes."""
    own = psutil.Process()
    readers = [child for child in own.children(recursive=True) if "python" in child.name()]
    postgres = [p for p in psutil.process_iter(["name", "cmdline"]) if is_ours(p)]
    return [own, *readers], postgres


def is_ours(process: psutil.Process) -> bool:
    folder = os.environ["CAISSE_FUND_HOME"]
    try:
        if process.info["name"] != "postgres":
            return False
        chain = [process, *process.parents()]
        return any(folder in " ".join(p.cmdline()) for p in chain)
    except psutil.Error:
        return False


def cpu(group: list[psutil.Process]) -> dict[int, float]:
    """CPU seconds of each process so far; one that has gone (PostgreSQL's vacuum) is left out."""
    spent = {}
    for process in group:
        with suppress(psutil.NoSuchProcess):
            spent[process.pid] = sum(process.cpu_times()[:2])
    return spent


def grown(before: dict[int, float], after: dict[int, float]) -> float:
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


def reset_peaks(group: list[psutil.Process]) -> list[float]:
    resident = []
    for process in group:
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        resident.append(status_megabytes(process.pid, "VmRSS"))
    return resident


def status_megabytes(pid: int, field: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(field)


def xmllint(schema: Path, file: Path) -> tuple[float, float]:
    """Wall and CPU seconds of validating one file."""
    began = time.perf_counter()
    child = subprocess.Popen(
        ["xmllint", "--noout", "--stream", "--schema", schema, file], stderr=subprocess.DEVNULL
    )
    _, code, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(code)
    seconds = time.perf_counter() - began
    if child.returncode != 0:
        raise SystemExit(f"xmllint refuses the file: {child.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime


def run_pair(file: Month, schema: Path) -> Pair:
    from caisse.fund.claims.models import JudgedFile
    from caisse.fund.exchange.models import Deposit
    from tests.bench.stages import Stages

    content = file.bytes_of()
    deposit_id = deposit(file.name, content)
    stored = Deposit.objects.get(pk=deposit_id)
    path = Path(os.environ["CAISSE_FUND_HOME"]) / "store" / stored.sha256[:2] / stored.sha256[2:]
    peer_seconds, peer_cpu = xmllint(schema, path)
    workers, postgres = processes()
    resident = reset_peaks(workers)
    before, before_postgres = cpu(workers), cpu(postgres)
    with Stages() as stages:
        began = time.perf_counter()
        from caisse.fund.claims.judging import judge

        stage = judge(deposit_id)
        seconds = time.perf_counter() - began
    judged = JudgedFile.objects.get(deposit_id=deposit_id)
    # By chance some person has the same act on the same day as in an earlier file: paid before, rightly refused.
    if (
        stage != "returned"
        or judged.lines_count != file.lines.height
        or judged.refused_cents * 50 > judged.asked_cents
    ):
        raise SystemExit(f"{stage}: {judged.refused_cents} cents refused of {judged.asked_cents}")
    peaks = [status_megabytes(p.pid, "VmHWM") - idle for p, idle in zip(workers, resident, strict=True)]
    return Pair(
        lines=file.lines.height,
        megabytes=len(content) / 1e6,
        ours_seconds=seconds,
        xmllint_seconds=peer_seconds,
        ours_cpu_seconds=grown(before, cpu(workers)),
        postgres_cpu_seconds=grown(before_postgres, cpu(postgres)),
        xmllint_cpu_seconds=peer_cpu,
        worker_peak_megabytes=peaks[0],
        reader_peak_megabytes=max(peaks[1:], default=0.0),
        stages=stages.seconds,
    )


def median(pairs: list[Pair], name: str) -> float:
    return statistics.median(getattr(pair, name) for pair in pairs)


def measure(lines: int, pairs: int, insured: int, schema: Path, start: int) -> list[Pair]:
    numbers = national_numbers(insured)
    measured = []
    for n in range(pairs + 1):
        turn = start + n
        file = month(
            lines // 5, of_persons=numbers, seed=turn, number=1 + turn % 99, reference=f"2024-03-{turn}"
        )
        pair = run_pair(file, schema)
        if n:
            measured.append(pair)
        told = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in pair.stages.items())
        print(f"  {'warm-up' if n == 0 else f'pair {n}'}: {pair.ours_seconds:.2f} s ÷ {pair.xmllint_seconds:.2f} s"
              f" = {pair.ratio:.2f}   ({told})", file=sys.stderr)  # fmt: skip
    return measured


def report(pairs: list[Pair]) -> dict[str, float]:
    names = [name for name in asdict(pairs[0]) if name != "stages"]
    return {
        "ratio": statistics.median(pair.ratio for pair in pairs),
        **{name: median(pairs, name) for name in names},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lines", type=int, default=250_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--insured", type=int, default=900_000)
    parser.add_argument("--history", type=int, default=10_000_000)
    options = parser.parse_args()
    with fund_home(insured=options.insured) as folder, tempfile.TemporaryDirectory() as scratch:
        from caisse.agreement.layouts import catalogue
        from caisse.fund.claims import facts, pool

        schema = Path(scratch) / "schema.xsd"
        schema.write_bytes(catalogue.find("LAB", "FAC", 2).schema)
        write_synthetic_history(folder, options.history)
        pool.warm_up()
        facts.warm_up()
        half = measure(options.lines // 2, max(2, options.pairs // 2), options.insured, schema, 1)
        whole = measure(options.lines, options.pairs, options.insured, schema, 30)
        figures = report(whole)
        figures["doubled_file"] = figures["ours_seconds"] / report(half)["ours_seconds"]
        print(
            json.dumps({"end_to_end": {name: round(value, 3) for name, value in figures.items()}}, indent=2)
        )


if __name__ == "__main__":
    main()
