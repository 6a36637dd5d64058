"""The practice is killed at every named point of a month's work; nothing is lost and nothing doubled."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from caisse.provider import Practice, faults
from tests.provider.fund import PASSWORD, Fund
from tests.provider.months import write_month

SOURCE = Path(faults.__file__).parents[1]

MONTH = """
import sys
from caisse.provider import Practice
with Practice.open(sys.argv[1]) as practice:
    practice.record(sys.argv[2])
    practice.build_invoices(year=2024, number=3)
    practice.send()
    practice.collect()
"""


def test_every_point_named_in_the_code_is_listed_and_the_other_way_round() -> None:
    named = {
        line.split('faults.reach("', 1)[1].split('"', 1)[0]
        for path in (SOURCE / "provider").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if 'faults.reach("' in line
    }
    assert named == set(faults.POINTS)
    with pytest.raises(ValueError, match=r"send\.nowhere"):
        faults.reach("send.nowhere")


@pytest.mark.parametrize("point", faults.POINTS)
def test_killed_at_every_point_and_taken_up_again(point: str, tmp_path: Path, fund: Fund) -> None:
    fund.server.answers = fund.answers
    home = tmp_path / "practice"
    Practice.create(home, fund=fund.url, code=52001700, password=PASSWORD).close()
    # Enough lines for an upload of several blocks.
    month = write_month(tmp_path / "march.csv", 300, too_dear=(3,))
    killed = subprocess.run(
        [sys.executable, "-c", MONTH, home, month], env={**os.environ, "CAISSE_FAULT": point}, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    with Practice.open(home) as practice:
        practice.record(month)
        practice.build_invoices(year=2024, number=3)
        practice.send()
        practice.collect()
        assert practice.collect() == []
        (file,) = practice.status().sendings
        owed = practice.owed()
    assert (file.state, file.receipted, file.lines, file.deposit) == ("returned", True, 600, "D-1")
    assert fund.deposited() == {file.name: (home / "outbox" / file.name).read_bytes()}
    assert owed.asked_cents == owed.paid_cents + owed.patient_cents + owed.refused_cents
    assert (owed.owed_cents, owed.files[0].lines) == (0, 600)
    assert sorted(path.name for path in (home / "inbox").iterdir()) == sorted(
        path.name for path in (fund.root / "out").iterdir()
    )
    assert list((home / "incoming").iterdir()) == []
