"""An 8 KB file in a warm process, in turn with spawning xmllint on it.

python -m tests.bench.bench_small_file [--pairs 20]
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from caisse.agreement.examination import examine_file
from caisse.agreement.layouts import catalogue, reading, validation
from tests.bench.invoice_files import invoice_file

NAME = "F52001700202403_LAB_FAC_002_2024-03-A.xml"
REPEATS = 20


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Wall seconds of one piece of work, the mean of a few repeats."""
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / repeats


def main() -> None:
    """Print one JSON object: how long each step takes as a share of spawning xmllint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    pairs = parser.parse_args().pairs
    layout = catalogue.find("LAB", "FAC", 2)
    content = invoice_file(13)
    view = memoryview(content)

    def validate() -> None:
        validation.gate(view, layout, validation.LIMITS)
        assert not validation.judge(content, layout, plain=True, most=1).errors

    steps: dict[str, Callable[[], object]] = {
        "gate_and_validate": validate,
        "read": lambda: reading.read(content, layout),
        "examine": lambda: examine_file(NAME, content, on=date(2026, 11, 1)),
    }
    with tempfile.TemporaryDirectory() as folder:
        path, schema = Path(folder, "file.xml"), Path(folder, "schema.xsd")
        path.write_bytes(content)
        schema.write_bytes(layout.schema)
        command = ["xmllint", "--noout", "--stream", "--schema", str(schema), str(path)]
        for step in steps.values():
            step()
        rounds = [
            {name: seconds(step, REPEATS) for name, step in steps.items()}
            | {"xmllint": seconds(lambda: subprocess.run(command, check=True, capture_output=True))}
            for _ in range(pairs)
        ]
    print(
        json.dumps(
            {
                "bytes": len(content),
                "pairs": pairs,
                "xmllint_ms": round(1000 * statistics.median(one["xmllint"] for one in rounds), 3),
                **{
                    f"{name}_ratio": round(statistics.median(one[name] / one["xmllint"] for one in rounds), 3)
                    for name in steps
                },
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
