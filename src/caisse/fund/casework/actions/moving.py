"""What every write shares: the case is locked, moved along its table of states, and its history is kept."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.lifecycle import may_move
from caisse.fund.audit.actions import record_event
from caisse.fund.casework.errors import CaseMoved, OwnCase, UnknownCase
from caisse.fund.casework.involvement import is_own
from caisse.fund.casework.lifecycle import CASE
from caisse.fund.casework.models import Case, Entry


def locked(case_id: int, *, states: Collection[str] = ()) -> Case:
    """The case, held until the transaction ends; UnknownCase, or CaseMoved unless it is in ``states``."""
    case = Case.objects.select_for_update().filter(pk=case_id).first()
    if case is None:
        raise UnknownCase
    if states and case.state not in states:
        raise CaseMoved(f"It is {case.state}.")
    return case


def by_officer(case: Case, officer_id: int) -> str:
    """How an officer's act is recorded; raises OwnCase when the officer is too close to the case."""
    if is_own(case, officer_id):
        raise OwnCase
    return f"user {officer_id}"


def move(case: Case, to: str, *, by: str, at: datetime, why: str = "") -> None:
    """Move a locked case to another state; saves it, its history and the audit event."""
    if not may_move(CASE, case.state, to):
        raise CaseMoved(f"Nothing leads from {case.state} to {to}.")
    before, case.state, case.state_at = case.state, to, at
    if to != "incomplete":
        case.due_on = None
    case.save()
    note(case, "moved", by=by, at=at, data={"from": before, "to": to}, shown=True)
    audit(case, f"case.{to}", by=by, at=at, why=why, data={"from": before})


def note(
    case: Case,
    kind: str,
    *,
    by: str,
    at: datetime,
    text: str = "",
    data: Mapping[str, Any] | None = None,
    shown: bool = False,
) -> Entry:
    """Write one line into the case's history; ``shown``: the applicant sees it too."""
    return Entry.objects.create(
        case=case, at=at, by=by, kind=kind, text=text, data=dict(data or {}), shown=shown
    )


def audit(
    case: Case, action: str, *, by: str, at: datetime, why: str = "", data: Mapping[str, Any] | None = None
) -> None:
    """Record an audit event about the case; ``data`` holds no personal data."""
    if case.pk is None:
        raise BrokenSystem("an event about a case that is not saved")
    record_event(action=action, by=by, at=at, subject=("case", case.number), why=why, data=data)
