"""An edition of the catalogue from its folder."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources.abc import Traversable
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.tables import package_data
from caisse.agreement.tables.professions import model
from caisse.agreement.tables.professions.conditions import Condition, parse
from caisse.agreement.tables.professions.entries import Entry, translations


@dataclass(frozen=True, slots=True)
class Content:
    """Everything an edition's files say, each mapping in the order of its file."""

    edition: str
    day: date
    title: model.Texts
    sources: Mapping[str, str]
    professions: Mapping[str, model.Profession]
    case_kinds: Mapping[str, model.CaseKind]
    documents: Mapping[str, model.DocumentType]
    parts: Mapping[str, model.Part]
    facts: Mapping[str, model.Fact]
    rules: tuple[model.Rule, ...]
    fields: Mapping[str, model.Field]
    sections: Mapping[str, model.Texts]
    sheets: Mapping[str, model.Sheet]
    specialities: Mapping[str, model.Speciality]
    licences: Mapping[str, model.LicenceKind]
    ranges: Mapping[str, model.Range]
    periods: Mapping[str, model.Period]


def load(folder: Traversable) -> Content:
    """The edition a folder holds, each entry complete by itself; raises BrokenSystem naming what is not."""
    files = {
        entry.name.removesuffix(".toml"): package_data.toml(entry)
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    head = files.get("edition")
    if head is None:
        raise BrokenSystem(f"Catalogue {folder.name} has no edition.toml.")
    edition = Entry(f"{folder.name}/edition.toml", head, {})
    sources = {str(key): str(value) for key, value in edition.table("sources").items()}
    day, title = _first_day(folder.name), edition.texts("title")
    edition.done()
    reading = _Reading(folder.name, files, sources, day)
    sections = reading.file("sheets").get("sections", {})
    labels = {key: translations(f"Section {key}", texts) for key, texts in sections.items()}
    professions = reading.all("professions", reading.profession)
    return Content(
        edition=folder.name,
        day=day,
        title=title,
        sources=MappingProxyType(sources),
        professions=professions,
        case_kinds=reading.all("case_kinds", lambda key, entry: _case_kind(key, entry, professions)),
        documents=reading.all("documents", _document),
        parts=reading.all("parts", _part),
        facts=reading.all("facts", lambda key, entry: _fact(key, entry, professions)),
        rules=tuple(_rule(entry) for entry in reading.listed("requirements")),
        fields=reading.table("sheets", "fields", _field),
        sections=MappingProxyType(labels),
        sheets=reading.table("sheets", "sheets", lambda key, entry: _sheet(key, entry, labels)),
        specialities=reading.all("specialities", _speciality),
        licences=reading.all("licences", _licence),
        ranges=reading.all("ranges", _range),
        periods=reading.all("periods", _period),
    )


def _first_day(name: str) -> date:
    try:
        return date.fromisoformat(name)
    except ValueError:
        raise BrokenSystem(f"Catalogue folder {name!r} is not named by its first day.") from None


class _Reading:
    """The files of one edition."""

    def __init__(
        self, edition: str, files: Mapping[str, Mapping[str, Any]], sources: Mapping[str, str], day: date
    ) -> None:
        self._edition, self._files, self._sources, self._day = edition, files, sources, day

    def file(self, name: str) -> Mapping[str, Any]:
        if name not in self._files:
            raise BrokenSystem(f"Catalogue {self._edition} has no {name}.toml.")
        return self._files[name]

    def all[T](self, name: str, make: Callable[[str, Entry], T]) -> Mapping[str, T]:
        return MappingProxyType(dict(self._made(name, self.file(name), make)))

    def table[T](self, name: str, table: str, make: Callable[[str, Entry], T]) -> Mapping[str, T]:
        return MappingProxyType(dict(self._made(f"{name}: {table}", self.file(name).get(table, {}), make)))

    def _made[T](
        self, place: str, content: Mapping[str, Any], make: Callable[[str, Entry], T]
    ) -> Iterator[tuple[str, T]]:
        for key, value in content.items():
            entry = Entry(f"{self._edition}/{place}: {key}", value, self._sources)
            made = make(key, entry)
            entry.done()
            yield key, made

    def listed(self, name: str) -> tuple[Entry, ...]:
        return Entry(f"{self._edition}/{name}", self.file(name), self._sources).entries(name)

    def profession(self, key: str, entry: Entry) -> model.Profession:
        source, standing = entry.origin()
        offered = entry.flag("offered", True)
        contact = entry.text("contact")
        return model.Profession(
            key=key,
            label=entry.texts("label"),
            road=entry.word("road", model.ROADS),
            code_kind=entry.word("code_kind", model.CODE_KINDS),
            licence=entry.text("licence", None if offered else ""),
            range=entry.text("range", None if offered else ""),
            associates=entry.word("associates", model.ASSOCIATES, "") or None,
            joint_invoicing=entry.flag("joint_invoicing"),
            offered=offered,
            unoffered=entry.texts("unoffered", optional=offered),
            conditions=entry.texts("conditions"),
            contact=contact,
            questions=entry.text("questions", contact),
            conventions=_dated(entry, "conventions", ("compulsory", "regulation", "agreement", "none")),
            duties=_dated(entry, "exchange", model.DUTIES),
            specialities=entry.flag("specialities"),
            day=self._day,
            source=source,
            standing=standing,
        )


def _dated(entry: Entry, name: str, allowed: tuple[str, ...]) -> tuple[model.Dated, ...]:
    found = []
    for one in entry.entries(name):
        source, standing = one.origin()
        value = one.word("value", allowed)
        found.append(model.Dated(value, one.day("valid_from"), one.day("valid_until"), source, standing))
        one.done()
    for earlier, later in pairwise(found):
        if earlier.valid_until is None or later.valid_from is None or earlier.valid_until > later.valid_from:
            raise entry.broken(f"{name} overlap or are not in order.")
    return tuple(found)


def _only(entry: Entry, professions: Mapping[str, model.Profession]) -> tuple[str, ...]:
    """The offered professions whose traits a condition allows, all without one."""
    condition = parse(entry.text("only", ""))
    known = set().union(*(one.traits for one in professions.values()))
    if condition.names("fact") or condition.names("value") or set(condition.names("trait")) - known:
        raise entry.broken(f"only is {str(condition)!r}, not made of @traits of professions.")
    found = [key for key, one in professions.items() if one.offered and condition.holds({}, one.traits)]
    if not found:
        raise entry.broken("only leaves no profession.")
    return tuple(found)


def _case_kind(key: str, entry: Entry, professions: Mapping[str, model.Profession]) -> model.CaseKind:
    source, standing = entry.origin()
    return model.CaseKind(
        key=key,
        label=entry.texts("label"),
        help=entry.texts("help"),
        for_whom=entry.word("for_whom", model.FOR_WHOM),
        four_eyes=entry.flag("four_eyes"),
        board=entry.word("board", model.BOARD, ""),
        professions=_only(entry, professions),
        cooling_off_days=entry.number("cooling_off_days", 0),
        answer_days=entry.number("answer_days"),
        sheets=MappingProxyType({name: str(sheet) for name, sheet in entry.table("sheets").items()}),
        effect=entry.text("effect"),
        one_of=entry.names("one_of") or (),
        source=source,
        standing=standing,
    )


def _document(key: str, entry: Entry) -> model.DocumentType:
    source, standing = entry.origin()
    return model.DocumentType(
        key=key,
        label=entry.texts("label"),
        help=entry.texts("help", optional=True),
        why=entry.texts("why"),
        issued=entry.word("issued", model.DATE_RULES, "none"),
        expires=entry.word("expires", model.DATE_RULES, "none"),
        max_age_months=entry.number_or_none("max_age_months"),
        per=entry.text("per", "") or None,
        online=entry.flag("online"),
        licence=entry.text("licence", "") or None,
        source=source,
        standing=standing,
    )


def _part(key: str, entry: Entry) -> model.Part:
    members = {
        name: translations(f"{entry.place}: {name}", texts) for name, texts in entry.table("members").items()
    }
    return model.Part(
        key=key,
        label=entry.texts("label"),
        question=entry.texts("question", optional=bool(members)),
        members=MappingProxyType(members),
        most=entry.number("most", len(members) or None),
    )


def _fact(key: str, entry: Entry, professions: Mapping[str, model.Profession]) -> model.Fact:
    source, standing = entry.origin()
    kinds = entry.names("kinds")
    if kinds is None:
        raise entry.broken("kinds is missing.")
    return model.Fact(
        key=key,
        question=entry.texts("question"),
        help=entry.texts("help", optional=True),
        kinds=kinds,
        professions=_only(entry, professions),
        excludes=entry.names("excludes") or (),
        source=source,
        standing=standing,
    )


def _rule(entry: Entry) -> model.Rule:
    source, standing = entry.origin()
    kinds = entry.names("kinds")
    if kinds is None:
        raise entry.broken("kinds is missing.")
    rule = model.Rule(
        kinds=kinds,
        professions=entry.names("professions"),
        document=entry.text("document"),
        when=parse(entry.text("when", "")),
        why=entry.texts("why", optional=True),
        source=source,
        standing=standing,
    )
    entry.done()
    return rule


def _field(key: str, entry: Entry) -> model.Field:
    choices = {
        name: translations(f"{entry.place}: {name}", texts) for name, texts in entry.table("choices").items()
    }
    empty: model.Texts = MappingProxyType({})
    return model.Field(
        name=key,
        label=entry.texts("label"),
        help=entry.texts("help", optional=True),
        type=entry.word("type", model.FIELD_TYPES),
        required=False,
        asked_if=Condition(),
        section="",
        section_label=empty,
        choices=MappingProxyType(choices),
        longest=entry.number("longest", 200),
        not_past=entry.flag("not_past"),
        not_future=entry.flag("not_future"),
        not_before=entry.names("not_before") or (),
        country=entry.text("country", ""),
        fewest=entry.number("fewest", 1),
    )


def _sheet(key: str, entry: Entry, labels: Mapping[str, model.Texts]) -> model.Sheet:
    source, standing = entry.origin()
    label = entry.texts("label")
    uses = []
    for block in entry.entries("blocks"):
        section = block.word("section", labels)
        uses += [_use(text, section) for text in block.names("fields") or ()]
        block.done()
    return model.Sheet(key=key, label=label, uses=tuple(uses), source=source, standing=standing)


def _use(text: str, section: str) -> model.FieldUse:
    """``name`` is required, ``name?`` is not; ``… if`` asked only then, ``… must if`` required only then."""
    head, _, condition = text.partition(" if ")
    name, must, held = head.removesuffix(" must").removesuffix("?"), head.endswith(" must"), parse(condition)
    if must:
        return model.FieldUse(name, held, Condition(), section)
    return model.FieldUse(name, None if head.endswith("?") else held, held, section)


def _speciality(key: str, entry: Entry) -> model.Speciality:
    source, standing = entry.origin()
    return model.Speciality(key, entry.texts("label"), entry.text("profession"), source, standing)


def _licence(key: str, entry: Entry) -> model.LicenceKind:
    source, standing = entry.origin()
    return model.LicenceKind(
        key=key,
        label=entry.texts("label"),
        on_lapse=entry.word("on_lapse", model.ON_LAPSE),
        longest_months=entry.number_or_none("longest_months"),
        longest_total_months=entry.number_or_none("longest_total_months"),
        age_limit=entry.number_or_none("age_limit"),
        source=source,
        standing=standing,
    )


def _range(key: str, entry: Entry) -> model.Range:
    source, standing = entry.origin()
    first, last = entry.number("first"), entry.number("last")
    if not 100_000 <= first <= last <= 999_999:
        raise entry.broken(f"{first} to {last} is no range of six digits.")
    return model.Range(key, entry.texts("label"), first, last, source, standing)


def _period(key: str, entry: Entry) -> model.Period:
    source, standing = entry.origin()
    values, unit = entry.numbers("value"), entry.word("unit", model.UNITS)
    return model.Period(key, entry.texts("label"), values, unit, source, standing)
