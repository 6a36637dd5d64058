"""Members who sign a PDF instead: verified against the authorities the fund trusts, assigned by an officer."""

import pytest

from caisse.fund.access.actions import grant_mandate
from caisse.fund.access.queries import user_of
from caisse.fund.casework import signature_records
from caisse.fund.casework.actions import decisions
from caisse.fund.casework.actions import signatures as signing
from caisse.fund.casework.actions.decisions import Verdict
from caisse.fund.casework.actions.signatures import Assigned
from caisse.fund.casework.errors import CaseMoved, OwnCase, SignatureInvalid
from caisse.fund.casework.models import Case, CaseDocument
from caisse.fund.exchange import receipts
from caisse.fund.registry import queries as register
from tests.fund.casework.associations.members import filed, in_review, member, sign
from tests.fund.casework.documents.signing import Person
from tests.fund.casework.office import Office, pdf


@pytest.fixture(scope="module")
def root() -> Person:
    return Person("Autorité d'essai", ca=True)


@pytest.fixture(scope="module")
def people(root: Person) -> tuple[Person, Person, Person]:
    return Person("Anna", root), Person("Bernd", root), Person("Carla")


@pytest.fixture
def paper(office: Office, root: Person, people: tuple[Person, Person, Person]):
    """A case asked to sign, with a PDF signed by Anna and Bernd whom the fund trusts, and by Carla."""
    trusted = office.home.trust / "essai.pem"
    trusted.write_bytes(root.pem)
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    case = filed(
        office, anna, facts={"founding": True, "paper_signatures": True}, association_name="Les Tilleuls",
        members=f"{anna} {bernd}", effective_from=str(office.today),
    )  # fmt: skip
    content = pdf("Pratique en association")
    for number, person in enumerate(people):
        content = person.sign(content, f"Signature{number}")
    office.attach(case, "association_form", content=content)
    case = in_review(office, case)
    signing.ask_signatures(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    yield case, case.documents.get(kind="association_form", state="accepted"), anna, bernd
    trusted.unlink()


def assign(office: Office, document: CaseDocument, *pairs: tuple[str, int]) -> list[int]:
    given = [Assigned(field, code) for field, code in pairs]
    return signing.assign_signatures(
        document_id=document.pk, assigned=given, officer_id=office.user("officer"), at=office.tick()
    )


def test_valid_signatures_of_a_pdf_count(office: Office, paper) -> None:
    case, document, anna, bernd = paper
    assign(office, document, ("Signature0", anna), ("Signature1", bernd))
    case = Case.objects.get(pk=case.pk)
    assert case.state == "in_review"
    row = case.signatures.get(signer_code=anna)
    assert row.method == "signed_document" and row.evidence["document_sha256"] == document.sha256
    keys = signature_records.read_keys(receipts.public_keys(office.home))
    told = signature_records.read_record(row.record, keys)
    assert told.evidence["signer"] == "Anna" and told.code == anna
    assert office.grant(case).state == "granted"


def test_one_signs_the_pdf_the_other_on_line(office: Office, paper) -> None:
    case, document, anna, bernd = paper
    assign(office, document, ("Signature0", anna))
    assert Case.objects.get(pk=case.pk).state == "awaiting_signatures"
    sign(office, case.signatures.get(signer_code=bernd))
    assert office.grant(Case.objects.get(pk=case.pk)).state == "granted"


def test_nobody_signs_for_two_and_strangers_do_not_count(office: Office, paper) -> None:
    case, document, anna, bernd = paper
    for field in ("Signature2", "Signature9"):
        with pytest.raises(SignatureInvalid):
            assign(office, document, (field, anna))
    with pytest.raises(SignatureInvalid):
        assign(office, document, ("Signature0", anna), ("Signature0", bernd))
    assert not case.signatures.filter(signed_at__isnull=False).exists()
    assign(office, document, ("Signature0", anna))
    with pytest.raises(CaseMoved):
        assign(office, document, ("Signature1", anna))
    with pytest.raises(CaseMoved):
        assign(office, document, ("Signature1", 34900020))


def test_a_changed_pdf_proves_nothing(office: Office, paper) -> None:
    _case, document, anna, _bernd = paper
    path = office.home.documents / document.sha256[:2] / document.sha256[2:]
    path.chmod(0o600)
    content = path.read_bytes()
    assert b"/Helvetica" in content
    path.write_bytes(content.replace(b"/Helvetica", b"/Courierab"))
    with pytest.raises(SignatureInvalid):
        assign(office, document, ("Signature0", anna))


def test_an_officer_who_acts_for_a_signer_neither_counts_his_signature_nor_decides(
    office: Office, paper
) -> None:
    case, document, anna, bernd = paper
    provider = register.provider_by_code(bernd)
    grant_mandate(
        user=user_of(office.user("officer")),
        provider_id=provider.pk,
        scope="exchange",
        valid_from=office.today,
        by="test",
        at=office.tick(),
    )
    with pytest.raises(OwnCase):
        assign(office, document, ("Signature0", anna))
    assert not Case.objects.get(pk=case.pk).signatures.filter(signed_at__isnull=False).exists()
    signing.assign_signatures(
        document_id=document.pk, officer_id=office.user("supervisor"), at=office.tick(),
        assigned=[Assigned("Signature0", anna), Assigned("Signature1", bernd)],
    )  # fmt: skip
    with pytest.raises(OwnCase):
        decisions.propose_decision(
            case_id=case.pk, verdict=Verdict("granted"), officer_id=office.user("officer"), at=office.tick()
        )
