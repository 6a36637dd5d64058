"""New lines beside paid ones: whatever file paid them first stands, and the finding names its invoice and line."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from caisse.agreement.rules.batch import EARLIER_SCHEMA
from caisse.agreement.rules.fingerprints import prescription_marks, sampling_marks
from caisse.agreement.tables.phrases import translate
from caisse.fund.claims import facts
from caisse.fund.claims import history as history_module
from caisse.fund.claims.history import HistoryKeeper, history_as_of
from caisse.fund.claims.models import FindingRow, JudgedFile, LineDecision
from caisse.fund.claims.replay import replay_deposit
from caisse.fund.exchange.models import Account
from tests.fund.claims.month import LAB, Month

DAY = np.array([(date(2024, 3, 12) - date(1970, 1, 1)).days], np.int32)


def billed(fund, *acts: str, number: int = 3, **changes) -> Month:
    """An invoice of one and the same person, prescription and sampling day with these acts."""
    file = fund.month(1, lines_each=len(acts), number=number, reference=f"2024-03-{number}", **changes)
    day = pl.lit(date(2024, 3, 12))
    tariffs = {"BC001": 229, "BC003": 1047, "BC009": 818}
    cents = pl.lit(pl.Series([tariffs[act] for act in acts], dtype=pl.Int64))
    file.lines = file.lines.with_columns(
        act=pl.lit(pl.Series(acts)), date_of_service=day, sampled_on=day, gross_cents=cents, net_cents=cents
    )
    file.invoices = file.invoices.with_columns(
        prescribed_on=pl.lit(date(2024, 3, 8)), issued_on=pl.lit(date(2024, 3, 13)),
        invoice_reference=pl.lit(f"INV-{number}"),
    )  # fmt: skip
    return file


def outcomes(deposit) -> list[str]:
    return list(LineDecision.objects.filter(file__deposit=deposit).order_by("line").values_list("outcome", flat=True))  # fmt: skip


def findings(deposit) -> list[tuple[str, str]]:
    rows = FindingRow.objects.filter(acknowledgement__deposit=deposit).order_by("number")
    return list(rows.values_list("code", "expected"))


@pytest.mark.parametrize("where", ["held", "snapshot", "database"])
def test_what_was_paid_stands_and_is_named(fund, where):
    first = fund.judged(billed(fund, "BC001", "BC009"))
    # Half past midnight in Luxembourg.
    JudgedFile.objects.filter(deposit=first).update(judged_at=datetime(2026, 11, 22, 23, 30, tzinfo=UTC))
    paid_on = date(2026, 11, 23)
    if where == "snapshot":
        facts.history_keeper().renew()
    elif where == "database":
        # Another worker has a keeper of its own.
        facts.history_keeper.cache_clear()
    second = fund.judged(billed(fund, "BC003", number=4))
    assert outcomes(first) == ["paid", "paid"]
    assert outcomes(second) == ["refused"]
    told = f"not with BC001 of invoice INV-3 line 1 (paid on {paid_on}, deposit {first.pk})"
    assert findings(second) == [("CUM-001", told)]
    assert translate(told, "fr") in fund.answer(second, "return").decode()
    # What is judged again sees what had been paid then, and no more.
    assert replay_deposit(first.pk).agrees and replay_deposit(second.pk).agrees


def test_what_was_refused_stands_in_nobody_s_way(fund):
    file = billed(fund, "BC001")
    file.invoices = file.invoices.with_columns(prescribed_on=pl.lit(date(2023, 1, 1)))
    assert outcomes(fund.judged(file)) == ["refused"]
    assert outcomes(fund.judged(billed(fund, "BC003", number=4))) == ["paid"]


def test_what_a_test_account_bills_stands_in_nobody_s_way(fund):
    Account.objects.update(is_test=True)
    assert outcomes(fund.judged(billed(fund, "BC001"))) == ["paid"]
    Account.objects.update(is_test=False)
    assert outcomes(fund.judged(billed(fund, "BC003", number=4))) == ["paid"]
    assert outcomes(fund.judged(billed(fund, "BC001", number=5))) == ["refused"]


def test_another_laboratory_s_sampling_is_another_unit(fund, other_laboratory):
    assert outcomes(fund.judged(billed(fund, "BC001"))) == ["paid"]
    assert outcomes(fund.judged(billed(fund, "BC003", number=4, provider=other_laboratory))) == ["paid"]


def test_the_day_of_sampling_is_kept_where_it_is_not_that_of_service(fund):
    file = billed(fund, "BC001")
    file.lines = file.lines.with_columns(date_of_service=pl.lit(date(2024, 3, 14)))
    first = fund.judged(file)
    assert LineDecision.objects.get(file__deposit=first).sampled_on == date(2024, 3, 12)
    facts.history_keeper.cache_clear()
    assert outcomes(fund.judged(billed(fund, "BC003", number=4))) == ["refused"]
    ordinary = fund.judged(billed(fund, "BC009", number=5))
    assert LineDecision.objects.get(file__deposit=ordinary).sampled_on is None


def test_a_sampling_served_on_another_day_is_found_by_acts_without_rules_too(fund):
    file = billed(fund, "BC009")
    file.lines = file.lines.with_columns(date_of_service=pl.lit(date(2024, 3, 14)))
    fund.judged(file)
    again = fund.judged(billed(fund, "BC009", number=4))
    assert [code for code, _ in findings(again)] == ["DUP-002"]
    facts.history_keeper().renew()
    assert len(facts.history_keeper().of_provider(LAB).unit_marks[0]) == 3


def test_lines_are_found_by_sampling_and_by_prescription_each_once(fund):
    fund.judged(billed(fund, "BC001", "BC009"))
    history = facts.history_keeper().of_provider(LAB)
    row = LineDecision.objects.get(line=0)
    file = billed(fund, "BC001")
    person, prescriber = np.array([row.person]), np.array([file.invoices["prescriber"][0]], np.int64)
    sampling = sampling_marks(person, DAY, np.array([LAB]))
    prescription = prescription_marks(person, DAY - 4, prescriber)
    assert set(np.concatenate(history.unit_marks).tolist()) == {int(sampling[0]), int(prescription[0])}
    for marks in (sampling, prescription, np.concatenate([sampling, prescription])):
        found = history.paid_in(marks)
        assert found.schema == EARLIER_SCHEMA
        assert found.select("act", "invoice_reference", "line_reference", "quantity").rows() == [
            ("BC001", "INV-3", "1", 1),
            ("BC009", "INV-3", "2", 1),
        ]
    assert history.paid_in(sampling + np.uint64(1)).is_empty()
    # The same from the snapshot, mapped by another process, and from the database alone.
    facts.history_keeper().renew()
    mapped = HistoryKeeper(fund.home.snapshots).of_provider(LAB)
    assert mapped.tail_rows == 0 and mapped.paid_in(sampling).equals(found)
    assert history_as_of(LAB, JudgedFile.objects.get().pk).paid_in(sampling).equals(found)


def test_a_snapshot_of_older_software_is_made_again(fund):
    fund.judged(billed(fund, "BC001"))
    until = facts.history_keeper().renew()
    (folder,) = fund.home.snapshots.glob("history-*")
    for path in folder.glob("units-*"):
        path.unlink()
    facts.history_keeper.cache_clear()
    # Without a snapshot everything comes from the database, until the next one is written.
    assert outcomes(fund.judged(billed(fund, "BC003", number=4))) == ["refused"]
    facts.history_keeper.cache_clear()
    assert facts.history_keeper().renew() == until + 1
    assert len(facts.history_keeper().of_provider(LAB).unit_marks[0]) == 2


def test_one_query_asks_for_all_that_was_paid_beside(fund):
    fund.judged(fund.month(20))
    history = facts.history_keeper().of_provider(LAB)
    asked = []
    with pytest.MonkeyPatch.context() as watched:
        read = history_module.read_frame
        watched.setattr(history_module, "read_frame", lambda *query: asked.append(query) or read(*query))
        for marks in (history.unit_marks[-1][:1], history.unit_marks[-1]):
            history.paid_in(marks)
    assert len(asked) == 2
    assert history.paid_in(history.unit_marks[-1]).height == 100
