"""The rules alone over a large month, registers resident, in turn with the plain-Python loop of the tests' oracle.

python -m tests.bench.bench_rules [--invoices 50000] [--persons 900000] [--historic 10000000] [--pairs 5]
"""

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from caisse.agreement.rules import Batch, Facts, adjudicate
from caisse.agreement.tables import Tables, load_tables
from tests.agreement.rules.oracle import Oracle
from tests.bench.rules_data import LINES_AN_INVOICE, month_of, registers


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def most_memory_above_rest(work: Callable[[], object]) -> int:
    """Megabytes by which resident memory rises at most while ``work`` is done for the first time."""
    Path("/proc/self/clear_refs").write_text("5")
    resting = psutil.Process().memory_info().rss
    work()
    status = Path("/proc/self/status").read_text()
    most = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024
    return (most - resting) // 2**20


def fresh(facts: Facts) -> Facts:
    """The same frames as a job gets them: whatever is indexed is indexed again."""
    return Facts(facts.insured, facts.providers, facts.executing, facts.authorisations, facts.history)


def loop_of(oracle: Oracle, batch: Batch) -> Callable[[], object]:
    """The oracle's loop over rows that are dictionaries already."""
    invoices = list(batch.invoices.iter_rows(named=True))
    lines = list(batch.lines.iter_rows(named=True))
    return lambda: oracle.judge_rows(batch.header, invoices, lines)


def run(tables: Tables, arguments: argparse.Namespace) -> dict[str, object]:
    """Warm up, then the pairs in turn."""
    chance = np.random.default_rng(2024)
    facts, numbers = registers(tables, persons=arguments.persons, historic=arguments.historic, chance=chance)
    batch = month_of(tables, numbers, invoices=arguments.invoices, chance=chance)
    double = month_of(tables, numbers, invoices=2 * arguments.invoices, chance=chance)
    oracle = Oracle(facts, tables)
    memory = most_memory_above_rest(lambda: adjudicate(batch, fresh(facts), tables))
    columns, loops, doubles = [], [], []
    for _ in range(arguments.pairs):
        columns.append(timed(lambda: adjudicate(batch, fresh(facts), tables)))
        loop = loop_of(oracle, batch)
        gc.collect()
        loops.append(timed(loop))
        del loop
        doubles.append(timed(lambda: adjudicate(double, fresh(facts), tables)))
    lines = arguments.invoices * LINES_AN_INVOICE
    decided = adjudicate(batch, facts, tables)
    return {
        "lines": lines,
        "pairs": arguments.pairs,
        "findings": decided.findings.height,
        "columns_wall_s": round(statistics.median(wall for wall, _ in columns), 3),
        "columns_cpu_s": round(statistics.median(cpu for _, cpu in columns), 3),
        "loop_wall_s": round(statistics.median(wall for wall, _ in loops), 3),
        "lines_per_s": round(lines / statistics.median(wall for wall, _ in columns)),
        "times_the_loop": round(
            statistics.median(loop[0] / ours[0] for ours, loop in zip(columns, loops, strict=True)), 1
        ),
        "double_costs": round(
            statistics.median(two[0] / one[0] for one, two in zip(columns, doubles, strict=True)), 2
        ),
        "above_resident_mb": memory,
    }


def main() -> None:
    """Print one JSON object of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=50_000)
    parser.add_argument("--persons", type=int, default=900_000)
    parser.add_argument("--historic", type=int, default=10_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    print(json.dumps(run(load_tables(), parser.parse_args()), indent=2))


if __name__ == "__main__":
    main()
