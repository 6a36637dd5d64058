"""What is known about a case: what is missing, what changed, who may see it. Nothing here writes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from caisse.agreement.identifiers import provider_code
from caisse.agreement.tables.professions import CaseKind, Catalogue, Requirement
from caisse.agreement.tables.professions import catalogue_of as edition_called
from caisse.fund.casework.keys import hash_of_key
from caisse.fund.casework.lifecycle import STANDING_DOCUMENTS
from caisse.fund.casework.models import BoardSession, Case, CaseDocument, Entry, Letter, place_of
from caisse.fund.casework.sheet_rules import further_faults

#: A document that came without saying which one it is.
UNSORTED = "unsorted"


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that keeps a case from being submitted: where, which kind of lack, and in words.

    ``place``: "profession", "fact:…", "sheet:field", "document:kind" (or "…:part") or "question:id".
    ``why``: unanswered, faulty, absent, refused, misdated or asked.
    """

    place: str
    why: str
    label: Mapping[str, str]
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between the last two submissions: fields, answers, and places of documents."""

    fields: frozenset[str]
    facts: frozenset[str]
    documents: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.fields or self.facts or self.documents)


def catalogue_of(case: Case) -> Catalogue:
    """The edition of the catalogue by which this case is judged: that of the day it was opened."""
    return edition_called(case.edition)


def offers(catalogue: Catalogue, kind: str, profession: str) -> bool:
    """True when the fund has such a procedure for the profession."""
    known, wanted = catalogue.case_kinds.get(kind), catalogue.professions.get(profession)
    if known is None or wanted is None or not wanted.offered:
        return False
    return profession in known.professions


def case_kind(case: Case) -> CaseKind:
    """The catalogue's entry of the case's kind."""
    return catalogue_of(case).case_kinds[case.kind]


def needs_board(case: Case) -> bool:
    """True when the Board decides: an agrément, or an opposition."""
    return catalogue_of(case).needs_board(case.kind, case.profession)


def requirements(case: Case) -> tuple[Requirement, ...]:
    """The documents asked for, given the case's answers."""
    if not case.profession:
        return ()
    return catalogue_of(case).requirements(case.kind, case.profession, case.facts, case.counts)


def standing_documents(case: Case) -> list[CaseDocument]:
    """The documents that count, in the catalogue's order of kinds, unsorted ones last."""
    order = {kind: place for place, kind in enumerate(catalogue_of(case).documents)}
    found = case.documents.filter(state__in=STANDING_DOCUMENTS)
    return sorted(found, key=lambda one: (order.get(one.kind, len(order)), one.part, one.pk))


def missing(case: Case, *, on: date) -> list[Missing]:
    """Everything that keeps the case from being submitted on a day; empty when it is complete."""
    if not case.profession:
        return [Missing("profession", "unanswered", _both("profession"), {})]
    catalogue = catalogue_of(case)
    found = [
        Missing(f"fact:{fact.key}", "unanswered", fact.question, {})
        for fact in catalogue.facts_for(case.kind, case.profession)
        if fact.key not in case.facts
    ]
    found += [
        Missing(f"fact:{fault.field}", "faulty", catalogue.facts[fault.field].question, fault.texts)
        for fault in catalogue.check_facts(case.kind, case.profession, case.facts)
    ]
    labels = {field.name: field.label for field in catalogue.fields(case.kind, case.profession, case.facts)}
    clean, faults = catalogue.check_sheet(case.kind, case.profession, case.facts, case.sheet, on=on)
    found += [Missing(f"sheet:{fault.field}", "faulty", labels[fault.field], fault.texts) for fault in faults]
    if not found:
        found = [
            Missing(f"sheet:{fault.field}", "faulty", labels[fault.field], fault.texts)
            for fault in further_faults(case, clean, on)
        ]
    return [*found, *_documents_missing(case, catalogue, on), *_questions_open(case)]


def _documents_missing(case: Case, catalogue: Catalogue, on: date) -> list[Missing]:
    standing = {(one.kind, one.part): one for one in case.documents.filter(state__in=STANDING_DOCUMENTS)}
    found = []
    for wanted in requirements(case):
        document = standing.get((wanted.document, wanted.part))
        # The sheet filled in on line stands for the paper; a paper that came all the same is judged.
        if wanted.online and document is None:
            continue
        why, detail = _document_lack(catalogue, document, on)
        if why:
            place = place_of(wanted.document, wanted.part)
            found.append(Missing(f"document:{place}", why, wanted.label, detail or wanted.why))
    return found


def _document_lack(catalogue: Catalogue, document: CaseDocument | None, on: date) -> tuple[str, Mapping]:
    """Why the document asked for does not do, with the words for it; ("", {}) when it does."""
    if document is None:
        return "absent", {}
    if document.state == "refused":
        return "refused", _both(document.reason)
    faults = catalogue.check_document(
        document.kind, issued_on=document.issued_on, expires_on=document.expires_on, on=on
    )
    return ("misdated", faults[0].texts) if faults else ("", {})


def _questions_open(case: Case) -> list[Missing]:
    """What was asked back and neither answered in words nor by a change."""
    if case.state != "incomplete":
        return []
    changed = _changes_since_submission(case)
    touched = {f"sheet:{name}" for name in changed.fields} | {f"fact:{name}" for name in changed.facts}
    touched |= {f"document:{place}" for place in changed.documents}
    return [
        Missing(f"question:{one.pk}", "asked", _both(one.text), {})
        for one in case.questions.filter(answered_at__isnull=True, answer="")
        if one.about not in touched
    ]


def _both(text: str) -> Mapping[str, str]:
    return dict.fromkeys(("fr", "de", "en"), text)


def _differing(before: Mapping, after: Mapping) -> frozenset[str]:
    return frozenset(key for key in {*before, *after} if before.get(key) != after.get(key))


def _places(documents: list[dict]) -> dict[str, str]:
    return {one["place"]: one["sha256"] for one in documents}


def changes_since_asked(case: Case) -> Changes:
    """What the applicant changed in the last submission against the one before; empty at the first."""
    last = list(case.submissions.order_by("-number")[:2])
    if len(last) < 2:
        return Changes(frozenset(), frozenset(), frozenset())
    after, before = last
    return Changes(
        _differing(before.sheet, after.sheet),
        _differing(before.facts, after.facts),
        _differing(_places(before.documents), _places(after.documents)),
    )


def _changes_since_submission(case: Case) -> Changes:
    last = case.submissions.order_by("-number").first()
    if last is None:
        return Changes(frozenset(), frozenset(), frozenset())
    now = {one.place: one.sha256 for one in case.documents.filter(state__in=STANDING_DOCUMENTS)}
    return Changes(
        _differing(last.sheet, case.sheet),
        _differing(last.facts, case.facts),
        _differing(_places(last.documents), now),
    )


def not_accepted(case: Case) -> list[str]:
    """Places of required documents without an accepted one, and of unsorted ones nobody has judged."""
    standing = {one.place: one.state for one in case.documents.filter(state__in=STANDING_DOCUMENTS)}
    wanted = {place_of(one.document, one.part): one.online for one in requirements(case)}
    lacking = [place for place, online in wanted.items() if not online and standing.get(place) != "accepted"]
    return lacking + [
        place for place, state in standing.items() if state == "received" and place not in lacking
    ]


def unsigned(case: Case) -> QuerySet:
    """Consents the case still waits for."""
    return case.signatures.filter(signed_at__isnull=True, void_at__isnull=True)


def untold(case: Case) -> QuerySet:
    """Consents the case waits for of whom nobody has told yet: no mail could reach them."""
    return unsigned(case).filter(told_at__isnull=True)


def may_be_opposed(case: Case) -> bool:
    """Whether the fund still takes an opposition: each refusal is opposed once, unless that was taken back.

    A rejected opposition is not opposed again here: it is contested in court, as its letter says.
    """
    if case.state != "refused" or case.kind == "appeal":
        return False
    decision = case.decisions.filter(final_at__isnull=False).order_by("-final_at").first()
    if decision is None:
        return False
    filed = Entry.objects.filter(case__about=case, kind="appeal", data__decision=decision.pk)
    return not filed.exclude(case__state__in=("withdrawn", "lapsed")).exists()


def sheet_values(case: Case) -> dict[str, str]:
    """The sheet's fields as the catalogue cleans them; faulty ones are left out."""
    clean, _faults = catalogue_of(case).check_sheet(
        case.kind, case.profession, case.facts, case.sheet, on=timezone.localdate(case.state_at)
    )
    return dict(clean)


def wanted_from(case: Case) -> date | None:
    """The day from which the applicant wants it, if the sheet asks for one: after a last day, the next."""
    sheet = sheet_values(case)
    text = sheet.get("starts_on") or sheet.get("effective_from")
    if text:
        return date.fromisoformat(text)
    return date.fromisoformat(sheet["last_day"]) + timedelta(days=1) if sheet.get("last_day") else None


def earliest_effect(case: Case) -> date | None:
    """The first day a grant may hold: never before the licence it rests on was issued."""
    text = sheet_values(case).get("licence_issued_on")
    return date.fromisoformat(text) if text else None


def cooling_off_days(case: Case) -> int:
    """Days a granted change waits so that its holder can object."""
    return case_kind(case).cooling_off_days


def next_session(at: datetime) -> BoardSession | None:
    """The next session of the Board whose agenda is still open."""
    day = timezone.localdate(at)
    return BoardSession.objects.filter(state="planned", day__gte=day).order_by("day").first()


def case_of_key(number: str, key: str) -> Case | None:
    """The case behind a link with its secret; None when either is wrong."""
    # PostgreSQL has no text with a NUL, so no case has such a number.
    case = Case.objects.filter(number=number.replace("\x00", "")).exclude(key_hash="").first()
    if case is None or not constant_time_compare(case.key_hash, hash_of_key(key)):
        return None
    return case


def stored_documents() -> Iterator[tuple[str, int, str]]:
    """SHA-256, size in bytes and name of every file of cases and every letter that has to be in the store."""
    for number, sha256, size, case in CaseDocument.objects.values_list(
        "pk", "sha256", "size", "case__number"
    ):
        yield sha256, size, f"document {number} of case {case}"
    made = Letter.objects.filter(made_at__isnull=False)
    for number, sha256, size in made.values_list("pk", "sha256", "size"):
        yield sha256, size, f"letter {number}"


def unknown_documents(hashes: list[str]) -> set[str]:
    """Those of some hashes that no document of a case and no letter has."""
    known = set(CaseDocument.objects.filter(sha256__in=hashes).values_list("sha256", flat=True))
    return (
        set(hashes) - known - set(Letter.objects.filter(sha256__in=hashes).values_list("sha256", flat=True))
    )


def _in_reach(user_id: int | None, provider_ids: Sequence[int]) -> Q:
    """A person's own cases, and those of the providers acted for; a provider's case needs a mandate."""
    return Q(owner_id=user_id, owner__isnull=False, provider__isnull=True) | Q(provider_id__in=provider_ids)


def cases_of(user_id: int, provider_ids: Sequence[int]) -> QuerySet[Case]:
    """The cases a signed-in person may see, the newest first."""
    return Case.objects.filter(_in_reach(user_id, provider_ids)).order_by("-opened_at", "-pk")


def case_in_reach(
    number: str, *, user_id: int | None, provider_ids: Sequence[int], key_hash: str
) -> Case | None:
    """The case, for its owner, for who acts for its provider, or for a session that opened its link.

    One statement whether there is such a case or not, so that its time tells nothing.
    """
    by_link = Q(key_hash=key_hash) & ~Q(key_hash="")
    found = Case.objects.filter(by_link | _in_reach(user_id, provider_ids), number=number)
    return found.select_related("provider", "about").first()


def shown_code(case: Case) -> str:
    """The code the case is about, NNNNNN-CC, or an empty text."""
    return provider_code.format(str(case.code)) if case.code else ""
