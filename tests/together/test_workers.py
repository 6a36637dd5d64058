"""Three workers at once: the files of many providers side by side, those of one provider one after the other."""

import threading
from pathlib import Path

import pytest
from tests.together.harness import FundServer, PracticeHome
from tests.together.month import ANALYSES, SERVICE, invoice_rows, small_month

CODES = ("52001700", "52001801", "52001902")


@pytest.fixture(scope="module")
def fund(fund: FundServer) -> FundServer:
    """The module's fund, started again with three workers."""
    fund.stop()
    fund.workers = 3
    return fund.start()


def test_many_providers_and_many_files_of_one(fund: FundServer, tmp_path: Path) -> None:
    practices = [PracticeHome(tmp_path / code, code, fund).create() for code in CODES]
    for place, practice in enumerate(practices):
        for number in range(1, 4):
            month = small_month(fund, practice.code, place * 3 + number)
            practice.record(tmp_path / f"{practice.code}-{number}.csv", month.rows)
            practice.build(number)
    senders = [threading.Thread(target=practice.deliver) for practice in practices]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    for practice in practices:
        owed = practice.owed()
        assert owed.owed_cents == 0
        assert owed.paid_cents > owed.refused_cents > 0
        with practice.client() as opened:
            assert [one.state for one in opened.status().sendings] == ["returned"] * 3
    assert [deposit["stage"] for deposit in fund.deposits()] == ["paid"] * 9
    assert fund.verify()["sound"]


def test_the_same_service_in_two_files_at_once_is_paid_once(fund: FundServer, tmp_path: Path) -> None:
    """Two files of one provider, deposited together, bill the same services under other references."""
    code = CODES[0]
    practice = PracticeHome(tmp_path / "twice", code, fund).create()
    person = [row["insured_person"] for row in fund.insured() if not row["insured_until"]][-1]
    prescriber = fund.prescribers()[1]
    before = {deposit["deposit"] for deposit in fund.deposits()}
    for number in (11, 12):
        rows = invoice_rows(f"same-{number}", person, prescriber, SERVICE, 5, code, ANALYSES)
        practice.record(tmp_path / f"same-{number}.csv", rows)
        practice.build(number)
    practice.deliver()
    owed = practice.owed()
    assert owed.paid_cents == owed.refused_cents == owed.asked_cents // 2
    assert [one.code for one in owed.refused_for] == ["DUP-001"]
    fresh = [deposit for deposit in fund.deposits() if deposit["deposit"] not in before]
    assert [deposit["stage"] for deposit in fresh] == ["paid", "paid"]
    assert fund.verify()["sound"]
