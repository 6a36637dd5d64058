"""Nothing lost, nothing doubled: processes are killed at every named step, and the world is looked at from outside.

The client's view and `caisse fund verify` must show each deposit once, answered once and paid once.
"""

import itertools
from pathlib import Path

import pytest
from tests.together.harness import KILLED, FundServer, PracticeHome
from tests.together.month import small_month

from caisse.fund import faults as fund_faults
from caisse.provider import faults as provider_faults

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def practice(fund: FundServer) -> PracticeHome:
    return PracticeHome(fund.home.parent / "practice", "52001700").create(fund)


def deposits_of(fund: FundServer, name: str) -> list[dict[str, object]]:
    return [deposit for deposit in fund.deposits() if deposit["name"] == name]


def assert_once(fund: FundServer, practice: PracticeHome, name: str, owed_before: dict[str, int]) -> None:
    """Deposited once, answered once, paid once, and the fund's books are whole."""
    found = deposits_of(fund, name)
    assert len(found) == 1, found
    assert found[0]["stage"] == "paid", found
    verdict = fund.verify()
    assert verdict["sound"], verdict
    owed = practice.ask("owed")
    assert owed["owed_cents"] == 0
    asked = owed["asked_cents"] - owed_before["asked_cents"]
    paid = owed["paid_cents"] - owed_before["paid_cents"]
    refused = owed["refused_cents"] - owed_before["refused_cents"]
    assert asked == paid + refused
    assert paid > refused > 0


def deliver_through(
    fund: FundServer, practice: PracticeHome, tmp_path: Path, fault: Path | None, order: str = ""
) -> None:
    number = next(numbers)
    before = practice.ask("owed")
    practice.record(tmp_path / "records.csv", small_month(fund, practice.code, f"f{number}x").rows)
    built = practice.ask("build", "invoices", "--year", 2024, "--number", number)
    if fault is not None:
        fault.write_text(order)
    practice.deliver()
    if fault is not None:
        assert not fault.exists(), f"{order} was never reached"
    assert_once(fund, practice, built["name"], before)


REFUSED_POINTS = {"claims.refused.before_commit", "claims.refused.after_commit"}
PAID_POINTS = [point for point in fund_faults.POINTS if point not in REFUSED_POINTS]


@pytest.mark.parametrize("point", PAID_POINTS)
def test_the_process_is_killed(
    fund: FundServer, practice: PracticeHome, fault: Path, tmp_path: Path, point: str
) -> None:
    deliver_through(fund, practice, tmp_path, fault, point)


@pytest.mark.parametrize("point", PAID_POINTS)
def test_the_database_is_killed(
    fund: FundServer, practice: PracticeHome, fault: Path, tmp_path: Path, point: str
) -> None:
    deliver_through(fund, practice, tmp_path, fault, f"{point} {fund.database_pid_file}")


@pytest.mark.parametrize(
    "point",
    ["exchange.accepted.before_commit", "claims.acknowledged.after_commit", "payments.booked.before_commit"],
)
def test_the_whole_server_is_killed(
    fund: FundServer, practice: PracticeHome, fault: Path, tmp_path: Path, point: str
) -> None:
    number = next(numbers)
    before = practice.ask("owed")
    practice.record(tmp_path / "records.csv", small_month(fund, practice.code, f"s{number}x").rows)
    built = practice.ask("build", "invoices", "--year", 2024, "--number", number)
    supervisor = tmp_path / "supervisor.pid"
    assert fund.process is not None
    supervisor.write_text(str(fund.process.pid))
    fault.write_text(f"{point} {supervisor}")
    practice.do("send", accept=(0, 1, 3))
    fund.process.wait(timeout=60)
    fund.start()
    practice.deliver()
    assert_once(fund, practice, built["name"], before)


CLIENT_POINTS = [point for point in provider_faults.POINTS if not point.startswith(("record.", "build."))]


@pytest.mark.parametrize("point", CLIENT_POINTS)
def test_the_client_is_killed(fund: FundServer, practice: PracticeHome, tmp_path: Path, point: str) -> None:
    number = next(numbers)
    before = practice.ask("owed")
    practice.record(tmp_path / "records.csv", small_month(fund, practice.code, f"c{number}x").rows)
    built = practice.ask("build", "invoices", "--year", 2024, "--number", number)
    command = point.partition(".")[0]
    if command == "collect":
        practice.do("send")
        practice.do("collect", accept=(0, 1, KILLED), fault=point)
    else:
        practice.do("send", accept=(KILLED,), fault=point)
    practice.deliver()
    assert_once(fund, practice, built["name"], before)


RECORD_POINTS = [point for point in provider_faults.POINTS if point.startswith(("record.", "build."))]


@pytest.mark.parametrize("point", RECORD_POINTS)
def test_the_client_is_killed_while_it_records_and_builds(
    fund: FundServer, practice: PracticeHome, tmp_path: Path, point: str
) -> None:
    number = next(numbers)
    before = practice.ask("owed")
    records = tmp_path / "records.csv"
    rows = small_month(fund, practice.code, f"b{number}x").rows
    if point.startswith("record."):
        practice.record(records, rows, accept=(KILLED,), fault=point)
    practice.record(records, rows)
    build = ("build", "invoices", "--year", 2024, "--number", number)
    if point.startswith("build."):
        practice.do(*build, accept=(KILLED,), fault=point)
    practice.do(*build)
    practice.deliver()
    (name,) = {
        str(deposit["name"])
        for deposit in fund.deposits()
        if f"2024{number:02d}_" in str(deposit["name"])
    }
    assert_once(fund, practice, name, before)
