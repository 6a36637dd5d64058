import io
from datetime import date

import pikepdf
import pytest
from django.conf import settings

from caisse.fund.audit.models import AuditEvent
from caisse.fund.casework.actions import examination
from caisse.fund.casework.models import Case, CaseDocument
from caisse.fund.casework.refusal_reasons import _all, offered_reasons
from tests.fund.casework.office import pdf
from tests.fund.desk.counter import Counter, page_of, text_of

HTMX = {"hx-request": "true"}


def taken(counter: Counter, profession: str = "doctors", **more: object) -> Case:
    case = counter.office.submitted(profession, **more)
    examination.take_case(
        case_id=case.pk, officer_id=counter.office.user("officer"), at=counter.office.tick()
    )
    case.refresh_from_db()
    return case


def first_of(case: Case) -> CaseDocument:
    return case.documents.order_by("pk").first()


def test_a_page_is_a_picture_nobody_keeps(counter: Counter) -> None:
    case = taken(counter)
    document = first_of(case)
    answer = counter.at("officer").get(page_of(case, f"documents/{document.pk}/page-1.png"))
    assert answer.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    event = AuditEvent.objects.filter(action="case.read", subject_id=case.number).latest("pk")
    assert event.data == {"what": f"document {document.pk}, page 1"}
    for page in (0, 2, 999999):
        address = page_of(case, f"documents/{document.pk}/page-{page}.png")
        assert counter.at("officer").get(address).status_code == 404


def test_the_original_comes_as_it_was_sent(counter: Counter) -> None:
    case = taken(counter)
    content = pdf("The original")
    counter.office.attach(case, "unsorted", content=content)
    document = case.documents.latest("pk")
    answer = counter.at("officer").get(page_of(case, f"documents/{document.pk}/original.pdf"))
    assert answer.content == content
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="{case.number}-{document.pk}.pdf"'
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("rest", ["", "page-1.png", "original.pdf", "signatures/"])
def test_a_document_of_another_case_is_not_there(counter: Counter, rest: str) -> None:
    case, other = taken(counter), taken(counter)
    address = page_of(case, f"documents/{first_of(other).pk}/{rest}")
    assert counter.at("officer").get(address).status_code == 404
    for action in ("judge/", "sort/", "days/"):
        answer = counter.at("officer").post(page_of(case, f"documents/{first_of(other).pk}/{action}"), {})
        assert answer.status_code == 404


def test_a_refusal_needs_a_reason_and_takes_an_offered_one_in_the_applicants_language(
    counter: Counter,
) -> None:
    case = taken(counter, language="de")
    document = first_of(case)
    officer, address = counter.at("officer"), page_of(case, f"documents/{document.pk}/judge/")
    bare = officer.post(address, {"verdict": "refuse", "judged": ""})
    assert bare.status_code == 400
    assert "A reason is needed" in text_of(bare)
    officer.post(address, {"verdict": "refuse", "judged": "", "offered": "expired", "reason": "Seit Mai."})
    document.refresh_from_db()
    assert document.state == "refused"
    assert document.reason.startswith("Das Dokument ist nicht mehr gültig.")
    assert document.reason.endswith("\nSeit Mai.")
    unknown = officer.post(address, {"verdict": "refuse", "judged": "", "offered": "made_up"})
    assert unknown.status_code == 400


def test_the_one_who_judges_later_is_told_and_loses_no_text(counter: Counter) -> None:
    case = taken(counter)
    document = first_of(case)
    address = page_of(case, f"documents/{document.pk}/judge/")
    assert (
        counter.at("colleague", "officer").post(address, {"verdict": "accept", "judged": ""}).status_code
        == 302
    )
    late = counter.at("officer").post(
        address, {"verdict": "refuse", "judged": "", "reason": "Page 2 is missing."}
    )
    assert late.status_code == 409
    assert "moved on meanwhile" in text_of(late)
    assert "Page 2 is missing." in text_of(late)
    document.refresh_from_db()
    assert document.state == "accepted"
    # What the page now holds lets the officer insist.
    again = {"verdict": "refuse", "judged": document.judged_at.isoformat(), "reason": "Page 2 is missing."}
    assert counter.at("officer").post(address, again).status_code == 302
    document.refresh_from_db()
    assert document.state == "refused"


def test_judging_with_htmx_opens_the_next_document(counter: Counter) -> None:
    case = taken(counter)
    first, second = case.documents.order_by("pk")[:2]
    officer = counter.at("officer")
    part = officer.get(page_of(case, f"documents/{first.pk}/"), headers=HTMX).content.decode()
    assert part.lstrip().startswith('<section id="documents"')
    answer = officer.post(
        page_of(case, f"documents/{first.pk}/judge/"), {"verdict": "accept", "judged": ""}, headers=HTMX
    )
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "<html" not in page
    assert f"documents/{first.pk}/page-1.png" not in page
    assert "page-1.png" in page
    assert second.pk


def test_a_verdict_is_said_and_an_accepted_document_is_not_offered_to_be_accepted(counter: Counter) -> None:
    case = taken(counter)
    documents, officer = list(case.documents.order_by("pk")), counter.at("officer")
    said = []
    for document in documents:
        address = page_of(case, f"documents/{document.pk}/")
        assert 'value="accept"' in officer.get(address, headers=HTMX).content.decode()
        answer = officer.post(f"{address}judge/", {"verdict": "accept", "judged": ""}, headers=HTMX)
        said.append(text_of(answer))
        again = officer.get(address, headers=HTMX).content.decode()
        assert 'value="accept"' not in again
        assert 'value="refuse"' in again
    assert all(" is accepted." in one for one in said)
    assert ["All documents are judged." in one for one in said] == [False] * (len(documents) - 1) + [True]


def test_days_are_corrected(counter: Counter) -> None:
    case = taken(counter)
    document = first_of(case)
    address = page_of(case, f"documents/{document.pk}/days/")
    officer = counter.at("officer")
    officer.post(address, {"issued_on": "2026-01-02", "expires_on": ""})
    document.refresh_from_db()
    assert (str(document.issued_on), document.expires_on) == ("2026-01-02", None)
    event = AuditEvent.objects.filter(action="case.document_dated").latest("pk")
    assert event.data["issued_on"][1] == "2026-01-02"
    for issued, expires, says in (
        ("2026-02-30", "", "Enter a valid date"),
        ("2199-01-01", "", "This date is in the future"),
        ("2026-01-02", "1999-01-01", "comes before a date it cannot precede"),
        ("", "0001-01-01", "does not exist or cannot be read"),
    ):
        answer = officer.post(address, {"issued_on": issued, "expires_on": expires})
        assert answer.status_code == 400 and says in text_of(answer), (issued, expires)
        if "30" not in issued:
            assert f'value="{issued or expires}"' in answer.text
    document.refresh_from_db()
    assert (str(document.issued_on), document.expires_on) == ("2026-01-02", None)


def test_days_stay_as_they_were_seen_once_a_decision_is_proposed(counter: Counter) -> None:
    case = taken(counter)
    document = first_of(case)
    Case.objects.filter(pk=case.pk).update(state="proposed")
    counter.at("officer").post(page_of(case, f"documents/{document.pk}/days/"), {"issued_on": "2026-01-02"})
    before = document.issued_on
    document.refresh_from_db()
    assert document.issued_on == before != date(2026, 1, 2)


def test_signatures_are_told_in_words(counter: Counter) -> None:
    case = taken(counter)
    page = text_of(counter.at("officer").get(page_of(case, f"documents/{first_of(case).pk}/signatures/")))
    assert "The document bears no electronic signature." in page


def test_a_broken_certificate_of_the_trusted_is_named_and_no_signature_judged(counter: Counter) -> None:
    case = taken(counter)
    broken = settings.HOME.trust / "broken.pem"
    broken.write_bytes(b"no certificate")
    try:
        answer = counter.at("officer").get(page_of(case, f"documents/{first_of(case).pk}/signatures/"))
    finally:
        broken.unlink()
    assert answer.status_code == 503
    said = text_of(answer)
    assert "trust/broken.pem holds no certificate in PEM form" in said
    assert "Pass this on to those who run the system" in said
    assert "bears no electronic signature" not in said


def test_a_document_of_many_pages_is_turned_over(counter: Counter) -> None:
    case = taken(counter)
    counter.office.attach(case, "unsorted", content=pdf("Long", pages=3))
    document = case.documents.latest("pk")
    address = f"{page_of(case)}?document={document.pk}"
    page = text_of(counter.at("officer").get(f"{address}&page=2"))
    assert "Page 2 of 3" in page
    assert "Previous" in page
    for wrong in ("0", "99", "x", "-1", "9" * 40):
        assert counter.at("officer").get(f"{address}&page={wrong}").status_code == 200
    assert counter.at("officer").get(f"{page_of(case)}?document={'9' * 40}").status_code == 200


def test_the_picture_is_made_once(counter: Counter) -> None:
    case = taken(counter)
    document = first_of(case)
    officer, address = counter.at("officer"), page_of(case, f"documents/{document.pk}/page-1.png")
    first = officer.get(address).content
    kept = list(settings.HOME.previews.rglob(f"{document.sha256[2:]}-1-*.png"))
    assert [path.read_bytes() for path in kept] == [first]
    assert officer.get(address).content == first
    opened = pikepdf.open(
        io.BytesIO(officer.get(page_of(case, f"documents/{document.pk}/original.pdf")).content)
    )
    assert len(opened.pages) == document.pages


def test_offered_reasons_name_documents_there_are_and_hold_on_their_days(counter: Counter) -> None:
    case = taken(counter)
    from caisse.fund.casework.queries import catalogue_of

    known = set(catalogue_of(case).documents)
    for one in _all():
        assert one.documents is None or set(one.documents) <= known, one.key
    keys = [one.key for one in offered_reasons("identity_document", counter.office.today)]
    assert "account_differs" not in keys
    assert "unreadable" in keys
    assert offered_reasons("identity_document", counter.office.today.replace(year=2020)) == ()
