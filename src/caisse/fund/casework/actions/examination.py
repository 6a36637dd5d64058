"""What the officer does before deciding: take, assign, judge documents, ask back, note, sort."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from caisse.agreement.lifecycle import may_move
from caisse.agreement.tables.professions.answers import impossible_dates
from caisse.fund.casework import queries
from caisse.fund.casework.actions import letters
from caisse.fund.casework.actions.moving import audit, by_officer, locked, move, note
from caisse.fund.casework.documents import scanning
from caisse.fund.casework.errors import CaseMoved, NotScanned, ReasonNeeded, UnknownCase, WrongDay
from caisse.fund.casework.lifecycle import CLOSED, DOCUMENT
from caisse.fund.casework.models import Case, CaseDocument, Question
from caisse.fund.exchange.store import Store


@transaction.atomic
def take_case(*, case_id: int, officer_id: int, at: datetime) -> None:
    """Take a case that nobody works on, or one's own again; raises CaseMoved when a colleague has it."""
    case = locked(case_id)
    by = by_officer(case, officer_id)
    if case.state in CLOSED or case.assigned_to_id not in (None, officer_id):
        raise CaseMoved("A colleague works on it." if case.assigned_to_id else f"It is {case.state}.")
    case.assigned_to_id = officer_id
    if case.state == "submitted":
        move(case, "in_review", by=by, at=at)
    else:
        case.save(update_fields=["assigned_to"])
    audit(case, "case.taken", by=by, at=at)


@transaction.atomic
def assign_case(*, case_id: int, to_id: int | None, officer_id: int, at: datetime) -> None:
    """Give an open case to a colleague, or (None) back to the queue."""
    case = locked(case_id)
    by = by_officer(case, officer_id)
    if case.state in CLOSED:
        raise CaseMoved(f"It is {case.state}.")
    if to_id is not None:
        by_officer(case, to_id)
    case.assigned_to_id = to_id
    if case.state == "submitted" and to_id is not None:
        move(case, "in_review", by=by, at=at)
    else:
        case.save(update_fields=["assigned_to"])
    note(case, "assigned", by=by, at=at, data={"to": to_id})
    audit(case, "case.assigned", by=by, at=at, data={"to": to_id})


@transaction.atomic
def judge_document(
    *,
    document_id: int,
    accepted: bool,
    reason: str = "",
    seen: str | None = None,
    officer_id: int,
    at: datetime,
) -> None:
    """Accept or refuse one document; a refusal needs a reason, which the applicant reads.

    ``seen``: when it was judged last as the officer's page has it (ISO 8601, or empty); judged again since,
    it raises CaseMoved.
    """
    case, document = _locked_with(document_id, states=("in_review",))
    if seen is not None and seen != (document.judged_at.isoformat() if document.judged_at else ""):
        raise CaseMoved("A colleague has judged the document meanwhile.")
    by = by_officer(case, officer_id)
    to = "accepted" if accepted else "refused"
    if not accepted and not reason.strip():
        raise ReasonNeeded
    if accepted and document.scan == "unreachable":
        _scan_again(document)
    if document.state != to:
        if not may_move(DOCUMENT, document.state, to):
            raise CaseMoved(f"The document is {document.state}.")
        document.state = to
    document.reason, document.judged_by_id, document.judged_at = reason.strip(), officer_id, at
    document.save(update_fields=["state", "reason", "judged_by", "judged_at"])
    data = {"document": document.pk, "place": document.place}
    note(case, f"document_{to}", by=by, at=at, text=document.reason, data=data, shown=not accepted)
    audit(case, f"case.document_{to}", by=by, at=at, data=data)


def _scan_again(document: CaseDocument) -> None:
    """Ask the virus scanner that could not be reached when the document came; raises NotScanned."""
    path = Store(settings.HOME.documents).path(document.sha256)
    document.scan = scanning.scan(path, scanner=settings.FUND.documents.scanner).state
    if document.scan not in ("clean", "not_configured"):
        raise NotScanned
    document.save(update_fields=["scan"])


@transaction.atomic
def sort_document(*, document_id: int, kind: str, part: str = "", by: str, at: datetime) -> None:
    """Say which of the required documents a PDF is that came without a name for it (by mail)."""
    case, document = _locked_with(document_id)
    if case.state in CLOSED or document.state != "received":
        raise CaseMoved(f"The document is {document.state}.")
    if kind not in queries.catalogue_of(case).documents:
        raise UnknownCase(kind)
    case.documents.filter(kind=kind, part=part, state__in=("received", "refused", "accepted")).exclude(
        pk=document.pk
    ).update(state="replaced")
    before, document.kind, document.part = document.kind, kind, part
    document.save(update_fields=["kind", "part"])
    audit(
        case, "case.document_sorted", by=by, at=at, data={"document": document.pk, "from": before, "to": kind}
    )


@transaction.atomic
def date_document(
    *, document_id: int, issued_on: date | None, expires_on: date | None, by: str, at: datetime
) -> None:
    """Correct the days of a document under review; ``expires_on`` is the last one on which it holds.

    Once a decision is proposed nobody changes them. Raises CaseMoved, or WrongDay for impossible days.
    """
    case, document = _locked_with(document_id, states=("in_review",))
    if any(impossible_dates(issued_on, expires_on, timezone.localdate(at))):
        raise WrongDay
    days = {"issued_on": issued_on, "expires_on": expires_on}
    changed = {
        name: [str(getattr(document, name) or ""), str(day or "")]
        for name, day in days.items()
        if getattr(document, name) != day
    }
    document.issued_on, document.expires_on = issued_on, expires_on
    document.save(update_fields=["issued_on", "expires_on"])
    audit(case, "case.document_dated", by=by, at=at, data={"document": document.pk, **changed})


@transaction.atomic
def ask_back(*, case_id: int, questions: Sequence[tuple[str, str]], officer_id: int, at: datetime) -> None:
    """Ask the applicant for what is missing or wrong; the case keeps its number and waits until ``due_on``.

    ``questions``: what each is about (see `Question`) and its words. Refused documents are asked for again
    even without a question of their own. Raises ReasonNeeded when there is nothing to ask.
    """
    case = locked(case_id, states=("in_review",))
    by = by_officer(case, officer_id)
    asked = [(about, text.strip()) for about, text in questions if text.strip()]
    if not asked and not case.documents.filter(state="refused").exists():
        raise ReasonNeeded
    for about, text in asked:
        Question.objects.create(case=case, about=about[:80], text=text, asked_at=at, asked_by_id=officer_id)
    case.assigned_to_id = case.assigned_to_id or officer_id
    days = queries.case_kind(case).answer_days
    move(case, "incomplete", by=by, at=at)
    case.due_on = timezone.localdate(at) + timedelta(days=days)
    case.save(update_fields=["due_on"])
    letters.write_letter(case, "ask_back", by=by, at=at)


@transaction.atomic
def write_note(*, case_id: int, text: str, officer_id: int, at: datetime) -> None:
    """Keep a note for colleagues in the case; the applicant does not see it."""
    case = locked(case_id)
    by = by_officer(case, officer_id)
    if not text.strip():
        raise ReasonNeeded
    last = case.entries.order_by("-pk").first()
    if last and (last.kind, last.by, last.text) == ("note", by, text.strip()[:20_000]):
        return  # the same form, sent twice
    note(case, "note", by=by, at=at, text=text.strip()[:20_000])
    audit(case, "case.noted", by=by, at=at)


def _locked_with(document_id: int, *, states: Collection[str] = ()) -> tuple[Case, CaseDocument]:
    """The case of a document and the document, both held: always the case first, as everybody does."""
    case_id = CaseDocument.objects.filter(pk=document_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise UnknownCase
    case = locked(case_id, states=states)
    return case, CaseDocument.objects.select_for_update().get(pk=document_id)


@transaction.atomic
def note_reading(*, case_id: int, what: str, by: str, at: datetime) -> None:
    """Record that somebody of the fund read a case or one of its documents."""
    case = Case.objects.filter(pk=case_id).first()
    if case is None:
        raise UnknownCase
    audit(case, "case.read", by=by, at=at, data={"what": what})
