"""The catalogue is whole: three languages, nothing asked in vain, nothing required that no answer leads to."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from caisse.agreement.errors import WrongUse
from caisse.agreement.tables.professions import Field, catalogue_on
from caisse.agreement.tables.reasons import LANGUAGES
from tests.agreement.tables.professions.answers import DAY, answers, cases, catalogue
from tests.house import professions_page

#: May be empty, but in all languages or in none.
OPTIONAL_TEXTS = {"help", "unoffered", "question"}


def texts_in(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every mapping of languages below a value, with where it stands."""
    if isinstance(value, dict) or hasattr(value, "items"):
        if any(isinstance(value.get(lang), str) for lang in LANGUAGES):
            yield path, value
            return
        for key, one in value.items():
            yield from texts_in(one, f"{path}/{key}")
    elif isinstance(value, tuple):
        for place, one in enumerate(value):
            yield from texts_in(one, f"{path}/{place}")
    elif is_dataclass(value):
        for field in fields(value):
            yield from texts_in(getattr(value, field.name), f"{path}.{field.name}")


def test_every_text_stands_in_three_languages() -> None:
    found = list(texts_in(catalogue().content, ""))
    assert len(found) > 400
    for path, texts in found:
        assert set(texts) == set(LANGUAGES), path
        filled = [bool(texts[lang].strip()) for lang in LANGUAGES]
        may_be_empty = path.rpartition(".")[2] in OPTIONAL_TEXTS or path.startswith(".rules")
        assert all(filled) or (may_be_empty and not any(filled)), path
        assert not any("  " in text or text != text.strip() for text in texts.values()), path


def test_texts_are_translated_and_not_copied() -> None:
    """A long text that is the same in two languages was forgotten."""
    same = [
        path
        for path, texts in texts_in(catalogue().content, "")
        if len(texts["en"]) > 25 and len(set(texts.values())) < 3
    ]
    assert same == []


def test_every_requirement_is_reached_by_some_answers() -> None:
    held = catalogue()
    reached: set[int] = set()
    for kind, profession in cases():
        licence = held.professions[profession].licence
        traits = held.professions[profession].traits
        for facts in answers(kind, profession):
            required = {one.document for one in held.requirements(kind, profession, facts)}
            taken: set[str] = set()
            for number, rule in enumerate(held.content.rules):
                document = licence if rule.document == "@licence" else rule.document
                meant = kind in rule.kinds and (rule.professions is None or profession in rule.professions)
                if meant and rule.when.holds(facts, traits):
                    assert document in required
                    if document not in taken:
                        reached.add(number)
                    taken.add(document)
            assert required == taken
    unreached = [rule for number, rule in enumerate(held.content.rules) if number not in reached]
    assert unreached == []


def test_every_question_changes_something_for_whom_it_is_asked() -> None:
    held = catalogue()
    for kind, profession in cases():
        for fact in held.facts_for(kind, profession):
            assert any(
                asked(kind, profession, {**given, fact.key: True})
                != asked(kind, profession, {**given, fact.key: False})
                for given in answers(kind, profession)
            ), (kind, profession, fact.key)


def asked(kind: str, profession: str, facts: dict[str, bool]) -> object:
    held = catalogue()
    required = [(one.document, one.part) for one in held.requirements(kind, profession, facts)]
    return required, [(field.name, field.required) for field in held.fields(kind, profession, facts)]


def test_no_document_is_required_twice_and_each_says_why() -> None:
    for kind, profession in cases():
        for facts in answers(kind, profession):
            required = catalogue().requirements(kind, profession, facts)
            keys = [(one.document, one.part) for one in required]
            assert len(set(keys)) == len(keys)
            assert all(one.why[lang] and one.label[lang] for one in required for lang in LANGUAGES)
            assert all(one.source or one.standing == "ours" for one in required)


def test_an_answer_nobody_asked_for_changes_nothing() -> None:
    held = catalogue()
    plain = held.requirements("new_code", "psychotherapists", {})
    assert held.requirements("new_code", "psychotherapists", {"radiation": True, "nonsense": True}) == plain
    assert held.requirements("new_code", "dentists", {"radiation": "no"}) == held.requirements(
        "new_code", "dentists", {}
    )  # type: ignore[dict-item]


def test_every_offered_profession_has_the_kinds_its_rules_give_it() -> None:
    held = catalogue()
    for key, one in held.professions.items():
        kinds = {kind.key for kind in held.kinds_for(key)}
        assert ("new_code" in kinds) is one.offered
        assert ("association" in kinds) is (one.associates is not None), key
        assert ("joint_invoicing" in kinds) is one.joint_invoicing, key
    assert {kind.effect for kind in held.case_kinds.values()} == {
        "allot_code", "open_site", "move_site", "record_bank_account", "record_manager", "record_licence", "end_code",
        "change_association", "change_joint_invoicing", "change_exchange_account", "reopen_decision",
    }  # fmt: skip


def test_bank_accounts_need_two_pairs_of_eyes_and_a_delay() -> None:
    kind = catalogue().case_kinds["bank_account_change"]
    assert kind.four_eyes
    assert kind.cooling_off_days == catalogue().period("cooling_off_days") > 0
    assert all(
        one.answer_days == catalogue().period("answer_days") for one in catalogue().case_kinds.values()
    )


def test_fields_stand_in_sections_with_labels() -> None:
    for kind, profession in cases():
        for facts in answers(kind, profession):
            found = catalogue().fields(kind, profession, facts)
            assert found
            for field in found:
                assert field.section_label["de"]
                assert field.type != "choice" or field.choices, (kind, profession, field.name)
            sections = [field.section for field in found]
            assert len({*sections}) == 1 + sum(a != b for a, b in pairwise(sections)), (
                "a section is torn apart"
            )


def test_every_source_is_named_somewhere() -> None:
    page = professions_page.page()
    assert [key for key in catalogue().content.sources if f"[{key}]" not in page] == []


def test_unknown_words_are_refused_with_those_that_exist() -> None:
    with pytest.raises(WrongUse, match="no profession 'dentist'; there are ambulances"):
        catalogue().requirements("new_code", "dentist", {})
    with pytest.raises(WrongUse, match="no case kind 'code'"):
        catalogue().fields("code", "dentists", {})
    with pytest.raises(WrongUse, match="exchange_access is not for dentists"):
        catalogue().facts_for("exchange_access", "dentists")
    with pytest.raises(WrongUse, match="no period 'x'"):
        catalogue().period("x")


def test_the_board_meets_once_every_month() -> None:
    held, day, sessions = catalogue(), date(2026, 1, 1), []
    while day < date(2028, 1, 1):
        session = held.next_board_session(day)
        assert session >= day
        sessions.append(session)
        day = session + timedelta(days=1)
    assert [(one.year, one.month) for one in sessions[:24]] == [
        (2026 + n // 12, n % 12 + 1) for n in range(24)
    ]
    assert {one.isoweekday() for one in sessions} == {3}
    assert all(15 <= one.day <= 21 for one in sessions)
    assert held.next_board_session(sessions[0]) == sessions[0]


def test_dated_attributes_hold_on_their_days() -> None:
    psychotherapists = catalogue().professions["psychotherapists"]
    assert psychotherapists.convention_on(date(2023, 1, 31)) == "none"
    assert psychotherapists.convention_on(date(2023, 2, 1)) == "regulation"
    doctors = catalogue().professions["doctors"]
    assert doctors.convention_on(date(2025, 5, 31)) == doctors.convention_on(date(2025, 6, 1)) == "compulsory"
    assert [one.valid_from for one in doctors.conventions] == [None, date(2025, 6, 1)]


def test_the_catalogue_is_read_once_and_cannot_be_changed() -> None:
    held = catalogue()
    assert catalogue_on(DAY) is held
    with pytest.raises(TypeError):
        held.professions["x"] = held.professions["dentists"]  # type: ignore[index]
    field = held.fields("new_code", "dentists", {})[0]
    assert isinstance(field, Field)
    with pytest.raises(AttributeError):
        field.name = "x"  # type: ignore[misc]
