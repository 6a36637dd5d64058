"""What the fund does by itself every day, of all its rooms: the clock's steps, and the running of them."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from django.utils import timezone

from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework.clock import running, steps
from caisse.fund.casework.clock.running import done_among, once
from caisse.fund.payments.statements import issue_statements
from caisse.fund.registry.models import Association

STATED = "association.stated"


def statements_due(day: date) -> list[tuple[int, int]]:
    """Associations (year, id) whose members wait for statements of last year, once it is time for them."""
    turn = date(day.year, 1, 1)
    if day < turn + timedelta(days=catalogue_on(day).period("statement_days")):
        return []
    year = turn.year - 1
    founded = Association.objects.filter(founded_on__lt=turn).order_by("pk").values_list("pk", flat=True)
    done = done_among(STATED, keys := {f"{year} {one}": one for one in founded})
    return [(year, one) for key, one in keys.items() if key not in done]


def state_year(key: tuple[int, int], *, day: date, by: str, at: datetime) -> int:
    """Issue the statements of one association and year, with the letters that bring them."""
    year, association = key
    if not once(STATED, f"{year} {association}", day=day, at=at):
        return 0
    return issue_statements(year=year, association_id=association, by=by, at=at).new


#: What each day brings, in this order.
STEPS: tuple[running.Step, ...] = (
    *steps.STEPS,
    running.Step("annual statements", statements_due, state_year),
)


def run_clock(
    *, until: date | None = None, forced: bool = False, stop: Callable[[], bool] = lambda: False
) -> running.Report:
    """Go through the days up to ``until`` (None: today) that were not gone through, and today's once more."""
    today = until or timezone.localdate()
    return running.run(STEPS, until=today, now=timezone.now, forced=forced, stop=stop)


def due_on(day: date) -> dict[str, list[str]]:
    """What a day would bring as things stand, by step: the keys of what would be done. Nothing is written."""
    return steps.due_on(STEPS, day)
