"""The officer asks for signatures, counts those of a PDF, and offers a password again."""

from pathlib import Path

import pytest

from caisse.fund.casework.models import Case, HandOver
from caisse.fund.registry import queries as register
from caisse.fund.registry.models import Provider
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


def test_the_officer_makes_the_letter_to_a_signer_whom_no_mail_reaches(
    office: Office, counter: Counter, case: Case
) -> None:
    bernd = register.provider_by_code(int(str(case.sheet["members"]).split()[1]))
    Provider.objects.filter(pk=bernd.pk).update(email="")
    bernd.mandates.all().delete()
    client, code = counter.at("officer"), register.codes_of(bernd.pk)[0].code
    shown = text_of(client.post(page_of(case, "signatures/"), follow=True))
    assert shown.count("could not be told by mail") == 1 and shown.count("make a letter to print") == 1
    for wrong in ("", "x", "12", "99999999"):
        client.post(page_of(case, "signatures/letter/"), {"code": wrong})
    assert not case.letters.filter(kind="signature_request").exists()
    shown = text_of(client.post(page_of(case, "signatures/letter/"), {"code": code}, follow=True))
    assert "print it and send it today" in shown and "could not be told by mail" not in shown
    assert case.letters.get(kind="signature_request").provider == bernd


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
