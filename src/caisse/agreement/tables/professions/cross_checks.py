"""What an edition's files must agree on: every name leads somewhere, nothing is asked or held in vain."""

from collections.abc import Iterable, Iterator, Set
from itertools import pairwise

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.tables.professions.conditions import Condition
from caisse.agreement.tables.professions.loading import Content
from caisse.agreement.tables.professions.model import FieldUse

#: What the rooms of the fund read by name.
NEEDED_PERIODS = (
    "lapse_warnings", "answer_days", "closing_days", "appeal_days", "cooling_off_days", "board_sessions",
    "board_week", "board_day", "board_papers_days", "change_notice_months", "association_members",
    "draft_days", "decision_days", "answer_reminder_days", "draft_reminder_days",
    "statement_days", "signature_days", "signature_reminder_days",
)  # fmt: skip
LICENCE_WORD = "@licence"


def check(content: Content) -> None:
    """Raises BrokenSystem with everything that does not fit together."""
    faults = [f"{content.edition}: {fault}" for fault in _faults(content)]
    if faults:
        raise BrokenSystem(" ".join(faults))


def _faults(content: Content) -> Iterator[str]:
    yield from _professions(content)
    yield from _case_kinds(content)
    yield from _documents(content)
    yield from _rules(content)
    yield from _facts(content)
    yield from _sheets(content)
    yield from _numbers(content)


def _unknown(place: str, names: Iterable[str] | None, held: Iterable[str]) -> Iterator[str]:
    for name in sorted(set(names or ()) - set(held)):
        yield f"{place} names {name!r}, which is not defined."


def _professions(content: Content) -> Iterator[str]:
    for one in content.professions.values():
        place = f"profession {one.key}"
        if one.offered:
            yield from _unknown(place, [one.licence], content.licences)
            yield from _unknown(place, [one.range], content.ranges)
        if one.offered and (one.road == "none" or one.code_kind == "none" or not one.duties):
            yield f"{place} is offered without a road, a kind of code or a duty of exchange."
    for speciality in content.specialities.values():
        place = f"speciality {speciality.key}"
        yield from _unknown(place, [speciality.profession], content.professions)
    for key, one in content.professions.items():
        if one.specialities is not any(held.profession == key for held in content.specialities.values()):
            yield f"profession {key}: specialities and its flag do not agree."


def _case_kinds(content: Content) -> Iterator[str]:
    for kind in content.case_kinds.values():
        place = f"case kind {kind.key}"
        asked = [fact.key for fact in content.facts.values() if kind.key in fact.kinds]
        yield from _unknown(place, kind.one_of, asked)
        yield from _unknown(place, kind.sheets.values(), content.sheets)
        yield from _unknown(
            place, kind.sheets, {"any", "individual", "establishment"} | set(content.professions)
        )
        for profession in content.professions.values():
            if profession.key in kind.professions and not {profession.key, profession.code_kind, "any"} & set(
                kind.sheets
            ):
                yield f"{place} has no sheet for {profession.key}."


def _documents(content: Content) -> Iterator[str]:
    required = {rule.document for rule in content.rules}
    if LICENCE_WORD in required:
        required |= {one.licence for one in content.professions.values()}
    for document in content.documents.values():
        place = f"document {document.key}"
        yield from _unknown(place, [document.per] if document.per else [], content.parts)
        yield from _unknown(place, [document.licence] if document.licence else [], content.licences)
        if document.key not in required:
            yield f"{place} is never required."
        if document.max_age_months is not None and document.issued != "required":
            yield f"{place} has an age but no day of issue."
    for part in set(content.parts) - {document.per for document in content.documents.values()}:
        yield f"part {part} counts nothing."


def _rules(content: Content) -> Iterator[str]:
    for number, rule in enumerate(content.rules, 1):
        place = f"requirement {number} ({rule.document})"
        yield from _unknown(place, rule.kinds, content.case_kinds)
        yield from _unknown(place, rule.professions, content.professions)
        yield from _unknown(place, {rule.document} - {LICENCE_WORD}, content.documents)
        yield from _condition(place, rule.when, content)
        if rule.when.names("value"):
            yield f"{place} depends on a value of the sheet; facts decide what is required."
    if any(rule.document == LICENCE_WORD for rule in content.rules):
        licences = {one.licence for one in content.professions.values() if one.offered}
        yield from _unknown("a licence", licences, content.documents)


def _condition(place: str, condition: Condition, content: Content) -> Iterator[str]:
    yield from _unknown(place, condition.names("fact"), content.facts)
    yield from _unknown(place, condition.names("value"), content.fields)
    yield from _unknown(place, condition.names("trait"), traits(content))


def traits(content: Content) -> Set[str]:
    """Every @word a condition may use."""
    return set().union(*(one.traits for one in content.professions.values()))


def _facts(content: Content) -> Iterator[str]:
    for fact in content.facts.values():
        place = f"fact {fact.key}"
        yield from _unknown(place, fact.kinds, content.case_kinds)
        yield from _unknown(place, fact.excludes, content.facts)
        for other in set(fact.excludes) & set(content.facts):
            if set(content.facts[other].kinds) != set(fact.kinds):
                yield f"{place} excludes {other}, which is asked elsewhere."
        for kind in set(fact.kinds) & set(content.case_kinds):
            if not _used(fact.key, kind, content):
                yield f"{place} is asked in {kind} and decides nothing there."


def _used(fact: str, kind: str, content: Content) -> bool:
    rules = [rule.when for rule in content.rules if kind in rule.kinds]
    sheets = [
        content.sheets[key] for key in content.case_kinds[kind].sheets.values() if key in content.sheets
    ]
    uses = [condition for sheet in sheets for use in sheet.uses for condition in _conditions(use)]
    return any(fact in condition.names("fact") for condition in (*rules, *uses))


def _conditions(use: FieldUse) -> tuple[Condition, ...]:
    return (use.when, use.required) if use.required else (use.when,)


def _sheets(content: Content) -> Iterator[str]:
    used: set[str] = set()
    for sheet in content.sheets.values():
        place = f"sheet {sheet.key}"
        names = [use.field for use in sheet.uses]
        used |= set(names)
        yield from _unknown(place, names, content.fields)
        if len(set(names)) < len(names):
            yield f"{place} asks a field twice."
        for use in sheet.uses:
            for condition in _conditions(use):
                yield from _condition(place, condition, content)
                yield from _unknown(place, condition.names("value"), names)
    for name in set(content.fields) - used:
        yield f"field {name} stands in no sheet."
    for sheet_key in set(content.sheets) - {
        key for kind in content.case_kinds.values() for key in kind.sheets.values()
    }:
        yield f"sheet {sheet_key} belongs to no case kind."
    for field in content.fields.values():
        place = f"field {field.name}"
        yield from _unknown(
            place, (*field.not_before, *([field.country] if field.country else ())), content.fields
        )
        if field.choices and field.type != "choice":
            yield f"{place} has choices and is {field.type}."


def _numbers(content: Content) -> Iterator[str]:
    yield from _unknown("the fund", NEEDED_PERIODS, content.periods)
    for earlier, later in pairwise(sorted(content.ranges.values(), key=lambda one: one.first)):
        if earlier.last >= later.first:
            yield f"ranges {earlier.key} and {later.key} overlap."
    yield from _unknown("associations", ["associations"], content.ranges)
