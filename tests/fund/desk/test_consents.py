"""The officer asks for signatures, counts those of a PDF, and offers a password again."""

from pathlib import Path

import pytest

from caisse.fund.casework.models import Case, HandOver
from tests.fund.casework.associations.members import filed, in_review, member
from tests.fund.casework.documents.signing import Person
from tests.fund.casework.office import Office, pdf
from tests.fund.desk.counter import Counter, page_of, text_of


@pytest.fixture
def case(office: Office) -> Case:
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    return in_review(office, filed(
        office, anna, facts={"founding": True}, association_name="Les Tilleuls", members=f"{anna} {bernd}",
        effective_from=str(office.today),
    ))  # fmt: skip


@pytest.fixture
def root(office: Office):
    made = Person("Autorité d'essai", ca=True)
    path: Path = office.home.trust / "essai-desk.pem"
    path.write_bytes(made.pem)
    yield made
    path.unlink()


def test_signatures_are_asked_for_and_their_state_is_shown(counter: Counter, case: Case) -> None:
    client = counter.at("officer")
    page = client.get(page_of(case))
    assert "Ask for the signatures" in text_of(page)
    assert client.get(page_of(case, "signatures/")).status_code == 405
    answer = client.post(page_of(case, "signatures/"), follow=True)
    assert "2 persons are asked to sign" in text_of(answer)
    assert "not signed yet" in text_of(answer) and "Les Tilleuls" in text_of(answer)
    case.refresh_from_db()
    assert case.state == "awaiting_signatures"
    again = client.post(page_of(case, "signatures/"), follow=True)
    assert "moved on meanwhile" in text_of(again) and case.signatures.count() == 2


def test_others_do_not_ask(counter: Counter, case: Case) -> None:
    assert counter.at("board_secretary").post(page_of(case, "signatures/")).status_code == 403
    for role in ("editor", "auditor", "administrator"):
        assert counter.at(role).post(page_of(case, "signatures/")).status_code == 404
    assert case.signatures.count() == 0


def test_a_signature_of_a_pdf_is_counted(office: Office, counter: Counter, root: Person, case: Case) -> None:
    counter.at("officer").post(page_of(case, "signatures/"))
    from caisse.fund.casework.actions import files

    content = Person("Anna", root).sign(pdf("Pratique en association"), "Anna")
    arriving = files.Arriving(office.upload(content), "form.pdf", "association_form", issued_on=office.today)
    document = files.receive_file(
        case_id=case.pk, arriving=arriving, from_applicant=False, by="test", at=office.tick()
    )
    client, where = counter.at("officer"), page_of(case, f"documents/{document}/signatures/")
    assert "Whose signature it is" in text_of(client.get(where))
    code = case.signatures.order_by("signer_code").first().signer_code
    assert "Choose whose" in text_of(
        client.post(f"{where}assign/", {"field": "Anna", "code": ""}, follow=True)
    )
    wrong = client.post(f"{where}assign/", {"field": "Nobody", "code": str(code)}, follow=True)
    assert "cannot be relied upon" in text_of(wrong)
    client.post(f"{where}assign/", {"field": "Anna", "code": str(code)})
    assert case.signatures.get(signer_code=code).method == "signed_document"


def test_a_password_is_offered_again(office: Office, counter: Counter) -> None:
    code = member(office, "Anna")
    case = office.grant(in_review(office, filed(
        office, code, kind="exchange_access", provider_code=str(code), verb="activate",
        effective_from=str(office.today),
    )))  # fmt: skip
    client = counter.at("officer")
    assert "not collected yet" in text_of(client.get(page_of(case)))
    client.post(page_of(case, "hand-over/"))
    assert HandOver.objects.filter(case=case).count() == 2
    assert HandOver.objects.filter(case=case, void_at__isnull=True).count() == 1
