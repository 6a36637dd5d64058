"""Decisions can be judged again from the bytes, and explained line by line."""

from datetime import date

import polars as pl
import pytest
from django.db import connection

from caisse.agreement.errors import WrongUse
from caisse.fund.audit.models import AuditEvent
from caisse.fund.claims import queries
from caisse.fund.claims.replay import replay_deposit
from caisse.fund.claims.stoppages import stoppages
from caisse.fund.registry import actions as registry
from caisse.fund.registry.models import PersonNumber


def test_a_judged_file_is_decided_in_the_same_way_again(fund):
    first = fund.judged(fund.month(10))
    # The second repeats the first's lines: replaying the first must not see what was paid after it.
    again = fund.month(10, number=4, reference="2024-03-B")
    second = fund.judged(again)
    before = AuditEvent.objects.count()
    for deposit in (first, second):
        replay = replay_deposit(deposit.pk)
        assert replay.agrees
        assert replay.changed == ()
        assert replay.lines == 50
    assert AuditEvent.objects.count() == before


def test_a_decision_changed_by_hand_is_found(fund):
    deposit = fund.judged(fund.month(4))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE claims_linedecision SET paid_cents = 0, refused_cents = asked_cents, outcome = 'refused'"
            " WHERE line = 7"
        )
        cursor.execute("DELETE FROM claims_linedecision WHERE line = 9")
    replay = replay_deposit(deposit.pk)
    assert replay.differences["line"].to_list() == [7, 9]
    row = replay.differences.row(0, named=True)
    assert (row["outcome_stored"], row["outcome_replayed"]) == ("refused", "paid")


def test_a_change_of_the_registry_since_is_named(fund, now):
    file = fund.month(4)
    deposit = fund.judged(file)
    person = PersonNumber.objects.get(pk=file.invoices["insured_person"][0]).person_id
    registry.end_coverage(person_id=person, insured_until=date(2024, 1, 1), by="test", at=now)
    replay = replay_deposit(deposit.pk)
    assert replay.changed == ("registry",)
    assert replay.differences["line"].to_list() == [0, 1, 2, 3, 4]


def test_a_line_is_explained_from_coefficient_to_amount(fund):
    file = fund.month(3)
    file.lines = file.lines.with_columns(
        gross_cents=pl.when(pl.col("line") == 2).then(pl.col("gross_cents") + 55).otherwise("gross_cents"),
        net_cents=pl.when(pl.col("line") == 2).then(pl.col("net_cents") + 55).otherwise("net_cents"),
    )
    deposit = fund.judged(file)
    reference = file.invoices["invoice_reference"][0]
    trace = queries.explain_line(deposit.pk, reference, "3", lang="fr")
    assert trace.edition == "2020-01-01"
    assert trace.edition_carried_forward
    assert trace.key_letter_100000ths == 32706
    assert "331" in trace.key_letter_source
    assert trace.tariff_cents == trace.paid_cents == trace.asked_cents - 55
    assert trace.refused_cents == 55
    assert trace.outcome == "reduced"
    assert [told.code for told in trace.findings] == ["PRI-001"]
    assert trace.findings[0].article
    assert queries.explain_line(deposit.pk, reference, "1").findings == ()
    with pytest.raises(WrongUse, match="No line 9"):
        queries.explain_line(deposit.pk, reference, "9")


def test_a_deposit_that_was_not_judged_cannot_be_explained(fund):
    deposit = fund.judged(fund.month(1), content=b"")
    with pytest.raises(WrongUse, match="has not been judged"):
        queries.explain_line(deposit.pk, "1", "1")
    assert stoppages() == []
