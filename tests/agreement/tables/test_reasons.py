import re
from typing import Any

import pytest

from caisse.agreement.errors import BrokenSystem, WrongUse
from caisse.agreement.tables import reasons

ENTRY: dict[str, Any] = {
    "level": "line",
    "kind": "nomenclature",
    "severity": "error",
    "article": "A1010 art. 1",
    "follow_up": "correct",
    "text": {"fr": "a", "de": "b", "en": "c"},
    "remedy": {"fr": "d", "de": "e", "en": "f"},
}


def test_a_complete_reason_speaks_three_languages() -> None:
    reason = reasons.parse_reason("ACT-001", ENTRY)
    assert [reason.text(lang) for lang in reasons.LANGUAGES] == ["a", "b", "c"]
    assert [reason.remedy(lang) for lang in reasons.LANGUAGES] == ["d", "e", "f"]
    assert reason.follow_up_text("en") == "Correct and send again"


@pytest.mark.parametrize("missing", sorted(ENTRY))
def test_anything_missing_is_refused_at_load(missing: str) -> None:
    with pytest.raises(BrokenSystem, match=missing):
        reasons.parse_reason("ACT-001", {name: value for name, value in ENTRY.items() if name != missing})


@pytest.mark.parametrize("name", ["text", "remedy"])
@pytest.mark.parametrize("lang", reasons.LANGUAGES)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_translation_is_refused_at_load(name: str, lang: str, value: str | None) -> None:
    with pytest.raises(BrokenSystem, match=lang):
        reasons.parse_reason("ACT-001", {**ENTRY, name: {**ENTRY[name], lang: value}})


@pytest.mark.parametrize(("name", "value"), [("level", "page"), ("severity", "fatal"), ("follow_up", "pray")])
def test_words_outside_the_list_are_refused_at_load(name: str, value: str) -> None:
    with pytest.raises(BrokenSystem, match=value):
        reasons.parse_reason("ACT-001", {**ENTRY, name: value})


@pytest.mark.parametrize("code", ["ACT001", "act-001", "ACT-01", ""])
def test_a_code_of_another_shape_is_refused_at_load(code: str) -> None:
    with pytest.raises(BrokenSystem):
        reasons.parse_reason(code, ENTRY)


def test_a_code_in_two_files_is_refused_at_load() -> None:
    with pytest.raises(BrokenSystem, match=r"ACT-001 stands twice, the second time in b\.toml"):
        reasons.collect_reasons({"a.toml": {"ACT-001": ENTRY}, "b.toml": {"ACT-001": ENTRY}})


def test_every_published_reason_loads_and_is_found_by_its_code() -> None:
    held = reasons.all_reasons()
    assert list(held) == sorted(held)
    for code, reason in held.items():
        assert re.fullmatch(r"[A-Z]{3}-[0-9]{3}", code)
        assert reasons.reason(code) is reason


def test_unknown_code() -> None:
    with pytest.raises(WrongUse, match="XYZ-999"):
        reasons.reason("XYZ-999")


def test_follow_ups_speak_three_languages() -> None:
    assert set(reasons.FOLLOW_UPS) == {"correct", "final", "appeal", "wait"}
    for words in reasons.FOLLOW_UPS.values():
        assert set(words) == set(reasons.LANGUAGES)
