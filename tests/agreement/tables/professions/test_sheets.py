"""Sheets: what is kept of good values, which fault a bad one gives, and that hostile ones do no harm."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisse.agreement.identifiers import legal_person_number, national_number, provider_code
from caisse.agreement.tables.countries import countries
from caisse.agreement.tables.professions import SheetFault
from caisse.agreement.tables.reasons import LANGUAGES, reason
from tests.agreement.tables.professions.answers import DAY, answers, cases, catalogue

DENTIST = {
    "national_number": national_number.make(1980, 1, 1, 1),
    "family_name": "Muster-Weïß", "given_name": "Anna", "speciality": "orthodontics", "employment": "liberal",
    "starts_on": "2027-01-15", "licence_number": "MD 2026/17", "licence_issued_on": "2026-10-01",
    "site_street": "rue de l'Exemple", "site_house_number": "12A", "site_postcode": "2144", "site_locality": "Luxembourg",
    "site_country": "LU", "phone": "+35227570000", "email": "anna@example.lu", "correspondence_language": "de",
    "iban": "LU280019400644750000", "account_holder": "Anna Muster", "declared": "yes",
}  # fmt: skip


def check(
    values: dict[str, Any], kind: str = "new_code", profession: str = "dentists", **facts: bool
) -> tuple[dict[str, str], dict[str, str]]:
    """Clean values, and the code of each field at fault."""
    clean, faults = catalogue().check_sheet(kind, profession, facts, values, on=DAY)
    assert len({fault.field for fault in faults}) == len(faults)
    return clean, {fault.field: fault.code for fault in faults}


def test_a_good_sheet_is_kept_as_it_is() -> None:
    assert check(DENTIST) == (DENTIST, {})


def test_an_empty_sheet_names_every_required_field() -> None:
    clean, faults = check({})
    assert clean == {}
    assert faults == {name: "SHE-001" for name in DENTIST}


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("starts_on", "15.1.2027", "2027-01-15"),
        ("starts_on", " 15/01/2027 ", "2027-01-15"),
        ("starts_on", "2027-1-15", "2027-01-15"),
        ("national_number", "1980 0101 00187", "1980010100187"),
        ("iban", "lu28 0019 4006 4475 0000", "LU280019400644750000"),
        ("iban", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("bic", "bcee lu ll", "BCEELULL"),
        ("email", "Anna.Muster@EXAMPLE.LU", "Anna.Muster@example.lu"),
        ("phone", "(00352) 27 57-1.00", "+35227571 00".replace(" ", "")),
        ("phone", "+44 (0)20 7946 0000", "+442079460000"),
        ("phone", "275 700", "275700"),
        ("site_postcode", "L-2144", "2144"),
        ("site_postcode", "l 2144", "2144"),
        ("site_country", "lu", "LU"),
        ("family_name", "  de   la\tCruz ", "de la Cruz"),
        ("family_name", "Mu\u0308ller", "M\u00fcller"),
    ],
)  # fmt: skip
def test_a_value_is_kept_in_one_form(field: str, given: str, kept: str) -> None:
    clean, faults = check({**DENTIST, field: given})
    assert faults == {}
    assert clean[field] == kept


@pytest.mark.parametrize(
    ("field", "given", "code"),
    [
        ("national_number", "1980010100188", "SHE-011"),
        ("national_number", "198001010018", "SHE-011"),
        ("iban", "LU280019400644750001", "SHE-010"),
        ("iban", "LU28", "SHE-010"),
        ("bic", "XX", "SHE-020"),
        ("email", "anna@localhost", "SHE-004"),
        ("email", "anna@example.lu, b@example.lu", "SHE-004"),
        ("email", "a@example.lu\nBcc: b@example.lu", "SHE-003"),
        ("email", f"{'a' * 65}@example.lu", "SHE-004"),
        ("email", ".a@example.lu", "SHE-004"),
        ("phone", "call me", "SHE-005"),
        ("phone", "1234", "SHE-005"),
        ("phone", "٣٥٢٢٧٥٧٠٠", "SHE-005"),
        ("starts_on", "31.2.2027", "SHE-006"),
        ("starts_on", "soon", "SHE-006"),
        ("starts_on", "٢٠٢٧-٠١-١٥", "SHE-006"),
        ("starts_on", "0001-01-01", "SHE-006"),
        ("starts_on", "2026-09-30", "SHE-009"),
        ("licence_issued_on", "2026-11-23", "SHE-007"),
        ("licence_last_day", "2026-11-21", "SHE-008"),
        ("licence_last_day", "2027-01-14", "SHE-009"),
        ("ends_on", "2027-01-14", "SHE-009"),
        ("speciality", "cardiology", "SHE-017"),
        ("employment", "Liberal", "SHE-017"),
        ("site_country", "XX", "SHE-016"),
        ("site_country", "Luxembourg", "SHE-016"),
        ("site_postcode", "123", "SHE-015"),
        ("site_postcode", "0123", "SHE-015"),
        ("family_name", "x" * 81, "SHE-002"),
        ("declared", "no", "SHE-017"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_for_its_reason(field: str, given: str, code: str) -> None:
    clean, faults = check({**DENTIST, field: given})
    assert faults == {field: code}
    assert field not in clean


@pytest.mark.parametrize(
    "given",
    [
        "\u202egnp.exe", "a\u200bb", "a\x00b", "a\x1b[31mb", "\u2066x", "a\ufeffb", "\ud800", "a\u2028b", "\ue000", "a\nb",
    ],
    ids=ascii,
)  # fmt: skip
def test_characters_that_cannot_be_seen_are_refused(given: str) -> None:
    assert check({**DENTIST, "family_name": given})[1] == {"family_name": "SHE-003"}


@pytest.mark.parametrize(
    "given", ["x" * 1_000_000, 7, ["x"], {"x": "y"}, True, b"x"], ids=lambda one: type(one).__name__
)
@pytest.mark.parametrize("field", ["family_name", "iban", "starts_on", "email", "speciality"])
def test_what_is_no_text_or_too_much_of_it_is_refused(field: str, given: object) -> None:
    assert check({**DENTIST, field: given})[1] == {field: "SHE-002"}


def test_markup_and_formulas_are_kept_as_text() -> None:
    """Whoever prints a value escapes it; the sheet loses nothing of a name."""
    for text in ("<b>x</b>", "=1+1", "{{ x }}", '#eval("x")', "O'Neill", "../../etc", "'; drop table"):
        assert check({**DENTIST, "family_name": text}) == ({**DENTIST, "family_name": text}, {})


def test_unknown_fields_are_left_out() -> None:
    assert check({**DENTIST, "is_staff": "yes", "": "x"}) == (DENTIST, {})


def test_a_post_code_follows_its_country() -> None:
    abroad = {**DENTIST, "site_country": "FR", "site_postcode": "57000"}
    assert check(abroad) == (abroad, {})
    assert (
        check({**abroad, "site_country": "GB", "site_postcode": "sw1a 1aa"})[0]["site_postcode"] == "SW1A 1AA"
    )
    assert check({**DENTIST, "site_postcode": "57000"})[1] == {"site_postcode": "SHE-015"}


def test_facts_bring_their_fields() -> None:
    assert check(DENTIST, radiation=True)[1] == {
        "radiation_number": "SHE-001",
        "radiation_last_day": "SHE-001",
    }
    assert check(DENTIST, service_declaration=True)[1] == {"licence_last_day": "SHE-001"}
    assert "licence_last_day" in {field.name for field in catalogue().fields("new_code", "dentists", {})}
    # Given without being asked for: left out.
    assert check({**DENTIST, "radiation_number": "R 1"}) == (DENTIST, {})


def test_a_company_gives_its_numbers_and_a_trader_his_own() -> None:
    shop = {
        "business_name": "Orthopédie Exemple", "manager_national_number": DENTIST["national_number"],
        "manager_family_name": "Muster", "manager_given_name": "Anna",
        **{key: DENTIST[key] for key in DENTIST if key.startswith(("site_", "licence_"))},
        **{key: DENTIST[key] for key in ("starts_on", "phone", "email", "correspondence_language", "iban", "account_holder", "declared")},
    }  # fmt: skip
    assert check(shop, profession="orthopaedists")[1] == {"national_number": "SHE-001"}
    assert check({**shop, "national_number": DENTIST["national_number"]}, profession="orthopaedists")[1] == {}
    assert check(shop, profession="orthopaedists", company=True)[1] == {
        "legal_number": "SHE-001",
        "trade_register_number": "SHE-001",
    }
    company = {
        **shop, "legal_number": legal_person_number.make(2005, 24, 17), "trade_register_number": "b 123456", "vat_number": "15027442",
    }  # fmt: skip
    clean, faults = check(company, profession="orthopaedists", company=True)
    assert faults == {}
    assert (clean["trade_register_number"], clean["vat_number"]) == ("B123456", "LU15027442")
    assert (
        check({**company, "vat_number": "BE 0428 759 497"}, profession="orthopaedists", company=True)[0][
            "vat_number"
        ]
        == "BE0428759497"
    )
    wrong = {
        **company,
        "legal_number": "20052400170",
        "trade_register_number": "123456",
        "vat_number": "LU15027443",
    }
    assert check(wrong, profession="orthopaedists", company=True)[1] == {
        "legal_number": "SHE-012", "trade_register_number": "SHE-014", "vat_number": "SHE-013",
    }  # fmt: skip


def test_the_verb_decides_what_the_exchange_form_asks() -> None:
    form = {
        "provider_code": provider_code.make(520017),
        "verb": "terminate",
        "effective_from": "2026-12-31",
        "declared": "yes",
    }
    assert check(form, "exchange_access", "laboratories") == (form, {})
    assert check({**form, "verb": "activate"}, "exchange_access", "laboratories")[1] == dict.fromkeys(
        ("channel", "healthnet", "technical_contact", "technical_email", "software_name"), "SHE-001"
    )
    assert check({**form, "verb": "modify"}, "exchange_access", "laboratories")[1].keys() == {
        "channel", "modification", "technical_contact", "technical_email", "software_name",
    }  # fmt: skip
    # What the verb does not ask is not kept; a verb that is none asks for what a new account needs.
    assert check({**form, "channel": "sftp"}, "exchange_access", "laboratories") == (form, {})
    assert check({**form, "verb": "smash"}, "exchange_access", "laboratories")[1]["verb"] == "SHE-017"


def test_members_are_named_once_and_are_at_least_two() -> None:
    one, two = provider_code.make(900001), provider_code.make(900002)
    form = {
        "association_name": "Cabinet Exemple", "speciality": "general_dentistry", "effective_from": "2027-01-01",
        "iban": DENTIST["iban"], "account_holder": "Cabinet Exemple", "declared": "yes",
    }  # fmt: skip

    def members(text: str) -> str | None:
        clean, faults = check({**form, "members": text}, "association", "dentists", founding=True)
        return clean.get("members") or faults["members"]

    assert members(f"{one[:6]}-{one[6:]}\n{two}") == f"{one} {two}"
    assert members(f"{one}, {two};") == f"{one} {two}"
    assert members(one) == members(f"{one} {two} {one}") == "SHE-021"
    assert members(f"{one} 12345678") == "SHE-018"
    change = {
        "association_code": provider_code.make(950000),
        "effective_from": "2027-01-01",
        "declared": "yes",
    }
    assert check({**change, "joining_members": one}, "association", "dentists", joining=True)[1] == {}
    assert check(change, "association", "dentists", leaving=True)[1] == {"leaving_members": "SHE-001"}


def test_a_long_text_keeps_its_lines() -> None:
    appeal = {
        "family_name": "Muster", "given_name": "Anna", "decision_number": "2026-000123", "notified_on": "1.11.2026",
        "grounds": "Erstens.\r\n\r\n  Zweitens.  ", "email": "anna@example.lu",
    }  # fmt: skip
    clean, faults = check(appeal, "appeal")
    assert faults == {}
    assert clean["grounds"] == "Erstens.\n\nZweitens."


def test_faults_say_what_to_do_in_three_languages_and_name_the_other_date() -> None:
    _, faults = catalogue().check_sheet(
        "new_code", "dentists", {}, {**DENTIST, "starts_on": "2026-09-30"}, on=DAY
    )
    (fault,) = faults
    assert isinstance(fault, SheetFault)
    assert set(fault.texts) == set(LANGUAGES)
    assert "(Authorisation issued on)" in fault.texts["en"]
    assert "(Genehmigung ausgestellt am)" in fault.texts["de"]
    assert reason("SHE-009").remedy("fr") in fault.texts["fr"]


def test_the_day_of_the_check_is_the_callers() -> None:
    held, values = catalogue(), {**DENTIST, "licence_last_day": "2027-03-01"}
    assert held.check_sheet("new_code", "dentists", {}, values, on=date(2027, 3, 1))[1] == []
    assert [
        one.code for one in held.check_sheet("new_code", "dentists", {}, values, on=date(2027, 3, 2))[1]
    ] == ["SHE-008"]


def test_every_sheet_names_its_required_fields_when_empty_and_takes_only_its_own() -> None:
    for kind, profession in cases():
        for facts in answers(kind, profession):
            fields = {field.name: field for field in catalogue().fields(kind, profession, facts)}
            clean, faults = catalogue().check_sheet(kind, profession, facts, {}, on=DAY)
            assert clean == {}
            assert {one.field for one in faults} >= {
                name for name, field in fields.items() if field.required is True
            }
            assert {one.field for one in faults} <= set(fields)


@given(
    st.sampled_from(sorted(cases())),
    st.dictionaries(
        st.sampled_from(sorted(catalogue().content.fields)),
        st.one_of(st.text(max_size=60), st.text("0123456789-./+ LUB", max_size=25), st.none(), st.integers()),
        max_size=20,
    ),
    st.booleans(),
)
def test_whatever_is_given_is_judged_and_judged_again_the_same(
    case: tuple[str, str], values: dict[str, object], yes: bool
) -> None:
    held = catalogue()
    facts = {fact.key: yes for fact in held.facts_for(*case)}
    clean, faults = held.check_sheet(*case, facts, values, on=DAY)
    assert not set(clean) & {one.field for one in faults}
    again, rest = held.check_sheet(*case, facts, clean, on=DAY)
    # Without the country that was at fault, a post code is Luxembourg's.
    assert {one.code for one in rest} <= {"SHE-001", "SHE-015"}
    assert again == {name: value for name, value in clean.items() if name not in {one.field for one in rest}}


def test_countries_have_names() -> None:
    assert {"LU", "BE", "DE", "FR", "CH"} <= set(countries())
    assert countries()["DE"] == {"fr": "Allemagne", "de": "Deutschland", "en": "Germany"}
    assert all(
        len(code) == 2 and all(names[lang] for lang in LANGUAGES) for code, names in countries().items()
    )
