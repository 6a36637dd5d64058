"""Licences that run out: who is warned, which codes close on the day, which open because it was continued.

    warned       90, 30 and 7 days ahead; of several that are due at once only the last
    suspended    the codes do not hold from the licence's last day on …
    ended        … or end on it, or nothing happens (noted): the catalogue says which, by kind of licence
    reopened     a licence of the same kind holds again for the code

`due_on` finds whom a day concerns; `apply_lapses` does it for one provider, exactly once: what was done is a
row with a unique constraint, committed with what it did.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction

from caisse.fund.audit.actions import record_event
from caisse.fund.registry import history, published, revisions
from caisse.fund.registry.actions.codes import reopen_code, withdraw_code
from caisse.fund.registry.models import LapseNotice, ProviderCode, ProviderCodeBefore, Suspension

WARNED, SUSPENDED, ENDED, NOTED, REOPENED = WHATS = ("warned", "suspended", "ended", "noted", "reopened")
_EFFECTS = {"suspends": SUSPENDED, "ends": ENDED, "noted": NOTED}

# A code needs a licence of each kind it was ever given one of. These are the ends of licences up to a day,
# with each code that goes on beyond the end, that no other licence of the kind carries on, and that was not
# closed yet.
_ENDS = """
    SELECT l.provider_id, p.id, l.id, l.kind, p.valid_until, c.id, c.code, c.valid_from, array(
        SELECT n.what FROM registry_lapsenotice n WHERE n.period_id = p.id AND n.code_id IS NULL)
    FROM registry_licenceperiod p
    JOIN registry_licence l ON l.id = p.licence_id
    JOIN registry_licensedcode x ON x.licence_id = l.id
    JOIN registry_providercode c ON c.id = x.code_id
    WHERE p.superseded IS NULL AND p.valid_until <= %(last)s AND {which}
        AND (c.valid_until IS NULL OR c.valid_until > p.valid_until)
        AND NOT EXISTS (
            SELECT 1 FROM registry_lapsenotice n
            WHERE n.period_id = p.id AND n.code_id = c.id AND n.what IN ('suspended', 'ended', 'noted'))
        AND NOT EXISTS (
            SELECT 1 FROM registry_licensedcode y JOIN registry_licence m ON m.id = y.licence_id
            JOIN registry_licenceperiod q ON q.licence_id = m.id
            WHERE y.code_id = c.id AND m.kind = l.kind AND q.superseded IS NULL
                AND q.valid_from <= p.valid_until
                AND (q.valid_until IS NULL OR q.valid_until > p.valid_until))
    ORDER BY l.provider_id, p.valid_until, p.id, c.code
"""
# Licences that hold on days on which a lapse of their kind closes a code: they were recorded later, or
# begin later. The code is closed by a suspension, or by an end that nothing has changed since.
_RETURNS = """
    SELECT m.provider_id, f.licence_id, m.kind, f.code_id, f.code, f.closed_from, q.id, m.id, q.valid_from,
        q.valid_until, f.is_end
    FROM (
        SELECT s.code_id, c.code, s.licence_id, s.valid_from AS closed_from, s.valid_until AS closed_until,
            false AS is_end
        FROM registry_suspension s JOIN registry_providercode c ON c.id = s.code_id
        WHERE s.superseded IS NULL AND s.licence_id IS NOT NULL AND {whose}
        UNION ALL
        SELECT c.id, c.code, p.licence_id, c.valid_until, NULL, true
        FROM registry_lapsenotice n JOIN registry_licenceperiod p ON p.id = n.period_id
        JOIN registry_providercode c ON c.id = n.code_id AND c.valid_until = n.day
        WHERE n.what = 'ended' AND {whose}
    ) f
    JOIN registry_licence l ON l.id = f.licence_id
    JOIN registry_licensedcode y ON y.code_id = f.code_id
    JOIN registry_licence m ON m.id = y.licence_id AND m.kind = l.kind
    JOIN registry_licenceperiod q ON q.licence_id = m.id AND q.superseded IS NULL
    WHERE q.valid_from <= %(day)s AND (q.valid_until IS NULL OR q.valid_until > f.closed_from)
        AND (f.closed_until IS NULL OR f.closed_until > q.valid_from)
        AND (NOT f.is_end OR (q.valid_until IS NULL OR q.valid_until > %(day)s) AND NOT EXISTS (
            SELECT 1 FROM registry_lapsenotice d
            WHERE d.period_id = q.id AND d.code_id = f.code_id AND d.what = 'reopened')) AND {which}
    ORDER BY m.provider_id, f.code, q.valid_from, f.licence_id
"""
# Of one provider: said inside the union too, or each provider would have every lapse there ever was read.
_WHOSE = """c.id IN (
    SELECT z.code_id FROM registry_licensedcode z JOIN registry_licence k ON k.id = z.licence_id
    WHERE k.provider_id = %(provider)s)"""


class End(NamedTuple):
    """A licence's end as it concerns one code; ``warned`` are the notices that were given of it."""

    provider_id: int
    period_id: int
    licence_id: int
    kind: str
    ends: date
    code_id: int
    code: int
    begins: date
    warned: list[str]


class Return(NamedTuple):
    """A licence (``licence_id``, its period) that holds while the lapse of ``lapsed_id`` closes a code."""

    provider_id: int
    lapsed_id: int
    kind: str
    code_id: int
    code: int
    closed_from: date
    period_id: int
    licence_id: int
    valid_from: date
    valid_until: date | None
    is_end: bool


@dataclass(frozen=True, slots=True)
class Consequence:
    """What happened, or is to happen: ``what`` is one of `WHATS`; ``day`` the first day it is so.

    A warning's ``day`` is the day the licence ends and ``days`` the threshold it is given at; else that is 0.
    ``licence_id``: the licence that ends, or the one that continues it.
    """

    what: str
    provider_id: int
    licence_id: int
    kind: str
    day: date
    codes: tuple[int, ...]
    days: int = 0


def decide(
    ends: Iterable[End], day: date, warnings: Iterable[int], effect: Callable[[str, date], str]
) -> list[tuple[Consequence, tuple[End, ...]]]:
    """What the ends of licences bring about on a day, with the ends each of it comes from. Pure.

    ``effect(kind, day)``: suspends, ends or noted.
    """
    grouped: dict[int, list[End]] = {}
    for end in ends:
        grouped.setdefault(end.period_id, []).append(end)
    found = []
    for group in grouped.values():
        first = group[0]
        left = (first.ends - day).days
        due = min((days for days in warnings if days >= left), default=None)
        if left <= 0:
            what, days = _EFFECTS[effect(first.kind, first.ends)], 0
        elif due is not None and f"{WARNED} {due}" not in first.warned:
            what, days = WARNED, due
        else:
            continue
        codes = tuple(end.code for end in group)
        told = Consequence(
            what, first.provider_id, first.licence_id, first.kind, first.ends, codes, days
        )  # fmt: skip
        found.append((told, tuple(group)))
    return found


def due_on(day: date) -> list[int]:
    """The providers a day (or a day before it that nobody looked at) concerns; nothing is written."""
    due = {told.provider_id for told, _ends in _decided(day, None)}
    return sorted(due | {one.provider_id for one in _returns(day, None)})


@transaction.atomic
def apply_lapses(*, provider_id: int, on: date, by: str, at: datetime) -> list[Consequence]:
    """Do what a day brings for one provider and say what happened; done already, nothing happens again.

    The caller may wrap it in its own transaction, to write letters or close accounts with it.
    """
    revisions.hold()
    happened = []
    for told, ends in _decided(on, provider_id):
        if told.what == WARNED:
            LapseNotice.objects.create(
                period_id=ends[0].period_id, what=f"{WARNED} {told.days}", day=told.day, at=at
            )
        else:
            _close(told, ends, by=by, at=at)
        happened.append(told)
    happened += _reopen(provider_id, on, by=by, at=at)
    for told in happened:
        data = {
            "what": told.what, "licence": told.licence_id, "kind": told.kind, "day": str(told.day),
            "days": told.days, "codes": list(told.codes),
        }  # fmt: skip
        subject = ("provider", provider_id)
        record_event(action="registry.apply_lapses", subject=subject, by=by, at=at, data=data)
    return happened


def _decided(day: date, provider_id: int | None) -> list[tuple[Consequence, tuple[End, ...]]]:
    warnings = published.warning_days(day)
    last = day + timedelta(days=max(warnings, default=0))
    rows = _rows(_ENDS, "l.provider_id", provider_id, last=last)
    return decide((End(*row) for row in rows), day, warnings, published.on_lapse)


def _returns(day: date, provider_id: int | None) -> list[Return]:
    return [Return(*row) for row in _rows(_RETURNS, "m.provider_id", provider_id, day=day)]


def _rows(query: str, column: str, provider_id: int | None, **values: date) -> list[tuple[object, ...]]:
    which, whose = ("true", "true") if provider_id is None else (f"{column} = %(provider)s", _WHOSE)
    with connection.cursor() as cursor:
        cursor.execute(query.format(which=which, whose=whose), {"provider": provider_id, **values})
        return cursor.fetchall()


def _close(told: Consequence, ends: tuple[End, ...], *, by: str, at: datetime) -> None:
    """Suspend or end the codes of a licence from its end on, and note it."""
    why = f"{told.kind} ended"
    if told.what == SUSPENDED:
        revision = revisions.take(action="registry.apply_lapses", by=by, at=at)
        for end in ends:
            key = {"code_id": end.code_id, "licence_id": end.licence_id}
            history.put(Suspension, key, {"why": why}, valid_from=end.ends, revision=revision)
    for end in ends:
        day = max(end.ends, end.begins)
        if told.what == ENDED:
            withdraw_code(code=end.code, valid_until=day, why=why, by=by, at=at)
        LapseNotice.objects.create(
            period_id=end.period_id, what=told.what, code_id=end.code_id, day=day, at=at
        )


def _reopen(provider_id: int, on: date, *, by: str, at: datetime) -> list[Consequence]:
    """Open what licences recorded since then continue; a later licence's end is a matter of its own."""
    happened = []
    for one in _returns(on, provider_id):
        holds = one.valid_until is None or one.valid_until > on
        day = max(one.valid_from, one.closed_from)
        if one.is_end:
            is_open = _open_again(one, day, by=by, at=at)
        else:
            until = None if holds else one.valid_until
            is_open = _lift(one, day, until, by=by, at=at) and holds
        _notice, is_new = LapseNotice.objects.get_or_create(
            period_id=one.period_id, what=REOPENED, code_id=one.code_id, defaults={"day": day, "at": at}
        )
        if is_open and is_new:
            told = Consequence(REOPENED, provider_id, one.licence_id, one.kind, day, (one.code,))
            happened.append(told)
    return happened


def _lift(one: Return, day: date, until: date | None, *, by: str, at: datetime) -> bool:
    """Cut the days a licence covers out of the suspension; False when an earlier one covered them."""
    revision = revisions.take(action="registry.apply_lapses", by=by, at=at)
    key = {"code_id": one.code_id, "licence_id": one.lapsed_id}
    return history.clear(Suspension, key, valid_from=day, valid_until=until, revision=revision) > 0


def _open_again(one: Return, day: date, *, by: str, at: datetime) -> bool:
    """Let a code that a lapse ended hold again until the end that was planned for it; False: that is over,
    or it was opened already."""
    # Two licences may have ended it on the same day: what was planned stands before the first of them.
    changed = ProviderCodeBefore.objects.filter(code=one.code).exclude(valid_until=one.closed_from)
    before = changed.order_by("-superseded").first()
    planned = before.valid_until if before else None
    is_ended = ProviderCode.objects.filter(code=one.code, valid_until=one.closed_from).exists()
    if not is_ended or (planned is not None and planned <= day):
        return False
    reopen_code(
        code=one.code, valid_from=day, valid_until=planned, why=f"{one.kind} continued", by=by, at=at
    )  # fmt: skip
    return True
