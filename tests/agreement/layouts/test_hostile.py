"""Hostile files are refused with a finding, within limits that the operating system enforces."""

import json
import os
import subprocess
import sys

import pytest

from tests.agreement.layouts.hostile import CASES, MEGABYTE


@pytest.fixture(scope="module")
def outcomes() -> dict[str, tuple[int, str]]:
    child = subprocess.run(
        [sys.executable, "-m", "tests.agreement.layouts.hostile"],
        capture_output=True,
        text=True,
        env=os.environ | {"POLARS_MAX_THREADS": "1"},
        check=True,
    )
    return json.loads(child.stdout)


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_file_is_refused_at_little_cost(case: str, outcomes: dict[str, tuple[int, str]]) -> None:
    exit_code, said = outcomes[case]
    assert exit_code == 0, f"killed or crashed: {said}"
    assert said.split()[0] == CASES[case][1]


@pytest.mark.parametrize("work", ["bytes(80 * 2**20)", "while True: pass"])
def test_the_limits_bite(work: str) -> None:
    program = f"from tests.agreement.layouts.hostile import allow\nallow({40 * MEGABYTE}, 1)\n{work}"
    child = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert child.returncode != 0
