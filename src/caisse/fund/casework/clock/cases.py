"""The clock's steps about cases and the Board: reminders, cases that lapse, changes carried out, sessions."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Max, Q
from django.utils import timezone

from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework import queries
from caisse.fund.casework.actions import applications, board, decisions, signatures
from caisse.fund.casework.actions.moving import locked, note
from caisse.fund.casework.clock.running import done_among, once
from caisse.fund.casework.clock.telling import last_day, say
from caisse.fund.casework.errors import WrongDay
from caisse.fund.casework.models import BoardSession, Case, Decision
from caisse.fund.notices.actions import queue_mail

REMINDED, DRAFT_REMINDED, SIGNERS_REMINDED = "case.reminded", "draft.reminded", "signers.reminded"
#: Sessions of the Board are planned for this month and so many more.
_MONTHS_AHEAD = 2
_DAY = timedelta(days=1)


def _period(case: Case, key: str) -> timedelta:
    return timedelta(days=queries.catalogue_of(case).period(key))


def answers_to_remind(day: date) -> list[int]:
    """Cases that wait for an answer whose last day is near, and were not reminded of it."""
    waiting = Case.objects.filter(state="incomplete", due_on__gt=day, due_on__lte=day + timedelta(days=92))
    late = {
        _answer_key(case): case.pk
        for case in waiting.order_by("pk")
        if case.due_on - _period(case, "answer_reminder_days") <= day
    }
    done = done_among(REMINDED, late)
    return [case for key, case in late.items() if key not in done]


def _answer_key(case: Case) -> str:
    return f"{case.number} {case.due_on}"


def remind_answer(case_id: int, *, day: date, by: str, at: datetime) -> int:
    """Remind an applicant that the fund waits for an answer."""
    case = locked(case_id)
    if case.state != "incomplete" or case.due_on is None or case.due_on <= day:
        return 0
    if not once(REMINDED, _answer_key(case), day=day, at=at):
        return 0
    if case.due_on > timezone.localdate(at):
        _remind(case, "answer_reminder", last_day(case.due_on), by, at)
    return 1


def _remind(case: Case, name: str, last: date, by: str, at: datetime) -> None:
    holes = {
        "case": case.number, "last_day": last, "portal": settings.FUND.pages.url, "fund": settings.FUND.name
    }  # fmt: skip
    subject = say(f"{name}_subject", case.language, case=case.number)
    queue_mail(
        to=case.email, subject=subject, text=say(name, case.language, **holes) + "\n", language=case.language,
        about=("case", case.number), by=by, at=at,
    )  # fmt: skip
    note(case, "reminder", by=by, at=at, text=subject, shown=True)


def unanswered(day: date, **only: int) -> list[int]:
    """Cases to be closed because what was asked back never came; the deadline has its own days of grace."""
    late = Case.objects.filter(state="incomplete", due_on__lte=day, **only).order_by("pk")
    return [case.pk for case in late if case.due_on + _period(case, "closing_days") <= day]


def lapse_unanswered(case_id: int, *, day: date, by: str, at: datetime) -> int:
    """Close a case that was never answered."""
    locked(case_id)
    due = unanswered(day, pk=case_id)
    return int(bool(due) and applications.lapse_case(case_id=case_id, by=by, at=at, later=True))


def _stale(day: date, **only: int) -> Iterator[tuple[Case, date]]:
    """Drafts nobody has touched for a while, with the first day on which they are kept no longer."""
    touched = Max("entries__at", filter=~Q(entries__kind="reminder"))
    for case in Case.objects.filter(state="draft", **only).annotate(touched=touched).order_by("pk"):
        since = timezone.localdate(case.touched or case.opened_at)
        closes = since + _period(case, "draft_days")
        if closes - _period(case, "draft_reminder_days") <= day:
            yield case, closes


def _draft_key(case: Case, closes: date) -> str:
    return f"{case.number} {closes}"


def drafts_to_remind(day: date) -> list[int]:
    """Drafts that will be closed soon, and whose applicant does not know it yet."""
    stale = {_draft_key(case, closes): case.pk for case, closes in _stale(day)}
    done = done_among(DRAFT_REMINDED, stale)
    return [case for key, case in stale.items() if key not in done]


def remind_draft(case_id: int, *, day: date, by: str, at: datetime) -> int:
    """Tell an applicant until when a draft can be submitted; counted from the day this is written."""
    case = locked(case_id)
    closes = next((until for _case, until in _stale(day, pk=case_id)), None)
    if closes is None or not once(DRAFT_REMINDED, _draft_key(case, closes), day=day, at=at):
        return 0
    left = _period(case, "draft_reminder_days")
    _remind(case, "draft_reminder", last_day(timezone.localdate(at) + left), by, at)
    return 1


def stale_drafts(day: date, **only: int) -> list[int]:
    """Drafts to be closed: nobody touched them since the reminder, and the time it gave is over."""
    stale = {_draft_key(case, closes): case for case, closes in _stale(day, **only)}
    return [
        stale[key].pk
        for key, told in done_among(DRAFT_REMINDED, stale).items()
        if timezone.localdate(told) + _period(stale[key], "draft_reminder_days") <= day
    ]


def lapse_draft(case_id: int, *, day: date, by: str, at: datetime) -> int:
    """Close a draft that was never submitted; its documents are kept like those of any closed case."""
    locked(case_id)
    due = stale_drafts(day, pk=case_id)
    return int(bool(due) and applications.lapse_draft(case_id=case_id, by=by, at=at))


def _signing_key(case: Case) -> str:
    """The time to sign begins with the day on which the case began to wait."""
    return f"{case.number} {timezone.localdate(case.state_at)}"


def signatures_to_remind(day: date) -> list[int]:
    """Cases that wait for signatures whose time is nearly over, and whose signers were not reminded."""
    waiting = Case.objects.filter(state="awaiting_signatures", due_on__lte=day + timedelta(days=92))
    late = {
        _signing_key(case): case.pk
        for case in waiting.order_by("pk")
        if case.due_on - _period(case, "signature_reminder_days") <= day
    }
    done = done_among(SIGNERS_REMINDED, late)
    return [case for key, case in late.items() if key not in done]


def remind_signers(case_id: int, *, day: date, by: str, at: datetime) -> int:
    """Remind everybody who has not signed; a reminder that comes late gives as many days as one in time."""
    case = locked(case_id)
    if case.state != "awaiting_signatures" or case.due_on is None:
        return 0
    left = _period(case, "signature_reminder_days")
    if case.due_on - left > day or not once(SIGNERS_REMINDED, _signing_key(case), day=day, at=at):
        return 0
    case.due_on = max(case.due_on, timezone.localdate(at) + left)
    case.save(update_fields=["due_on"])
    signatures.remind_signers(case, by=by, at=at)
    return 1


def unsigned(day: date, **only: int) -> list[int]:
    """Cases to be closed because not everybody signed although reminded; none while somebody was not told."""
    late = Case.objects.filter(state="awaiting_signatures", due_on__lte=day, **only).order_by("pk")
    keys = {_signing_key(case): case.pk for case in late if not queries.untold(case).exists()}
    return [keys[key] for key in done_among(SIGNERS_REMINDED, keys)]


def lapse_unsigned(case_id: int, *, day: date, by: str, at: datetime) -> int:
    """Close a case that not everybody signed."""
    locked(case_id)
    due = unsigned(day, pk=case_id)
    return int(bool(due) and signatures.lapse_unsigned(case_id=case_id, by=by, at=at))


def cooled_off(day: date) -> list[int]:
    """Cases whose granted change has waited long enough."""
    over = Decision.objects.filter(
        final_at__isnull=True, returned_at__isnull=True, holds_until__lte=day, case__state="cooling_off"
    )
    return list(over.order_by("case_id").values_list("case_id", flat=True))


def carry_out(case_id: int, *, day: date, by: str, at: datetime) -> int:  # noqa: ARG001 - as every step
    """Carry out a change whose cooling-off time is over."""
    return int(decisions.end_cooling_off(case_id=case_id, by=by, at=at, later=True))


def sessions_to_plan(day: date) -> list[date]:
    """The Board's regular days of this and the next months for which nobody planned or cancelled any."""
    known = {(one.year, one.month) for one in BoardSession.objects.values_list("day", flat=True)}
    months = [_month(day, ahead) for ahead in range(_MONTHS_AHEAD + 1)]
    regular = [regular_session(month) for month in months if (month.year, month.month) not in known]
    return [one for one in regular if one > day]


def _month(day: date, ahead: int) -> date:
    months = day.year * 12 + day.month - 1 + ahead
    return date(months // 12, months % 12 + 1, 1)


def regular_session(month: date) -> date:
    """The Board's day in a month, such as its third Wednesday."""
    catalogue = catalogue_on(month)
    week, weekday = catalogue.period("board_week"), catalogue.period("board_day")
    first = month + (weekday - month.isoweekday()) % 7 * _DAY
    return first + (week - 1) * 7 * _DAY


def plan_session(session: date, *, day: date, by: str, at: datetime) -> int:
    """Plan a regular session of the Board."""
    if session not in sessions_to_plan(day):
        return 0
    try:
        board.plan_session(day=session, by=by, at=at)
    except WrongDay:
        return 0
    return 1
