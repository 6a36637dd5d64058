"""Jobs that lost their worker or were lost themselves are queued again: no deposit is forgotten."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection, transaction

from caisse.fund.exchange.acceptance import JUDGE_QUEUE, JUDGE_TASK

#: First half of the advisory locks by which a worker shows that it lives; the other half is its number.
PRESENCE = 0x0CA155E
#: A worker silent for so long (seconds) whose lock is free is dead.
SILENCE = 3
#: A deposit that waited so long (seconds) without a job gets one; a failed job is tried again after RETRY.
FORGOTTEN = 10
RETRY = 300

_DEAD = """
    SELECT w.id FROM procrastinate_workers w
    WHERE w.last_heartbeat < now() - %(silence)s * interval '1 second'
      AND NOT EXISTS (
        SELECT 1 FROM pg_locks l
        WHERE l.locktype = 'advisory' AND l.classid = %(presence)s AND l.objid = w.id AND l.granted
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
_REQUEUE = f"""
    SELECT count(procrastinate_retry_job_v2(id, now(), NULL, NULL, NULL)) FROM (
        SELECT id FROM procrastinate_jobs
        WHERE status = 'doing' AND (worker_id IS NULL OR worker_id IN ({_DEAD}))
        FOR UPDATE SKIP LOCKED) abandoned
"""
_FORGET_DEAD = f"DELETE FROM procrastinate_workers WHERE id IN ({_DEAD})"
_REMEMBER = """
    SELECT coalesce(cardinality(procrastinate_defer_jobs_v1(array_agg(ROW(
        %(queue)s, %(task)s, 0, provider_code::text, NULL, jsonb_build_object('deposit_id', id), NULL
    )::procrastinate_job_to_defer_v1 ORDER BY received_at))), 0)
    FROM (
        SELECT d.id, d.received_at, a.provider_code
        FROM exchange_deposit d JOIN exchange_account a ON a.id = d.account_id
        WHERE d.stage IN ('received', 'acknowledged')
          AND d.stage_at < now() - %(forgotten)s * interval '1 second'
          AND NOT EXISTS (
            SELECT 1 FROM procrastinate_jobs j
            WHERE j.task_name = %(task)s AND j.args ->> 'deposit_id' = d.id::text
              AND (j.status IN ('todo', 'doing') OR EXISTS (
                SELECT 1 FROM procrastinate_events e
                WHERE e.job_id = j.id AND e.at > now() - %(retry)s * interval '1 second')))
        LIMIT 1000) forgotten
    HAVING count(*) > 0
"""


@contextmanager
def presence(dsn: dict[str, object], worker_id: int) -> Iterator[None]:
    """Hold the lock that says this worker lives; PostgreSQL frees it in the moment the process dies."""
    with psycopg.connect(**dsn, autocommit=True) as session:
        session.execute("SELECT pg_advisory_lock(%s, %s)", (PRESENCE, worker_id))
        yield


def requeue_abandoned_jobs(*, silence: float = SILENCE) -> int:
    """Queue the jobs of dead workers again and return how many.

    A job done twice does no harm: each step moves its deposit from one stage to the next or is refused.
    """
    values = {"silence": silence, "presence": PRESENCE}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_REQUEUE, values)
        requeued = cursor.fetchone()[0]
        cursor.execute(_FORGET_DEAD, values)
    return requeued


def enqueue_forgotten_deposits(*, forgotten: float = FORGOTTEN) -> int:
    """Give a job to every unanswered deposit that has none and return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            _REMEMBER, {"queue": JUDGE_QUEUE, "task": JUDGE_TASK, "forgotten": forgotten, "retry": RETRY}
        )
        row = cursor.fetchone()
    return row[0] if row else 0
