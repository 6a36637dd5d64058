"""The main job from the practice's side: record, build, check, send, collect, book, over real SFTP."""

from pathlib import Path

from caisse.provider import Practice
from tests.provider.fund import Fund
from tests.provider.months import write_month


def test_a_month_is_billed_answered_and_booked(practice: Practice, fund: Fund, month: Path) -> None:
    recorded = practice.record(month)
    assert (recorded.invoices, recorded.lines, recorded.priced) == (10, 20, 19)
    built = practice.build_invoices(year=2024, number=3)
    assert built is not None
    assert built.name == "F52001700202403_LAB_FAC_002_2024-03-1.xml"
    checked = practice.check(built.name)
    assert checked.conform
    assert not checked.clean
    assert {finding.code for finding in checked.findings} == {"PRI-001"}
    assert "PER-004" in checked.deferred

    (sent,) = practice.send()
    assert sent.stage == "sent"
    assert fund.deposited() == {built.name: Path(built.path).read_bytes()}
    fund.answer_all()
    booked = practice.collect()
    assert [one.kind for one in booked] == ["receipt", "acknowledgement", "return"]
    assert {one.state for one in booked} == {"booked"}

    (file,) = practice.status().sendings
    assert (file.state, file.receipted, file.deposit) == ("returned", True, "D-1")
    owed = practice.owed()
    assert owed.asked_cents == built.net_cents == recorded.gross_cents
    assert owed.asked_cents == owed.paid_cents + owed.patient_cents + owed.refused_cents + owed.owed_cents
    assert owed.owed_cents == 0
    assert [(one.code, one.lines) for one in owed.refused_for] == [("PRI-001", 1)]
    assert sum(one.refused_cents for one in owed.refused_for) == owed.refused_cents > 0


def test_nothing_is_billed_twice(practice: Practice, month: Path, tmp_path: Path) -> None:
    practice.record(month)
    assert practice.build_invoices(year=2024, number=3) is not None
    assert practice.build_invoices(year=2024, number=3) is None
    practice.record(write_month(tmp_path / "april.csv", 2, start=100))
    second = practice.build_invoices(year=2024, number=3)
    assert second is not None
    assert (second.invoices, second.name) == (2, "F52001700202403_LAB_FAC_002_2024-03-2.xml")


def test_collecting_twice_books_once(practice: Practice, fund: Fund, month: Path) -> None:
    practice.record(month)
    practice.build_invoices(year=2024, number=3)
    practice.send()
    fund.answer_all()
    practice.collect()
    before = practice.owed()
    assert practice.collect() == []
    assert {one.state for one in practice.collect(again=True)} == {"repeated"}
    assert practice.owed().paid_cents == before.paid_cents
