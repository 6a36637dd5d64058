"""From stored bytes to acknowledgement, decisions and return, on a real database."""

from datetime import UTC, date, datetime

import polars as pl
import pytest
from django.db import IntegrityError, connection

from caisse.agreement.layouts import catalogue, reading
from caisse.fund.audit.models import AuditEvent
from caisse.fund.claims import judging
from caisse.fund.claims.models import (
    Acknowledgement,
    FindingRow,
    InvoiceDecision,
    JudgedFile,
    LineDecision,
    Stoppage,
)
from caisse.fund.exchange.models import Delivery
from tests.fund.claims.month import LAB


def read_answer(content: bytes, kind: str):
    read = reading.read(content, catalogue.find("LAB", kind, 1))
    assert read.findings == ()
    return read.document


def test_a_right_month_is_acknowledged_returned_and_stored_to_the_cent(fund):
    file = fund.month(30)
    deposit = fund.judged(file)
    assert (deposit.stage, deposit.key_state) == ("returned", "used")

    acknowledgement = read_answer(fund.answer(deposit, "acknowledgement"), "ACC")
    assert acknowledgement.header["conform"] is True
    assert acknowledgement.header["deposit"] == str(deposit.pk)
    assert acknowledgement.header["file_sha256"] == deposit.sha256
    assert (acknowledgement.header["invoices_count"], acknowledgement.header["lines_count"]) == (30, 150)
    assert acknowledgement.header["gross_cents"] == file.asked_cents
    assert "prolongation" in acknowledgement.header["tables_note"]

    answer = read_answer(fund.answer(deposit, "return"), "RETFAC")
    stored = JudgedFile.objects.get(deposit=deposit)
    assert answer.header["processing_group"] == stored.processing_group
    assert answer.header["paid_net_cents"] == stored.paid_cents == file.asked_cents
    assert answer.header["paid_count"] == 150
    assert (
        answer.tables["invoices"]["invoice_reference"].to_list()
        == file.invoices["invoice_reference"].to_list()
    )
    assert answer.tables["lines"]["line_reference"].to_list() == file.lines["line_reference"].to_list()
    assert answer.tables["lines"]["net_cents"].to_list() == file.lines["gross_cents"].to_list()

    rows = LineDecision.objects.filter(file=stored).order_by("line")
    assert list(rows.values_list("paid_cents", flat=True)) == file.lines["gross_cents"].to_list()
    assert set(rows.values_list("outcome", flat=True)) == {"paid"}
    assert None not in rows.values_list("person", flat=True)
    assert InvoiceDecision.objects.filter(file=stored).count() == 30
    assert stored.table_editions.keys() == {"2020-01-01"}
    assert stored.layout == "LAB_FAC_002"
    assert AuditEvent.objects.filter(action="claims.return", subject_id=str(deposit.pk)).count() == 1


def test_the_days_of_an_answer_are_the_fund_s_days(fund):
    fund.now = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)  # half past midnight in Luxembourg
    answer = read_answer(fund.answer(fund.judged(fund.month(1)), "return"), "RETFAC")
    assert answer.header["received_on"] == date(2026, 11, 23)


def test_wrong_lines_are_refused_with_reasons_and_the_rest_is_paid(fund):
    file = fund.month(10)
    lines = file.lines
    file.lines = lines.with_columns(
        act=pl.when(pl.col("line") == 0).then(pl.lit("ZZ999")).otherwise("act"),
        gross_cents=pl.when(pl.col("line") == 7).then(pl.col("gross_cents") + 100).otherwise("gross_cents"),
        net_cents=pl.when(pl.col("line") == 7).then(pl.col("net_cents") + 100).otherwise("net_cents"),
    )
    file.invoices = file.invoices.with_columns(
        prescribed_on=pl.when(pl.col("invoice") == 4).then(date(2023, 1, 1)).otherwise("prescribed_on")
    )
    deposit = fund.judged(file)
    assert deposit.stage == "returned"
    stored = JudgedFile.objects.get(deposit=deposit)
    outcome = dict(LineDecision.objects.filter(file=stored).values_list("line", "outcome"))
    assert {line for line, word in outcome.items() if word == "refused"} == {0, *range(20, 25)}
    assert outcome[7] == "reduced"
    told = set(FindingRow.objects.filter(answer="return").values_list("code", "line"))
    assert {("ACT-001", 0), ("PRI-001", 7), ("PRE-005", None)} <= told
    answer = read_answer(fund.answer(deposit, "return"), "RETFAC")
    by_line = dict(answer.tables["line_findings"].select("line", "code").iter_rows())
    assert by_line[0] == "ACT-001"
    assert answer.tables["invoice_findings"].select("invoice", "code").rows() == [(4, "PRE-005")]
    assert answer.header["asked_cents"] == file.asked_cents
    assert answer.header["paid_net_cents"] == stored.paid_cents < file.asked_cents


def test_the_acknowledgement_names_the_root_error_and_speaks_three_languages(fund):
    wrong = (
        fund.month(2)
        .bytes_of()
        .replace(b"<identifiantFacturier>52001700<", b"<identifiantFacturier>52001701<", 1)
    )
    acknowledgement = read_answer(
        fund.answer(fund.judged(fund.month(2), content=wrong), "acknowledgement"), "ACC"
    )
    told = {row["code"]: row for row in acknowledgement.tables["findings"].iter_rows(named=True)}
    assert (told["PRO-001"]["follows"], told["PRO-002"]["follows"]) == (None, "PRO-001")
    assert told["PRO-002"]["expected_fr"].startswith("un code valable le ")
    assert told["PRO-002"]["expected_de"].endswith(" gültiger Code")
    assert told["PRO-002"]["expected_en"].startswith("a code valid on ")
    assert told["PRO-002"]["found_fr"] == told["PRO-002"]["found_en"] == "52001701"


def test_a_file_that_does_not_tie_is_refused_whole_and_its_key_is_free_again(fund):
    file = fund.month(5)
    wrong = file.bytes_of().replace(b"<nombre>5</nombre>", b"<nombre>6</nombre>", 1)
    deposit = fund.judged(file, content=wrong)
    assert (deposit.stage, deposit.key_state) == ("refused", "released")
    acknowledgement = read_answer(fund.answer(deposit, "acknowledgement"), "ACC")
    assert acknowledgement.header["conform"] is False
    assert "TOT-003" in acknowledgement.tables["findings"]["code"].to_list()
    assert not Delivery.objects.filter(deposit=deposit, kind="return").exists()
    assert not JudgedFile.objects.exists()
    # The corrected file takes the same key, and its answers get names of their own.
    corrected = fund.judged(file)
    assert corrected.stage == "returned"
    names = Delivery.objects.filter(kind="acknowledgement").order_by("pk").values_list("name", flat=True)
    assert list(names) == [
        "F52001700202403_LAB_ACC_001_2024-03-A.xml",
        "F52001700202403_LAB_ACC_001_2024-03-A-2.xml",
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "XML-003"),
        (b"no xml at all", "XML-003"),
        (
            b'<!DOCTYPE a [<!ENTITY b "c">]><decompteFacturation>&b;</decompteFacturation>',
            "XML-002",
        ),
        (b'<?xml version="1.0"?><decompteFacturation><x/></decompteFacturation>', "XML-004"),
        ("<decompteFacturation>é</decompteFacturation>".encode("latin-1"), "XML-001"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_finding(fund, content, code):
    deposit = fund.judged(fund.month(1), content=content)
    assert deposit.stage == "refused"
    acknowledgement = read_answer(fund.answer(deposit, "acknowledgement"), "ACC")
    assert acknowledgement.tables["findings"]["code"].to_list() == [code]


def test_a_name_that_does_not_parse_is_answered_all_the_same(fund):
    deposit = fund.judged(fund.month(1), name="march.xml")
    assert deposit.stage == "refused"
    delivery = Delivery.objects.get(deposit=deposit, kind="acknowledgement")
    assert delivery.name == "march.ACC.xml"
    assert FindingRow.objects.filter(code="NAM-001").count() == 1


def test_an_answer_sent_as_a_request_is_not_judged(fund):
    own = fund.judged(fund.month(2))
    content = fund.answer(own, "return")
    deposit = fund.judged(fund.month(1), content=content, name="F52001700202403_LAB_RETFAC_001_2024-03-A.xml")
    assert deposit.stage == "refused"
    assert "LAY-001" in FindingRow.objects.filter(acknowledgement__deposit=deposit).values_list(
        "code", flat=True
    )


def test_a_code_that_is_not_valid_on_the_sending_day_refuses_the_file(fund, now):
    from caisse.fund.registry import actions as registry

    deposit = fund.deposit(fund.month(1))
    registry.withdraw_code(code=52001700, valid_until=date(2024, 4, 2), by="test", at=now)
    judging.judge(deposit.pk)
    deposit.refresh_from_db()
    assert deposit.stage == "refused"
    assert set(FindingRow.objects.values_list("code", flat=True)) == {"PRO-002"}


def test_a_second_call_changes_nothing(fund):
    deposit = fund.judged(fund.month(3))
    before = (Delivery.objects.count(), LineDecision.objects.count(), AuditEvent.objects.count())
    assert judging.judge(deposit.pk) == "returned"
    assert (Delivery.objects.count(), LineDecision.objects.count(), AuditEvent.objects.count()) == before


def test_lines_paid_in_an_earlier_file_are_not_paid_again(fund):
    first = fund.month(10)
    fund.judged(first)
    again = fund.month(12, number=4, reference="2024-03-B", seed=2)
    # Ten of the twelve invoices repeat the first file's, under new references.
    kept = again.invoices["invoice"] >= 10
    again.invoices = pl.concat(
        [
            first.invoices.with_columns(invoice_reference=pl.format("B-{}", "invoice")),
            again.invoices.filter(kept),
        ]
    )
    again.lines = pl.concat([first.lines, again.lines.filter(again.lines["invoice"] >= 10)])
    deposit = fund.judged(again)
    stored = JudgedFile.objects.get(deposit=deposit)
    refused = LineDecision.objects.filter(file=stored, outcome="refused")
    assert set(refused.values_list("line", flat=True)) == set(range(50))
    found = FindingRow.objects.filter(code="DUP-001", acknowledgement__deposit=deposit).first().found
    assert str(JudgedFile.objects.first().deposit_id) in found


def test_another_laboratory_may_bill_the_same_act_of_the_same_day(fund, other_laboratory):
    fund.judged(fund.month(5))
    deposit = fund.judged(fund.month(5, provider=other_laboratory))
    assert deposit.stage == "returned"
    assert not LineDecision.objects.filter(file__deposit=deposit, outcome="refused").exists()


def test_changed_bytes_in_the_store_stop_the_deposit_and_are_never_judged(fund):
    from caisse.fund.exchange.errors import StoreDamaged

    file = fund.month(60)
    deposit = fund.deposit(file)
    path = fund.home.store / deposit.sha256[:2] / deposit.sha256[2:]
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"2024-03-A", b"2024-03-B", 1))
    with pytest.raises(StoreDamaged):
        judging.judge_and_note(deposit.pk)
    with pytest.raises(StoreDamaged):
        judging.judge_and_note(deposit.pk)
    deposit.refresh_from_db()
    assert (deposit.stage, deposit.key_state) == ("received", "held")
    stoppage = Stoppage.objects.get(deposit=deposit)
    assert stoppage.attempts == 2
    assert stoppage.reason.startswith("StoreDamaged")
    assert not Acknowledgement.objects.exists()
    path.write_bytes(file.bytes_of())
    assert judging.judge_and_note(deposit.pk) == "returned"
    assert not Stoppage.objects.exists()


def test_changed_bytes_in_the_row_stop_the_deposit_and_are_found_by_verify(fund, admin):
    from caisse.fund.exchange.errors import StoreDamaged
    from caisse.fund.exchange.queries import damaged_row_contents

    deposit = fund.deposit(fund.month(2))
    change = "UPDATE exchange_deposit SET content = overlay(content PLACING '\\x42' FROM 100)"
    with pytest.raises(IntegrityError, match="as they were received"), connection.cursor() as cursor:
        cursor.execute(change)
    assert damaged_row_contents() == []
    admin.execute("ALTER TABLE exchange_deposit DISABLE TRIGGER USER")
    admin.execute(change)
    admin.execute("ALTER TABLE exchange_deposit ENABLE TRIGGER USER")
    assert damaged_row_contents() == [f"deposit {deposit.pk}"]
    with pytest.raises(StoreDamaged):
        judging.judge_and_note(deposit.pk)
    deposit.refresh_from_db()
    assert (deposit.stage, deposit.key_state) == ("received", "held")


def test_a_lost_database_connection_is_noted_and_the_deposit_waits(fund, monkeypatch):
    from django.db import OperationalError, connection

    deposit = fund.deposit(fund.month(2))

    def lose_connection(provider, batch):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as broken:
        broken.setattr(judging, "gather_facts", lose_connection)
        with pytest.raises(OperationalError):
            judging.judge_and_note(deposit.pk)
    deposit.refresh_from_db()
    assert deposit.stage == "acknowledged"
    assert Stoppage.objects.get(deposit=deposit).reason.startswith("OperationalError")
    assert judging.judge_and_note(deposit.pk) == "returned"
    assert Acknowledgement.objects.count() == JudgedFile.objects.count() == 1


def test_a_line_knows_who_executed_it_unless_it_is_the_biller(fund, other_laboratory, now):
    from caisse.fund.registry import actions as registry

    registry.allow_execution(
        billing=LAB, executing=other_laboratory, valid_from=date(2024, 1, 1), by="test", at=now
    )
    file = fund.month(2)
    by_other = pl.when(pl.col("line") % 5 == 0).then(other_laboratory).otherwise(LAB).cast(pl.Int32)
    file.lines = file.lines.with_columns(executing_provider=by_other)
    deposit = fund.judged(file)
    lines = LineDecision.objects.filter(file__deposit=deposit).order_by("line")
    expected = [other_laboratory if number % 5 == 0 else None for number in range(10)]
    assert list(lines.values_list("executing_code", flat=True)) == expected
    assert set(lines.values_list("outcome", flat=True)) == {"paid"}
