"""The grammar of the printed cumulation rules: one French clause in, structured rules out.

A clause is structured only when it holds without knowing more than the file says. A clause with a condition
("si la culture est négative"), an exception ("sauf néoplasies multiples") or a unit that the file does not
show ("par type de prélèvement") stays text: it must never become an unconditional refusal.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

#: How a group is counted: every unit billed, or every different act once.
QUANTITY, ACTS = "quantity", "acts"
#: Within what a maximum counts: the unit of cumulation (see ``ours/cumulation_unit.toml``) or a prescription.
UNIT, PRESCRIPTION = "unit", "prescription"


@dataclass(frozen=True, slots=True)
class NotCumulable:
    """``act`` and each of ``others`` exclude one another."""

    act: str
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MaximumOfAct:
    """``act`` counts at most ``maximum`` times; ``counted`` is the printed noun, such as "allergènes"."""

    act: str
    maximum: int
    counted: str | None = None


@dataclass(frozen=True, slots=True)
class MaximumOfGroup:
    """The members together count at most ``maximum``; ``act`` is the one whose cell prints ``text``."""

    act: str
    members: tuple[str, ...]
    maximum: int
    text: str
    counts: str = QUANTITY
    per: str = UNIT


@dataclass(frozen=True, slots=True)
class MaximumOfSection:
    """All acts of a section together count at most ``maximum``, more at a first pregnancy check-up."""

    section: str
    maximum: int
    pregnancy_maximum: int | None
    per: str
    text: str


@dataclass(frozen=True, slots=True)
class TextRule:
    """A clause kept as text and ``why``; it matters when ``others`` are billed too, or more than ``above``.

    With neither it always matters.
    """

    act: str
    text: str
    why: str
    others: tuple[str, ...] = ()
    above: int | None = None


type Rule = NotCumulable | MaximumOfAct | MaximumOfGroup | TextRule

CONDITION = "holds only under a condition the file does not show"
EXCEPTION = "has an exception the file does not show"
UNIT_NOT_SHOWN = "counts per a unit the file does not show"
REQUIREMENT = "requires something the file does not show"
NOT_BY_CODES = "names the other acts by their kind, not by their codes"
PERMISSION = "permits, it does not forbid"
CONDITION_ON_OTHER = "is printed on the other act only under a condition"
CONTRADICTED = "prints a larger maximum than the other acts of its group"
UNKNOWN_FORM = "is in no form of the grammar"
UNKNOWN_CODE = "names a code this edition does not have"


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of an act's rule, and what it may refer to: the edition's codes, the act's section."""

    act: str
    text: str
    known: frozenset[str]
    section_acts: tuple[str, ...]

    def kept(self, why: str, others: Iterable[str] = (), above: int | None = None) -> tuple[Rule, ...]:
        """The clause as a text rule."""
        rest = tuple(other for other in others if other != self.act)
        return (TextRule(self.act, self.text, why, rest, above),)


_CODE = r"[A-Z]{2}[0-9]{3}"
_PREFIX = r"(?:(?:la cotation|les codes|les actes) )?"
_ITEM = rf"{_PREFIX}{_CODE}(?: à {_CODE})?"
_CODES = rf"{_ITEM}(?:(?:, ?| et |/){_ITEM})*"
_WORDS = {"un": 1, "une": 1, "deux": 2, "trois": 3, "quatre": 4, "cinq": 5, "six": 6, "sept": 7, "huit": 8}
_NUMBER = rf"(?P<n>[0-9]+|{'|'.join(_WORDS)})"
_COUNTED = r"allergènes|substances|éléments|prélèvements|sites(?: de prélèvement)?|pathogènes"

_RANGE = re.compile(rf"({_CODE})(?: à ({_CODE}))?")


class UnknownCodeError(ValueError):
    """A list names a code that the edition does not have."""


def expand(codes: str, known: frozenset[str]) -> tuple[str, ...]:
    """The codes of a printed list; a range gives the codes of the edition that lie within it.

    >>> expand("BC001 à BC009 et BD001", frozenset({"BC001", "BC004", "BC009", "BD001"}))
    ('BC001', 'BC004', 'BC009', 'BD001')
    """
    found: list[str] = []
    for first, last in _RANGE.findall(codes):
        end = last or first
        if first not in known or end not in known or first[:2] != end[:2]:
            raise UnknownCodeError(codes)
        found += sorted(code for code in known if first <= code <= end) if last else [first]
    return tuple(dict.fromkeys(found))


def _number(match: re.Match[str]) -> int:
    text = match["n"].lower()
    return _WORDS[text] if text in _WORDS else int(text)


def _others(clause: Clause, match: re.Match[str]) -> tuple[str, ...]:
    return expand(match["codes"], clause.known)


def _not_cumulable(clause: Clause, match: re.Match[str]) -> tuple[Rule, ...]:
    return (NotCumulable(clause.act, _others(clause, match)),)


def _not_cumulable_if(clause: Clause, match: re.Match[str]) -> tuple[Rule, ...]:
    why = EXCEPTION if match["condition"].startswith("sauf") else CONDITION
    return clause.kept(why, _others(clause, match))


def _one_another(clause: Clause, match: re.Match[str]) -> tuple[Rule, ...]:
    group = _others(clause, match)
    rules: list[Rule] = [NotCumulable(act, tuple(other for other in group if other != act)) for act in group]
    return (*rules, *(clause.kept(NOT_BY_CODES) if match["rest"] else ()))


def _maximum(clause: Clause, match: re.Match[str]) -> tuple[Rule, ...]:
    rule = MaximumOfAct(clause.act, _number(match), match["counted"])
    # "uniquement ..." narrows the rule further; the maximum itself holds without it.
    return (rule, *(clause.kept(REQUIREMENT) if match["only"] else ()))


def _maximum_of_group(clause: Clause, match: re.Match[str]) -> tuple[Rule, ...]:
    # "3 sites" and "2 codes de ..." stand together on BH905: a code counts once however often it is billed.
    counts = ACTS if match["noun"] == "codes" else QUANTITY
    return (MaximumOfGroup(clause.act, _others(clause, match), _number(match), clause.text, counts),)


def _maximum_of_group_except(clause: Clause, match: re.Match[str]) -> tuple[Rule, ...]:
    return clause.kept(EXCEPTION, _others(clause, match), _number(match))


def _maximum_per_prescription(clause: Clause, match: re.Match[str]) -> tuple[Rule, ...]:
    return (
        MaximumOfGroup(
            clause.act, _others(clause, match), _number(match), clause.text, QUANTITY, PRESCRIPTION
        ),
    )


def _maximum_of_subsection(clause: Clause, match: re.Match[str]) -> tuple[Rule, ...]:
    # The subsection's remark lets each element be billed twice (chelation), so elements count, not units.
    return (MaximumOfGroup(clause.act, clause.section_acts, _number(match), clause.text, ACTS),)


def _maximum_per_unit(clause: Clause, match: re.Match[str]) -> tuple[Rule, ...]:
    return clause.kept(UNIT_NOT_SHOWN, above=_number(match))


def _kept(why: str) -> Callable[[Clause, re.Match[str]], tuple[Rule, ...]]:
    return lambda clause, _: clause.kept(why)


def _permission(clause: Clause, match: re.Match[str]) -> tuple[Rule, ...]:
    return clause.kept(PERMISSION, _others(clause, match))


@dataclass(frozen=True, slots=True)
class Form:
    """One form of clause: its pattern (of the whole clause), what it becomes, and an example as printed."""

    name: str
    pattern: re.Pattern[str]
    build: Callable[[Clause, re.Match[str]], tuple[Rule, ...]]
    example: str


def _form(
    name: str, pattern: str, build: Callable[[Clause, re.Match[str]], tuple[Rule, ...]], example: str
) -> Form:
    return Form(name, re.compile(pattern), build, example)


#: Tried in this order; the first whose pattern is the whole clause decides.
FORMS = (
    _form(
        "not cumulable with a list or range",
        rf"Non cumulables? (?:avec )?(?P<codes>{_CODES})",
        _not_cumulable,
        "Non cumulable avec BF151 à BF162",
    ),
    _form(
        "not cumulable under a condition",
        rf"Non cumulables? (?:avec )?(?P<codes>{_CODES}),? (?P<condition>(?:si |s'|sauf |en |quand ).+)",
        _not_cumulable_if,
        "Non cumulable avec BH112 si la culture est négative",
    ),
    _form(
        "not cumulable with one another",
        rf"(?P<codes>{_CODES}) non cumulables entre eux(?P<rest>, ni avec .+)?",
        _one_another,
        "BH845 à BH851 non cumulables entre eux, ni avec un code/germe encadrant la même pathologie virale",
    ),
    _form(
        "not cumulable with a kind of act",
        r"Non cumulables? avec (?:les|un) .+",
        _kept(NOT_BY_CODES),
        "Non cumulable avec les autres codes concernant les mêmes pathogènes",
    ),
    _form(
        "maximum of the act",
        rf"(?:Maximum|Cotation maximum de) {_NUMBER}(?: (?P<counted>{_COUNTED}|antifongiques))?"
        r"(?P<only>(?:,| et) uniquement .+)?",
        _maximum,
        "Maximum 3 sites, uniquement sur prescription explicite",
    ),
    _form(
        "maximum of a group",
        rf"(?:Maximum|Prise en charge d'au maximum) {_NUMBER}(?: (?P<noun>codes|dosages))? (?:de|parmi) ?: ?"
        rf"(?P<codes>{_CODES})",
        _maximum_of_group,
        "Maximum 2 de : BC042, BC045, BC048, BC052",
    ),
    _form(
        "maximum of a group with an exception",
        rf"Au maximum {_NUMBER} dosages pris en charge parmi ?: ?(?P<codes>{_CODES}), sauf .+",
        _maximum_of_group_except,
        "Au maximum 2 dosages pris en charge parmi : BC072, BC073, sauf néoplasies multiples",
    ),
    _form(
        "maximum of a group per prescription",
        rf"Maximum {_NUMBER} marqueurs par prescription parmi (?P<codes>{_CODES})",
        _maximum_per_prescription,
        "Maximum 3 marqueurs par prescription parmi les actes BJ008 à BJ013",
    ),
    _form(
        "maximum of the subsection",
        rf"Maximum {_NUMBER} des éléments de cette sous-section",
        _maximum_of_subsection,
        "Maximum 5 des éléments de cette sous-section",
    ),
    _form(
        "maximum per unit",
        rf"(?:Maximum {_NUMBER} (?:dans le cadre d'une épreuve dynamique|cotation par type de prélèvement"
        rf"|pour les positions .+))",
        _maximum_per_unit,
        "Maximum 1 cotation par type de prélèvement",
    ),
    _form(
        "measurements per sample",
        rf"{_NUMBER} dosages max\. par prélèvement",
        _maximum_per_unit,
        "2 dosages max. par prélèvement",
    ),
    _form(
        "minimum, explicit prescription, or only after another act",
        rf"Minimum {_NUMBER} pathogènes|Uniquement .+|Une seule cotation .+",
        _kept(REQUIREMENT),
        "Minimum 2 pathogènes",
    ),
    _form(
        "cumulable under a condition",
        rf"Cumulable avec (?P<codes>{_CODES}) .+",
        _permission,
        "Cumulable avec BC601 et BC611 en présence d'agglutinats de spermatozoïdes",
    ),
)

# A full stop ends a clause before a capital or the end ("max. par" does not); BH910 of 2018 lacks the stop.
_CLAUSE_END = re.compile(r"\.(?=\s*(?:[A-ZÀ-Ý]|$))|(?<=[0-9]) (?=Non cumulable|Maximum)")


def fold(text: str) -> str:
    """The text with straight apostrophes and single spaces, as the grammar expects it."""
    return " ".join(text.replace("’", "'").split())


def clauses(text: str) -> tuple[str, ...]:
    """The clauses of a printed rule, folded, without their full stops."""
    return tuple(part.strip() for part in _CLAUSE_END.split(fold(text)) if part.strip())


def form_of(text: str) -> Form | None:
    """The form that decides a clause, None when it is in no form."""
    return next((form for form in FORMS if form.pattern.fullmatch(text)), None)


def parse_clause(clause: Clause) -> tuple[Rule, ...]:
    """The rules of one clause; what is in no form is kept as text."""
    form = form_of(clause.text)
    match = form.pattern.fullmatch(clause.text) if form else None
    if form is None or match is None:
        return clause.kept(UNKNOWN_FORM)
    try:
        return form.build(clause, match)
    except UnknownCodeError:
        return clause.kept(UNKNOWN_CODE)
