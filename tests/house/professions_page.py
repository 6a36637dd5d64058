"""docs/professions.md: the catalogue of professions as a newcomer and a lawyer read it."""

from collections.abc import Iterable, Iterator
from datetime import date

from caisse.agreement.tables import package_data
from caisse.agreement.tables.professions import Catalogue, Profession, catalogue_of
from caisse.agreement.tables.professions.catalogue import editions_in
from caisse.agreement.tables.professions.conditions import Condition, Literal
from caisse.agreement.tables.professions.model import CaseKind, Rule

ROADS = {
    "convention": "compulsory convention",
    "agreement": "agreement (agrément): the Board decides",
    "none": "none",
}
LAPSES = {
    "suspends": "the code is suspended until a continuation is proven",
    "ends": "the code ends",
    "noted": "the code stays; the office is told",
}
STANDINGS = {"sourced": "", "inferred": " (concluded)", "ours": " (ours)"}


def page() -> str:
    """The newest edition in full, and which editions there are."""
    editions = editions_in(package_data.folder("professions"))
    catalogue = catalogue_of(editions[-1])
    return "\n".join([*_introduction(catalogue, editions), *_overview(catalogue), *_professions(catalogue), *_kinds(catalogue),
                      *_documents(catalogue), *_licences(catalogue), *_periods(catalogue), *_ranges(catalogue), *_specialities(catalogue),
                      *_sheets(catalogue), *_sources(catalogue)])  # fmt: skip


def _introduction(catalogue: Catalogue, editions: tuple[str, ...]) -> Iterator[str]:
    yield "# Professions\n"
    yield "Who can ask the fund for what, and what has to come with it. Printed from `caisse.agreement.tables.professions`,"
    yield f"edition {catalogue.edition}. Editions held: {', '.join(editions)}; the first also serves the days before it.\n"
    yield "What is read in a source carries its mark, as `[seed_dentists]`; the list of sources stands at the end. *Concluded*"
    yield "means that it follows from a source that does not say it in words, *ours* that the fund decided it; both are easy to"
    yield "replace by a new edition (`CONTRIBUTING.md`, Add a profession).\n"


def _overview(catalogue: Catalogue) -> Iterator[str]:
    yield "## At a glance\n"
    yield "| Profession | Road | Code | Electronic exchange | Association | Joint invoicing | Codes | Source |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in catalogue.professions.values():
        held = catalogue.ranges.get(one.range)
        codes = f"{held.first}–{held.last}" if held else "none"
        kind = one.code_kind if one.offered else "not offered"
        exchange = one.exchange.replace("_", " ") if one.offered else "—"
        together = {"speciality": "same speciality", "profession": "same profession", None: "no"}[
            one.associates
        ]
        yield (
            f"| [{one.label['en']}](#{one.key.replace('_', '-')}) | {one.road} | {kind} | {exchange} | {together} | "
            f"{'yes' if one.joint_invoicing else 'no'} | {codes} | {_mark(catalogue, one.source, one.standing)} |"
        )
    yield ""


def _professions(catalogue: Catalogue) -> Iterator[str]:
    yield "## What each has to send for a code\n"
    for one in catalogue.professions.values():
        yield f"### {one.key.replace('_', '-')}\n"
        yield f"**{one.label['en']}** · {one.label['fr']} · {one.label['de']}\n"
        yield f"{one.conditions['en']}\n"
        if not one.offered:
            yield f"No code: {one.unoffered['en']}\n"
            continue
        yield from _bound(catalogue, one)
        yield from _required(catalogue, "new_code", one)


def _bound(catalogue: Catalogue, one: Profession) -> Iterator[str]:
    yield f"- Road: {ROADS[one.road]}."
    for name, periods in (("Bound by", one.conventions), ("Electronic exchange", one.duties)):
        for period in periods:
            yield (
                f"- {name}: {period.value.replace('_', ' ')}{_days(period.valid_from, period.valid_until)} "
                f"{_mark(catalogue, period.source, period.standing)}"
            )
    questions = f"; questions to {one.questions}" if one.questions != one.contact else ""
    yield f"- Supporting authorisation: {catalogue.licences[one.licence].label['en']}. Documents to {one.contact}{questions}.\n"


def _required(catalogue: Catalogue, kind: str, one: Profession) -> Iterator[str]:
    facts = catalogue.facts_for(kind, one.key)
    yield "| Document | Asked when | Dates | Source |"
    yield "|---|---|---|---|"
    for rule in catalogue.content.rules:
        if kind in rule.kinds and (rule.professions is None or one.key in rule.professions):
            key = one.licence if rule.document == "@licence" else rule.document
            yield f"| {_document(catalogue, key)} | {_when(catalogue, rule.when)} | {_dates(catalogue, key)} | {_rule_mark(catalogue, rule)} |"
    yield ""
    if facts:
        yield "Questions asked: " + " ".join(fact.question["en"] for fact in facts) + "\n"


def _document(catalogue: Catalogue, key: str) -> str:
    document = catalogue.documents[key]
    label = document.label["en"]
    if document.per:
        part = catalogue.parts[document.per]
        each = [names["en"] for names in part.members.values()] or [f"each {part.label['en']}"]
        label += f", one for {' and one for '.join(each)}"
    return label + (" (filled in on line)" if document.online else "")


def _when(catalogue: Catalogue, condition: Condition) -> str:
    said = [_said(catalogue, literal) for literal in condition.literals]
    return "; ".join(said) or "always"


def _said(catalogue: Catalogue, literal: Literal) -> str:
    answer = "yes" if literal.wanted else "no"
    if literal.kind == "fact":
        return f"{answer} to “{catalogue.facts[literal.name].question['en']}”"
    return f"`{literal}`"


def _dates(catalogue: Catalogue, key: str) -> str:
    document = catalogue.documents[key]
    said = [
        f"{name} {rule}"
        for name, rule in (("issue", document.issued), ("expiry", document.expires))
        if rule != "none"
    ]
    if document.max_age_months:
        said.append(f"at most {document.max_age_months} months old")
    return ", ".join(said) or "none"


def _kinds(catalogue: Catalogue) -> Iterator[str]:
    yield "## Kinds of cases\n"
    yield "| Case | For | Opened by | Decided by | Days to answer | Documents | Source |"
    yield "|---|---|---|---|---:|---|---|"
    for kind in catalogue.case_kinds.values():
        offered = [key for key, one in catalogue.professions.items() if one.offered]
        left = [key for key in offered if key not in kind.professions]
        whom = f"all but {_names(catalogue, left)}" if left else "all offered a code"
        if len(kind.professions) < len(left):
            whom = _names(catalogue, kind.professions)
        delay = f"; takes effect after {kind.cooling_off_days} days" if kind.cooling_off_days else ""
        rules = [rule for rule in catalogue.content.rules if kind.key in rule.kinds]
        documents = (
            "as above"
            if kind.key == "new_code"
            else "<br>".join(_short(catalogue, rule) for rule in rules) or "none"
        )
        yield (
            f"| {kind.label['en']} (`{kind.key}`) | {whom} | {kind.for_whom} | {_decider(kind)}{delay} | "
            f"{kind.answer_days} | {documents} | {_mark(catalogue, kind.source, kind.standing)} |"
        )
    yield ""


def _decider(kind: CaseKind) -> str:
    officers = "two officers" if kind.four_eyes else "an officer"
    return {"": officers, "always": "the Board", "agreement": f"{officers}; for an agrément the Board"}[
        kind.board
    ]


def _names(catalogue: Catalogue, keys: Iterable[str]) -> str:
    return ", ".join(catalogue.professions[key].label["en"].lower() for key in keys)


def _short(catalogue: Catalogue, rule: Rule) -> str:
    label = (
        "The profession's own authorisation"
        if rule.document == "@licence"
        else _document(catalogue, rule.document)
    )
    when = f": {_when(catalogue, rule.when)}" if rule.when.literals else ""
    who = f" ({', '.join(rule.professions)})" if rule.professions else ""
    return f"{label}{who}{when} {_rule_mark(catalogue, rule)}"


def _documents(catalogue: Catalogue) -> Iterator[str]:
    yield "## Documents\n"
    yield "The source is where the document is asked for. Which dates are noted of it is ours, but for an age or a validity"
    yield "that the source names.\n"
    yield "| Document | French | German | Dates | Why | Source |"
    yield "|---|---|---|---|---|---|"
    for key, one in catalogue.documents.items():
        yield (
            f"| {_document(catalogue, key)} (`{key}`) | {one.label['fr']} | {one.label['de']} | {_dates(catalogue, key)} | {one.why['en']} | "
            f"{_mark(catalogue, one.source, one.standing)} |"
        )
    yield ""


def _licences(catalogue: Catalogue) -> Iterator[str]:
    yield "## Supporting authorisations and their lapse\n"
    yield "| Authorisation | When it lapses | Holds at most | Age limit | Source |"
    yield "|---|---|---|---|---|"
    for one in catalogue.licences.values():
        most = f"{one.longest_months} months" if one.longest_months else "—"
        most += f", {one.longest_total_months} altogether" if one.longest_total_months else ""
        yield (
            f"| {one.label['en']} (`{one.key}`) | {LAPSES[one.on_lapse]} | {most} | {one.age_limit or '—'} | "
            f"{_mark(catalogue, one.source, one.standing)} |"
        )
    yield ""


def _periods(catalogue: Catalogue) -> Iterator[str]:
    yield "## Periods\n\n| Period | Value | Source |\n|---|---|---|"
    for one in catalogue.periods.values():
        values = ", ".join(map(str, one.values))
        unit = one.unit if one.unit in {"days", "months", "years"} else ""
        yield f"| {one.label['en']} (`{one.key}`) | {values} {unit} | {_mark(catalogue, one.source, one.standing)} |"
    yield ""


def _ranges(catalogue: Catalogue) -> Iterator[str]:
    yield "## Ranges of codes\n\nThe first six digits; two check digits follow.\n\n| Range | First | Last | Source |\n|---|---|---|---|"
    for one in sorted(catalogue.ranges.values(), key=lambda held: held.first):
        yield f"| {one.label['en']} | {one.first} | {one.last} | {_mark(catalogue, one.source, one.standing)} |"
    yield ""


def _specialities(catalogue: Catalogue) -> Iterator[str]:
    yield "## Specialities\n\n| Speciality | French | German | Of | Source |\n|---|---|---|---|---|"
    for one in catalogue.specialities.values():
        yield (
            f"| {one.label['en']} (`{one.key}`) | {one.label['fr']} | {one.label['de']} | {one.profession} | "
            f"{_mark(catalogue, one.source, one.standing)} |"
        )
    yield ""


def _sheets(catalogue: Catalogue) -> Iterator[str]:
    yield "## Information sheets\n"
    for sheet in catalogue.sheets.values():
        yield f"### Sheet: {sheet.label['en']}\n\n{_mark(catalogue, sheet.source, sheet.standing)}\n"
        yield "| Section | Field | Type | Asked | Required |\n|---|---|---|---|---|"
        for use in sheet.uses:
            field = catalogue.content.fields[use.field]
            required = (
                "no"
                if use.required is None
                else _when(catalogue, use.required)
                if use.required != use.when
                else "yes"
            )
            yield (
                f"| {catalogue.content.sections[use.section]['en']} | {field.label['en']} (`{field.name}`) | {field.type.replace('_', ' ')} | "
                f"{_when(catalogue, use.when)} | {required} |"
            )
        yield ""


def _sources(catalogue: Catalogue) -> Iterator[str]:
    yield "## Sources\n\n| Mark | Source |\n|---|---|"
    for key, text in catalogue.content.sources.items():
        yield f"| {key} | {text} |"


def _mark(catalogue: Catalogue, source: str, standing: str) -> str:
    keys = [key for key, text in catalogue.content.sources.items() if text == source]
    return f"[{keys[0]}]{STANDINGS[standing]}" if keys else "ours"


def _rule_mark(catalogue: Catalogue, rule: Rule) -> str:
    return _mark(catalogue, rule.source, rule.standing)


def _days(first: date | None, until: date | None) -> str:
    return (f" from {first}" if first else "") + (f" until {until}" if until else "")
