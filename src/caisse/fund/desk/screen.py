"""What the page of a case shows, put in order: sheet and documents, what changed, what is asked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise

from caisse.agreement.identifiers import provider_code
from caisse.agreement.tables.countries import countries
from caisse.agreement.tables.professions import Catalogue, Field
from caisse.fund.access import queries as access
from caisse.fund.casework import looking, queries
from caisse.fund.casework.lifecycle import CLOSED
from caisse.fund.casework.models import Case, CaseDocument, Entry, Question, place_of
from caisse.fund.casework.sheet_reading import name_of
from caisse.fund.desk import words
from caisse.fund.desk.words import pick, word


@dataclass(frozen=True, slots=True)
class SheetLine:
    """A field of the sheet: what was typed, what is wrong with it, what is asked about it."""

    place: str
    label: str
    value: str
    fault: str
    changed: bool
    questions: list[Question]


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A place of the list of documents with the document that stands there, if any."""

    place: str
    label: str
    state: str
    state_label: str | Promise
    tone: str
    changed: bool
    asked_for: bool
    document: CaseDocument | None
    questions: list[Question]


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """A line of the history in words."""

    at: Any
    by: str
    label: str | Promise
    text: str
    shown: bool
    letter_id: int | None = None


@dataclass(slots=True)
class Screen:
    """Everything the page of a case shows but its forms."""

    case: Case
    catalogue: Catalogue
    sections: list[tuple[str, list[SheetLine]]] = field(default_factory=list)
    facts: list[tuple[str, bool | None, bool]] = field(default_factory=list)
    counts: list[tuple[str, int]] = field(default_factory=list)
    documents: list[DocumentLine] = field(default_factory=list)

    @property
    def kind_label(self) -> str:
        """The name of the kind of case."""
        return pick(self.catalogue.case_kinds[self.case.kind].label)

    @property
    def profession_label(self) -> str:
        """The name of the profession; empty while it is not known."""
        profession = self.catalogue.professions.get(self.case.profession)
        return pick(profession.label) if profession else ""

    @property
    def to_judge(self) -> list[DocumentLine]:
        """The documents nobody has judged yet."""
        return [one for one in self.documents if one.state == "received"]

    def line_of(self, document_id: int) -> DocumentLine | None:
        """The line of a standing document."""
        return next((one for one in self.documents if one.document and one.document.pk == document_id), None)


def applicant_of(case: Case) -> str:
    """Who asks: the name on the sheet, else that of the register, else the mail address."""
    return name_of(case.sheet) or (case.provider.name if case.provider else "") or case.email


def screen_of(case: Case, on: date) -> Screen:
    """Put together what the page of a case shows on a day."""
    catalogue = queries.catalogue_of(case)
    made = Screen(case, catalogue)
    asked = _open_questions(case)
    changed = queries.changes_since_asked(case)
    if case.profession:
        made.sections = _sections(case, catalogue, asked, changed.fields, on)
        made.facts = [
            (pick(fact.question), case.facts.get(fact.key), fact.key in changed.facts)
            for fact in catalogue.facts_for(case.kind, case.profession)
        ]
        parts = catalogue.counts_for(case.kind, case.profession, case.facts)
        made.counts = [(pick(part.label), case.counts.get(part.key, 1)) for part in parts]
    made.documents = _documents(case, catalogue, asked, changed.documents)
    return made


def _open_questions(case: Case) -> dict[str, list[Question]]:
    found: dict[str, list[Question]] = {}
    for question in case.questions.select_related("asked_by").order_by("pk"):
        found.setdefault(question.about, []).append(question)
    return found


def _sections(
    case: Case, catalogue: Catalogue, asked: Mapping[str, list[Question]], changed: frozenset[str], on: date
) -> list[tuple[str, list[SheetLine]]]:
    clean, faults = catalogue.check_sheet(case.kind, case.profession, case.facts, case.sheet, on=on)
    wrong = {fault.field: pick(fault.texts) for fault in faults}
    found: dict[str, list[SheetLine]] = {}
    for one in catalogue.fields(case.kind, case.profession, case.facts):
        given = clean.get(one.name) if one.type == "date" else ""
        value, fault = _shown(one, given or str(case.sheet.get(one.name, ""))), wrong.get(one.name, "")
        if not (value or fault or one.required is True):
            continue
        place = f"sheet:{one.name}"
        found.setdefault(pick(one.section_label), []).append(
            SheetLine(place, pick(one.label), value, fault, one.name in changed, asked.get(place, []))
        )
    return list(found.items())


#: A code as people type it, with or without what sets its last digits apart.
_CODE = re.compile(r"\b(\d{6})[- ]?(\d{2})\b", re.ASCII)


def _shown(one: Field, value: str) -> str:
    if value in one.choices:
        return pick(one.choices[value])
    if one.type == "date":
        return _day_in_words(value)
    if one.type in ("code", "codes"):
        return _CODE.sub(r"\1-\2", value)
    if one.type == "country" and value in countries():
        return pick(countries()[value])
    if one.type == "iban":
        plain = value.replace(" ", "")
        return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))
    return value


def _day_in_words(value: str) -> str:
    """A day as the page shows days; what is none stays as it was typed."""
    try:
        return date_format(date.fromisoformat(value), "SHORT_DATE_FORMAT")
    except ValueError:
        return value


def _documents(
    case: Case, catalogue: Catalogue, asked: Mapping[str, list[Question]], changed: frozenset[str]
) -> list[DocumentLine]:
    wanted = {place_of(one.document, one.part): one for one in queries.requirements(case)}
    standing = {one.place: one for one in queries.standing_documents(case)}
    found = []
    for place in [*wanted, *(place for place in standing if place not in wanted)]:
        document, requirement = standing.get(place), wanted.get(place)
        if document is not None:
            state = document.state
        else:
            state = "online" if requirement and requirement.online else "absent"
        if requirement is not None:
            label = pick(requirement.label)
        else:
            label = _label_of_unasked(catalogue, standing[place])
        found.append(
            DocumentLine(
                place, label, state, word(words.DOCUMENT_STATES, state), words.DOCUMENT_TONES.get(state, ""),
                place in changed, requirement is not None, document, asked.get(f"document:{place}", []),
            )
        )  # fmt: skip
    return found


def _label_of_unasked(catalogue: Catalogue, document: CaseDocument) -> str:
    kind = catalogue.documents.get(document.kind)
    return pick(kind.label) if kind else document.name


def next_to_judge(made: Screen, after: int) -> int | None:
    """The next document to judge after one, going round; None when all are judged."""
    ids = [one.document.pk for one in made.documents if one.document]
    waiting = {one.document.pk for one in made.to_judge if one.document}
    start = ids.index(after) + 1 if after in ids else 0
    return next((pk for pk in [*ids[start:], *ids[:start]] if pk in waiting), None)


def history_of(case: Case) -> list[HistoryLine]:
    """The history of a case in words, the latest first."""
    entries = list(case.entries.order_by("-at", "-pk"))
    names = names_of([entry.by for entry in entries])
    to = names_of([f"user {entry.data.get('to')}" for entry in entries if entry.kind == "assigned"])
    return [
        HistoryLine(
            entry.at, names.get(entry.by) or words.actor(entry.by), word(words.ENTRIES, entry.kind),
            _text_of(case, entry, to), entry.shown, entry.data.get("letter"),
        )
        for entry in entries
    ]  # fmt: skip


def _text_of(case: Case, entry: Entry, names: Mapping[str, str]) -> str:
    if entry.kind == "moved":
        states = (word(words.CASE_STATES, entry.data.get(side, "")) for side in ("from", "to"))
        return " → ".join(str(state) for state in states)
    if entry.kind == "assigned":
        return names.get(f"user {entry.data.get('to')}", "—")
    place = entry.data.get("place", "")
    label = _place_label(case, place) if place else ""
    code = entry.data.get("code")
    whose = provider_code.format(str(code)) if code else ""
    return " · ".join(part for part in (label, whose, entry.text) if part)


def _place_label(case: Case, place: str) -> str:
    kind = queries.catalogue_of(case).documents.get(place.partition(":")[0])
    part = place.partition(":")[2]
    return (pick(kind.label) + (f" ({part})" if part else "")) if kind else ""


def names_of(actors: list[str]) -> dict[str, str]:
    """Actor, as "user 12", -> name; others are left out."""
    ids = {
        actor: int(actor[5:]) for actor in set(actors) if actor.startswith("user ") and actor[5:].isdecimal()
    }
    names = access.names_of(ids.values())
    return {actor: names[pk] for actor, pk in ids.items() if pk in names}


def head_of(case: Case) -> dict[str, Any]:
    """What stands at the top of every page of a case."""
    today = timezone.localdate()
    return {
        "case": case,
        "state_label": word(words.CASE_STATES, case.state),
        "tone": words.CASE_TONES.get(case.state, ""),
        "door": word(words.DOORS, case.door),
        "language": word(words.LANGUAGES, case.language),
        "overdue": case.due_on is not None and case.due_on < today and case.state not in CLOSED,
        "code": queries.shown_code(case),
        "version": looking.version_of(case),
    }
