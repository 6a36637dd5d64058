"""Sessions of the Board, which grants the agreement to suppliers: agenda before, minutes after."""

from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.timezone import localdate as day_of

from caisse.agreement.lifecycle import may_move
from caisse.fund.audit.actions import record_event
from caisse.fund.casework import letter_contents, queries
from caisse.fund.casework.actions import letters
from caisse.fund.casework.actions.decisions import Verdict, conclude, draft_of_board
from caisse.fund.casework.actions.moving import audit, by_officer, locked, move, note
from caisse.fund.casework.errors import CaseMoved, NotJudged, NotOffered, ReasonNeeded, UnknownCase, WrongDay
from caisse.fund.casework.lifecycle import SESSION
from caisse.fund.casework.models import BOARD_OUTCOMES, BoardItem, BoardSession


@transaction.atomic
def plan_session(*, day: date, by: str, at: datetime) -> int:
    """Enter a session of the Board; raises WrongDay when one is planned for that day."""
    try:
        with transaction.atomic():
            session = BoardSession.objects.create(day=day)
    except IntegrityError:
        raise WrongDay(f"A session is planned for {day}.") from None
    record_event(
        action="board.planned", by=by, at=at, subject=("session", session.pk), data={"day": str(day)}
    )
    return session.pk


@transaction.atomic
def send_to_board(*, case_id: int, recommendation: str, officer_id: int, at: datetime) -> int:
    """Put a complete case on the agenda of the next session that is not convened yet; the session's id."""
    case = locked(case_id, states=("in_review",))
    by = by_officer(case, officer_id)
    if not queries.needs_board(case):
        raise NotOffered("The Board does not decide on this case.")
    if queries.not_accepted(case):
        raise NotJudged
    if not recommendation.strip():
        raise ReasonNeeded
    session = queries.next_session(at)
    if session is None:
        raise WrongDay("No session of the Board is planned. Plan one first.")
    last = session.items.aggregate(last=Max("position"))["last"] or 0
    BoardItem.objects.create(
        session=session, case=case, position=last + 1, recommendation=recommendation.strip()
    )
    move(case, "awaiting_board", by=by, at=at)
    return session.pk


@transaction.atomic
def convene_session(*, session_id: int, by: str, at: datetime) -> int:
    """Fix the agenda of a session and make its PDF; the id of that letter."""
    session = _locked(session_id)
    _move(session, "convened", by=by, at=at)
    session.agenda_id = letters.write_paper(letter_contents.agenda(session, on=day_of(at)), by=by, at=at)
    session.save(update_fields=["agenda"])
    return session.agenda_id


@transaction.atomic
def record_outcome(
    *, item_id: int, outcome: str, note_text: str = "", effective_from: date | None = None, officer_id: int,
    at: datetime,
) -> str:  # fmt: skip
    """Enter what the Board decided on a case; an adjourned one goes back to review. The case's state then."""
    item = BoardItem.objects.select_related("session").filter(pk=item_id).first()
    if item is None or outcome not in BOARD_OUTCOMES:
        raise UnknownCase
    if item.session.state != "convened" or item.outcome:
        raise CaseMoved("The session is not open, or has decided on this case.")
    case = locked(item.case_id, states=("awaiting_board",))
    by = by_officer(case, officer_id)
    item.outcome, item.note = outcome, note_text.strip()
    item.save(update_fields=["outcome", "note"])
    audit(case, "case.board_decided", by=by, at=at, data={"outcome": outcome, "session": item.session_id})
    if outcome == "adjourned":
        move(case, "in_review", by=by, at=at)
        note(case, "adjourned", by=by, at=at, text=item.note)
    else:
        decision = draft_of_board(case, Verdict(outcome, item.note, effective_from), officer_id, at)
        conclude(case, decision, by=by, at=at)
    return case.state


@transaction.atomic
def close_session(*, session_id: int, present: str, by: str, at: datetime) -> int:
    """End a session in which every case was decided or adjourned, and make its minutes; the letter's id.

    ``present``: one name a line; the first was in the chair.
    """
    session = _locked(session_id)
    if session.items.filter(outcome="").exists():
        raise CaseMoved("Not every case of the agenda has an outcome.")
    if not present.strip():
        raise ReasonNeeded("Say who was present.")
    session.present = present.strip()
    _move(session, "held", by=by, at=at)
    session.minutes_id = letters.write_paper(letter_contents.minutes(session, on=day_of(at)), by=by, at=at)
    session.save(update_fields=["present", "minutes"])
    return session.minutes_id


def _locked(session_id: int) -> BoardSession:
    session = BoardSession.objects.select_for_update().filter(pk=session_id).first()
    if session is None:
        raise UnknownCase
    return session


def _move(session: BoardSession, to: str, *, by: str, at: datetime) -> None:
    if not may_move(SESSION, session.state, to):
        raise CaseMoved(f"The session is {session.state}.")
    session.state = to
    session.save(update_fields=["state"])
    record_event(action=f"board.{to}", by=by, at=at, subject=("session", session.pk))
