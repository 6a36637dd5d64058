"""Signatures made by a real signer are verified off line, and every way to cheat with one is told."""

from datetime import timedelta

import pytest

from caisse.agreement.tables.reasons import LANGUAGES
from caisse.fund.casework.documents.inspection import inspect
from caisse.fund.casework.documents.signature_report import SignatureReport, _words
from caisse.fund.casework.documents.signatures import TrustStore, TrustUnreadable, verify

from . import hostile, signing
from .signing import NOW, YEAR, Person


@pytest.fixture(scope="module")
def authority() -> Person:
    return Person("Autorité d'essai", ca=True)


@pytest.fixture(scope="module")
def camille(authority) -> Person:
    return Person("Camille Exemple", authority)


@pytest.fixture
def report(tmp_path, authority):
    folder = signing.trust_folder(tmp_path / "trust", authority)

    def report(content: bytes, *, at=NOW, trust: TrustStore | None = None) -> list[SignatureReport]:
        path = tmp_path / "signed.pdf"
        path.write_bytes(content)
        return verify(path, trust=trust or TrustStore(folder), at=at)

    return report


def test_a_good_signature_holds_and_is_told_in_words(report, camille):
    (found,) = report(camille.sign(hostile.good(), "Camille"))
    assert found.holds and found.intact and found.trusted and found.covers_whole_file
    assert (found.field, found.signer, found.issuer) == ("Camille", "Camille Exemple", "Autorité d'essai")
    assert (found.changed_after, found.time_source) == ("nothing", "claimed")
    assert found.words("fr")[0] == "La signature est valable."
    assert "Une révocation éventuelle du certificat n'a pas été vérifiée en ligne." in found.words("fr")
    assert "Unterzeichner: Camille Exemple; Zertifikat von Autorité d'essai." in found.words("de")


def test_the_document_is_taken_and_its_signature_fields_are_named(tmp_path, camille):
    path = tmp_path / "signed.pdf"
    path.write_bytes(camille.sign(hostile.good(), "Camille"))
    found = inspect(path)
    assert found.ok, (found.code, found.detail)
    assert found.signature_fields == ("Camille",)


def test_no_root_no_trust(report, camille):
    (found,) = report(camille.sign(hostile.good(), "Camille"), trust=TrustStore())
    assert found.intact and not found.trusted and not found.holds
    assert "The certificate leads to no authority the fund trusts." in found.words("en")


def test_a_byte_changed_after_signing_is_seen(report, camille):
    signed = camille.sign(hostile.saved(hostile.plain(), compress_streams=False), "Camille")
    assert signed.count(b"Autorisation") == 1
    (found,) = report(signed.replace(b"Autorisation", b"Autodidactes"))
    assert not found.intact and not found.holds
    assert found.words("en")[1].startswith("What was signed has been changed")


def test_a_page_changed_by_an_update_is_seen_though_the_signed_bytes_are_whole(report, camille):
    signed = camille.sign(hostile.good(), "Camille")
    (found,) = report(signing.change_page(signed, b"BT /F1 18 Tf 72 720 Td (Autre chose) Tj ET"))
    assert found.intact and found.trusted
    assert found.changed_after == "content" and not found.holds and not found.covers_whole_file


def test_a_field_filled_in_after_signing_is_seen(report, camille):
    signed = camille.sign(hostile.filled_form(), "Camille")
    (found,) = report(signing.fill_field(signed, "Dr Dominique Autre"))
    assert found.intact and not found.holds
    assert found.changed_after in {"fields", "content"}


def test_two_signers_one_after_the_other_both_hold(report, authority, camille):
    dominique = Person("Dominique Exemple", authority)
    both = dominique.sign(camille.sign(hostile.good(), "Camille"), "Dominique")
    first, second = report(both)
    assert [first.signer, second.signer] == ["Camille Exemple", "Dominique Exemple"]
    assert first.holds and second.holds
    assert (first.changed_after, second.changed_after) == ("signatures", "nothing")
    assert first.certificate_sha256 != second.certificate_sha256


def test_a_self_signed_certificate_vouches_for_nobody(report):
    (found,) = report(Person("Camille Exemple").sign(hostile.good(), "Camille"))
    assert found.intact and found.self_signed and not found.trusted and not found.holds
    assert "Niemand" in found.words("de")[3] or "niemand" in found.words("de")[3]


def test_a_name_alone_is_no_trust(report, camille):
    """A stranger's authority of the same name does not lead to the trusted one."""
    stranger = Person("Autorité d'essai", ca=True)
    (found,) = report(Person("Camille Exemple", stranger).sign(hostile.good(), "Camille"))
    assert found.intact and not found.trusted and not found.holds


def test_a_certificate_is_judged_as_of_the_day_the_document_arrived(report, authority):
    signed = Person("Camille Exemple", authority, until=NOW + timedelta(days=10)).sign(
        hostile.good(), "Camille"
    )
    assert report(signed, at=NOW)[0].holds
    (late,) = report(signed, at=NOW + YEAR)
    assert late.intact and late.expired and not late.trusted and not late.holds
    assert f"{NOW + timedelta(days=10):%Y-%m-%d}" in late.words("en")[3]


def test_a_time_stamp_is_told_from_the_signer_s_own_clock(report, authority, camille):
    stamper = Person("Horodatage d'essai", authority, stamps=True)
    (found,) = report(camille.sign(hostile.good(), "Camille", stamp_by=stamper))
    assert (found.time_source, found.signed_at[:16]) == ("trusted_stamp", f"{NOW:%Y-%m-%dT%H:%M}")
    unknown = Person("Horodatage inconnu", stamps=True)
    (found,) = report(camille.sign(hostile.good(), "Camille", stamp_by=unknown))
    assert found.time_source == "stamp"


def test_a_document_without_signatures_has_no_report(report):
    assert report(hostile.good()) == []


def test_what_cannot_be_read_is_said_and_never_holds(report, camille):
    signed = camille.sign(hostile.good(), "Camille")
    for content in (
        b"%PDF-1.7\nno document\n%%EOF",
        signed[:-200],
        signed.replace(b"/ByteRange [", b"/ByteRange ("),
    ):
        found = report(content)
        assert not any(each.holds for each in found)
        assert all(each.words("fr") for each in found)


def test_every_sentence_speaks_three_languages():
    assert all(set(texts) == set(LANGUAGES) and all(texts.values()) for texts in _words().values())


@pytest.mark.parametrize(
    "content", [b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_of_the_trusted_that_is_no_certificate_is_named_with_what_to_do(
    report, camille, tmp_path, content
):
    (tmp_path / "trust" / "broken.pem").write_bytes(content)
    with pytest.raises(
        TrustUnreadable, match=r"trust/broken\.pem holds no certificate in PEM form.*fetch it again"
    ):
        report(camille.sign(hostile.good(), "Camille"))
    assert len(TrustStore(tmp_path / "trust").problems()) == 1
    (tmp_path / "trust" / "broken.pem").unlink()
    assert report(camille.sign(hostile.good(), "Camille"))[0].holds
