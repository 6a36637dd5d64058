"""What was charged to an association, day by day, and what of it belongs on a member's annual statement."""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from django.conf import settings
from django.db import connection

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.validity import holds_on

Days = tuple[date, date]

#: The day on which a line counts, by the rule's basis. Days are those of the fund.
_DAY = {"service": "l.date_of_service", "decision": "(f.judged_at AT TIME ZONE %(zone)s)::date"}
_CHARGED = """
    SELECT {day} AS day, coalesce(l.executing_code, f.provider_code), count(*), sum(l.asked_cents)::bigint,
        sum(l.paid_cents)::bigint, sum(l.patient_cents)::bigint, sum(l.refused_cents)::bigint
    FROM claims_judgedfile f JOIN claims_linedecision l ON l.file_id = f.id
    WHERE f.provider_code = ANY(%(codes)s) AND NOT f.is_test
        AND {day} >= %(first)s AND {day} < %(until)s
    GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Charged:
    """What was charged to an association on one day for one executing provider; cents that balance."""

    day: date
    executing: int
    lines: int
    asked_cents: int
    paid_cents: int
    patient_cents: int
    refused_cents: int


@dataclass(frozen=True, slots=True)
class Figures:
    """A member's year: its days of membership, the association's months, and of them what the member did."""

    periods: tuple[Days, ...]
    months: tuple[dict[str, int], ...]
    own: tuple[dict[str, int], ...]

    def as_data(self) -> dict[str, Any]:
        """As the letter and the row of the statement carry it."""
        periods = [{"valid_from": str(start), "valid_until": str(end)} for start, end in self.periods]
        return {"periods": periods, "months": list(self.months), "own": list(self.own)}


def year_days(year: int) -> Days:
    """The half-open period of a year."""
    return date(year, 1, 1), date(year + 1, 1, 1)


@cache
def _rules() -> list[dict[str, Any]]:
    text = (files(__package__) / "statement_rules.toml").read_text(encoding="utf-8")
    rules = sorted(tomllib.loads(text)["rule"], key=lambda rule: rule["valid_from"])
    if any(rule["basis"] not in _DAY for rule in rules):
        raise BrokenSystem(f"statement_rules.toml: a basis is one of {', '.join(_DAY)}")
    return rules


def basis_of(year: int) -> str:
    """Which day of a line counts in a year's statements: "service" or "decision"."""
    last = date(year, 12, 31)
    return next(rule["basis"] for rule in reversed(_rules()) if rule["valid_from"] <= last)


def charged(codes: Sequence[int], year: int, basis: str) -> list[Charged]:
    """What was charged under an association's codes in a year; files of test accounts are left out."""
    first, until = year_days(year)
    values = {"codes": list(codes), "first": first, "until": until, "zone": settings.TIME_ZONE}
    with connection.cursor() as cursor:
        cursor.execute(_CHARGED.format(day=_DAY[basis]), values)
        return [Charged(*row) for row in cursor.fetchall()]


def inside_year(periods: Iterable[tuple[date, date | None]], year: int) -> tuple[Days, ...]:
    """Periods cut to the year, those that touch or overlap joined, in order. Pure."""
    first, until = year_days(year)
    cut = [(max(start, first), min(end or until, until)) for start, end in periods]
    joined: list[Days] = []
    for start, end in sorted(days for days in cut if days[0] < days[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def figures(all_charged: Iterable[Charged], periods: tuple[Days, ...], own_codes: Iterable[int]) -> Figures:
    """What of an association's year belongs to a member with these days and individual codes. Pure."""
    own = set(own_codes)
    mine = [one for one in all_charged if any(holds_on(one.day, *days) for days in periods)]
    return Figures(periods, _by_month(mine), _by_month(one for one in mine if one.executing in own))


def _by_month(rows: Iterable[Charged]) -> tuple[dict[str, int], ...]:
    sums: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        for name, value in asdict(row).items():
            if name not in ("day", "executing"):
                sums[row.day.month][name] += value
    return tuple({"month": month, **sums[month]} for month in sorted(sums))


def totals(months: Iterable[dict[str, int]]) -> dict[str, int]:
    """The sums of all months."""
    names = ("lines", "asked_cents", "paid_cents", "patient_cents", "refused_cents")
    rows = list(months)
    return {name: sum(row[name] for row in rows) for name in names}
