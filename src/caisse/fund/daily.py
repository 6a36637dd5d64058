"""What the fund does by itself every day, of all its rooms: the clock's steps, and the running of them."""

from collections.abc import Callable
from datetime import date

from django.utils import timezone

from caisse.fund.casework.clock import running, steps

#: What each day brings, in this order.
STEPS: tuple[running.Step, ...] = steps.STEPS


def run_clock(
    *, until: date | None = None, forced: bool = False, stop: Callable[[], bool] = lambda: False
) -> running.Report:
    """Go through the days up to ``until`` (None: today) that were not gone through, and today's once more."""
    return running.run(STEPS, until=until or timezone.localdate(), now=timezone.now, forced=forced, stop=stop)


def due_on(day: date) -> dict[str, list[str]]:
    """What a day would bring as things stand, by step: the keys of what would be done. Nothing is written."""
    return steps.due_on(STEPS, day)
