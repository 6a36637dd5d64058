"""Deciding: proposed by one officer, where the catalogue says so confirmed by another, then carried out."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from caisse.fund.casework import consents, queries
from caisse.fund.casework.actions import letters
from caisse.fund.casework.actions.moving import audit, by_officer, locked, move, note
from caisse.fund.casework.effects import EFFECTS
from caisse.fund.casework.errors import (
    BoardNeeded,
    CaseMoved,
    NotJudged,
    NotSigned,
    ReasonNeeded,
    SecondPersonNeeded,
    WrongDay,
)
from caisse.fund.casework.models import Case, Decision


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an officer wants decided: "granted" or "refused", with the grounds the letter gives."""

    outcome: str
    grounds: str = ""
    effective_from: date | None = None


@transaction.atomic
def propose_decision(*, case_id: int, verdict: Verdict, officer_id: int, at: datetime) -> str:
    """Decide a case under review, or propose it when a second pair of eyes is needed; the case's state then.

    Raises NotJudged, ReasonNeeded (a refusal without grounds), BoardNeeded or WrongDay.
    """
    case = locked(case_id, states=("in_review",))
    by = by_officer(case, officer_id)
    if queries.needs_board(case):
        raise BoardNeeded
    decision = _draft(case, verdict, officer_id, at)
    if queries.case_kind(case).four_eyes:
        move(case, "proposed", by=by, at=at)
        audit(case, "case.decision_proposed", by=by, at=at, data={"outcome": verdict.outcome})
    else:
        conclude(case, decision, by=by, at=at)
    return case.state


@transaction.atomic
def confirm_decision(*, case_id: int, officer_id: int, at: datetime) -> str:
    """Confirm what a colleague proposed, and carry it out; the case's state then."""
    case = locked(case_id, states=("proposed",))
    by = by_officer(case, officer_id)
    decision = open_decision(case)
    if decision.proposed_by_id == officer_id:
        raise SecondPersonNeeded
    decision.confirmed_by_id, decision.confirmed_at = officer_id, at
    decision.save(update_fields=["confirmed_by", "confirmed_at"])
    audit(case, "case.decision_confirmed", by=by, at=at, data={"outcome": decision.outcome})
    conclude(case, decision, by=by, at=at)
    return case.state


@transaction.atomic
def return_proposal(*, case_id: int, reason: str, officer_id: int, at: datetime) -> None:
    """Send a proposed decision back to the colleague with a reason; anyone but the applicant may."""
    case = locked(case_id, states=("proposed",))
    by = by_officer(case, officer_id)
    if not reason.strip():
        raise ReasonNeeded
    decision = open_decision(case)
    decision.returned_at = at
    decision.save(update_fields=["returned_at"])
    move(case, "in_review", by=by, at=at)
    note(case, "returned", by=by, at=at, text=reason.strip())


@transaction.atomic
def object_to_change(*, case_id: int, text: str, by: str, at: datetime) -> None:
    """Stop a change that waits out its cooling-off time: its holder says that it is not his or hers."""
    case = locked(case_id, states=("cooling_off",))
    decision = open_decision(case)
    decision.returned_at = at
    decision.save(update_fields=["returned_at"])
    move(case, "in_review", by=by, at=at)
    note(case, "objection", by=by, at=at, text=text.strip()[:20_000], shown=True)


@transaction.atomic
def end_cooling_off(*, case_id: int, by: str, at: datetime, later: bool = False) -> bool:
    """Carry out a change whose cooling-off time is over; False when there is nothing (more) to do."""
    case = locked(case_id)
    if case.state != "cooling_off":
        return False
    decision = open_decision(case)
    if decision.holds_until is None or timezone.localdate(at) < decision.holds_until:
        return False
    _carry_out(case, decision, by=by, at=at, later=later)
    return True


def open_decision(case: Case) -> Decision:
    """The decision of a case that is not final yet; raises CaseMoved when there is none."""
    decision = case.decisions.filter(final_at__isnull=True, returned_at__isnull=True).first()
    if decision is None:
        raise CaseMoved("No decision is open.")
    return decision


def draft_of_board(case: Case, verdict: Verdict, officer_id: int, at: datetime) -> Decision:
    """The decision that the Board took, entered by whoever keeps its minutes."""
    return _draft(case, verdict, officer_id, at)


def _draft(case: Case, verdict: Verdict, officer_id: int, at: datetime) -> Decision:
    if verdict.outcome == "refused" and not verdict.grounds.strip():
        raise ReasonNeeded
    effective = None
    if verdict.outcome == "granted":
        if queries.not_accepted(case):
            raise NotJudged
        effective = verdict.effective_from or queries.wanted_from(case) or timezone.localdate(at)
        if queries.unsigned(case).exists() or consents.lacking(case, effective):
            raise NotSigned
        earliest = queries.earliest_effect(case)
        if earliest is not None and effective < earliest:
            raise WrongDay(f"It cannot take effect before {earliest}.")
    return Decision.objects.create(
        case=case, outcome=verdict.outcome, grounds=verdict.grounds.strip(), effective_from=effective,
        proposed_by_id=officer_id, proposed_at=at,
    )  # fmt: skip


def conclude(case: Case, decision: Decision, *, by: str, at: datetime) -> None:
    """Carry a decision out, or let a granted change wait out its cooling-off time first."""
    days = queries.cooling_off_days(case) if decision.outcome == "granted" else 0
    if not days:
        _carry_out(case, decision, by=by, at=at)
        return
    decision.holds_until = timezone.localdate(at) + timedelta(days=days)
    decision.save(update_fields=["holds_until"])
    move(case, "cooling_off", by=by, at=at)
    letters.write_letter(case, "cooling_off", by=by, at=at, decision=decision)


def _carry_out(case: Case, decision: Decision, *, by: str, at: datetime, later: bool = False) -> None:
    """The effect on the register, the case's end and the letter: all of it or nothing."""
    if decision.outcome == "granted":
        effect = EFFECTS[queries.case_kind(case).effect]
        decision.result = effect(case=case, decision=decision, by=by, at=at)
    decision.final_at = at
    decision.save(update_fields=["result", "final_at"])
    move(case, decision.outcome, by=by, at=at)
    letters.write_letter(case, decision.outcome, by=by, at=at, decision=decision, later=later)
