"""Signing and the exchange's secrets on the portal: only for whom they are, only with two factors, once."""

import re

import pytest
from django.test import Client

from caisse.fund.casework import signature_records
from caisse.fund.casework.models import Signature
from caisse.fund.exchange import receipts
from caisse.fund.exchange.models import Account
from caisse.fund.exchange.queries import authenticate_password
from caisse.fund.registry import queries as register
from tests.fund.casework.associations.members import asked, filed, in_review, member, owner_of
from tests.fund.casework.office import Office
from tests.fund.visitors import visitor


@pytest.fixture
def waiting(office: Office) -> tuple[Signature, Signature]:
    """Anna and Bernd are asked to sign the founding of their association."""
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    case = filed(
        office, anna, facts={"founding": True}, association_name="Les Tilleuls", members=f"{anna} {bernd}",
        effective_from=str(office.today),
    )  # fmt: skip
    case = asked(office, case)
    return case.signatures.get(signer_code=anna), case.signatures.get(signer_code=bernd)


def client(office: Office, name: str, *, language: str = "en", **more: object) -> Client:
    user = owner_of(office, name)
    user.language = language
    user.save(update_fields=["language"])
    return visitor(user, **more)


@pytest.mark.parametrize("language", ["fr", "de", "en"])
def test_what_is_asked_is_shown_to_whom_it_is_asked_of(office: Office, waiting, language: str) -> None:
    anna, bernd = waiting
    page = client(office, "Anna", language=language).get("/signatures/").content.decode()
    assert f"/signatures/{anna.pk}/" in page and f"/signatures/{bernd.pk}/" not in page
    shown = client(office, "Anna", language=language).get(f"/signatures/{anna.pk}/")
    assert "Les Tilleuls" in shown.content.decode() and shown.status_code == 200


def test_for_others_there_is_nothing(office: Office, waiting) -> None:
    _anna, bernd = waiting
    member(office, "Carla")
    for who in (client(office, "Anna", factor="totp"), client(office, "Carla", factor="totp")):
        for path in ("", "record.jws"):
            assert who.get(f"/signatures/{bernd.pk}/{path}").status_code == 404
        for path in ("sign/", "refuse/"):
            assert who.post(f"/signatures/{bernd.pk}/{path}", {"text": "no"}).status_code == 404
    assert visitor().get(f"/signatures/{bernd.pk}/").status_code == 302
    bernd.refresh_from_db()
    assert bernd.signed_at is None and bernd.refused_at is None


def test_signing_needs_two_factors_of_a_moment_ago(office: Office, waiting) -> None:
    anna, _bernd = waiting
    for weak in ({}, {"factor": "totp", "ago": 301}, {"factor": "recovery_codes"}):
        answer = client(office, "Anna", **weak).post(f"/signatures/{anna.pk}/sign/")
        assert answer.status_code == 302 and "/signatures/" not in answer["Location"].partition("?")[0]
    anna.refresh_from_db()
    assert anna.signed_at is None
    strong = client(office, "Anna", factor="totp")
    assert strong.get(f"/signatures/{anna.pk}/sign/").status_code == 405
    assert strong.post(f"/signatures/{anna.pk}/sign/")["Location"] == f"/signatures/{anna.pk}/"
    anna.refresh_from_db()
    assert anna.method == "strong_sign_in"
    record = strong.get(f"/signatures/{anna.pk}/record.jws").content.decode()
    keys = signature_records.read_keys(receipts.public_keys(office.home))
    assert signature_records.read_record(record, keys).code == anna.signer_code
    # Twice, as after a double click, changes nothing.
    strong.post(f"/signatures/{anna.pk}/sign/")
    assert Signature.objects.get(pk=anna.pk).record == record


def test_a_refusal_needs_words(office: Office, waiting) -> None:
    anna, _bernd = waiting
    who = client(office, "Anna")
    assert who.post(f"/signatures/{anna.pk}/refuse/", {"text": " "}).status_code == 400
    who.post(f"/signatures/{anna.pk}/refuse/", {"text": "Non"})
    anna.refresh_from_db()
    assert anna.refusal == "Non"
    assert "Refused on" in who.get(f"/signatures/{anna.pk}/").content.decode()


@pytest.fixture
def account(office: Office) -> Account:
    """Anna's account, whose password waits."""
    code = member(office, "Anna")
    case = filed(
        office, code, kind="exchange_access", provider_code=str(code), verb="activate",
        effective_from=str(office.today),
    )  # fmt: skip
    office.grant(in_review(office, case))
    return Account.objects.get(provider_code=code)


def base(account: Account) -> str:
    return f"/providers/{register.provider_by_code(account.provider_code).pk}/exchange/"


def test_the_password_is_shown_once_to_its_owner(office: Office, account: Account) -> None:
    where = base(account)
    weak = client(office, "Anna")
    assert "Collect the password" in weak.get(where).content.decode()
    assert weak.post(f"{where}{account.pk}/collect/").status_code == 302
    strong = client(office, "Anna", factor="webauthn")
    assert strong.get(f"{where}{account.pk}/collect/").status_code == 405
    answer = strong.post(f"{where}{account.pk}/collect/")
    assert "no-store" in answer["Cache-Control"]
    password = re.search(r'id="password">([^<]+)<', answer.content.decode()).group(1)
    assert authenticate_password(account.user, password) == account
    again = strong.post(f"{where}{account.pk}/collect/", follow=True).content.decode()
    assert password not in again and "was collected on" in again and owner_of(office, "Anna").name in again
    rotated = strong.post(f"{where}{account.pk}/password/").content.decode()
    second = re.search(r'id="password">([^<]+)<', rotated).group(1)
    assert authenticate_password(account.user, password) is None
    assert authenticate_password(account.user, second) == account


def test_other_providers_have_no_way_to_it(office: Office, account: Account) -> None:
    other = member(office, "Bernd")
    bernd = client(office, "Bernd", factor="totp")
    own = f"/providers/{register.provider_by_code(other).pk}/exchange/"
    for where in (base(account), own):
        for path in ("collect/", "password/", "keys/", "keys/1/remove/"):
            assert bernd.post(f"{where}{account.pk}/{path}", {"key": "x"}).status_code == 404
    assert bernd.get(base(account)).status_code == 404
    assert bernd.get(own).status_code == 200


def test_keys_are_kept_by_their_owner(office: Office, account: Account) -> None:
    strong, where = client(office, "Anna", factor="totp"), base(account)
    strong.post(f"{where}{account.pk}/collect/")
    bad = strong.post(f"{where}{account.pk}/keys/", {"key": "ssh-rsa <script>"}, follow=True).content.decode()
    assert "no public SSH key" in bad and account.keys.count() == 0
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUxvVBnM1rQwU5o0mZ5yHxHqQm0n6V5d0Qk0s3o0h2C"
    strong.post(f"{where}{account.pk}/keys/", {"key": key})
    kept = account.keys.get()
    assert kept.fingerprint in strong.get(where).content.decode()
    strong.post(f"{where}{account.pk}/keys/{kept.pk}/remove/")
    assert account.keys.count() == 0


def test_doctors_are_told_why_not(office: Office) -> None:
    code = member(office, "Dora", profession="doctors")
    where = f"/providers/{register.provider_by_code(code).pk}/exchange/"
    assert "is not offered to this profession" in client(office, "Dora").get(where).content.decode()
