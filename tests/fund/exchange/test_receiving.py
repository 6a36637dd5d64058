"""A deposit is accepted once, durably, and recognised when it comes again."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DataError, connection, transaction

from caisse.agreement.errors import BrokenSystem
from caisse.fund.audit.actions import seal_events
from caisse.fund.audit.queries import verify_chain
from caisse.fund.exchange import actions, queries
from caisse.fund.exchange.errors import DepositRefused, UnknownAccount
from caisse.fund.exchange.models import Deposit
from caisse.fund.registry import actions as registry

from .conftest import OTHER_CODE, name


def _jobs():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name, queue_name, lock, args, status::text FROM procrastinate_jobs ORDER BY id"
        )
        return cursor.fetchall()


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def _out(account):
    return {entry.name: entry for entry in queries.list_mailbox(account.pk, "out")}


def test_an_accepted_deposit_is_complete(db, account, send, now):
    received = send(account, name(), b"<a/>")
    assert not received.duplicate
    deposit = Deposit.objects.get()
    assert (deposit.pk, deposit.stage, deposit.key_state) == (received.deposit_id, "received", "held")
    assert (deposit.received_at, deposit.door, deposit.size, deposit.layout) == (now, "sftp", 4, 2)
    assert bytes(queries.deposit_content(received.deposit_id)) == b"<a/>"
    assert queries.open_delivery(account.pk, f"{name()}.receipt.jws").read().decode() == received.receipt
    job = (actions.JUDGE_TASK, "deposits", "52001700", f'{{"deposit_id": "{received.deposit_id}"}}', "todo")
    assert _jobs() == [job]
    assert [entry.name for entry in queries.list_mailbox(account.pk, "in")] == [name()]
    assert _files(db.staging) == []


def test_the_same_file_again_gives_the_same_receipt_and_no_second_job(account, send, now):
    first = send(account, name(), b"<a/>")
    again = send(account, name(), b"<a/>", at=now + timedelta(days=400))
    assert again.duplicate
    assert (again.deposit_id, again.receipt) == (first.deposit_id, first.receipt)
    assert len(_jobs()) == 1
    assert len(_out(account)) == 1


@pytest.mark.parametrize(("used", "code"), [(None, "KEY-004"), (True, "KEY-001")])
def test_a_key_is_not_used_for_other_bytes(db, account, send, now, used, code):
    first = send(account, name(), b"<a/>")
    if used is not None:
        actions.settle_key(deposit_id=first.deposit_id, used=used, by="test", at=now)
    with pytest.raises(DepositRefused, match=code) as refused:
        send(account, name(), b"<b/>")
    assert name() in str(refused.value)
    assert Deposit.objects.count() == 1
    assert _files(db.staging) == []
    assert _files(db.store) == []
    note = queries.open_delivery(account.pk, f"{name()}.refused.txt").read().decode()
    assert note.count(code) == 3
    assert "Referenz" in note
    assert "référence" in note


def test_the_layout_number_and_the_extension_are_not_part_of_the_key(account, send):
    send(account, name(layout=1), b"<a/>")
    with pytest.raises(DepositRefused, match="KEY-004"):
        send(account, name(layout=2), b"<b/>")


def test_a_released_key_serves_the_corrected_file(account, send, now):
    first = send(account, name(), b"<wrong/>")
    actions.move_stage(deposit_id=first.deposit_id, from_stage="received", to_stage="refused", by="t", at=now)
    actions.settle_key(deposit_id=first.deposit_id, used=False, by="test", at=now)
    second = send(account, name(), b"<right/>")
    assert second.deposit_id != first.deposit_id
    assert set(_out(account)) == {f"{name()}.receipt.jws", f"{name('A-2')}.receipt.jws"}


def test_a_refused_file_sent_again_is_a_repeat_for_an_hour(account, send, now):
    first = send(account, name(), b"<wrong/>")
    actions.move_stage(deposit_id=first.deposit_id, from_stage="received", to_stage="refused", by="t", at=now)
    actions.settle_key(deposit_id=first.deposit_id, used=False, by="test", at=now)
    again = send(account, name(), b"<wrong/>", at=now + timedelta(minutes=59))
    assert (again.duplicate, again.deposit_id) == (True, first.deposit_id)
    later = send(account, name(), b"<wrong/>", at=now + timedelta(minutes=61))
    assert (later.duplicate, later.deposit_id == first.deposit_id) == (False, False)


def test_a_name_that_does_not_parse_is_accepted_without_a_key(account, send):
    first = send(account, "march.xml", b"<a/>")
    assert Deposit.objects.get().key_state is None
    assert send(account, "march.xml", b"<a/>").duplicate
    other = send(account, "march.xml", b"<b/>")
    assert other.deposit_id != first.deposit_id
    assert set(_out(account)) == {"march.xml.receipt.jws", "march-2.xml.receipt.jws"}


@pytest.mark.parametrize("wrong", [{"provider": 52001816}, {"frame": "KIN"}])
def test_a_name_of_another_provider_or_frame_is_refused(account, send, wrong):
    with pytest.raises(DepositRefused, match="PRO-003"):
        send(account, name(**wrong), b"<a/>")
    assert Deposit.objects.count() == 0


@pytest.mark.parametrize(
    "bad",
    [
        "../x.xml",
        "a/b.xml",
        "a\\b.xml",
        ".hidden",
        "-rf.xml",
        "a\x00.xml",
        "a\n.xml",
        "x" * 151,
        "",
        "é.xml",
        "a.xml.",
    ],
)
def test_an_unsafe_name_is_refused(db, account, send, bad):
    with pytest.raises(DepositRefused, match="LIM-004"):
        send(account, bad, b"<a/>")
    assert _files(db.staging) == []
    (note,) = _out(account)
    assert "/" not in note


def test_limits_are_named_in_the_refusal(account, send, limits, now):
    limits(bytes=3)
    with pytest.raises(DepositRefused, match=r"LIM-001.*4 > 3"):
        send(account, name(), b"1234")
    limits(deposits_per_hour=2)
    send(account, name("A"), b"1")
    send(account, name("B"), b"2")
    with pytest.raises(DepositRefused, match="LIM-002"):
        send(account, name("C"), b"3")
    assert send(account, name("A"), b"1").duplicate
    assert not send(account, name("C"), b"3", at=now + timedelta(minutes=61)).duplicate
    limits(waiting=3)
    with pytest.raises(DepositRefused, match="LIM-003"):
        send(account, name("D"), b"4", at=now + timedelta(minutes=62))


def test_limits_count_each_account_by_itself(account, other_account, send, limits):
    limits(deposits_per_hour=1, waiting=1)
    send(account, name(), b"1")
    assert not send(other_account, name(provider=other_account.provider_code), b"1").duplicate


def test_only_the_newest_notes_are_kept(account, send, limits, now):
    limits(refusal_notes=2, bytes=1)
    for minute, reference in enumerate("ABC"):
        with pytest.raises(DepositRefused):
            send(account, name(reference), b"xx", at=now + timedelta(minutes=minute))
    assert set(_out(account)) == {f"{name('B')}.refused.txt", f"{name('C')}.refused.txt"}


def test_a_closed_account_deposits_nothing(account, send, now):
    actions.set_active(account_id=account.pk, active=False, by="test", at=now)
    with pytest.raises(UnknownAccount):
        send(account, name(), b"<a/>")


def test_a_code_that_does_not_hold_that_day_deposits_nothing_and_its_receipts_are_given_again(
    account, other_account, send, now
):
    said = {"by": "test", "at": now}
    provider = registry.register_provider(name="Laboratory", kind="company", **said)
    registry.allocate_code(
        provider_id=provider, code=account.provider_code, profession="laboratories",
        valid_from=date(2020, 1, 1), **said,
    )  # fmt: skip
    first = send(account, name("A"), b"<a/>")
    # In the fund's time zone the 23rd begins an hour before it does in UTC.
    registry.suspend_code(code=account.provider_code, valid_from=date(2026, 11, 23), why="inquiry", **said)
    send(account, name("B"), b"<b/>", at=datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC))
    midnight = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
    with pytest.raises(DepositRefused, match="PRO-004") as refused:
        send(account, name("C"), b"<c/>", at=midnight)
    assert refused.value.found == str(account.provider_code)
    assert Deposit.objects.count() == 2
    again = send(account, name("A"), b"<a/>", at=midnight)
    assert (again.duplicate, again.receipt) == (True, first.receipt)
    # A code the registry does not know is not judged.
    assert not send(other_account, name("C", provider=OTHER_CODE), b"<c/>", at=midnight).duplicate


def test_a_deposit_is_never_part_of_another_transaction(account, send):
    with transaction.atomic(), pytest.raises(BrokenSystem):
        send(account, name(), b"<a/>")


def test_many_at_once_with_one_key_are_one_deposit(account, stage, now):
    """Eight senders, two contents: one content wins, its senders get one receipt, the others are refused."""
    contents = [b"<a/>" if n % 2 else b"<b/>" for n in range(8)]
    staged = [stage(content) for content in contents]
    start = threading.Barrier(8)

    def deposit(file):
        start.wait(20)
        try:
            return actions.receive_deposit(
                account=account, name=name(), staged=file, door="sftp", by="test", at=now
            )
        except DepositRefused as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(deposit, staged))
    accepted = [r for r in results if not isinstance(r, str)]
    assert len({r.deposit_id for r in accepted}) == len({r.receipt for r in accepted}) == 1
    assert [r.duplicate for r in accepted].count(False) == 1
    assert results.count("KEY-004") == 4
    assert Deposit.objects.count() == len(_jobs()) == 1


def test_nothing_is_left_of_an_acceptance_that_fails_half_way(account, send, monkeypatch):
    """Deposit, receipt, job and event are one transaction: without the job there is no deposit either."""
    monkeypatch.setattr(actions.acceptance, "JUDGE_TASK", "x" * 200)
    with pytest.raises(DataError):
        send(account, name(), b"<a/>")
    assert (Deposit.objects.count(), _jobs(), _out(account)) == (0, [], {})
    monkeypatch.undo()
    assert not send(account, name(), b"<a/>").duplicate


def test_every_write_leaves_an_event(account, send, now):
    first = send(account, name(), b"<a/>")
    send(account, name(), b"<a/>")
    with pytest.raises(DepositRefused):
        send(account, name(), b"<b/>")
    actions.move_stage(
        deposit_id=first.deposit_id, from_stage="received", to_stage="acknowledged", by="t", at=now
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT action FROM audit_event ORDER BY id")
        done = [row[0] for row in cursor.fetchall()]
    assert done == ["account.created", "deposit.received", "deposit.refused_at_door", "deposit.acknowledged"]
    seal_events(at=now)
    assert verify_chain().whole


def test_deposits_are_announced_outside_the_transaction(db):
    """A NOTIFY in the accepting transaction would make all deposits commit one after the other."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgname LIKE 'procrastinate_jobs_notify_queue_job_ins%'"
        )
        (definition,) = [row[0] for row in cursor.fetchall()]
    assert "'deposits'" in definition


@pytest.mark.parametrize(
    "statement", ["DELETE FROM exchange_deposit", "UPDATE exchange_deposit SET sha256 = 'x'"]
)
def test_a_deposit_cannot_be_deleted_or_altered(account, send, statement):
    from django.db import DatabaseError

    send(account, name(), b"<a/>")
    with pytest.raises(DatabaseError, match="kept as it was received"), connection.cursor() as cursor:
        cursor.execute(statement)
