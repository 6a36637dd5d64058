"""Each form of the grammar, and what must never happen: a condition that turns into a refusal."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisse.agreement.tables.cumulation import grammar
from caisse.agreement.tables.cumulation.grammar import (
    Clause,
    MaximumOfAct,
    MaximumOfGroup,
    NotCumulable,
    Rule,
    TextRule,
)
from caisse.agreement.tables.editions import Edition, read_editions

EDITIONS = {edition.name: edition for edition in read_editions("laboratories")}
NEWEST = EDITIONS["2020-01-01"]
KNOWN = frozenset(act.code for act in NEWEST.acts)
SECTION = {act.code: tuple(a.code for a in NEWEST.acts if a.section == act.section) for act in NEWEST.acts}


def parse(act: str, text: str) -> tuple[Rule, ...]:
    return grammar.parse_clause(Clause(act, text, KNOWN, SECTION[act]))


def all_clauses(edition: Edition) -> list[tuple[str, str]]:
    return [(act.code, clause) for act in edition.acts for clause in grammar.clauses(act.cumulation_rule)]


CLAUSES = all_clauses(EDITIONS["2018-09-01"]) + all_clauses(NEWEST)

#: The forms of the domain report (exchange.md 11.3), by an act that prints them.
FORMS: list[tuple[str, str, tuple[Rule, ...]]] = [
    ("BC006", "Non cumulable avec BC007", (NotCumulable("BC006", ("BC007",)),)),
    ("BH811", "Non cumulable BJ025 et BJ028", (NotCumulable("BH811", ("BJ025", "BJ028")),)),
    (
        "BH809",
        "Non cumulables avec les codes BJ018 à BJ021",
        (NotCumulable("BH809", ("BJ018", "BJ019", "BJ020", "BJ021")),),
    ),
    (
        "BH806",
        "Non cumulable avec BH706/BH707 et BJ050",
        (NotCumulable("BH806", ("BH706", "BH707", "BJ050")),),
    ),
    (
        "BH113",
        "Non cumulable avec BH112 si la culture est négative",
        (
            TextRule(
                "BH113", "Non cumulable avec BH112 si la culture est négative", grammar.CONDITION, ("BH112",)
            ),
        ),
    ),
    ("BC002", "Maximum 4", (MaximumOfAct("BC002", 4),)),
    ("BE010", "Maximum 2 allergènes", (MaximumOfAct("BE010", 2, "allergènes"),)),
    ("BH608", "Cotation maximum de 2 antifongiques", (MaximumOfAct("BH608", 2, "antifongiques"),)),
    (
        "BH931",
        "Maximum trois sites, uniquement sur prescription explicite",
        (
            MaximumOfAct("BH931", 3, "sites"),
            TextRule(
                "BH931", "Maximum trois sites, uniquement sur prescription explicite", grammar.REQUIREMENT
            ),
        ),
    ),
    (
        "BC042",
        "Maximum 2 de : BC042, BC045, BC048, BC052",
        (
            MaximumOfGroup(
                "BC042",
                ("BC042", "BC045", "BC048", "BC052"),
                2,
                "Maximum 2 de : BC042, BC045, BC048, BC052",
                "quantity",
            ),
        ),
    ),
    (
        "BH905",
        "Maximum 2 codes de : BH905, BH915, BH917, BH918",
        (
            MaximumOfGroup(
                "BH905",
                ("BH905", "BH915", "BH917", "BH918"),
                2,
                "Maximum 2 codes de : BH905, BH915, BH917, BH918",
                "acts",
            ),
        ),
    ),
    (
        "BC194",
        "Prise en charge d'au maximum 2 dosages parmi : BC194, BC195 et BC196",
        (
            MaximumOfGroup(
                "BC194",
                ("BC194", "BC195", "BC196"),
                2,
                "Prise en charge d'au maximum 2 dosages parmi : BC194, BC195 et BC196",
                "quantity",
            ),
        ),
    ),
    (
        "BJ008",
        "Maximum 3 marqueurs par prescription parmi les actes BJ008 à BJ010",
        (
            MaximumOfGroup(
                "BJ008",
                ("BJ008", "BJ009", "BJ010"),
                3,
                "Maximum 3 marqueurs par prescription parmi les actes BJ008 à BJ010",
                "quantity",
                "prescription",
            ),
        ),
    ),
    (
        "BE413",
        "Maximum 1 cotation par type de prélèvement",
        (TextRule("BE413", "Maximum 1 cotation par type de prélèvement", grammar.UNIT_NOT_SHOWN, above=1),),
    ),
    (
        "BD201",
        "Maximum 3 dans le cadre d'une épreuve dynamique",
        (
            TextRule(
                "BD201", "Maximum 3 dans le cadre d'une épreuve dynamique", grammar.UNIT_NOT_SHOWN, above=3
            ),
        ),
    ),
    (
        "BE117",
        "Uniquement si BE116 s'est révélé négatif",
        (TextRule("BE117", "Uniquement si BE116 s'est révélé négatif", grammar.REQUIREMENT),),
    ),
    (
        "BC072",
        "Au maximum 2 dosages pris en charge parmi : BC072, BC073, sauf néoplasies multiples",
        (
            TextRule(
                "BC072",
                "Au maximum 2 dosages pris en charge parmi : BC072, BC073, sauf néoplasies multiples",
                grammar.EXCEPTION,
                ("BC073",),
                2,
            ),
        ),
    ),
    (
        "BH953",
        "Non cumulable avec les autres codes concernant les mêmes pathogènes",
        (
            TextRule(
                "BH953",
                "Non cumulable avec les autres codes concernant les mêmes pathogènes",
                grammar.NOT_BY_CODES,
            ),
        ),
    ),
    (
        "BC001",
        "À voir avec le laboratoire",
        (TextRule("BC001", "À voir avec le laboratoire", grammar.UNKNOWN_FORM),),
    ),
    (
        "BC001",
        "Non cumulable avec BC999",
        (TextRule("BC001", "Non cumulable avec BC999", grammar.UNKNOWN_CODE),),
    ),
]


@pytest.mark.parametrize(("act", "text", "rules"), FORMS, ids=[text for _, text, _ in FORMS])
def test_form(act: str, text: str, rules: tuple[Rule, ...]) -> None:
    assert parse(act, text) == rules


@pytest.mark.parametrize("form", grammar.FORMS, ids=lambda form: form.name)
def test_every_form_reads_its_own_example(form: grammar.Form) -> None:
    first = next(other for other in grammar.FORMS if other.pattern.fullmatch(form.example))
    assert first is form


@pytest.mark.parametrize("form", grammar.FORMS, ids=lambda form: form.name)
def test_every_form_is_printed_somewhere(form: grammar.Form) -> None:
    assert any(form.pattern.fullmatch(text) for _, text in CLAUSES)


def test_acts_that_exclude_one_another() -> None:
    *rules, kept = parse(
        "BH845", "BH845 à BH847 non cumulables entre eux, ni avec un code encadrant la même pathologie"
    )
    assert rules == [
        NotCumulable("BH845", ("BH846", "BH847")),
        NotCumulable("BH846", ("BH845", "BH847")),
        NotCumulable("BH847", ("BH845", "BH846")),
    ]
    assert isinstance(kept, TextRule)
    assert kept.why == grammar.NOT_BY_CODES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Maximum 4. Non cumulable avec BC001.", ("Maximum 4", "Non cumulable avec BC001")),
        ("2 dosages max. par prélèvement.", ("2 dosages max. par prélèvement",)),
        # BD401 has no space after a stop, BH910 of 2018 no stop at all; BC056 ends without one.
        (
            "Maximum 3 dans une épreuve dynamique.Non cumulable avec BD405",
            ("Maximum 3 dans une épreuve dynamique", "Non cumulable avec BD405"),
        ),
        (
            "Maximum 3 codes de : BH801, BH916 Non cumulable avec BH307",
            ("Maximum 3 codes de : BH801, BH916", "Non cumulable avec BH307"),
        ),
        ("S’il s’agit de  selles", ("S'il s'agit de selles",)),
        ("", ()),
    ],
)
def test_clauses(text: str, expected: tuple[str, ...]) -> None:
    assert grammar.clauses(text) == expected


def test_a_range_gives_the_codes_of_the_edition_within_it() -> None:
    # BF102 is in no edition held; the range must not invent it.
    assert "BF102" not in KNOWN
    assert grammar.expand("BF101 à BF104", KNOWN) == ("BF101", "BF103", "BF104")


@pytest.mark.parametrize("text", ["BC001 à BC999", "BC001 à BD101", "BC999", "BC001, BC999"])
def test_a_list_with_a_code_the_edition_lacks_is_not_guessed(text: str) -> None:
    with pytest.raises(grammar.UnknownCodeError):
        grammar.expand(text, KNOWN)


@pytest.mark.parametrize("edition", EDITIONS.values(), ids=EDITIONS)
def test_every_printed_clause_is_in_a_form(edition: Edition) -> None:
    odd = [
        (act, text)
        for act, text in all_clauses(edition)
        if not any(f.pattern.fullmatch(text) for f in grammar.FORMS)
    ]
    assert odd == []


CONDITIONAL = re.compile(
    r"\bsi\b|s'il|\bsauf\b|en présence|dynamique|par type|par prélèvement|positions|pathologie|les mêmes"
)


def test_no_printed_condition_becomes_a_refusal() -> None:
    conditional = [(act, text) for act, text in CLAUSES if CONDITIONAL.search(text)]
    assert len(conditional) > 150
    for act, text in conditional:
        rules = parse(act, text)
        hard = [rule for rule in rules if not isinstance(rule, TextRule)]
        # "entre eux, ni avec ...": the first half names its codes and holds; the second half is kept.
        assert not hard or ("entre eux" in text and len(hard) < len(rules)), text


def codes_of(rule: Rule) -> set[str]:
    match rule:
        case NotCumulable(act, others):
            return {act, *others}
        case MaximumOfAct(act):
            return {act}
        case MaximumOfGroup(_, members):
            return set(members)
        case _:
            return set(re.findall(r"B[A-Z][0-9]{3}", rule.text))


def test_no_code_of_a_clause_is_lost_and_none_invented() -> None:
    for act, text in CLAUSES:
        named = set(re.findall(r"B[A-Z][0-9]{3}", text))
        found = set().union(*(codes_of(rule) for rule in parse(act, text)))
        assert named <= found | {act}, text
        if " à " not in text and "sous-section" not in text:
            assert found <= named | {act}, text


tails = st.one_of(
    st.sampled_from(
        [
            "si la culture est négative",
            "sauf urgence",
            "en cas de grossesse",
            "par prélèvement",
            "s'il y a lieu",
            "le même jour",
        ]
    ),
    st.text("abcdefghijklmnopqrstuvwxyzéèà ", min_size=3, max_size=30).filter(
        lambda text: len(text.split()) > 1
    ),
)


@given(st.sampled_from(CLAUSES), tails, st.sampled_from([" ", ", "]))
def test_a_condition_added_to_any_clause_keeps_it_as_text(
    clause: tuple[str, str], tail: str, joint: str
) -> None:
    act, text = clause
    if "uniquement" in text or "ni avec" in text:
        return  # their tails are free text already, and kept
    rules = parse(act, grammar.fold(text + joint + tail))
    assert all(isinstance(rule, TextRule) for rule in rules)


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    for clause in grammar.clauses(text):
        assert parse("BC001", clause)
