"""What the fund's pages ask for, written down by hand from those pages and compared with the catalogue."""

import pytest

from caisse.agreement.errors import WrongUse
from tests.agreement.tables.professions.answers import catalogue, documents


def test_orthopaedists_shoemakers_bandagists() -> None:
    page = [
        "information_sheet",  # "the Fiche de renseignement sur l'établissement au Luxembourg"
        "manager_identity",  # "a copy of the manager's identity card"
        "establishment_authorisation",  # "a copy of the authorization from the Ministry of Economy"
        "craft_register",  # "a copy of the registration on the craftsman's register"
        "bank_identity",  # "a bank account identification form"
    ]
    assert documents("new_code", "orthopaedists") == page
    # "a copy of the company's articles of association if it is not a sole proprietorship"
    assert documents("new_code", "orthopaedists", "company") == [
        *page[:4],
        "articles_of_association",
        page[4],
    ]


def test_psychotherapists() -> None:
    assert documents("new_code", "psychotherapists") == [
        "information_sheet_psychotherapist",  # "sur l'établissement comme psychothérapeute au Luxembourg"
        "authorisation_to_practise",
        "identity_document",
        "bank_identity",
    ]
    assert catalogue().facts_for("new_code", "psychotherapists") == ()
    assert catalogue().professions["psychotherapists"].questions == "infopth.cns@secu.lu"


@pytest.mark.parametrize("profession", ["dentists", "doctors"])
def test_dentists_and_doctors(profession: str) -> None:
    assert documents("new_code", profession) == [
        "information_sheet_doctor",  # "d'un médecin/médecin-dentiste au Luxembourg"
        "authorisation_to_practise",
        "identity_document",
        "bank_identity",
    ]
    # "or the service provision declaration … and, where applicable, the authorisation relating to radiation protection"
    assert documents("new_code", profession, "service_declaration", "radiation") == [
        "information_sheet_doctor",
        "service_declaration",
        "radiation_authorisation",
        "identity_document",
        "bank_identity",
    ]
    # "only doctors who practise the same medical speciality are authorised to form a liberal association"
    assert catalogue().professions[profession].associates == "speciality"


def test_laboratories() -> None:
    """The page has no list for the code, which the catalogue admits; it has one for foreign laboratories."""
    held = catalogue()
    assert {one.standing for one in held.requirements("new_code", "laboratories", {})} == {"inferred"}
    assert documents("new_code", "foreign_laboratories") == ["collaboration_declaration"]
    # "outside the EU, the EEA or Switzerland is subject to prior authorization"
    assert documents("new_code", "foreign_laboratories", "outside_eea")[1:] == ["prior_authorisation"]


def test_electronic_exchange_as_all_five_pages_say() -> None:
    """Exclusive for laboratories, physiotherapists and dieticians; optional for others but doctors and dentists."""
    duties = {key: one.exchange for key, one in catalogue().professions.items() if one.offered}
    published = {"laboratories", "physiotherapists", "dieticians"}
    assert published <= {key for key, duty in duties.items() if duty == "compulsory"}
    assert {key for key, duty in duties.items() if duty == "compulsory"} - published == {
        "hospitals",
        "home_care_networks",
    }
    assert {key for key, duty in duties.items() if duty == "not_offered"} == {
        "doctors",
        "dentists",
        "foreign_laboratories",
    }
    for key, duty in duties.items():
        offered = "exchange_access" in [kind.key for kind in catalogue().kinds_for(key)]
        assert offered is (duty != "not_offered"), key


@pytest.mark.parametrize(
    "profession", ["physiotherapists", "dieticians", "midwives", "nurses", "speech_therapists", "podiatrists"]
)
def test_the_standard_four(profession: str) -> None:
    four = ["information_sheet", "authorisation_to_practise", "identity_document", "bank_identity"]
    assert documents("new_code", profession) == four
    assert documents("new_code", profession, "service_declaration") == [
        four[0],
        "service_declaration",
        *four[2:],
    ]


def test_pharmacists_eleven_items() -> None:
    always = [
        "information_sheet", "ministerial_concession", "identity_document", "pharmacist_diploma", "bank_identity",
        "compression_training", "mysecu_contract",
    ]  # fmt: skip
    assert documents("new_code", "pharmacists") == always
    new = {"first_operation_certificate", "abatement_exemption"}
    assert set(documents("new_code", "pharmacists", "new_concession")) - set(always) == new
    assert set(documents("new_code", "pharmacists", "take_over")) - set(always) == {"deed_of_transfer"}
    # Two of the eleven are no papers: the publisher of the software and the first day.
    fields = {field.name: field.required for field in catalogue().fields("new_code", "pharmacists", {})}
    assert fields["software_publisher"] is fields["software_contact"] is fields["starts_on"] is True
    papers = set(documents("new_code", "pharmacists", "new_concession", "take_over")) - {"information_sheet"}
    assert len(papers) + 2 == 11


def test_agreement_files() -> None:
    certificates = ["three_year_certificate/ccss", "three_year_certificate/acd", "three_year_certificate/aed"]
    assert documents("new_code", "hearing_aid_acousticians") == [
        "agreement_application", "information_sheet", "identity_document", "establishment_authorisation",
        "bank_identity", "chamber_affiliation", *certificates,
    ]  # fmt: skip
    company = set(documents("new_code", "hearing_aid_acousticians", "company"))
    assert company - set(documents("new_code", "hearing_aid_acousticians")) == {
        "constitutive_act",
        "trade_register_extract",
    }
    assert catalogue().documents["trade_register_extract"].max_age_months == 3
    # "the same without Chamber of Trades and RCS extract"
    assert set(documents("new_code", "ocularists", "company")) == company - {
        "chamber_affiliation",
        "trade_register_extract",
    }
    assert documents("new_code", "medical_device_traders") == documents("new_code", "ocularists")


def test_taxi_papers_are_asked_for_each_vehicle() -> None:
    three = documents("new_code", "taxis", vehicle=3)
    for paper in ("vehicle_registration", "vehicle_tax", "technical_inspection", "taxi_operating_licence"):
        assert [one for one in three if one.startswith(paper)] == [f"{paper}/{n}" for n in (1, 2, 3)]
    assert len(three) - len(documents("new_code", "taxis")) == 8
    held = catalogue()
    assert [part.key for part in held.counts_for("new_code", "taxis", {})] == ["vehicle"]
    assert held.counts_for("new_code", "hearing_aid_acousticians", {}) == ()
    for wrong in (0, -1, 41, 10**9):
        with pytest.raises(WrongUse, match="vehicle from 1 to 40"):
            held.requirements("new_code", "taxis", {}, {"vehicle": wrong})


@pytest.mark.parametrize("profession", ["osteopaths", "dental_laboratories"])
def test_a_profession_without_a_code_is_told_why_and_can_open_nothing(profession: str) -> None:
    held = catalogue()
    assert not held.professions[profession].offered
    assert all(held.professions[profession].unoffered[lang] for lang in ("fr", "de", "en"))
    assert held.kinds_for(profession) == ()
    for ask in (held.requirements, held.fields):
        with pytest.raises(WrongUse, match=f"No code is offered to {profession}"):
            ask("new_code", profession, {})


def test_which_road_leads_to_the_board() -> None:
    held = catalogue()
    board = {
        key for key, one in held.professions.items() if one.offered and held.needs_board("new_code", key)
    }
    assert board == {
        "hearing_aid_acousticians", "ocularists", "orthopaedists", "medical_device_traders", "taxis", "ambulances",
    }  # fmt: skip
    assert not any(held.needs_board("address_change", key) for key in held.professions)
    # CNS, "Réclamation et recours": an opposition is addressed to the Board.
    assert all(held.needs_board("appeal", key) for key in held.professions)


def test_specialities_are_those_of_the_regulation() -> None:
    held = catalogue()
    published = [one for one in held.specialities_of("doctors") if one.standing == "sourced"]
    assert len(published) == 56  # 54 numbers, of which 6 and 26 have a "bis" each
    assert [one.label["fr"] for one in held.specialities_of("dentists") if one.standing == "sourced"] == [
        "Orthodontie",
        "Chirurgie buccale",
    ]


def test_numbers_that_are_published() -> None:
    held = catalogue()
    assert held.warnings == (90, 30, 7)
    published = {
        "appeal_days": 40, "board_sessions": 1, "concession_age": 70, "service_declaration_months": 12,
        "replacement_months": 6, "replacement_total_months": 18, "change_notice_months": 1,
    }  # fmt: skip
    assert {key: held.period(key) for key in published} == published
    assert {held.periods[key].standing for key in published} == {"sourced"}
    declaration, replacement = (
        held.licences["service_declaration"],
        held.licences["replacement_authorisation"],
    )
    assert declaration.on_lapse == replacement.on_lapse == "ends"
    assert declaration.longest_months == published["service_declaration_months"]
    assert (replacement.longest_months, replacement.longest_total_months) == (
        published["replacement_months"],
        published["replacement_total_months"],
    )
    assert held.licences["ministerial_concession"].age_limit == 70
    assert {held.ranges[key].first // 10_000 for key in ("nurses_and_midwives", "home_care_networks")} == {30}
    assert (
        held.ranges["dieticians"].first // 10_000,
        held.ranges["doctors_and_dentists"].first // 10_000,
    ) == (36, 90)
