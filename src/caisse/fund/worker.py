"""A worker: takes jobs one at a time, and does the chores (lost jobs, seals, stale uploads, orphans)."""

import asyncio
import logging
import os
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params

from caisse.fund import daily, leaving
from caisse.fund.access.actions import forget_sessions
from caisse.fund.audit.actions import seal_events
from caisse.fund.casework import queries as casework
from caisse.fund.casework.actions.letters import remember_forgotten_letters
from caisse.fund.casework.documents.keeping import sweep_documents
from caisse.fund.exchange.jobs import enqueue_forgotten_deposits, presence, requeue_abandoned_jobs
from caisse.fund.exchange.orphans import sweep_orphans
from caisse.fund.exchange.store import Store, sweep
from caisse.fund.notices.incoming import remember_unread_mails
from caisse.fund.notices.sending import remember_forgotten_mails
from caisse.fund.notices.subscriptions import forget

log = logging.getLogger("caisse.worker")

#: Advisory lock of the one worker that does the chores.
_CHORES = 0xC40E5
_SEAL_AT_ONCE = 10_000
_EVERY_DAY = 86_400.0
#: The clock looks so often (seconds) for what has become due, and works so long at a time.
_CLOCK_LOOKS, _CLOCK_SHIFT = 60.0, 5.0


def run(*, ready: Callable[[], None] = lambda: None) -> None:
    """Work until SIGTERM or SIGINT; the job in hand is finished first, however often it is asked."""
    with Chores():
        asyncio.run(_work(ready))


async def _work(ready: Callable[[], None]) -> None:
    taking = asyncio.create_task(_take_jobs(ready))
    loop = asyncio.get_running_loop()
    # Cancelled, the worker of procrastinate takes no new job and ends after the one in hand.
    with leaving.stopping_by(lambda: loop.call_soon_threadsafe(taking.cancel)):
        await asyncio.wait([taking])
    if not taking.cancelled():
        taking.result()


async def _take_jobs(ready: Callable[[], None]) -> None:
    # A twin of the app with a connection of its own: tasks that queue further jobs through `app` keep using
    # Django's connection, and with it their own transaction.
    twin = app.with_connector(app.connector.get_worker_connector())
    with ExitStack() as stack:
        present: set[int] = set()

        async def show_presence(call_next: Any, _context: Any, worker: Any) -> Any:
            if worker.worker_id not in present:
                present.add(worker.worker_id)
                stack.enter_context(presence(connector_params(), worker.worker_id))
            return await call_next()

        async with twin.open_async():
            twin.perform_import_paths()
            ready()
            await twin.run_worker_async(
                name=f"worker-{os.getpid()}",
                concurrency=1,
                fetch_job_polling_interval=0.5,
                delete_jobs="successful",
                update_heartbeat_interval=1.0,
                # Dead workers are forgotten by the chores, which know better than the clock.
                stalled_worker_timeout=86_400.0,
                install_signal_handlers=False,
                worker_middleware=[show_presence],
                task_middleware=[log_failure],
            )


def log_failure(call_next: Callable[[], Any], context: Any, _worker: Any) -> Any:
    """Say in the log which job failed, at which attempt and where; the queue tries it again.

    Only the kind of error: its message may quote a file, and with it a person. `caisse fund status` has it.
    """
    try:
        return call_next()
    except Exception as error:
        job = context.job
        log.error("%s %s failed at attempt %d: %s", job.task_name.rpartition(".")[2],
                  " ".join(map(str, job.task_kwargs.values())), job.attempts + 1, _kind(error))  # fmt: skip
        raise


def _kind(error: BaseException) -> str:
    """The error's type, the types it came from, and the place in our code that raised it."""
    kinds, cause = [type(error).__name__], error.__cause__ or error.__context__
    while cause is not None:
        kinds, cause = [*kinds, type(cause).__name__], cause.__cause__ or cause.__context__
    frames = [frame for frame, _line in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if "caisse" in Path(frame.f_code.co_filename).parts]
    place = f" in {Path(ours[-1].f_code.co_filename).name}, {ours[-1].f_code.co_name}" if ours else ""
    return " from ".join(kinds) + place


class Chores(threading.Thread):
    """The periodic chores, in a thread of every worker; a lock in the database lets one at a time do them."""

    def __init__(self) -> None:
        super().__init__(name="chores", daemon=True)
        self._stop_asked = threading.Event()
        self._due: dict[Callable[[], Any], tuple[float, float]] = {
            requeue_abandoned_jobs: (1.0, 0.0),
            enqueue_forgotten_deposits: (10.0, 0.0),
            remember_forgotten_mails: (60.0, 0.0),
            remember_forgotten_letters: (60.0, 0.0),
            self._run_clock: (_CLOCK_LOOKS, time.monotonic() + 5.0),
            remember_unread_mails: (60.0, 0.0),
            _forget: (_EVERY_DAY, time.monotonic() + 900.0),
            forget_sessions: (_EVERY_DAY, time.monotonic() + 960.0),
            _seal: (2.0, 0.0),
            _sweep: (600.0, 0.0),
            _sweep_orphans: (_EVERY_DAY, time.monotonic() + 600.0),
            _sweep_documents: (_EVERY_DAY, time.monotonic() + 1200.0),
        }

    def __enter__(self) -> None:
        self.start()

    def __exit__(self, *_: object) -> None:
        self._stop_asked.set()
        self.join(30)

    def run(self) -> None:
        """Do what is due until asked to stop."""
        while not self._stop_asked.wait(0.5):
            try:
                if self._is_mine():
                    self._do_due()
            except Exception:
                # A chore that fails now is done later; the jobs of this worker must not suffer.
                log.exception("a chore failed")
                with suppress(Exception):
                    connection.close()
                self._stop_asked.wait(1.0)
        with suppress(Exception):
            connection.close()

    def _is_mine(self) -> bool:
        with connection.cursor() as cursor:
            # Once per session is enough, and asking again only counts up in this one.
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
                " AND classid = 0 AND objid = %s) OR pg_try_advisory_lock(%s)",
                (_CHORES, _CHORES),
            )
            return cursor.fetchone()[0]

    def _run_clock(self) -> str:
        """Go on with the day for a moment; what does not fit into it follows after the other chores."""
        until = time.monotonic() + _CLOCK_SHIFT
        report = daily.run_clock(stop=lambda: self._stop_asked.is_set() or time.monotonic() > until)
        if not report.finished:
            self._due[self._run_clock] = (_CLOCK_LOOKS, time.monotonic() + 1.0)
        return ", ".join(f"{much} {what}" for what, much in report.done.items())

    def _do_due(self) -> None:
        for chore, (every, at) in self._due.items():
            now = time.monotonic()
            if now >= at and not self._stop_asked.is_set():
                self._due[chore] = (every, now + every)
                done = chore()
                if done and chore is not _seal:
                    log.info("%s: %s", getattr(chore, "__name__", "chore").strip("_"), done)


def _seal() -> int:
    sealed = total = seal_events(at=timezone.now(), limit=_SEAL_AT_ONCE)
    while sealed == _SEAL_AT_ONCE:
        sealed = seal_events(at=timezone.now(), limit=_SEAL_AT_ONCE)
        total += sealed
    return total


def _sweep() -> int:
    return sweep(settings.HOME.staging, older_than_hours=settings.FUND.limits.staging_hours, now=time.time())


def _forget() -> int:
    return forget(at=timezone.now())


def _sweep_documents() -> int:
    store, unknown = Store(settings.HOME.documents), casework.unknown_documents
    return sweep_documents(store=store, unknown=unknown, by="worker", at=timezone.now())


def _sweep_orphans() -> int:
    return sweep_orphans(store=Store(settings.HOME.store), by="worker", at=timezone.now())
