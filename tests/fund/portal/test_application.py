"""An application without an account, from the start page to its submission."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from caisse.fund.casework import queries
from caisse.fund.casework.models import Case
from caisse.fund.notices.models import Mail
from tests.fund.casework.office import filled, pdf
from tests.fund.visitors import visitor

EMAIL = "jeanne.muster@example.org"


def began(client: Client, profession: str = "doctors", email: str = EMAIL) -> Case:
    """A draft just opened by a visitor without an account."""
    answer = client.post(f"/apply/{profession}/", {"email": email})
    assert answer.status_code == 302, answer.text
    case = Case.objects.latest("pk")
    assert answer["Location"] == f"/cases/{case.number}/questions/"
    return case


def upload(client: Client, case: Case, place: str, content: bytes, name: str = "scan.pdf", **days: str):
    prefix = "document-" + place.replace(":", "-")
    data = {f"{prefix}-{key}": value for key, value in days.items()}
    data[f"{prefix}-file"] = SimpleUploadedFile(name, content, content_type="application/pdf")
    return client.post(f"/cases/{case.number}/documents/", {"place": place, **data})


def days_of(case: Case, kind: str) -> dict[str, str]:
    wanted, today = queries.catalogue_of(case).documents[kind], timezone.localdate()
    days = {}
    if wanted.issued != "none":
        days["issued_on"] = f"{today - timedelta(days=30):%d.%m.%Y}"
    if wanted.expires == "required":
        days["expires_on"] = f"{today + timedelta(days=300):%d.%m.%Y}"
    return days


def complete(client: Client, case: Case) -> None:
    """Take every step as a browser would."""
    catalogue = queries.catalogue_of(case)
    facts = {fact.key: "no" for fact in catalogue.facts_for(case.kind, case.profession)}
    parts = catalogue.counts_for(case.kind, case.profession, {})
    client.post(f"/cases/{case.number}/questions/", facts | {f"count-{part.key}": "1" for part in parts})
    case.refresh_from_db()
    answer = client.post(f"/cases/{case.number}/sheet/", filled(case))
    assert answer.status_code == 302, re.findall(r'<div class="summary".*?</div>', answer.text, re.DOTALL)
    for wanted in queries.requirements(case):
        if not wanted.online:
            place = f"{wanted.document}:{wanted.part}" if wanted.part else wanted.document
            answer = upload(client, case, place, pdf(place), **days_of(case, wanted.document))
            assert answer.status_code == 302, answer.text


def test_a_doctor_applies_without_an_account(office):
    client = visitor()
    assert "/professions/doctors/" in client.get("/").text
    assert "radiation" in client.get("/professions/doctors/").text
    case = began(client)
    assert (case.email, case.language, case.owner, case.door) == (EMAIL, "en", None, "portal")

    # The link is shown once and mailed.
    first, second = (client.get(f"/cases/{case.number}/questions/").text for _ in range(2))
    [link] = set(re.findall(rf"https://\S+/case/{case.number}/[\w-]+", first))
    assert link not in second
    assert link in Mail.objects.get(to=EMAIL).text

    text = client.get(f"/cases/{case.number}/check/").text
    assert "still missing" in text and "/documents/#document-identity_document" in text
    # A sheet with empty fields is not called filled in.
    listed = client.get(f"/cases/{case.number}/documents/").text
    assert "To be filled in on line" in listed and "Filled in on line" not in listed
    assert client.post(f"/cases/{case.number}/check/", follow=True).status_code == 200
    case.refresh_from_db()
    assert case.state == "draft"

    complete(client, case)
    text = client.get(f"/cases/{case.number}/check/").text
    assert "Everything that is asked for is there." in text
    answer = client.post(f"/cases/{case.number}/check/", follow=True)
    assert "Submitted" in answer.text
    case.refresh_from_db()
    assert case.state == "submitted" and case.submissions.count() == 1

    # Sent twice, or after going back, it is handed in once; what was handed in stays as it is.
    again = client.post(f"/cases/{case.number}/check/")
    assert again["Location"] == f"/cases/{case.number}/"
    assert client.post(f"/cases/{case.number}/sheet/", {"iban": "x"})["Location"] == f"/cases/{case.number}/"
    case.refresh_from_db()
    assert case.submissions.count() == 1 and case.sheet["iban"] != "x"


@pytest.mark.parametrize("profession", ["orthopaedists", "laboratories", "taxis"])
def test_every_kind_of_profession_gets_to_the_end(office, profession):
    client = visitor(language="fr")
    case = began(client, profession)
    complete(client, case)
    client.post(f"/cases/{case.number}/check/")
    case.refresh_from_db()
    assert case.state == "submitted", queries.missing(case, on=timezone.localdate())
    assert case.language == "fr"


def test_nothing_typed_is_lost_and_nothing_sent_breaks_a_page(office):
    client = visitor()
    case = began(client)
    page = f"/cases/{case.number}"
    # Wrong, foreign, huge and impossible values are kept as they are or left out, never an error of ours.
    for value in (
        "LU28 0019 4006 4475 0001",
        "a\x00b",
        "x" * 15_000,
        "<script>alert(1)</script>",
        "\u202e\U0001f600",
    ):
        answer = client.post(
            f"{page}/sheet/", {"iban": value, "site_country": "Atlantis", "no_such_field": "x"}
        )
        assert answer.status_code == 200
        case.refresh_from_db()
        assert case.sheet["iban"] == value.replace("\x00", "")
        assert "<script>alert" not in answer.text
        assert 'value="Atlantis" selected' in answer.text
    assert "no_such_field" not in case.sheet
    # Saved for later without complaint, and told again where one comes to mend it.
    assert client.post(f"{page}/sheet/", {"iban": "x", "go": "later"})["Location"] == f"{page}/"
    assert "summary" not in client.get(f"{page}/sheet/").text
    assert 'href="#id_iban"' in client.get(f"{page}/sheet/?faults").text

    answer = client.post(
        f"{page}/questions/", {"radiation": "yes", "service_declaration": "perhaps", "company": "yes"}
    )
    assert (
        answer.status_code == 200 and "Answer yes or no." in answer.text
    ) or "Select a valid choice" in answer.text
    case.refresh_from_db()
    assert case.facts == {"radiation": True}
    assert "radiation_authorisation" in client.get(f"{page}/documents/").text


def test_a_number_of_vehicles_decides_how_many_documents_are_asked_for(office):
    client = visitor()
    case = began(client, "taxis")
    facts = {fact.key: "no" for fact in queries.catalogue_of(case).facts_for(case.kind, case.profession)}
    for wrong in ("0", "41", "many", "9" * 30):
        answer = client.post(f"/cases/{case.number}/questions/", {**facts, "count-vehicle": wrong})
        assert answer.status_code == 200 and "summary" in answer.text
    client.post(f"/cases/{case.number}/questions/", {**facts, "count-vehicle": "3"})
    case.refresh_from_db()
    per_vehicle = [one for one in queries.requirements(case) if one.part == "3"]
    assert (
        per_vehicle
        and f"document-{per_vehicle[0].document}-3" in client.get(f"/cases/{case.number}/documents/").text
    )


@pytest.mark.parametrize("path", ["/apply/osteopaths/", "/apply/nothing/", "/apply/%00/"])
def test_what_is_not_offered_has_no_page(office, path):
    assert visitor().get(path).status_code == 404
    assert visitor().post(path, {"email": EMAIL}).status_code == 404
    assert not Case.objects.exists()
    assert visitor().get("/professions/nothing/").status_code == 404


@pytest.mark.parametrize("language", ["fr", "de", "en"])
def test_every_profession_has_a_page_and_says_why_when_it_has_no_code(db, language):
    from caisse.agreement.tables.professions import catalogue_on

    client = visitor(language=language)
    for one in catalogue_on(timezone.localdate()).professions.values():
        text = client.get(f"/professions/{one.key}/").text
        assert (f"/apply/{one.key}/" in text) is one.offered
        assert one.contact in text
