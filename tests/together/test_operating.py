"""What docs/operations.md tells an operator to do, done: on a running fund, with a practice that looks on."""

import datetime
import ipaddress
import shutil
import subprocess
from pathlib import Path

import asyncssh
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.together.harness import CAISSE, FundServer, PracticeHome, run, run_json
from tests.together.month import small_month

from caisse.fund.embedded import Cluster
from caisse.fund.home import Home
from caisse.fund.server_account import binaries

pytestmark = pytest.mark.timeout(600)
CODE = "52001700"


@pytest.fixture(scope="module")
def practice(fund: FundServer, tmp_path_factory: pytest.TempPathFactory) -> PracticeHome:
    """A practice whose first month is paid."""
    made = PracticeHome(tmp_path_factory.mktemp("operating") / "practice", CODE, fund).create()
    made.record(tmp_path_factory.mktemp("months") / "1.csv", small_month(fund, CODE, 1).rows)
    made.build(1)
    made.deliver()
    return made


def change(fund: FundServer, old: str, new: str) -> None:
    """Change fund.toml and start the fund again."""
    text = (fund.home / "fund.toml").read_text()
    assert old in text
    fund.stop()
    (fund.home / "fund.toml").write_text(text.replace(old, new))
    fund.start()


def test_the_allow_list_of_fund_toml_closes_and_opens_the_doors(
    fund: FundServer, practice: PracticeHome
) -> None:
    everybody, nobody = '["127.0.0.0/8", "::1/128"]', '["10.213.0.0/16"]'
    change(fund, everybody, nobody)
    practice.do("collect", accept=(3,))
    change(fund, nobody, everybody)
    practice.do("collect")


def test_a_new_host_key_is_refused_until_the_practice_is_told(
    fund: FundServer, practice: PracticeHome
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    fund.stop()
    (fund.home / "secrets" / "ssh-host-key").write_bytes(key.export_private_key())
    fund.start()
    refused = practice.do("collect", accept=(3,))
    assert "caisse provider trust" in refused.stderr
    wrong = asyncssh.generate_private_key("ssh-ed25519").get_fingerprint()
    practice.do("trust", "--host-key", wrong, accept=(3,))
    practice.do("trust", accept=(2,))
    practice.do("collect", accept=(3,))
    practice.do("trust", "--host-key", key.get_fingerprint())
    practice.do("collect")


def authority(folder: Path) -> tuple[Path, bytes, bytes]:
    """An authority of one's own (its certificate's file), and a certificate with key for this host."""

    def name(words: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, words)])

    def certify(subject: str, issuer: str, key, signed_with, *, ca: bool) -> x509.Certificate:
        today = datetime.datetime.now(datetime.UTC)
        local = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        made = x509.CertificateBuilder(
            name(issuer), name(subject), key.public_key(), x509.random_serial_number()
        )
        made = made.not_valid_before(today).not_valid_after(today + datetime.timedelta(days=2))
        made = made.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        made = made.add_extension(
            x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False), critical=True
        )
        made = made.add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        ).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_with.public_key()), critical=False
        )
        return (made if ca else made.add_extension(local, critical=False)).sign(signed_with, hashes.SHA256())

    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    file = folder / "authority.pem"
    file.write_bytes(certify("Authority", "Authority", root, root, ca=True).public_bytes(pem))
    key = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return file, certify("The fund", "Authority", own, root, ca=False).public_bytes(pem), key


def test_a_certificate_of_one_s_own_serves_the_https_door(
    fund: FundServer, practice: PracticeHome, tmp_path: Path
) -> None:
    old = tmp_path / "old.pem"
    shutil.copy(fund.home / "tls" / "certificate.pem", old)
    run("fund", "account", "create", "--home", fund.home, "--provider", CODE, "--frame", "LAB", "--json")
    password = run_json(
        "fund", "account", "create", "--home", fund.home, "--provider", CODE, "--frame", "LAB"
    )["password"]
    trusted, certificate, key = authority(tmp_path)
    fund.stop()
    (fund.home / "tls" / "certificate.pem").write_bytes(certificate)
    (fund.home / "tls" / "key.pem").write_bytes(key)
    fund.start()
    home = ("--home", str(tmp_path / "practice"))
    done = subprocess.run(
        [str(CAISSE), "provider", "init", *home, "--fund", f"https://127.0.0.1:{fund.http_port}", "--code", CODE,
         "--password-stdin", "--tls-ca", str(old)],
        input=password, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run("provider", "collect", *home, accept=(3,))
    run("provider", "trust", *home, "--tls-ca", trusted)
    # The answers to what the other practice of this account sent: they are kept, not booked.
    assert practice.code == CODE
    assert "speaks of" in run("provider", "collect", *home, accept=(0, 1)).stdout


def test_serve_refuses_an_older_database_until_init_has_brought_it_up(
    fund: FundServer, practice: PracticeHome
) -> None:
    fund.stop()
    cluster = Cluster(Home.at(fund.home))
    with cluster.running(), psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        # As an earlier version left it: before events could be found by their time.
        connection.execute("DELETE FROM django_migrations WHERE app = 'audit' AND name >= '0003'")
        connection.execute("DROP INDEX audit_event_at")
    refused = run("fund", "serve", "--home", fund.home, accept=(2,))
    assert "caisse fund init" in refused.stderr
    run("fund", "init", "--home", fund.home)
    fund.start()
    practice.do("collect", "--again")
    assert fund.verify()["sound"]


def test_a_stopped_fund_is_copied_and_runs_where_the_copy_lies(
    fund: FundServer, practice: PracticeHome
) -> None:
    fund.stop()
    copy = fund.home.parent / "copy"
    subprocess.run(["cp", "-a", str(fund.home), str(copy)], check=True)
    (copy / "serve.log").unlink()
    restored = FundServer(copy, http_port=fund.http_port, sftp_port=fund.sftp_port).start()
    try:
        practice.do("collect", "--again")
        assert restored.verify()["sound"]
        assert [one["stage"] for one in restored.deposits()] == ["paid"]
    finally:
        restored.stop()
        fund.start()


def test_a_dump_taken_while_the_fund_runs_is_restored_by_url(
    fund: FundServer, practice: PracticeHome
) -> None:
    cluster = Cluster(Home.at(fund.home))
    backup, restored = fund.home.parent / "backup", fund.home.parent / "restored"
    backup.mkdir()
    dump = [str(binaries() / "pg_dump"), "-Fc", "-d", cluster.dsn(), "-f", str(backup / "database")]
    subprocess.run(dump, check=True, capture_output=True)
    for part in ("fund.toml", "secrets", "tls", "store"):
        subprocess.run(["cp", "-a", str(fund.home / part), str(backup)], check=True)
    with psycopg.connect(cluster.dsn("postgres", administrator=True), autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored OWNER caisse")
    subprocess.run(["cp", "-a", str(backup), str(restored)], check=True)
    url = f"postgresql://caisse:{cluster.home.secret('database-password').decode()}@/restored?host={cluster.socket_folder}"
    text = (restored / "fund.toml").read_text().replace('url = ""', f'url = "{url}"')
    (restored / "fund.toml").write_text(text)
    load = [str(binaries() / "pg_restore"), "--no-owner", "-d", url, str(backup / "database")]
    done = subprocess.run(load, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    run("fund", "init", "--home", restored)
    report = run_json("fund", "verify", "--home", restored)
    assert report["sound"]
    with psycopg.connect(cluster.dsn()) as connection:  # the fund goes on meanwhile: its chain may be longer
        found = connection.execute(
            "SELECT count(*) FROM audit_seal WHERE encode(hash, 'hex') = %s", (report["chain_head"],)
        )
        assert found.fetchone() == (1,)
    assert fund.verify()["sound"]
    assert [one["name"] for one in run_json("fund", "deposits", "--home", restored)["deposits"]] == [
        one["name"] for one in fund.deposits()
    ]
