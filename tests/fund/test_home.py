"""A home is made once, keeps its secrets to itself, and says which of its entries it cannot read."""

import ssl
import stat

import pytest

from caisse.agreement.errors import WrongUse
from caisse.fund.home import DATABASE_VARIABLE, Home, Limits


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    monkeypatch.delenv(DATABASE_VARIABLE, raising=False)
    home = Home.at(tmp_path / "home")
    home.create('A "Fund"')
    return home


def test_secrets_are_for_the_owner_alone(fresh):
    for path in (*fresh.secrets.rglob("*"), fresh.tls / "key.pem", fresh.config_file):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    for folder in (fresh.secrets, fresh.tls, fresh.store, fresh.staging, fresh.snapshots):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_making_it_again_changes_nothing(fresh):
    before = {path: path.read_bytes() for path in fresh.path.rglob("*") if path.is_file()}
    fresh.create("Another name")
    assert before == {path: path.read_bytes() for path in fresh.path.rglob("*") if path.is_file()}


def test_the_template_says_the_defaults(fresh):
    config = fresh.config()
    assert config.name == "A 'Fund'"
    assert config.limits == Limits()
    assert config.database_url == ""


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False),
     ("::ffff:10.0.0.1", False), ("fe80::1%eth0", False), ("", False), ("nonsense", False)],
)  # fmt: skip
def test_only_the_allowed_networks_get_in(fresh, address, allowed):
    assert fresh.config().is_allowed(address) is allowed


@pytest.mark.parametrize(
    "text",
    [
        "name = ",
        "[http]\nport = 1",
        'name = "x"\n[limits]\nbites = 1',
        'name = "x"\n[networks]\nallowed = ["10.0.0.1/8"]',
    ],
)
def test_a_wrong_entry_is_named(fresh, text):
    fresh.config_file.write_text(text)
    with pytest.raises(WrongUse, match=r"fund\.toml"):
        fresh.config()


def test_a_folder_that_is_no_home_is_said_to_be_none(tmp_path):
    with pytest.raises(WrongUse, match="caisse fund init"):
        Home.at(tmp_path).existing()


def test_the_certificate_fits_its_key(fresh):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(fresh.tls / "certificate.pem", fresh.tls / "key.pem")
    client = ssl.create_default_context(cafile=str(fresh.tls / "certificate.pem"))
    assert client.cert_store_stats()["x509"] == 1
