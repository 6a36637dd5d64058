"""`make soak`: many months, three workers, and somebody is killed at random all the while."""

import random
from pathlib import Path

import pytest
from tests.together.harness import FundServer, PracticeHome
from tests.together.month import small_month

from caisse.fund.faults import POINTS

ROUNDS = 60
#: No file of these rounds is refused whole.
DEPOSIT_ROOMS = ("exchange.", "claims.", "payments.booked.")
PAID_POINTS = [
    point for point in POINTS if point.startswith(DEPOSIT_ROOMS) and not point.startswith("claims.refused.")
]
CODES = ("52001700", "52001801", "52001902")


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_nothing_is_lost_or_doubled_over_many_rounds(fund: FundServer, fault: Path, tmp_path: Path) -> None:
    fund.stop()
    fund.workers = 3
    fund.start()
    chance = random.Random(20240301)
    practices = [PracticeHome(tmp_path / code, code, fund).create() for code in CODES]
    for round_number in range(ROUNDS):
        practice = chance.choice(practices)
        practice.record(tmp_path / f"{round_number}.csv", small_month(fund, practice.code, round_number).rows)
        practice.build(round_number + 1)
        point = chance.choice(PAID_POINTS)
        fault.write_text(f"{point} {fund.database_pid_file}" if chance.random() < 0.4 else point)
        practice.deliver()
    stages = [deposit["stage"] for deposit in fund.deposits()]
    assert stages == ["paid"] * ROUNDS
    assert all(practice.owed().owed_cents == 0 for practice in practices)
    assert fund.verify()["sound"]
