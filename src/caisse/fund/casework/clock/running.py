"""The clock's run: day by day, step by step, one thing a transaction; killed anywhere, it goes on there.

Nothing happens twice, for what was done is either a change of state that makes the thing due no longer, or a
`ClockDeed` committed with it. A day that was gone through is gone through again as long as it is today, since
what is recorded at noon may be due at once. A clock that is set back finds nothing to do.
"""

import logging
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from django.db import InterfaceError, OperationalError, connection, transaction

from caisse.agreement.errors import WrongUse
from caisse.fund.audit.actions import record_event
from caisse.fund.casework.models import ClockDay, ClockDeed
from caisse.fund.faults import reach

log = logging.getLogger("caisse.clock")

#: Who acts.
CLOCK = "clock"
#: Advisory lock of the one process that runs the clock.
_LOCK = 0xC10C4
#: More days than these are not made up for unasked: a wrong system clock would close half the register.
MOST_MISSED = 60


class ClockAhead(WrongUse):
    """The system's clock is far ahead of the last day that was gone through; nothing was done.

    If the date is right, say so: caisse fund clock --day with today's date.
    """


class Doing(Protocol):
    """Does one thing in the caller's transaction; how much happened, 0 when nothing was (still) due."""

    def __call__(self, key: Any, /, *, day: date, by: str, at: datetime) -> int: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One sort of thing a day can bring: ``due`` finds the keys and writes nothing, ``do`` does one."""

    name: str
    due: Callable[[date], Sequence[Hashable]]
    do: Doing


@dataclass(slots=True)
class Report:
    """What a run did: days gone through to the end, how much of each step, and what failed."""

    days: list[date] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    #: False when there was not time for all of it, or another process runs the clock.
    finished: bool = True

    def count(self, step: str, much: int) -> None:
        """Add to what a step did."""
        if much:
            self.done[step] = self.done.get(step, 0) + much


def run(
    steps: Sequence[Step], *, until: date, now: Callable[[], datetime], forced: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Report:  # fmt: skip
    """Go through every day that is due up to ``until``, in order; ``stop`` is asked between two things.

    Raises ClockAhead when more than `MOST_MISSED` days are due, unless ``forced``.
    """
    report = Report()
    with _turn() as mine:
        if not mine:
            report.finished = False
            return report
        for day in days_due(until, forced=forced):
            if not _go_through(day, steps, now, stop, report):
                report.finished = False
                break
            report.days.append(day)
    return report


def days_due(until: date, *, forced: bool = False) -> list[date]:
    """The days to go through: what was missed, then ``until``; none when that is before the last one."""
    last = ClockDay.objects.filter(ended_at__isnull=False).order_by("-day").values_list("day", flat=True)
    since = last.first()
    if since is None:
        begun = ClockDay.objects.order_by("day").values_list("day", flat=True).first()
        since = (begun or until) - timedelta(days=1)
    missed = (until - since).days
    if missed < 0:
        return []
    if missed > MOST_MISSED and not forced:
        raise ClockAhead(f"The last day is {since}, today would be {until}.")
    return [until] if missed == 0 else [since + timedelta(days=one + 1) for one in range(missed)]


def first_day() -> date | None:
    """The first day this clock ever saw: what ended before it is history and no news to anybody."""
    return ClockDay.objects.order_by("day").values_list("day", flat=True).first()


def once(what: str, key: str, *, day: date, at: datetime) -> bool:
    """Note that something is done; False when it was done before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO casework_clockdeed (what, key, day, at) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (what, key) DO NOTHING",
            (what, key, day, at),
        )
        return bool(cursor.rowcount)


def done_among(what: str, keys: Iterable[str]) -> dict[str, datetime]:
    """Those of some keys about which something was done, with when; what was done long ago is not read."""
    asked = list(keys)
    found = ClockDeed.objects.filter(what=what, key__in=asked) if asked else ClockDeed.objects.none()
    return dict(found.values_list("key", "at"))


@contextmanager
def _turn() -> Iterator[bool]:
    """True while this process alone runs the clock; the lock ends with the connection if it is killed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _go_through(
    day: date, steps: Sequence[Step], now: Callable[[], datetime], stop: Callable[[], bool], report: Report
) -> bool:
    """One day to its end; False when asked to stop before."""
    ClockDay.objects.get_or_create(day=day, defaults={"begun_at": now()})
    reach("clock.day.begun")
    troubles = 0
    for step in steps:
        for key in step.due(day):
            if stop():
                return False
            if not _one(step, key, day, now, report):
                troubles += 1
    _end(day, troubles, now())
    return True


def _one(step: Step, key: Hashable, day: date, now: Callable[[], datetime], report: Report) -> bool:
    """One thing in one transaction. One that fails is left for the next pass, and the others go on."""
    try:
        with transaction.atomic():
            much = step.do(key, day=day, by=CLOCK, at=now())
            reach("clock.thing.before_commit")
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        # Only the kind of error: its message may name a person.
        log.error("%s %s on %s failed: %s", step.name, key, day, type(error).__name__)
        report.troubles.append(f"{step.name} {key}: {type(error).__name__}")
        return False
    reach("clock.thing.after_commit")
    report.count(step.name, much)
    return True


@transaction.atomic
def _end(day: date, troubles: int, at: datetime) -> None:
    ended = ClockDay.objects.filter(day=day, ended_at__isnull=True).update(ended_at=at, troubles=troubles)
    if ended:
        data = {"troubles": troubles}
        record_event(action="clock.day_ended", by=CLOCK, at=at, subject=("day", day), data=data)
        reach("clock.day.before_commit")
    else:
        ClockDay.objects.filter(day=day).exclude(troubles=troubles).update(troubles=troubles)
