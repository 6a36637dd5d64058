"""Answers that contradict one another, and documents whose days cannot be right."""

from datetime import date, timedelta

import pytest

from caisse.agreement.errors import WrongUse
from tests.agreement.tables.professions.answers import DAY, answers, cases, catalogue


def faults(kind: str, profession: str, *yes: str) -> list[tuple[str, str]]:
    found = catalogue().check_facts(kind, profession, dict.fromkeys(yes, True))
    return [(one.field, one.code) for one in found]


def test_a_concession_is_new_or_taken_over() -> None:
    assert faults("new_code", "pharmacists") == faults("new_code", "pharmacists", "take_over") == []
    assert faults("new_code", "pharmacists", "new_concession", "take_over") == [("new_concession", "SHE-022")]
    (found,) = catalogue().check_facts("new_code", "pharmacists", {"new_concession": True, "take_over": True})
    assert "Übernehmen Sie eine bestehende private Konzession?" in found.texts["de"]


def test_a_form_of_an_association_changes_something_and_not_all_at_once() -> None:
    assert faults("association", "doctors") == [("founding", "SHE-023")]
    assert faults("association", "doctors", "joining", "leaving") == []
    assert faults("association", "doctors", "founding") == []
    assert faults("association", "doctors", "founding", "dissolving", "joining") == [
        ("founding", "SHE-022"),
        ("founding", "SHE-022"),
        ("joining", "SHE-022"),
    ]


def test_only_questions_that_are_asked_can_contradict() -> None:
    assert faults("new_code", "dentists", "new_concession", "take_over") == []


def test_every_case_has_answers_without_a_fault() -> None:
    for kind, profession in cases():
        assert any(
            not catalogue().check_facts(kind, profession, facts) for facts in answers(kind, profession)
        )


def judged(
    document: str, issued_on: date | None = None, expires_on: date | None = None, on: date = DAY
) -> list[str]:
    found = catalogue().check_document(document, issued_on=issued_on, expires_on=expires_on, on=on)
    return [f"{one.field} {one.code}" for one in found]


@pytest.mark.parametrize(
    ("issued_on", "said"),
    [
        (None, ["issued_on SHE-001"]),
        (date(2026, 11, 23), ["issued_on SHE-007"]),
        (date(2026, 11, 22), []),
        (date(2026, 8, 23), []),
        (date(2026, 8, 22), ["issued_on SHE-025"]),  # "under three months": three months to the day are not
        (date(1990, 1, 1), ["issued_on SHE-025"]),
    ],
)
def test_the_extract_of_the_trade_register_is_under_three_months_old(
    issued_on: date | None, said: list[str]
) -> None:
    assert judged("trade_register_extract", issued_on) == said


def test_a_document_holds_on_its_last_day() -> None:
    day = date(2026, 11, 22)
    assert judged("identity_document", expires_on=day) == []
    assert judged("identity_document", expires_on=day - timedelta(days=1)) == ["expires_on SHE-024"]
    assert judged("identity_document") == ["expires_on SHE-001"]
    assert judged("radiation_authorisation") == ["issued_on SHE-001", "expires_on SHE-001"]
    assert judged("authorisation_to_practise", date(2001, 5, 4)) == []
    assert judged("bank_identity") == []


def test_a_document_cannot_end_before_it_begins_nor_hold_longer_than_its_kind() -> None:
    assert judged(
        "authorisation_to_practise", date(2026, 11, 20), date(2026, 11, 19), date(2026, 11, 19)
    ) == [
        "issued_on SHE-007",
        "expires_on SHE-009",
    ]
    assert judged("service_declaration", date(2026, 11, 1), date(2027, 11, 1)) == []
    assert judged("service_declaration", date(2026, 11, 1), date(2027, 11, 2)) == ["expires_on SHE-026"]
    assert judged("radiation_authorisation", date(2026, 11, 1), date(2036, 11, 2)) == ["expires_on SHE-026"]
    assert judged("establishment_authorisation", date(2026, 11, 1), date(2099, 1, 1)) == []


def test_a_document_that_is_none() -> None:
    with pytest.raises(WrongUse, match="no document 'selfie'"):
        judged("selfie")
