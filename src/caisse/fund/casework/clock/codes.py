"""The clock's steps about codes: licences, planned ends, age limits, accounts, memberships."""

from datetime import date, datetime, timedelta

from django.db import connection

from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework.actions.hand_over import end_due_accesses
from caisse.fund.casework.actions.leaving import leave_association
from caisse.fund.casework.clock.running import done_among, first_day, once
from caisse.fund.casework.clock.telling import Telling, last_day
from caisse.fund.casework.models import AccessEnd
from caisse.fund.exchange.actions import set_active
from caisse.fund.registry import actions as registry
from caisse.fund.registry import lapses, published
from caisse.fund.registry import queries as register
from caisse.fund.registry.models import Licence, Provider, ProviderCode
from caisse.fund.registry.queries.standing import VALID

WARNED, TOLD = "code.warned", "code.ended"

# Codes given for a limited time, which is near or over. An end that somebody decided has a reason: `why`.
_PLANNED = """
    SELECT c.code, c.valid_until FROM registry_providercode c
    WHERE c.why = '' AND c.valid_until > c.valid_from AND c.valid_until >= %(first)s
        AND c.valid_until <= %(last)s AND NOT EXISTS (
            SELECT 1 FROM casework_clockdeed d
            WHERE d.what = 'code.ended' AND d.key = c.code || ' ' || c.valid_until)
    ORDER BY c.code
"""
# Accounts that are open although their code has ended for good. After a lapse it may go on: its account stays
# open and the doors turn it away while the code does not hold.
_ACCOUNTS = """
    SELECT a.id FROM exchange_account a JOIN registry_providercode c ON c.code = a.provider_code
    WHERE a.active AND c.valid_until <= %(day)s AND {only} AND NOT EXISTS (
        SELECT 1 FROM registry_lapsenotice n
        WHERE n.code_id = c.id AND n.what = 'ended' AND n.day = c.valid_until)
    ORDER BY a.id
"""
# Licences of a kind that end at an age, with what the holder's national number says of the birth.
_AGED = """
    SELECT l.id, l.kind, left(n.number, 8), p.valid_from, p.valid_until FROM registry_licence l
    JOIN registry_licenceperiod p ON p.licence_id = l.id AND p.superseded IS NULL
    JOIN registry_providernumber n ON n.provider_id = l.provider_id AND n.kind = 'national'
        AND n.superseded IS NULL
    WHERE l.kind = ANY(%(kinds)s) AND {only} ORDER BY l.id
"""
# Memberships that go on although the member's code has ended.
_MEMBERS = """
    SELECT m.association_id, c.code, c.valid_until FROM registry_membership m
    JOIN registry_providercode c ON c.id = m.member_id
    WHERE m.superseded IS NULL AND c.valid_until <= %(day)s AND {only}
        AND (m.valid_until IS NULL OR m.valid_until > c.valid_until)
    ORDER BY m.association_id, c.code
"""


def _rows(query: str, column: str = "", only: object = None, **values: object) -> list[tuple]:
    """The rows of a question, or those whose ``column`` is ``only``: before it is done, it is asked again."""
    condition = "true" if only is None else f"{column} = %(only)s"
    with connection.cursor() as cursor:
        cursor.execute(query.format(only=condition), {"only": only, **values})
        return cursor.fetchall()


def settle_licences(provider_id: int, *, day: date, by: str, at: datetime) -> int:
    """Draw what ends and beginnings of a provider's licences bring, and write the letters about it."""
    happened = lapses.apply_lapses(provider_id=provider_id, on=day, by=by, at=at)
    telling = Telling(Provider.objects.get(pk=provider_id), by, at) if happened else None
    for told in happened:
        if telling is not None:
            _tell(told, telling)
    return len(happened)


def _tell(told: lapses.Consequence, telling: Telling) -> None:
    if told.what == lapses.WARNED:
        if not _overtaken(told.day, told.days, telling.today):
            number = Licence.objects.values_list("number", flat=True).get(pk=told.licence_id)
            on_lapse = published.on_lapse(told.kind, told.day)
            telling.warn(told.codes, telling.licence(told.kind), number, told.day, on_lapse)
    elif told.what in (lapses.SUSPENDED, lapses.ENDED):
        licence = telling.licence(told.kind)
        reason = telling.say("licence_ended", last_day=last_day(told.day), licence=licence)
        for code in told.codes:
            telling.closed(code, told.what, told.day, reason)
    elif told.what == lapses.REOPENED:
        for code in told.codes:
            _tell_reopened(code, told.day, telling)


def _tell_reopened(code: int, day: date, telling: Telling) -> None:
    """Only when it holds today: something else may keep it closed."""
    if register.standing(code, telling.today).state == VALID:
        before = register.standing(code, day - timedelta(days=1))
        telling.reopened(code, day, before.suspended_from)


def _overtaken(ends: date, threshold: int, today: date) -> bool:
    """True when a warning comes so late, after days without the clock, that the next is due or it is over."""
    left = (ends - today).days
    return left <= 0 or any(left <= days < threshold for days in published.warning_days(today))


def planned_ends(day: date) -> list[int]:
    """Codes given for a limited time whose holder is to be warned, or told that it is over."""
    warnings, first = published.warning_days(day), first_day() or day
    rows = _rows(_PLANNED, first=first, last=day + timedelta(days=max(warnings, default=0)))
    near = {code: _warning(code, ends, day) for code, ends in rows if ends > day}
    told = {"", *done_among(WARNED, near.values())}
    return [code for code, ends in rows if ends <= day or near[code] not in told]


def _warning(code: int, ends: date, day: date) -> str:
    due = [days for days in published.warning_days(day) if (ends - day).days <= days]
    return f"{code} {ends} {min(due)}" if due else ""


def tell_planned_end(code: int, *, day: date, by: str, at: datetime) -> int:
    """Warn of a code's planned end, or tell that it has come; the register needs no change for that."""
    row = ProviderCode.objects.select_related("provider").filter(code=code, why="").first()
    if row is None or row.valid_until is None:
        return 0
    telling, ends = Telling(row.provider, by, at), row.valid_until
    if ends <= day:
        if not once(TOLD, f"{code} {ends}", day=day, at=at):
            return 0
        telling.closed(code, "ended", ends, telling.say("planned_end", last_day=last_day(ends)))
        return 1
    key = _warning(code, ends, day)
    if not key or not once(WARNED, key, day=day, at=at):
        return 0
    if not _overtaken(ends, int(key.split()[-1]), telling.today):
        held = [one for one in register.licences_of(row.provider_id) if one.valid_until == ends]
        label = telling.licence(held[0].kind) if held else telling.say("limited_time")
        telling.warn((code,), label, held[0].number if held else "", ends, "ends")
    return 1


def past_the_age(day: date, only: int | None = None) -> list[tuple[int, date]]:
    """Licences whose holder reaches the age limit of their kind before they end, with that birthday.

    Found as far ahead as the longest warning, so that holders are warned of this end like of any other.
    """
    catalogue = catalogue_on(day)
    limits = {kind.key: kind.age_limit for kind in catalogue.licences.values() if kind.age_limit}
    last = day + timedelta(days=max(catalogue.warnings, default=0))
    found = []
    rows = _rows(_AGED, "l.id", only, kinds=list(limits)) if limits else []
    for licence, kind, born, start, end in rows:
        birthday = birthday_of(born, limits[kind] or 0)
        if birthday and start < birthday <= last and (end is None or end > birthday):
            found.append((licence, birthday))
    return found


def birthday_of(born: str, age: int) -> date | None:
    """The day on which somebody born on YYYYMMDD reaches an age; None when month or day is not known.

    29 February has its birthday in other years on 1 March.
    """
    year, month, day = int(born[:4]) + age, int(born[4:6]), int(born[6:8])
    if not month or not day:
        return None
    if (month, day) == (2, 29):
        return date(year, 2, 28) + timedelta(days=1)
    return date(year, month, day)


def end_at_the_age(key: tuple[int, date], *, day: date, by: str, at: datetime) -> int:
    """Let a licence end on the birthday; `settle_licences` draws the consequences."""
    licence_id, birthday = key
    if key not in past_the_age(day, only=licence_id):
        return 0
    registry.end_licence(licence_id=licence_id, valid_until=birthday, why="age limit", by=by, at=at)
    return 1


def accounts_to_close(day: date, only: int | None = None) -> list[int]:
    """Accounts of the exchange that are open although their code has ended."""
    return [row[0] for row in _rows(_ACCOUNTS, "a.id", only, day=day)]


def close_account(account_id: int, *, day: date, by: str, at: datetime) -> int:
    """Close an account whose code has ended."""
    if not accounts_to_close(day, only=account_id):
        return 0
    set_active(account_id=account_id, active=False, by=by, at=at, why="the code has ended")
    return 1


def members_who_left(day: date) -> list[tuple[int, int]]:
    """Associations with members whose code has ended."""
    return [(association, code) for association, code, _ends in _rows(_MEMBERS, day=day)]


def end_membership(key: tuple[int, int], *, day: date, by: str, at: datetime) -> int:
    """Whose code has ended belongs to no association; one left with too few members ends that day too."""
    association, code = key
    found = {one: ends for one, _code, ends in _rows(_MEMBERS, "c.code", code, day=day)}
    if association not in found:
        return 0
    why, until = "the code has ended", found[association]
    leave_association(association_id=association, code=code, until=until, why=why, by=by, at=at)
    return 1


def accesses_to_end(day: date) -> list[date]:
    """The day itself when a termination of an access to the exchange is due by then."""
    due = AccessEnd.objects.filter(day__lte=day, done_at__isnull=True, void_at__isnull=True)
    return [day] if due.exists() else []


def end_accesses(_key: date, *, day: date, by: str, at: datetime) -> int:
    """Close the accounts whose termination was granted for a day that has come."""
    return end_due_accesses(on=day, by=by, at=at)
