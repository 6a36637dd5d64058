"""The catalogue as it stands on a day: what is asked of whom, in which kind of case."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from importlib.resources.abc import Traversable
from types import MappingProxyType

from caisse.agreement.errors import BrokenSystem, WrongUse
from caisse.agreement.tables import package_data
from caisse.agreement.tables.professions import model
from caisse.agreement.tables.professions.answers import date_faults, fact_faults
from caisse.agreement.tables.professions.conditions import Condition
from caisse.agreement.tables.professions.cross_checks import LICENCE_WORD, check
from caisse.agreement.tables.professions.loading import Content, load
from caisse.agreement.tables.professions.sheet_checking import check_values
from caisse.agreement.tables.reasons import LANGUAGES


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One edition. Mappings keep the order of the files, which is the order in which pages list things."""

    content: Content

    @property
    def edition(self) -> str:
        """The edition's name: its first day."""
        return self.content.edition

    @property
    def professions(self) -> Mapping[str, model.Profession]:
        """Every profession, also those that are offered no code."""
        return self.content.professions

    @property
    def case_kinds(self) -> Mapping[str, model.CaseKind]:
        """The kinds of cases."""
        return self.content.case_kinds

    @property
    def documents(self) -> Mapping[str, model.DocumentType]:
        """The types of documents."""
        return self.content.documents

    @property
    def parts(self) -> Mapping[str, model.Part]:
        """What documents are counted by."""
        return self.content.parts

    @property
    def facts(self) -> Mapping[str, model.Fact]:
        """The yes/no questions."""
        return self.content.facts

    @property
    def sheets(self) -> Mapping[str, model.Sheet]:
        """The information sheets."""
        return self.content.sheets

    @property
    def specialities(self) -> Mapping[str, model.Speciality]:
        """The recognised specialities of every profession."""
        return self.content.specialities

    @property
    def licences(self) -> Mapping[str, model.LicenceKind]:
        """The supporting authorisations and what their lapse does."""
        return self.content.licences

    @property
    def ranges(self) -> Mapping[str, model.Range]:
        """The ranges of codes; ``associations`` holds the common codes."""
        return self.content.ranges

    @property
    def periods(self) -> Mapping[str, model.Period]:
        """Every number with a unit."""
        return self.content.periods

    def period(self, key: str) -> int:
        """The value of a period, in its unit."""
        return _held(self.periods, key, "period").value

    @property
    def warnings(self) -> tuple[int, ...]:
        """How many days ahead of a lapse the holder is warned, longest first."""
        return tuple(sorted(self.periods["lapse_warnings"].values, reverse=True))

    def kinds_for(self, profession: str) -> tuple[model.CaseKind, ...]:
        """The kinds of cases a profession can open; none when it is offered no code."""
        _held(self.professions, profession, "profession")
        return tuple(kind for kind in self.case_kinds.values() if profession in kind.professions)

    def specialities_of(self, profession: str) -> tuple[model.Speciality, ...]:
        """The specialities of a profession."""
        return tuple(one for one in self.specialities.values() if one.profession == profession)

    def needs_board(self, kind: str, profession: str) -> bool:
        """True when the Board decides a case of this kind and profession, which may not be known yet ("")."""
        board = _held(self.case_kinds, kind, "case kind").board
        road = _held(self.professions, profession, "profession").road if profession else "none"
        return board in ("always", road)

    def facts_for(self, kind: str, profession: str) -> tuple[model.Fact, ...]:
        """The questions asked in such a case, in order."""
        self._meant(kind, profession)
        return tuple(
            fact for fact in self.facts.values() if kind in fact.kinds and profession in fact.professions
        )

    def counts_for(self, kind: str, profession: str, facts: Mapping[str, bool]) -> tuple[model.Part, ...]:
        """The parts whose number the applicant has to say, because documents are required for each."""
        asked = {self.documents[document].per for document, _ in self._rules(kind, profession, facts)}
        return tuple(part for key, part in self.parts.items() if key in asked and not part.members)

    def requirements(
        self,
        kind: str,
        profession: str,
        facts: Mapping[str, bool],
        counts: Mapping[str, int] = MappingProxyType({}),
    ) -> tuple[model.Requirement, ...]:
        """The documents to attach under these answers, in order; a fact not given counts as no.

        ``counts`` says how many of a part there are (``vehicle``: 3), one when it is not given.
        Raises WrongUse for an unknown kind or profession, or a number the catalogue does not allow.
        """
        found = []
        for document, rule in self._rules(kind, profession, facts):
            found += list(self._required(self.documents[document], rule, counts))
        return tuple(found)

    def _rules(
        self, kind: str, profession: str, facts: Mapping[str, bool]
    ) -> Iterator[tuple[str, model.Rule]]:
        held = self._meant(kind, profession)
        given = _asked(facts, self.facts_for(kind, profession))
        seen: set[str] = set()
        for rule in self.content.rules:
            document = held.licence if rule.document == LICENCE_WORD else rule.document
            if (
                kind in rule.kinds
                and (rule.professions is None or profession in rule.professions)
                and rule.when.holds(given, held.traits)
                and document not in seen
            ):
                seen.add(document)
                yield document, rule

    def _required(
        self, document: model.DocumentType, rule: model.Rule, counts: Mapping[str, int]
    ) -> Iterator[model.Requirement]:
        why = rule.why if rule.why["en"] else document.why
        for part, label in self._members(document, counts):
            yield model.Requirement(
                document=document.key,
                part=part,
                label=label,
                why=why,
                online=document.online,
                source=rule.source,
                standing=rule.standing,
            )

    def _members(
        self, document: model.DocumentType, counts: Mapping[str, int]
    ) -> Iterator[tuple[str, model.Texts]]:
        if document.per is None:
            yield "", document.label
            return
        part = self.parts[document.per]
        if part.members:
            for name, label in part.members.items():
                yield name, _joined(document.label, label)
            return
        count = counts.get(part.key, 1)
        if not (isinstance(count, int) and 1 <= count <= part.most):
            raise WrongUse(f"{count} is not a number of {part.label['en']} from 1 to {part.most}.")
        for number in range(1, count + 1):
            yield str(number), _joined(document.label, part.label, f" {number}")

    def fields(self, kind: str, profession: str, facts: Mapping[str, bool]) -> tuple[model.Field, ...]:
        """The sheet's fields under these answers, in order; ``required`` may still depend on other fields."""
        held = self._meant(kind, profession)
        given = _asked(facts, self.facts_for(kind, profession))
        found = []
        for use in self.sheet_of(kind, profession).uses:
            asked = use.when.pending(given, held.traits)
            if asked is not None:
                must = use.required.pending(given, held.traits) if use.required else None
                found.append(self._field(use, asked, must, held))
        return tuple(found)

    def _field(
        self,
        use: model.FieldUse,
        asked: Condition,
        must: Condition | None,
        profession: model.Profession,
    ) -> model.Field:
        field = self.content.fields[use.field]
        choices = field.choices
        if field.type == "choice" and not choices:
            choices = MappingProxyType({one.key: one.label for one in self.specialities_of(profession.key)})
        return replace(
            field,
            required=False if must is None else must if must.literals else True,
            asked_if=asked,
            section=use.section,
            section_label=self.content.sections[use.section],
            choices=choices,
        )

    def sheet_of(self, kind: str, profession: str) -> model.Sheet:
        """The sheet such a case is asked with."""
        held = self._meant(kind, profession)
        sheets = self.case_kinds[kind].sheets
        key = next(sheets[name] for name in (profession, held.code_kind, "any") if name in sheets)
        return self.sheets[key]

    def check_sheet(
        self,
        kind: str,
        profession: str,
        facts: Mapping[str, bool],
        values: Mapping[str, object],
        *,
        on: date,
    ) -> tuple[dict[str, str], list[model.SheetFault]]:
        """The values as they are kept (days as 2026-11-22, numbers without spaces) and every fault, in order.

        Values of fields that are not asked are left out; a field at fault is left out too. An empty list of
        faults means that the sheet is complete and sound. ``on`` is the day the dates are compared with.
        """
        return check_values(self.fields(kind, profession, facts), values, on)

    def check_facts(self, kind: str, profession: str, facts: Mapping[str, bool]) -> list[model.SheetFault]:
        """Answers that contradict one another, and a case that asks for nothing; ``field`` is the fact."""
        asked = {fact.key: fact for fact in self.facts_for(kind, profession)}
        return list(fact_faults(self.case_kinds[kind], asked, facts))

    def check_document(
        self, document: str, *, issued_on: date | None, expires_on: date | None, on: date
    ) -> list[model.SheetFault]:
        """What is wrong with a document's days on the day it is judged; ``field`` is issued_on or expires_on.

        ``expires_on`` is the last day on which the document holds, as it is printed on it.
        """
        held = _held(self.documents, document, "document")
        licence = self.licences[held.licence] if held.licence else None
        return list(date_faults(held, licence, issued_on=issued_on, expires_on=expires_on, on=on))

    def next_board_session(self, day: date) -> date:
        """The first monthly session of the Board on or after a day."""
        for month in (day.replace(day=1), _next_month(day)):
            session = self._session_in(month)
            if session >= day:
                return session
        raise BrokenSystem(f"No session of the Board after {day}.")

    def _session_in(self, first: date) -> date:
        week, weekday = self.period("board_week"), self.period("board_day")
        return first + timedelta(days=(weekday - first.isoweekday()) % 7 + 7 * (week - 1))

    def _meant(self, kind: str, profession: str) -> model.Profession:
        held = _held(self.professions, profession, "profession")
        if not held.offered:
            raise WrongUse(f"No code is offered to {profession}.")
        if profession not in _held(self.case_kinds, kind, "case kind").professions:
            raise WrongUse(f"{kind} is not for {profession}.")
        return held


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def _asked(facts: Mapping[str, bool], asked: Sequence[model.Fact]) -> Mapping[str, bool]:
    """Only answers to questions that are asked count."""
    return {fact.key: facts.get(fact.key) is True for fact in asked}


def _held[T](held: Mapping[str, T], key: str, what: str) -> T:
    try:
        return held[key]
    except KeyError:
        raise WrongUse(f"There is no {what} {key!r}; there are {', '.join(sorted(held))}.") from None


def _joined(label: model.Texts, part: model.Texts, after: str = "") -> model.Texts:
    return MappingProxyType({lang: f"{label[lang]} – {part[lang]}{after}" for lang in LANGUAGES})


def read_catalogue(folder: Traversable) -> Catalogue:
    """The edition in a folder that is named by its first day; raises BrokenSystem when it is not whole."""
    content = load(folder)
    check(content)
    return Catalogue(content)


def editions_in(folder: Traversable) -> tuple[str, ...]:
    """The names of the editions a folder holds, oldest first."""
    names = (entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[:1].isdigit())
    return tuple(sorted(names))


def edition_on(editions: Sequence[str], day: date) -> str:
    """The edition in force on a day; the first one also serves the days before it (a decision of ours)."""
    if not editions:
        raise BrokenSystem("There is no edition of the catalogue of professions.")
    begun = [name for name in editions if name <= day.isoformat()]
    return begun[-1] if begun else editions[0]


@cache
def _held_editions() -> tuple[str, ...]:
    return editions_in(package_data.folder("professions"))


@cache
def catalogue_of(edition: str) -> Catalogue:
    """The edition of that name, which a case keeps for its whole life; raises WrongUse."""
    if edition not in _held_editions():
        raise WrongUse(f"There is no edition {edition!r} of the catalogue of professions.")
    return read_catalogue(package_data.folder("professions", edition))


def catalogue_on(day: date) -> Catalogue:
    """The catalogue in force on a day; the first edition also serves the days before it."""
    return catalogue_of(edition_on(_held_editions(), day))
