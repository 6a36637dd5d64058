"""What the applicant does: open, answer, fill in, submit, answer what was asked back, withdraw, appeal."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework import queries
from caisse.fund.casework.actions import letters
from caisse.fund.casework.actions.moving import audit, locked, move, note
from caisse.fund.casework.errors import CaseMoved, NotOffered, StillMissing, UnknownCase, WrongDay
from caisse.fund.casework.keys import hash_of_key, new_key
from caisse.fund.casework.lifecycle import CLOSED, OPEN_TO_APPLICANT
from caisse.fund.casework.models import Case, CaseCounter, Decision, Question, Submission

#: The longest value of one field of a sheet, in characters: more is cut off before anything looks at it.
LONGEST_VALUE = 20_000


@dataclass(frozen=True, slots=True)
class Opened:
    """A new case and the secret of the link that leads to it; the fund keeps only the secret's hash."""

    case_id: int
    number: str
    key: str


@dataclass(frozen=True, slots=True)
class NewCase:
    """What a case is opened with; ``profession`` may be empty by mail, ``about_id`` names an earlier case."""

    kind: str
    profession: str
    email: str
    language: str
    door: str
    owner_id: int | None = None
    provider_id: int | None = None
    code: int | None = None
    about_id: int | None = None


@transaction.atomic
def open_case(*, new: NewCase, by: str, at: datetime) -> Opened:
    """Open a draft under the next number of its year.

    Raises NotOffered when the catalogue of the day has no such procedure for the profession.
    """
    day = timezone.localdate(at)
    catalogue = catalogue_on(day)
    if new.profession and not queries.offers(catalogue, new.kind, new.profession):
        raise NotOffered(f"{new.kind}, {new.profession}")
    key = new_key()
    case = Case.objects.create(
        **asdict(new), number=_next_number(day.year), edition=catalogue.edition, state_at=at, opened_at=at,
        key_hash=hash_of_key(key),
    )  # fmt: skip
    data = {"kind": new.kind, "profession": new.profession, "door": new.door}
    note(case, "opened", by=by, at=at, data=data, shown=True)
    audit(case, "case.opened", by=by, at=at, data=data)
    return Opened(case.pk, case.number, key)


def _next_number(year: int) -> str:
    CaseCounter.objects.get_or_create(year=year)
    counter = CaseCounter.objects.select_for_update().get(year=year)
    counter.last += 1
    counter.save()
    return f"{year}-{counter.last:06d}"


@transaction.atomic
def renew_key(*, case_id: int, by: str, at: datetime) -> str:
    """A new secret for the link to the case; the old link leads nowhere from now on."""
    case = locked(case_id)
    key = new_key()
    case.key_hash = hash_of_key(key)
    case.save(update_fields=["key_hash"])
    audit(case, "case.key_renewed", by=by, at=at)
    return key


@transaction.atomic
def adopt_case(*, case_id: int, user_id: int, by: str, at: datetime) -> None:
    """Let a signed-in person who followed the case's link own it; raises CaseMoved when another does."""
    case = locked(case_id)
    if case.owner_id not in (None, user_id):
        raise CaseMoved("It has an owner.")
    case.owner_id = user_id
    case.save(update_fields=["owner"])
    audit(case, "case.adopted", by=by, at=at)


@transaction.atomic
def choose_profession(*, case_id: int, profession: str, by: str, at: datetime) -> None:
    """Say (or correct) which profession a draft is about; answers that no longer apply are kept unused."""
    case = locked(case_id, states=("draft",))
    if not queries.offers(queries.catalogue_of(case), case.kind, profession):
        raise NotOffered(f"{case.kind}, {profession}")
    case.profession = profession
    case.save(update_fields=["profession"])
    audit(case, "case.profession_chosen", by=by, at=at, data={"profession": profession})


@transaction.atomic
def answer_facts(
    *,
    case_id: int,
    facts: Mapping[str, bool],
    counts: Mapping[str, int] | None = None,
    by: str,
    at: datetime,
) -> None:
    """Keep the yes/no answers that decide what is asked for; unknown questions are left out."""
    case = locked(case_id, states=OPEN_TO_APPLICANT)
    known = {fact.key for fact in queries.catalogue_of(case).facts_for(case.kind, case.profession)}
    case.facts = {**case.facts, **{key: bool(value) for key, value in facts.items() if key in known}}
    case.counts = {
        **case.counts,
        **{key: max(1, min(int(value), 50)) for key, value in (counts or {}).items()},
    }
    case.save(update_fields=["facts", "counts"])
    audit(case, "case.facts_answered", by=by, at=at, data={"facts": sorted(facts)})


@transaction.atomic
def fill_sheet(*, case_id: int, values: Mapping[str, str], by: str, at: datetime) -> None:
    """Keep fields of the sheet as they were typed; what is wrong with them `queries.missing` tells."""
    case = locked(case_id, states=OPEN_TO_APPLICANT)
    known = {
        field.name for field in queries.catalogue_of(case).fields(case.kind, case.profession, case.facts)
    }
    typed = {name: _storable(value) for name, value in values.items() if name in known}
    case.sheet = {**case.sheet, **typed}
    case.save(update_fields=["sheet"])
    audit(case, "case.sheet_filled", by=by, at=at, data={"fields": sorted(typed)})


def _storable(value: object) -> str:
    """What was typed, without the one character PostgreSQL cannot keep."""
    return str(value)[:LONGEST_VALUE].replace("\x00", "")


@transaction.atomic
def answer_question(*, question_id: int, case_id: int, answer: str, by: str, at: datetime) -> None:
    """Keep the applicant's words to something that was asked back; it counts once the case is submitted."""
    case = locked(case_id, states=("incomplete",))
    question = Question.objects.filter(pk=question_id, case=case, answered_at__isnull=True).first()
    if question is None:
        raise UnknownCase
    question.answer = _storable(answer)
    question.save(update_fields=["answer"])
    audit(case, "case.question_answered", by=by, at=at, data={"question": question.pk})


@transaction.atomic
def submit_case(*, case_id: int, by: str, at: datetime) -> int:
    """Hand the case in, for the first time or again; the number of this submission.

    Raises StillMissing while `queries.missing` lists anything.
    """
    case = locked(case_id, states=OPEN_TO_APPLICANT)
    if queries.missing(case, on=timezone.localdate(at)):
        raise StillMissing
    number = case.submissions.count() + 1
    standing = queries.standing_documents(case)
    Submission.objects.create(
        case=case, number=number, at=at, by=by, facts=case.facts, sheet=case.sheet,
        documents=[{"id": one.pk, "place": one.place, "sha256": one.sha256} for one in standing],
    )  # fmt: skip
    case.questions.filter(answered_at__isnull=True).update(answered_at=at)
    if case.state == "draft":
        case.submitted_at = at
        move(case, "submitted", by=by, at=at)
        letters.write_letter(case, "submitted", by=by, at=at)
    else:
        move(case, "in_review", by=by, at=at)
    return number


@transaction.atomic
def withdraw_case(*, case_id: int, by: str, at: datetime, why: str = "") -> None:
    """Let the applicant take the case back; it stays readable and its number is not given again."""
    case = locked(case_id)
    if case.state in CLOSED:
        raise CaseMoved(f"It is {case.state}.")
    case.decisions.filter(final_at__isnull=True, returned_at__isnull=True).update(returned_at=at)
    move(case, "withdrawn", by=by, at=at, why=why)


@transaction.atomic
def lapse_case(*, case_id: int, by: str, at: datetime, later: bool = False) -> bool:
    """Close a case whose question was not answered in time; False when there is nothing (more) to do."""
    case = locked(case_id)
    if case.state != "incomplete" or case.due_on is None or timezone.localdate(at) < case.due_on:
        return False
    letters.write_letter(case, "lapsed", by=by, at=at, later=later)
    move(case, "lapsed", by=by, at=at, why="not answered in time")
    return True


@transaction.atomic
def lapse_draft(*, case_id: int, by: str, at: datetime) -> bool:
    """Close a draft that was never submitted; False when it is none (any more)."""
    case = locked(case_id)
    if case.state != "draft":
        return False
    move(case, "lapsed", by=by, at=at, why="never submitted")
    return True


@transaction.atomic
def file_appeal(
    *, case_id: int, text: str, received_on: date, email: str, door: str, by: str, at: datetime,
    owner_id: int | None = None,
) -> Opened:  # fmt: skip
    """Open an appeal against a refusal as a case of its own, with the day it reached any institution.

    An appeal that comes late, or that was sent elsewhere first, is taken in all the same: whether it is in
    time is decided, not assumed (regulation of 24.12.1993, art. 1-3).
    """
    refused = locked(case_id, states=("refused",))
    if received_on > timezone.localdate(at):
        raise WrongDay("The appeal cannot have come in the future.")
    if not queries.may_be_opposed(refused):
        raise CaseMoved("The decision has been opposed already, or is one on an opposition.")
    decision = Decision.objects.filter(case=refused, final_at__isnull=False).latest("final_at")
    new = NewCase(
        "appeal", refused.profession, email, refused.language, door, owner_id or refused.owner_id,
        refused.provider_id, refused.code, refused.pk,
    )  # fmt: skip
    opened = open_case(new=new, by=by, at=at)
    appeal = locked(opened.case_id)
    asked = {one.name for one in queries.catalogue_of(appeal).fields("appeal", appeal.profession, {})}
    appeal.sheet = {
        **{name: value for name, value in refused.sheet.items() if name in asked},
        "decision_number": refused.number, "grounds": text[:20_000], "email": email,
        "notified_on": str(timezone.localdate(decision.final_at)),
    }  # fmt: skip
    note(
        appeal, "appeal", by=by, at=at, text=text[:20_000],
        data={"received_on": str(received_on), "decision": decision.pk}, shown=True,
    )  # fmt: skip
    Submission.objects.create(case=appeal, number=1, at=at, by=by, facts={}, sheet=appeal.sheet, documents=[])
    appeal.submitted_at = at
    move(appeal, "submitted", by=by, at=at)
    letters.write_letter(appeal, "appealed", by=by, at=at, decision=decision)
    return opened
