"""Who may log in, and with what."""

from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils import timezone

from caisse.agreement.errors import WrongUse
from caisse.fund.exchange import actions, passwords, queries
from caisse.fund.exchange.errors import AccountExists, CodeClosed
from caisse.fund.exchange.models import Account, AccountKey
from caisse.fund.registry import actions as registry


def _public_key() -> str:
    public = Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def test_the_right_password_opens_and_no_other(account, now):
    actions.set_password(account_id=account.pk, password="Grüße 1", by="test", at=now)
    for _ in range(2):
        assert queries.authenticate_password("52001700-LAB", "Grüße 1") == account
        assert queries.authenticate_password("52001700-lab", "Grüße 2") is None
    assert queries.authenticate_password("52001816-lab", "Grüße 1") is None
    assert queries.authenticate_password("", "") is None


def test_a_remembered_password_dies_with_its_change(account, now):
    actions.set_password(account_id=account.pk, password="old", by="test", at=now)
    assert queries.authenticate_password(account.user, "old") == account
    actions.set_password(account_id=account.pk, password="new", by="test", at=now)
    assert queries.authenticate_password(account.user, "old") is None
    assert queries.authenticate_password(account.user, "new") == account


def test_an_account_without_a_password_takes_none(account):
    assert queries.authenticate_password(account.user, "") is None
    assert queries.authenticate_password(account.user, "x") is None


def test_a_closed_account_opens_to_nothing(account, now):
    key = _public_key()
    actions.set_password(account_id=account.pk, password="secret", by="test", at=now)
    actions.add_key(account_id=account.pk, public_key=key, by="test", at=now)
    assert queries.authenticate_password(account.user, "secret") == account
    actions.set_active(account_id=account.pk, active=False, by="test", at=now)
    assert queries.authenticate_password(account.user, "secret") is None
    assert queries.authenticate_key(account.user, key) is None
    assert queries.account_keys(account.user) == []


def test_a_password_kept_the_old_way_is_kept_better_after_log_in(account, now):
    old = PBKDF2PasswordHasher().encode("secret", "salt" * 6, iterations=1000)
    Account.objects.filter(pk=account.pk).update(password=old)
    assert queries.authenticate_password(account.user, "wrong") is None
    assert queries.authenticate_password(account.user, "secret") == account
    stronger = {"account_id": account.pk, "password": "secret", "by": account.user, "at": now}
    assert actions.strengthen_password(**stronger) is True
    assert Account.objects.get().password.startswith("scrypt$")
    assert queries.authenticate_password(account.user, "secret") == account
    assert actions.strengthen_password(**stronger) is False


def test_passwords_are_not_stored(account, now):
    actions.set_password(account_id=account.pk, password="secret", by="test", at=now)
    assert "secret" not in Account.objects.get().password
    assert "secret" not in repr(passwords._remembered)


def test_made_passwords_are_long_and_different():
    made = {passwords.new_password() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 24


def test_a_key_opens_its_account_only(account, other_account, now):
    key = _public_key()
    added = actions.add_key(account_id=account.pk, public_key=f"{key} somebody@somewhere", by="test", at=now)
    assert added.fingerprint.startswith("SHA256:")
    assert queries.authenticate_key("52001700-LAB", f"{key} other comment") == account
    assert queries.authenticate_key(other_account.user, key) is None
    assert queries.authenticate_key(account.user, _public_key()) is None
    actions.add_key(account_id=account.pk, public_key=key, by="test", at=now)
    assert AccountKey.objects.count() == 1


@pytest.mark.parametrize(
    "text", ["", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA", "{"]
)
def test_something_else_than_a_key_is_refused(account, now, text):
    with pytest.raises(WrongUse):
        actions.add_key(account_id=account.pk, public_key=text, by="test", at=now)


def test_one_account_a_code_and_frame(account, now):
    with pytest.raises(AccountExists):
        actions.create_account(provider_code=52001700, frame="lab", password=None, by="test", at=now)
    second = actions.create_account(provider_code=52001700, frame="KIN", password=None, by="test", at=now)
    assert second.user == "52001700-kin"


@pytest.fixture
def registered(account, now):
    provider = registry.register_provider(name="Laboratory", kind="company", by="test", at=now)
    registry.allocate_code(
        provider_id=provider, code=account.provider_code, profession="laboratories",
        valid_from=date(2020, 1, 1), by="test", at=now,
    )  # fmt: skip
    return account


def test_a_code_that_does_not_hold_today_opens_to_nothing_though_nobody_closed_its_account(registered, now):
    key, today, said = _public_key(), timezone.localdate(), {"by": "test", "at": now}
    code, user = registered.provider_code, registered.user
    actions.set_password(account_id=registered.pk, password="secret", **said)
    actions.add_key(account_id=registered.pk, public_key=key, **said)

    def is_open() -> bool:
        try:
            by_password = queries.authenticate_password(user, "secret") is not None
        except CodeClosed as refused:
            assert refused.code == "PRO-004"
            assert {refused.text(language)[:8] for language in ("fr", "de", "en")} == {"PRO-004:"}
            by_password = False
        by_key = queries.authenticate_key(user, key) is not None
        assert [by_key] * 3 == [
            by_password, queries.account_keys(user) == [key], queries.open_accounts({registered.pk}) != set(),
        ]  # fmt: skip
        return by_key

    assert is_open()
    tomorrow = today + timedelta(days=1)
    registry.suspend_code(code=code, valid_from=tomorrow, why="inquiry", **said)
    assert is_open()
    registry.suspend_code(code=code, valid_from=today, valid_until=tomorrow, why="inquiry", **said)
    assert not is_open()
    assert queries.authenticate_password(user, "wrong") is None
    registry.lift_suspension(code=code, valid_until=today, why="over", **said)
    assert is_open()
    registry.withdraw_code(code=code, valid_until=today, **said)
    assert not is_open()
    registry.reopen_code(code=code, valid_from=today, **said)
    assert is_open()
