"""What a finding says was found and expected reads in every language, with its values in their places."""

import re
import tomllib
from pathlib import Path

import pytest

from caisse.agreement import layouts
from caisse.agreement.layouts import names
from caisse.agreement.rules import adjudicate, check_file
from caisse.agreement.tables import load_tables, package_data
from caisse.agreement.tables.phrases import translate
from tests.spec.cases import CASES, Case

PHRASES = package_data.toml(package_data.folder("phrases.toml"))["phrases"]


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase["en"])
def test_every_phrase_keeps_its_values(phrase: dict[str, str]) -> None:
    holes = phrase["en"].count("{}")
    values = [f"V{number}" for number in range(holes)]
    for lang in ("fr", "de"):
        assert phrase[lang].count("{}") == holes
        assert translate(phrase["en"].format(*values), lang) == phrase[lang].format(*values)
    assert translate(phrase["en"], "en") == phrase["en"]


#: Texts of these codes are printed law, shown as it stands in the nomenclature.
PRINTED = {"CUM-900"}


def texts_of(case: Case) -> list[str]:
    batch = case.batch()
    found = check_file(batch) if not case.conform else adjudicate(batch, case.facts(), load_tables()).findings
    return [
        text
        for row in found.iter_rows(named=True)
        for text in (row["found"], row["expected"])
        if text is not None and row["code"] not in PRINTED
    ]


SAMPLES = sorted(Path(layouts.__path__[0]).glob("*/*/samples/refused/*.toml"))
#: The parser's own words, and the published rule of file names.
AS_IT_STANDS = {"unclosed token, column 63", names.RULE}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_what_the_layouts_say_is_translated_or_a_value(path: Path) -> None:
    for finding in tomllib.loads(path.read_text(encoding="utf-8"))["findings"]:
        for text in (finding.get("found"), finding.get("expected")):
            # A value between its tags is the sender's own.
            words = re.sub(r"<[^>]*>[^<]*</[^>]*>|<[^>]*>", "", text or "").split()
            if text not in AS_IT_STANDS and any(word.isalpha() and word.islower() for word in words):
                assert translate(text, "fr") != text, text
                assert translate(text, "de") != text, text


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.title}")
def test_what_the_rules_say_is_translated_or_a_value(case: Case) -> None:
    """A text with two words of English in it must have a form in the other languages."""
    for text in texts_of(case):
        words = [word for word in text.split() if word.isalpha() and word.islower()]
        assert len(words) < 2 or translate(text, "fr") != text, text
