"""Documents by the portal: what is refused says how to go on, what is typed stays, nothing else gets in."""

from datetime import date

import pytest
from django.conf import settings

from caisse.agreement.tables.reasons import reason
from caisse.fund.casework import queries
from caisse.fund.casework.actions import applications, examination
from caisse.fund.casework.models import CaseDocument
from tests.fund.casework.office import pdf
from tests.fund.portal.test_application import began, upload
from tests.fund.visitors import visitor


@pytest.fixture
def client(office):
    return visitor(language="de")


@pytest.fixture
def case(client):
    return began(client)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\xff\xd8\xff\xe0" + b"JFIF" * 500, "JPEG"),
        (b"<!DOCTYPE html><html><body>Antrag</body></html>", "PDF"),
        (b"", "leer"),
        (pdf()[:300], "PDF"),
    ],
)
def test_what_is_no_sound_pdf_is_refused_with_a_remedy_in_the_readers_language(
    client, case, office, content, word
):
    answer = upload(client, case, "identity_document", content, "ausweis.pdf", expires_on="31.12.2030")
    assert answer.status_code == 200
    assert "ausweis.pdf" in answer.text and word in answer.text
    # What was typed beside the file is still there.
    assert 'value="31.12.2030"' in answer.text
    assert not case.documents.exists()
    assert not [path for path in office.home.staging.rglob("*") if path.is_file()]
    assert "Datei nicht angenommen" in client.get(f"/cases/{case.number}/").text


def test_a_file_above_the_limit_is_refused_and_leaves_nothing(client, case, office):
    content = pdf() + b"\n%" + b"x" * (21 * 1024 * 1024)
    answer = upload(client, case, "identity_document", content)
    assert answer.status_code == 200 and reason("DOC-009").text("de") in answer.text
    assert not case.documents.exists()
    assert not [path for path in office.home.staging.rglob("*") if path.is_file()]


def test_a_request_above_the_limit_is_a_page_of_its_own(client, case):
    answer = client.generic(
        "POST", f"/cases/{case.number}/documents/", b"", content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(40 * 1024 * 1024),
    )  # fmt: skip
    assert answer.status_code == 413


def test_a_file_is_kept_though_its_date_is_not(client, case):
    answer = upload(client, case, "identity_document", pdf("a"), expires_on="31.2.2030")
    assert answer.status_code == 200
    document = case.documents.get()
    assert (document.state, document.expires_on) == ("received", None)
    assert 'value="31.2.2030"' in answer.text
    client.post(
        f"/cases/{case.number}/documents/",
        {"place": "identity_document", "document-identity_document-expires_on": "28.2.2030"},
    )
    document.refresh_from_db()
    assert document.expires_on == date(2030, 2, 28)


def test_a_document_is_replaced_taken_back_and_read_again(client, case):
    upload(client, case, "identity_document", pdf("first"), "first.pdf")
    content = pdf("second")
    upload(client, case, "identity_document", content, "../../second\u202e.pdf")
    [first, second] = case.documents.order_by("pk")
    assert (first.state, second.state) == ("replaced", "received")
    answer = client.get(f"/cases/{case.number}/documents/{second.pk}/file/")
    assert b"".join(answer.streaming_content) == content
    assert answer["Content-Disposition"].startswith("attachment; filename")
    assert "/" not in answer["Content-Disposition"].partition("filename")[2].replace("utf-8''", "")
    assert answer["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer["Content-Security-Policy"]
    assert client.get(f"/cases/{case.number}/documents/{second.pk}/").status_code == 200
    client.post(f"/cases/{case.number}/documents/{second.pk}/remove/")
    second.refresh_from_db()
    assert second.state == "removed"
    assert client.get(f"/cases/{case.number}/documents/{second.pk}/file/").status_code == 404


def test_no_other_places_and_no_others_documents(client, case, office):
    for place in ("nothing", "identity_document:9", "", "radiation_authorisation"):
        assert upload(client, case, place, pdf()).status_code == 404
    other = began(visitor(), email="other@example.org")
    upload(client, case, "identity_document", pdf("mine"))
    office.attach(other, "identity_document")
    foreign = CaseDocument.objects.get(case=other)
    for page in ("", "file/"):
        assert client.get(f"/cases/{case.number}/documents/{foreign.pk}/{page}").status_code == 404
    assert client.post(f"/cases/{case.number}/documents/{foreign.pk}/remove/").status_code == 404
    foreign.refresh_from_db()
    assert foreign.state == "received"


def test_signatures_that_cannot_be_judged_now_hide_no_document(client, case):
    upload(client, case, "identity_document", pdf("mine"))
    document = CaseDocument.objects.get()
    document.inspection["signatures"] = 1
    document.save(update_fields=["inspection"])
    broken = settings.HOME.trust / "broken.pem"
    broken.write_bytes(b"no certificate")
    try:
        page = client.get(f"/cases/{case.number}/documents/{document.pk}/")
    finally:
        broken.unlink()
    assert page.status_code == 200
    assert "können zurzeit nicht geprüft werden" in page.content.decode()
    assert document.sha256 in page.content.decode()


def test_a_judged_document_keeps_its_days_and_its_place(client, office):
    case = office.submitted("doctors")
    officer = office.user("officer")
    examination.take_case(case_id=case.pk, officer_id=officer, at=office.tick())
    office.accept_all(case)
    examination.ask_back(case_id=case.pk, questions=[("", "Warum?")], officer_id=officer, at=office.tick())
    key = applications.renew_key(case_id=case.pk, by="test", at=office.tick())
    client.get(f"/case/{case.number}/{key}")
    document = case.documents.get(kind="identity_document")
    before = document.expires_on
    answer = client.post(
        f"/cases/{case.number}/documents/",
        {"place": "identity_document", "document-identity_document-expires_on": "1.1.2040"},
    )
    assert answer.status_code == 200
    client.post(f"/cases/{case.number}/documents/{document.pk}/remove/")
    document.refresh_from_db()
    assert (document.state, document.expires_on) == ("accepted", before)


def test_further_documents_can_be_attached_and_are_told_apart(client, case):
    for name in ("one", "two"):
        assert upload(client, case, queries.UNSORTED, pdf(name), f"{name}.pdf").status_code == 302
    text = client.get(f"/cases/{case.number}/documents/").text
    assert "one.pdf" in text and "two.pdf" in text
