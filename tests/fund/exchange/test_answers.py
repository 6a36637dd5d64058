"""Answers are delivered once, to the sender alone, and stay there."""

import hashlib

import pytest
from django.db import connection, transaction

from caisse.agreement.lifecycle import DEPOSIT
from caisse.fund.exchange import actions, queries
from caisse.fund.exchange.errors import StageConflict, UnknownDeposit
from caisse.fund.exchange.models import Deposit
from caisse.fund.exchange.receipts import new_deposit_id
from caisse.fund.exchange.store import LARGEST_IN_ROW

from .conftest import name

ANSWER = name().replace("FAC_002", "ACC_001")


def _deliver(deposit_id, now, content=b"<acc/>", kind="acknowledgement", answer=ANSWER):
    return actions.deliver_answer(
        deposit_id=deposit_id, kind=kind, name=answer, content=content, by="test", at=now
    )


@pytest.mark.parametrize("size", [0, 10, 65_536, 65_537, 300_000])
def test_an_answer_comes_back_as_it_was_given(db, account, send, now, size):
    content = bytes(range(256)) * (size // 256 + 1)
    received = send(account, name(), b"<a/>")
    assert _deliver(received.deposit_id, now, content[:size]).name == ANSWER
    opened = queries.open_delivery(account.pk, ANSWER)
    assert opened.read() == content[:size]
    assert (opened.size, opened.sha256) == (size, hashlib.sha256(content[:size]).hexdigest())
    assert (opened.path is None) == (size <= LARGEST_IN_ROW)


def test_a_deposit_has_one_answer_of_a_kind(account, send, now):
    received = send(account, name(), b"<a/>")
    _deliver(received.deposit_id, now)
    with pytest.raises(StageConflict):
        _deliver(received.deposit_id, now, b"<other/>", answer="other.xml")
    assert len(queries.list_mailbox(account.pk, "out")) == 2


def test_a_taken_name_is_numbered(account, send, now):
    names = []
    for reference in "ABC":
        received = send(account, name(reference), reference.encode())
        names.append(_deliver(received.deposit_id, now).name)
    assert names == [ANSWER, ANSWER.replace("_A.", "_A-2."), ANSWER.replace("_A.", "_A-3.")]


def test_an_answer_to_nothing_is_refused(db, now):
    with pytest.raises(UnknownDeposit):
        _deliver(new_deposit_id(), now)


def test_an_answer_of_a_rolled_back_transaction_is_not_seen(account, send, now):
    received = send(account, name(), b"<a/>")
    with pytest.raises(RuntimeError), transaction.atomic():
        _deliver(received.deposit_id, now)
        raise RuntimeError
    assert queries.open_delivery(account.pk, ANSWER) is None
    assert _deliver(received.deposit_id, now).name == ANSWER


def test_stages_follow_the_table(account, send, now):
    for start, targets in DEPOSIT.items():
        for target in DEPOSIT:
            received = send(account, name(f"{start}-{target}"), f"{start}{target}".encode())
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE exchange_deposit SET stage = %s WHERE id = %s", (start, received.deposit_id)
                )
            step = {
                "deposit_id": received.deposit_id,
                "from_stage": start,
                "to_stage": target,
                "by": "t",
                "at": now,
            }
            if target in targets:
                actions.move_stage(**step)
                assert Deposit.objects.get(pk=received.deposit_id).stage == target
            else:
                with pytest.raises(StageConflict):
                    actions.move_stage(**step)


def test_a_step_is_taken_once(account, send, now):
    received = send(account, name(), b"<a/>")
    step = {
        "deposit_id": received.deposit_id,
        "from_stage": "received",
        "to_stage": "acknowledged",
        "by": "t",
    }
    actions.move_stage(**step, at=now)
    with pytest.raises(StageConflict):
        actions.move_stage(**step, at=now)


def test_a_key_is_settled_once(account, send, now):
    received = send(account, name(), b"<a/>")
    actions.settle_key(deposit_id=received.deposit_id, used=True, by="t", at=now)
    for used in (True, False):
        with pytest.raises(StageConflict):
            actions.settle_key(deposit_id=received.deposit_id, used=used, by="t", at=now)


def test_a_deposit_without_a_key_settles_nothing(account, send, now):
    received = send(account, "march.xml", b"<a/>")
    actions.settle_key(deposit_id=received.deposit_id, used=False, by="t", at=now)
    assert Deposit.objects.get().key_state is None


def test_a_collected_answer_is_noted_once_and_stays(account, send, now):
    received = send(account, name(), b"<a/>")
    delivery = _deliver(received.deposit_id, now)
    note = {"account_id": account.pk, "delivery_id": delivery.delivery_id, "by": account.user, "at": now}
    assert actions.note_collected(**note) is True
    assert actions.note_collected(**note) is False
    entry = next(e for e in queries.list_mailbox(account.pk, "out") if e.name == ANSWER)
    assert entry.first_collected_at == now
    assert queries.open_delivery(account.pk, ANSWER).read() == b"<acc/>"


def test_no_account_sees_another(account, other_account, send, now):
    received = send(account, name(), b"<a/>")
    delivery = _deliver(received.deposit_id, now)
    stranger = other_account.pk
    assert queries.list_mailbox(stranger, "in") == []
    assert queries.list_mailbox(stranger, "out") == []
    assert queries.open_delivery(stranger, ANSWER) is None
    assert queries.find_deposit(stranger, received.deposit_id) is None
    assert queries.find_deposit(account.pk, received.deposit_id) is not None
    assert actions.note_collected(
        account_id=stranger, delivery_id=delivery.delivery_id, by="x", at=now
    ) is False  # fmt: skip


def test_both_accounts_may_hold_files_of_one_name_and_content(account, other_account, send):
    first, second = send(account, "march.xml", b"<a/>"), send(other_account, "march.xml", b"<a/>")
    assert not second.duplicate
    assert first.deposit_id != second.deposit_id


def test_the_out_box_can_be_read_in_pages(account, send, now):
    for reference in "ABCDE":
        send(account, name(reference), reference.encode())
    first = queries.list_mailbox(account.pk, "out", limit=2)
    rest = queries.list_mailbox(account.pk, "out", after=queries.Place.parse(str(first[-1].place)))
    assert [e.name for e in first + rest] == [f"{name(r)}.receipt.jws" for r in "ABCDE"]


def test_stages_are_counted(account, send, now):
    send(account, name("A"), b"a")
    received = send(account, name("B"), b"b")
    actions.move_stage(
        deposit_id=received.deposit_id, from_stage="received", to_stage="refused", by="t", at=now
    )
    counts = {s.stage: (s.count, s.oldest) for s in queries.deposits_by_stage()}
    assert counts == {
        "received": (1, now), "acknowledged": (0, None), "returned": (0, None), "paid": (0, None), "refused": (1, now),
    }  # fmt: skip
