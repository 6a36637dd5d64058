"""What was paid before: the mapped snapshot and what came after it are one history, exact under the lock."""

from datetime import date

import numpy as np
import polars as pl

from caisse.fund.claims import facts
from caisse.fund.claims.history import HistoryKeeper, ProviderHistory, history_as_of
from caisse.fund.claims.models import JudgedFile, LineDecision
from caisse.fund.claims.paid_lines import Paid, PaidLines, PaidUnits
from tests.fund.claims.month import LAB, Month


def refused_lines(deposit) -> int:
    return LineDecision.objects.filter(file__deposit=deposit, outcome="refused").count()


def second_sending(file: Month) -> Month:
    file.reference, file.number = "2024-03-B", 4
    return file


def test_lines_in_the_snapshot_are_found_as_those_after_it(fund):
    fund.judged(fund.month(6))
    assert facts.history_keeper().renew() == JudgedFile.objects.latest("pk").pk
    history = facts.history_keeper().of_provider(LAB)
    assert (len(history.fingerprints[0]), history.tail_rows) == (30, 0)
    assert refused_lines(fund.judged(second_sending(fund.month(6)))) == 30
    # The refused lines were not paid: they are no history.
    assert facts.history_keeper().of_provider(LAB).tail_rows == 0
    assert refused_lines(fund.judged(fund.month(6, seed=77, number=5, reference="2024-03-C"))) == 0
    assert facts.history_keeper().of_provider(LAB).tail_rows == 30


def test_the_snapshot_is_mapped_and_survives_the_process(fund):
    fund.judged(fund.month(4))
    facts.history_keeper().renew()
    another = HistoryKeeper(fund.home.snapshots).of_provider(LAB)
    assert isinstance(another.fingerprints[0].base, np.memmap) or isinstance(
        another.fingerprints[0], np.memmap
    )
    assert np.array_equal(another.fingerprints[0], facts.history_keeper().of_provider(LAB).fingerprints[0])


def test_a_snapshot_grows_by_what_was_paid_since_the_last(fund, other_laboratory):
    fund.judged(fund.month(3))
    facts.history_keeper().renew()
    fund.judged(fund.month(2, provider=other_laboratory, seed=5))
    fund.judged(fund.month(2, seed=6, number=4, reference="2024-03-B"))
    facts.history_keeper().renew()
    assert len(list(fund.home.snapshots.glob("history-*"))) == 1
    assert len(facts.history_keeper().of_provider(LAB).fingerprints[0]) == 25
    assert len(facts.history_keeper().of_provider(other_laboratory).fingerprints[0]) == 10


def test_what_another_worker_paid_is_read_from_the_database(fund):
    mine = facts.history_keeper()
    assert mine.of_provider(LAB).tail_rows == 0
    # Another worker has a keeper of its own.
    facts.history_keeper.cache_clear()
    fund.judged(fund.month(3))
    assert mine.of_provider(LAB).tail_rows == 15


def test_equal_fingerprints_of_different_lines_are_told_apart(fund):
    fund.judged(fund.month(2))
    history = facts.history_keeper().of_provider(LAB)
    row = LineDecision.objects.select_related("file").get(line=3)
    same = {
        "person": row.person,
        "act": row.act,
        "date_of_service": row.date_of_service,
        "billing_provider": LAB,
    }
    candidates = pl.DataFrame([{"line": 8, **same}, {"line": 9, **same, "act": "ZZ000"}])
    confirmed = history.confirm(candidates)
    assert confirmed["line"].to_list() == [8]
    assert confirmed["deposit"].to_list() == [str(row.file.deposit_id)]
    # A fingerprint that leads to a line with another key is no proof.
    paid = history.parts[-1].lines
    shifted = PaidLines(paid.fingerprints, paid.files, np.roll(paid.lines, 1))
    forged = ProviderHistory(0, 1, (Paid(shifted, PaidUnits.nothing()),))
    assert forged.confirm(candidates).is_empty()


def test_history_as_of_an_earlier_file_knows_nothing_later(fund):
    fund.judged(fund.month(2))
    first = JudgedFile.objects.get().pk
    fund.judged(fund.month(2, seed=5, number=4, reference="2024-03-B"))
    assert len(history_as_of(LAB, 0).fingerprints[0]) == 0
    assert len(history_as_of(LAB, first).fingerprints[0]) == 10
    assert len(history_as_of(LAB, JudgedFile.objects.latest("pk").pk).fingerprints[0]) == 20


def test_a_line_paid_under_a_number_replaced_since_is_found(fund, now):
    from caisse.fund.registry import actions as registry
    from caisse.fund.registry.models import PersonNumber

    file = fund.month(1)
    fund.judged(file)
    old = file.invoices["insured_person"][0]
    new = 2000123199983
    registry.replace_number(
        person_id=PersonNumber.objects.get(pk=old).person_id, number=new, by="test", at=now
    )
    again = second_sending(fund.month(1))
    again.invoices = again.invoices.with_columns(insured_person=pl.lit(new))
    assert refused_lines(fund.judged(again)) == 5


def test_the_registry_held_follows_every_change(fund, now):
    from caisse.fund.registry import actions as registry
    from caisse.fund.registry import queries

    keeper = facts.reference_keeper()
    first = keeper.current()
    assert keeper.current() is first
    person = int(first.insured["person"][0])
    registry.end_coverage(person_id=person, insured_until=date(2024, 3, 15), by="test", at=now)
    second = keeper.current()
    assert second.revision > first.revision
    assert second.insured.equals(queries.insured_persons())
    assert second.providers is not first.providers
    # A worker that starts later begins with the snapshot on disk and catches up.
    facts.reference_keeper.cache_clear()
    assert facts.reference_keeper().current().insured.equals(second.insured)


def test_too_many_changes_make_a_new_snapshot(fund, now, monkeypatch):
    from caisse.fund.claims import reference
    from caisse.fund.registry import actions as registry
    from caisse.fund.registry import queries

    keeper = facts.reference_keeper()
    first = keeper.current()
    monkeypatch.setattr(reference, "MERGED_AT_MOST", 1)
    for person in first.insured["person"][:2]:
        registry.end_coverage(person_id=person, insured_until=date(2024, 3, 15), by="test", at=now)
    second = keeper.current()
    assert second.insured.equals(queries.insured_persons())
    assert [path.name for path in fund.home.snapshots.glob("registry-*")] == [f"registry-{second.revision}"]
