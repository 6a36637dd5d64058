"""What the pages of a case show, put in order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from caisse.agreement.identifiers import provider_code
from caisse.agreement.tables.countries import countries
from caisse.agreement.tables.professions import Field
from caisse.fund.casework import queries
from caisse.fund.casework.lifecycle import OPEN_TO_APPLICANT
from caisse.fund.casework.models import Case, CaseDocument, Question, place_of
from caisse.fund.casework.queries import UNSORTED, Missing
from caisse.fund.portal import words
from caisse.fund.portal.words import CASE_STATES, State, Word, pick, word


@dataclass(frozen=True, slots=True)
class Row:
    """A case in a list."""

    number: str
    kind: str
    profession: str
    state: State
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that is missing, with the address of the place where it is given."""

    address: str
    label: str
    detail: str


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A place in the list of documents, with what stands there."""

    place: str
    kind: str
    part: str
    label: str
    why: str
    help: str
    state: str
    state_label: Word
    tone: str
    lack: str
    online: bool
    document: CaseDocument | None

    @property
    def anchor(self) -> str:
        """Its id in the page."""
        return anchor(self.place)

    @property
    def may_change(self) -> bool:
        """Whether the applicant may take it back or correct its days."""
        return self.document is not None and self.document.state == "received"


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """A line of the history in words."""

    at: datetime
    label: Word
    text: str


def kind_label(case: Case) -> str:
    """The name of the kind of case."""
    return pick(queries.case_kind(case).label)


def profession_label(case: Case) -> str:
    """The name of the case's profession; empty while it is not known."""
    profession = queries.catalogue_of(case).professions.get(case.profession)
    return pick(profession.label) if profession else ""


def row_of(case: Case) -> Row:
    """A case as it stands in a list."""
    state = CASE_STATES[case.state]
    return Row(case.number, kind_label(case), profession_label(case), state, case.opened_at)


def anchor(place: str) -> str:
    """The id of a document's place in its page."""
    return "document-" + place.replace(":", "-")


#: The steps of an application: the name of its page and what it is called.
STEPS = ("facts", "sheet", "documents", "check")


def steps_of(case: Case) -> list[str]:
    """The steps this case has: without questions there is no first one."""
    asked = bool(case.profession) and has_questions(case)
    return [step for step in STEPS if step != "facts" or asked]


def has_questions(case: Case) -> bool:
    """Whether anything is asked before the sheet."""
    catalogue = queries.catalogue_of(case)
    return bool(
        catalogue.facts_for(case.kind, case.profession)
        or catalogue.counts_for(case.kind, case.profession, case.facts)
    )


def step_label(step: str) -> str:
    """What a step is called."""
    return {
        "facts": _("Questions"), "sheet": _("Information"), "documents": _("Documents"),
        "check": _("Check and submit"),
    }[step]  # fmt: skip


def step_of(missing: Missing) -> str:
    """The step at which something missing is given."""
    what = missing.place.partition(":")[0]
    return {"fact": "facts", "document": "documents", "question": "check", "profession": "check"}.get(
        what, what
    )


def step_lines(case: Case, current: str, lacking: list[Missing]) -> list[dict[str, Any]]:
    """The steps with their addresses; one is done when nothing is missing there."""
    open_steps = {step_of(one) for one in lacking}
    return [
        {
            "label": step_label(step), "address": reverse(f"portal:{step}", args=[case.number]),
            "current": step == current, "done": step not in open_steps and step != "check",
        }
        for step in steps_of(case)
    ]  # fmt: skip


def lacks(case: Case, lacking: list[Missing]) -> list[Lack]:
    """What is missing, with the way there."""
    return [
        Lack(_address(case, one), pick(one.label), pick(one.detail) if one.detail else "") for one in lacking
    ]


def _address(case: Case, one: Missing) -> str:
    what, _colon, key = one.place.partition(":")
    if what in ("question", "profession"):
        return f"{reverse('portal:case', args=[case.number])}#{what}-{key}"
    target = {"fact": f"id_{key}", "sheet": f"id_{key}", "document": anchor(key)}[what]
    # The sheet is shown with its faults when one comes to mend them.
    faults = "?faults" if what == "sheet" else ""
    return f"{reverse(f'portal:{step_of(one)}', args=[case.number])}{faults}#{target}"


def documents_of(case: Case, lacking: list[Missing]) -> list[DocumentLine]:
    """All that is asked for and all that was handed in."""
    catalogue = queries.catalogue_of(case)
    wanted = {place_of(one.document, one.part): one for one in queries.requirements(case)}
    standing = {one.place: one for one in queries.standing_documents(case)}
    lack = {one.place.partition(":")[2]: one for one in lacking if one.place.startswith("document:")}
    sheet = "online_open" if any(one.place.startswith("sheet:") for one in lacking) else "online"
    found = []
    for place in [*wanted, *(place for place in standing if place not in wanted)]:
        document, requirement = standing.get(place), wanted.get(place)
        kind, _colon, part = place.partition(":")
        held = catalogue.documents.get(kind)
        online = requirement is not None and requirement.online
        state = document.state if document else sheet if online else "absent"
        why, label = (pick(requirement.why), pick(requirement.label)) if requirement else ("", "")
        found.append(
            DocumentLine(
                place, kind, part, label or _other_label(held), why, pick(held.help) if held else "", state,
                word(words.DOCUMENT_STATES, state), words.DOCUMENT_TONES.get(state, ""),
                _lack(lack.get(place)), online, document,
            )
        )  # fmt: skip
    return found


def _other_label(held: Any) -> str:
    return pick(held.label) if held else _("Another document")


def _lack(missing: Missing | None) -> str:
    if missing is None:
        return ""
    said = str(words.LACKS.get(missing.why, ""))
    detail = pick(missing.detail) if missing.detail and missing.why != "absent" else ""
    return " ".join(filter(None, (said, detail)))


def sheet_lines(case: Case) -> list[tuple[str, list[tuple[str, str]]]]:
    """What the sheet says, section by section; fields left empty are left out."""
    if not case.profession:
        return []
    found: dict[str, list[tuple[str, str]]] = {}
    for field in queries.catalogue_of(case).fields(case.kind, case.profession, case.facts):
        typed = str(case.sheet.get(field.name, ""))
        if typed:
            found.setdefault(pick(field.section_label), []).append((pick(field.label), shown(field, typed)))
    return list(found.items())


def shown(field: Field, typed: str) -> str:
    """A value of the sheet as its applicant reads it."""
    if typed in field.choices:
        return pick(field.choices[typed])
    if field.type == "date":
        return words.day(typed)
    if field.type == "country" and typed in countries():
        return pick(countries()[typed])
    if field.type == "iban":
        plain = typed.replace(" ", "")
        return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))
    return typed


def fact_lines(case: Case) -> list[tuple[str, str]]:
    """The questions with their answers."""
    if not case.profession:
        return []
    catalogue = queries.catalogue_of(case)
    answers = {True: _("Yes"), False: _("No"), None: _("Not answered")}
    found = [
        (pick(fact.question), answers[case.facts.get(fact.key)])
        for fact in catalogue.facts_for(case.kind, case.profession)
    ]
    parts = catalogue.counts_for(case.kind, case.profession, case.facts)
    return found + [(pick(part.question), str(case.counts.get(part.key, 1))) for part in parts]


def open_questions(case: Case) -> list[Question]:
    """What the fund asked and waits for; empty while it does not wait."""
    if case.state != "incomplete":
        return []
    return list(case.questions.filter(answered_at__isnull=True).order_by("pk"))


def place_label(case: Case, place: str) -> tuple[str, str]:
    """What a question is about, and the address where it can be changed; both empty for the whole case."""
    what, _colon, key = place.partition(":")
    catalogue = queries.catalogue_of(case)
    labels: Mapping[str, Any] = {}
    if what == "sheet":
        labels = {one.name: one.label for one in catalogue.fields(case.kind, case.profession, case.facts)}
    elif what == "fact":
        labels = {one: fact.question for one, fact in catalogue.facts.items()}
    elif what == "document":
        labels = {place_of(one.document, one.part): one.label for one in queries.requirements(case)}
        labels = {**{kind: held.label for kind, held in catalogue.documents.items()}, **labels}
    if key not in labels:
        return "", ""
    return pick(labels[key]), _address(case, Missing(place, "asked", labels[key], {}))


def history_of(case: Case) -> list[HistoryLine]:
    """What the applicant may see of the history, the latest first."""
    shown_ones = case.entries.filter(shown=True).order_by("-at", "-pk")
    return [HistoryLine(entry.at, _entry_label(entry), _entry_text(case, entry)) for entry in shown_ones]


def _entry_label(entry: Any) -> Word:
    if entry.kind == "moved":
        state = CASE_STATES.get(entry.data.get("to", ""))
        return state.label if state else _("State changed")
    return word(words.ENTRIES, entry.kind)


def _entry_text(case: Case, entry: Any) -> str:
    place = entry.data.get("place", "")
    label = "" if not place or place.startswith(UNSORTED) else place_label(case, f"document:{place}")[0]
    code = entry.data.get("code")
    whose = provider_code.format(str(code)) if code else ""
    return " · ".join(filter(None, (label, whose, entry.text)))


def may_edit(case: Case) -> bool:
    """Whether the applicant may change sheet and documents."""
    return case.state in OPEN_TO_APPLICANT
