"""What people write is printed, never obeyed; what cannot be printed harms nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisse.fund import printing
from caisse.fund.printing.typesetting import MISSING, _compiler, printable_text
from caisse.fund.printing.wording import Wording, code_text
from tests.fund.printing.opened import flat, outside_the_paper, text_of
from tests.fund.printing.samples import sample

COMMANDS = [
    '#eval("1+1")',
    "[*bold*] _it_ = no heading",
    '#read("/etc/passwd")',
    '#import "@preview/cetz:0.3.0": *',
    '"); panic("x',
    "\\u{202e} $x^2$ `raw` <label> @ref // comment /* c */",
    "{case} {0} {} %s ${HOME}",
    "&amp; <b>x</b>",
]


@pytest.mark.parametrize("text", COMMANDS)
def test_commands_are_printed_as_they_stand(text):
    data = sample("refusal")
    data["head"] = {**data["head"], "to": [text, "L-1234 Luxembourg"], "reference": text, "contact": text}
    data |= {"request": text, "grounds": [{"text": text, "article": text}]}
    printed = text_of(printing.render("refusal", "fr", data)).replace(" ", "")
    assert printed.count(flat(text).replace(" ", "")) >= 6


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("a\u202eb\u202cc", "abc"),
        ("a\u2066b\u2069\u200f", "ab"),
        ("a\x00b\x07\x1b[31m", "ab[31m"),
        ("Müller\u00ad", "Müller"),
        ("cafe\u0301", "café"),
        ("two\r\nlines", "two lines"),
        ("日本 😀", f"{MISSING * 2} {MISSING}"),
        ("\ue000\ufdd0", MISSING * 2),
        ("Ωж ăș ľ ģ", "Ωж ăș ľ ģ"),
        ("\ud800", MISSING),
    ],
)
def test_invisible_characters_go_and_missing_ones_show(written, printed):
    assert printable_text(written) == printed
    data = {**sample("code_granted"), "profession": f"({written})"}
    shown = text_of(printing.render("code_granted", "fr", data))
    assert flat(f"({printed})").replace(" ", "") in shown.replace(" ", "")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_prints_and_stays_on_the_paper(text):
    data = sample("ask_back", "de")
    data["head"] = {**data["head"], "to": [text], "reference": text[:60]}
    data |= {"request": text, "points": [{"label": text, "remark": text}]}
    pdf = printing.render("ask_back", "de", data)
    assert outside_the_paper(pdf) == []


def test_typst_reaches_no_file_outside_the_templates_and_no_package():
    for source in (
        '#read("/etc/passwd")',
        '#read("../letters.py")',
        '#import "@preview/cetz:0.3.0": *',
        '#import "@local/anything:0.1.0": *',
    ):
        with pytest.raises(RuntimeError, match=r"access|not found|failed|root"):
            _compiler().compile(source.encode(), format="pdf")


def test_days_amounts_and_codes_read_as_the_language_writes_them():
    from datetime import date

    days = [flat(Wording(lang).day(date(2026, 3, 1))) for lang in ("fr", "de", "en")]
    assert days == ["1er mars 2026", "1. März 2026", "1 March 2026"]
    assert flat(Wording("fr").euros(123_456_705)) == "1 234 567,05 €"
    assert flat(Wording("de").euros(123_456)) == "1.234,56 €"
    assert Wording("en").euros(-5) == "−€0.05"
    assert [flat(Wording(lang).count(1234)) for lang in ("fr", "de", "en")] == ["1 234", "1.234", "1,234"]
    assert code_text(90041763) == "900417-63"
