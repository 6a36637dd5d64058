"""The record is append-only, and whoever gets round that is found out."""

import threading
from datetime import timedelta

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from caisse.fund.audit.actions import record_event, seal_events
from caisse.fund.audit.queries import verify_chain


def _record(now, count=3):
    return [
        record_event(
            action="test.done", by="tester", at=now, subject=("thing", n), data={"n": n, "wort": "Größe"}
        )
        for n in range(count)
    ]


def _tamper(admin: psycopg.Connection, statement: str, *values: object) -> None:
    for table in ("audit_event", "audit_seal"):
        admin.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    assert admin.execute(statement, values).rowcount >= 1
    for table in ("audit_event", "audit_seal"):
        admin.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_an_untouched_chain_is_whole(db, now):
    _record(now)
    assert seal_events(at=now) == 3
    _record(now, 2)
    assert seal_events(at=now) == 2
    _record(now, 1)
    report = verify_chain()
    assert report.whole
    assert (report.seals, report.events, report.unsealed) == (2, 5, 1)


def test_sealing_in_batches_leaves_nothing(db, now):
    _record(now, 7)
    assert [seal_events(at=now, limit=3) for _ in range(4)] == [3, 3, 1, 0]
    assert verify_chain().whole


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET why = 'other'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event CASCADE",
        "UPDATE audit_seal SET number = 9",
        "DELETE FROM audit_seal",
        "TRUNCATE audit_seal",
    ],
)
def test_the_database_refuses_changes(db, now, statement):
    _record(now)
    seal_events(at=now)
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("action", "test.undone"), ("by", "somebody"), ("why", "because"), ("subject_type", "other"),
        ("subject_id", "77"), ("data", '{"n": 99}'), ("at", "2020-01-01 00:00:00+00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sealed", [True, False])
def test_a_changed_event_is_found(db, now, admin, column, value, sealed):
    events = _record(now)
    if sealed:
        seal_events(at=now)
    assert verify_chain().whole
    _tamper(admin, f'UPDATE audit_event SET "{column}" = %s WHERE id = %s', value, events[1])
    report = verify_chain()
    assert report.broken is not None
    assert f"event {events[1]}" in report.broken


def test_a_changed_event_is_found_even_with_its_hash_made_to_fit(db, now, admin):
    events = _record(now)
    seal_events(at=now)
    _tamper(
        admin,
        "UPDATE audit_event e SET why = 'x', hash = sha256(convert_to(jsonb_build_array(e.id, e.action, e.by,"
        " to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), 'x', e.subject_type,"
        " e.subject_id, e.data)::text, 'UTF8')) WHERE id = %s",
        events[0],
    )
    assert verify_chain().broken == "seal 1 does not cover its events"


@pytest.mark.parametrize("sealed", [True, False])
def test_a_deleted_event_is_found(db, now, admin, sealed):
    events = _record(now)
    if sealed:
        seal_events(at=now)
    _tamper(admin, "DELETE FROM audit_event WHERE id = %s", events[2])
    assert f"event {events[2]}" in verify_chain().broken


def test_a_slipped_in_event_is_found(db, now, admin):
    _record(now)
    seal_events(at=now)
    event = record_event(action="test.forged", by="x", at=now, subject=("thing", 1))
    _tamper(admin, "DELETE FROM audit_unsealed WHERE event_id = %s", event)
    assert verify_chain().broken == f"event {event} is on no seal"


def test_a_seal_made_by_somebody_else_is_found(db, now, admin):
    _record(now)
    seal_events(at=now)
    _tamper(
        admin,
        "UPDATE audit_seal SET events = '{}', hash = sha256(%s::bytea)", bytes(32),
    )  # fmt: skip
    assert verify_chain().broken == "seal 1 is not signed by this fund"


def test_a_missing_seal_is_found(db, now, admin):
    for _ in range(3):
        _record(now, 1)
        seal_events(at=now)
    _tamper(admin, "DELETE FROM audit_seal WHERE number = 2")
    assert verify_chain().broken == "seal 2 is missing"


def test_an_event_committed_late_goes_into_a_later_seal(db, now):
    """Its number is lower than those sealed before it: nobody waited for it, and it is not lost."""
    inserted, finish = threading.Event(), threading.Event()

    def slow_writer():
        with transaction.atomic():
            _record(now, 1)
            inserted.set()
            finish.wait(20)
        connection.close()

    thread = threading.Thread(target=slow_writer)
    thread.start()
    assert inserted.wait(20)
    _record(now, 2)
    assert seal_events(at=now) == 2
    finish.set()
    thread.join()
    assert seal_events(at=now + timedelta(seconds=1)) == 1
    report = verify_chain()
    assert report.whole
    assert (report.seals, report.events) == (2, 3)


def test_an_event_of_a_rolled_back_transaction_is_gone(db, now):
    with pytest.raises(RuntimeError), transaction.atomic():
        _record(now)
        raise RuntimeError
    assert seal_events(at=now) == 0
    assert verify_chain().whole


def test_an_event_needs_a_time_zone(db, now):
    with pytest.raises(ValueError, match="time zone"):
        record_event(action="x", by="x", at=now.replace(tzinfo=None), subject=("x", 1))
