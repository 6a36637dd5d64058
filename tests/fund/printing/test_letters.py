"""Every kind of letter in every language, opened by other tools."""

import json
import string
from dataclasses import fields

import pikepdf
import pytest

from caisse.fund import printing
from caisse.fund.printing.wording import LANGUAGES, phrases
from tests.fund.printing.opened import (
    flat,
    needs_poppler,
    outside_the_paper,
    pages_of,
    poppler_text,
    qpdf_finds_no_fault,
    squeezed,
    text_of,
)
from tests.fund.printing.samples import sample

EVERY = [(kind, language) for kind in printing.KINDS for language in LANGUAGES]
LONG = "Dr Maximilienne-Ségolène von der Überholzhäuserœuvre " * 2 + "Weiß-Œ"


#: Entries that are read by their class and not printed as they stand.
UNSAID = {"on", "place", "to", "exchange", "effect", "change", "why", "outcome", "account_ending", "basis"}


def texts_of(data, key=""):
    """Every text of a sample that is meant to be read as it stands; days are said in words."""
    if isinstance(data, dict):
        return [text for name, inner in data.items() for text in texts_of(inner, name)]
    if isinstance(data, list):
        return [text for inner in data for text in texts_of(inner, key)]
    said = isinstance(data, str) and key not in UNSAID and not key.endswith(("_on", "_from", "_until"))
    return [data] if said and key not in {"deadline", "collect_by"} else []


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_a_letter_says_all_that_it_was_given(kind, language):
    data = sample(kind, language)
    text = text_of(printing.render(kind, language, data))
    printed = squeezed(text)
    for said in [
        printing.subject(kind, language, data),
        *texts_of(data),
        *data.get("head", {}).get("to", ()),
    ]:
        assert squeezed(said) in printed
    assert "{" not in text
    assert "\ufffd" not in text


@needs_poppler
@pytest.mark.parametrize("language", LANGUAGES)
def test_other_tools_find_a_sound_tagged_archive_file(language, tmp_path):
    for kind in printing.KINDS:
        path = tmp_path / f"{kind}.pdf"
        path.write_bytes(printing.render(kind, language, sample(kind, language)))
        assert qpdf_finds_no_fault(path), kind
        assert flat(printing.subject(kind, language, sample(kind, language))) in poppler_text(path)
        with pikepdf.open(path) as pdf:
            assert pdf.Root.MarkInfo.Marked
            assert str(pdf.Root.Lang).startswith(language)
            with pdf.open_metadata() as meta:
                assert (meta.pdfa_status, meta["pdfuaid:part"]) == ("2A", "1")
                assert meta["dc:title"] == printing.subject(kind, language, sample(kind, language))
            assert "/JavaScript" not in (pdf.Root.get("/Names") or {})
            assert "/AcroForm" not in pdf.Root


def test_the_same_data_gives_the_same_bytes_and_the_day_is_inside():
    first = printing.render("code_granted", "fr", sample("code_granted"))
    assert first == printing.render("code_granted", "fr", sample("code_granted"))
    assert b"D:20261122000000" in first


def test_what_was_stored_as_json_prints_the_same_letter():
    data = sample("refusal", "de")
    document = printing.read("refusal", data)
    again = printing.read("refusal", json.loads(json.dumps(data)))
    assert document == again
    assert printing.render("refusal", "de", document) == printing.render("refusal", "de", data)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"case": None}, "case"),
        ({"surprise": 1}, "surprise"),
        ({"deadline": "soon"}, "deadline"),
        ({"points": [{"remark": "no label"}]}, "points.0.label"),
    ],
)
def test_wrong_data_is_refused_by_name_without_its_value(change, complaint):
    with pytest.raises(ValueError, match=complaint) as refused:
        printing.render("ask_back", "fr", {**sample("ask_back"), **change})
    assert "soon" not in str(refused.value)


def test_an_unknown_kind_or_language_is_refused():
    with pytest.raises(ValueError, match="no document 'love_letter'"):
        printing.render("love_letter", "fr", {})
    with pytest.raises(ValueError, match="not in 'lb'"):
        printing.render("refusal", "lb", sample("refusal"))
    with pytest.raises(ValueError, match="AskBack is not what a refusal needs"):
        printing.render("refusal", "fr", printing.read("ask_back", sample("ask_back")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_long_names_and_forty_documents_stay_on_the_paper(language):
    data = sample("acknowledgement", language)
    data["head"] = {**data["head"], "to": [LONG, "x" * 120, "L-1234 " + "Y" * 60], "contact": LONG}
    data["documents"] = [{"label": f"Document {n} {LONG}", "remark": "ŵ" * 300} for n in range(40)]
    pdf = printing.render("acknowledgement", language, data)
    text = text_of(pdf)
    assert pages_of(pdf) > 2
    assert all(f"Document {n} Dr" in text for n in range(40))
    assert text.count("ŵ") == 40 * 300
    assert outside_the_paper(pdf) == []


def test_tables_and_sessions_break_over_pages_with_their_header():
    data = sample("board_agenda")
    data["items"] = [{**data["items"][0], "case": f"2026-{n:06}", "applicant": LONG} for n in range(60)]
    pdf = printing.render("board_agenda", "fr", data)
    assert pages_of(pdf) > 3
    assert text_of(pdf).count("Proposition du service") == pages_of(pdf)
    assert outside_the_paper(pdf) == []


def test_periods_are_half_open_and_letters_name_the_last_day():
    assert "31 December 2027 inclusive" in text_of(
        printing.render("code_granted", "en", sample("code_granted"))
    )
    open_end = {**sample("code_granted"), "valid_until": None}
    assert "no end date" in text_of(printing.render("code_granted", "en", open_end))
    reopened = text_of(printing.render("code_reopened", "en", sample("code_reopened")))
    assert "from 1 November 2026 to 21 November 2026 inclusive" in reopened
    unbroken = {**sample("code_reopened"), "gap_from": None}
    assert "not interrupted" in text_of(printing.render("code_reopened", "en", unbroken))


def test_a_statement_sums_up_its_months_and_names_what_it_replaces():
    data = sample("annual_statement", "en")
    text = text_of(printing.render("annual_statement", "en", data))
    months = data["months"]
    lines, asked = (sum(month[name] for month in months) for name in ("lines", "asked_cents"))
    assert f"Total {lines:,} {asked / 100:,.2f}" in text
    assert "from 1 January 2025 to 31 March 2025 inclusive" in text
    assert "This statement R2025-31-17-2 replaces the statement R2025-31-17 of 3 February 2026" in text
    empty = {**data, "months": [], "own": [], "periods": [], "replaces": None}
    text = text_of(printing.render("annual_statement", "en", empty))
    assert "No amount was charged" in text
    assert "No services performed by yourself" in text


@pytest.mark.parametrize("exchange", ["compulsory", "optional", "not_offered"])
def test_the_duty_of_the_exchange_is_the_professions(exchange):
    text = text_of(printing.render("code_granted", "en", {**sample("code_granted"), "exchange": exchange}))
    assert ("exclusively by electronic exchange" in text) == (exchange == "compulsory")
    assert ("Access is optional" in text) == (exchange == "optional")


@pytest.mark.parametrize("outcome", ["upheld", "partly", "rejected"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_choice_of_words_exists(language, outcome):
    printing.render("appeal_decided", language, {**sample("appeal_decided"), "outcome": outcome})
    for effect in ("suspended", "ended"):
        for kind in ("licence_warning", "code_lapsed"):
            printing.subject(kind, language, {**sample(kind), "effect": effect})
    for why in ("request", "code_ended", "code_suspended"):
        printing.subject("exchange_ended", language, {**sample("exchange_ended"), "why": why})
    for why in ("too_few", "dissolved"):
        printing.subject("association_ended", language, {**sample("association_ended"), "why": why})
    for change in ("joined", "left"):
        data = {**sample("association_changed"), "change": change}
        printing.subject("association_changed", language, data)
    items = sample("board_minutes")["items"]
    for decided in ("granted", "refused", "adjourned", "upheld", "partly", "rejected"):
        data = {**sample("board_minutes"), "items": [{**items[0], "outcome": decided}]}
        printing.subject("board_minutes", language, data)


def test_the_languages_of_a_sentence_have_the_same_values():
    by_name: dict[str, dict[str, set[str]]] = {}
    for key, text in phrases().items():
        name, _, language = key.rpartition(".")
        values = {field for _, field, _, _ in string.Formatter().parse(text) if field}
        by_name.setdefault(name, {})[language] = values
    assert by_name
    for name, values in by_name.items():
        assert set(values) == set(LANGUAGES), name
        assert values["fr"] == values["de"] == values["en"], name


def test_no_secret_has_a_place_in_a_letter():
    for kind in printing.KINDS.values():
        assert not {field.name for field in fields(kind)} & {"password", "secret", "iban"}
