"""No job is lost with its worker, and no deposit without a job."""

import time

import pytest
from django.db import connection
from procrastinate.contrib.django.utils import connector_params

from caisse.fund.exchange import actions, jobs, queries

from .conftest import name


@pytest.fixture
def worker(db):
    """Register a worker that was last heard of some seconds ago."""

    def register(silent_for: float) -> int:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s * interval '1 second')"
                " RETURNING id",
                (silent_for,),
            )
            return cursor.fetchone()[0]

    return register


def _take(worker_id):
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM procrastinate_fetch_job_v2(NULL, %s)", (worker_id,))
        return cursor.fetchone()[0]


def _states():
    with connection.cursor() as cursor:
        cursor.execute("SELECT status::text FROM procrastinate_jobs ORDER BY id")
        return [row[0] for row in cursor.fetchall()]


def _age(seconds):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE exchange_deposit SET stage_at = now() - %s * interval '1 second'", (seconds,))


def test_the_job_of_a_dead_worker_is_queued_again(account, send, worker):
    send(account, name(), b"<a/>")
    dead = worker(jobs.SILENCE + 5)
    _take(dead)
    assert jobs.requeue_abandoned_jobs() == 1
    assert _states() == ["todo"]
    assert jobs.requeue_abandoned_jobs() == 0
    assert _take(worker(0)) is not None


def test_a_silent_worker_that_holds_its_lock_keeps_its_job(account, send, worker):
    """A worker deep in a big file may be silent for long; its session shows that it lives."""
    send(account, name(), b"<a/>")
    busy = worker(3600)
    _take(busy)
    with jobs.presence(connector_params(), busy):
        assert jobs.requeue_abandoned_jobs() == 0
        assert _states() == ["doing"]
    # The server's side of a closed session ends a moment later.
    deadline = time.monotonic() + 60
    while not jobs.requeue_abandoned_jobs():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert _states() == ["todo"]


def test_a_worker_heard_of_just_now_keeps_its_job(account, send, worker):
    send(account, name(), b"<a/>")
    _take(worker(0))
    assert jobs.requeue_abandoned_jobs() == 0
    assert queries.live_workers() == 1


def test_one_provider_s_deposits_are_taken_one_at_a_time(account, other_account, send, worker):
    send(account, name("A"), b"a")
    send(account, name("B"), b"b")
    send(other_account, name(provider=other_account.provider_code), b"c")
    alive = worker(0)
    assert _take(alive) is not None
    assert _take(alive) is not None
    assert _take(alive) is None
    assert _states() == ["doing", "todo", "doing"]


def test_a_deposit_without_a_job_gets_one(account, send):
    first = send(account, name(), b"<a/>")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    _age(1)
    assert jobs.enqueue_forgotten_deposits() == 0, "too young to be forgotten"
    _age(60)
    assert jobs.enqueue_forgotten_deposits() == 1
    assert jobs.enqueue_forgotten_deposits() == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT task_name, lock, args ->> 'deposit_id' FROM procrastinate_jobs")
        assert cursor.fetchall() == [(actions.JUDGE_TASK, "52001700", str(first.deposit_id))]


def test_an_answered_deposit_gets_no_job(account, send, now):
    received = send(account, name(), b"<a/>")
    actions.move_stage(
        deposit_id=received.deposit_id, from_stage="received", to_stage="refused", by="t", at=now
    )
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    _age(60)
    assert jobs.enqueue_forgotten_deposits() == 0


def test_late_deposits_are_reported_with_the_reason(account, send, worker, now):
    from django.utils import timezone

    send(account, name(), b"<a/>")
    assert queries.stuck_deposits(at=now) == []
    (stuck,) = queries.stuck_deposits(at=timezone.now() + queries.LATE_AFTER)
    assert (stuck.name, stuck.stage, stuck.why) == (name(), "received", "no worker is running")
    alive = worker(0)
    (stuck,) = queries.stuck_deposits(at=timezone.now() + queries.LATE_AFTER)
    assert stuck.why == "it waits for a worker"
    _take(alive)
    (stuck,) = queries.stuck_deposits(at=timezone.now() + queries.LATE_AFTER)
    assert stuck.why == "a worker is at it"
