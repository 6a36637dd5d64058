"""The command that runs the clock by hand, or says what it would do."""

from pathlib import Path

import click

from caisse.agreement.errors import WrongUse
from caisse.fund.console import common, day_of, opened, say
from caisse.fund.home import Home


@click.command()
@common
@click.option("--day", "day_text", metavar="DAY", help="Up to this day, such as 2026-11-22; else today.")
@click.option("--dry-run", is_flag=True, help="Only list what would be due; the day may be one to come.")
def clock(home_path: Path, as_json: bool, day_text: str | None, dry_run: bool) -> None:
    """Do what is due: warnings, lapses, deadlines, changes, sessions. A worker does so every minute.

    Done twice, or by two at once, nothing happens twice. Days that were missed are made up for in order.
    """
    home = Home.at(home_path).existing()
    day = day_of(day_text) if day_text else None
    with opened(home):
        from django.utils import timezone  # noqa: PLC0415

        from caisse.fund import daily  # noqa: PLC0415

        today = timezone.localdate()
        if dry_run:
            due = daily.due_on(day or today)
            lines = [f"{len(keys):>6}  {step}: {_some(keys)}" for step, keys in due.items()]
            say(as_json, {"day": day or today, "due": due}, "\n".join(lines) or "Nothing is due.")
            return
        if day is not None and day > today:
            raise WrongUse(f"{day} has not come yet. --dry-run lists what will be due.")
        report = daily.run_clock(until=day, forced=day is not None)
    if not report.finished:
        raise WrongUse("A worker is running the clock just now. Look again in a minute.")
    result = {"days": report.days, "done": report.done, "troubles": report.troubles}
    lines = [f"{much:>6}  {step}" for step, much in report.done.items()]
    lines += [f"failed: {trouble}" for trouble in report.troubles]
    days = f"{len(report.days)} day(s) up to {report.days[-1]}" if report.days else "No day: it is past"
    say(as_json, result, "\n".join([days, *lines] if lines else [days, "Nothing was due."]))


def _some(keys: list[str], most: int = 10) -> str:
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return ", ".join(keys[:most]) + more
