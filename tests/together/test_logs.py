"""No personal data in logs: whatever goes right or wrong, what the fund writes names no person."""

import base64
import http.client
import re
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from tests.together.harness import CAISSE, FundServer, PracticeHome, run
from tests.together.month import small_month

from caisse.fund.embedded import Cluster
from caisse.fund.home import Home

pytestmark = pytest.mark.timeout(600)

CODE = "52001902"
NAME = "Zweifelsohne-Testperson"
PASSWORD = "a pass phrase of this test"
_HEX = re.compile(r"\b[0-9a-f]{16,}\b|\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


def written(home: Path) -> str:
    """Everything the fund and its PostgreSQL wrote for people to read."""
    files = [home / "serve.log", home / "pg" / "log"]
    return "\n".join(path.read_text(errors="replace") for path in files if path.is_file())


def numbers_of_persons(text: str) -> set[str]:
    """Runs of 13 digits that are no part of a hash or of an id."""
    return set(re.findall(r"(?<!\d)\d{13}(?!\d)", _HEX.sub("", text)))


def test_the_search_finds_a_number() -> None:
    assert numbers_of_persons("Key (number)=(1980010100187) exists") == {"1980010100187"}
    assert (
        numbers_of_persons("a" * 3 + "1234567890123456" * 3 + " 01a202eb-c1ac-73f1-895d-012345678901")
        == set()
    )


def https(fund: FundServer, method: str, path: str, user: str, password: str, body: bytes = b"") -> int:
    context = ssl.create_default_context(cafile=str(fund.home / "tls/certificate.pem"))
    connection = http.client.HTTPSConnection("localhost", fund.http_port, context=context, timeout=30)
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    connection.request(method, path, body or None, {"Authorization": f"Basic {login}"})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.fixture
def database(fund: FundServer) -> Iterator[psycopg.Connection]:
    with psycopg.connect(Cluster(Home.at(fund.home)).dsn(), autocommit=True) as connection:
        yield connection


def wait_for(fund: FundServer, stage: str, count: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if fund.status()["stages"][stage]["count"] >= count:
            return
        time.sleep(0.3)
    raise AssertionError(f"{fund.status()}\n{fund.log()}")


def test_no_log_names_a_person(fund: FundServer, tmp_path: Path, database: psycopg.Connection) -> None:
    person = fund.insured()[0]["insured_person"]
    database.execute(
        "UPDATE registry_person SET name = %s WHERE id IN (SELECT id FROM registry_person LIMIT 5)", (NAME,)
    )

    # A month goes right, but for an invoice.
    practice = PracticeHome(tmp_path / "practice", CODE, fund).create()
    practice.record(tmp_path / "month.csv", small_month(fund, CODE, 1).rows)
    content = practice.build(3).read_bytes()
    practice.deliver()

    # The same door, every way to go wrong that carries a number or a name.
    words = (
        "fund",
        "account",
        "create",
        "--home",
        fund.home,
        "--provider",
        CODE,
        "--frame",
        "LAB",
        "--password-stdin",
    )
    subprocess.run(
        [CAISSE, *map(str, words)], input=PASSWORD + "\n", text=True, check=True, capture_output=True
    )
    user, put = f"{CODE}-lab", "/api/v1/mailbox/in/"
    statuses = [
        https(fund, "PUT", f"{put}F{CODE}202404_LAB_FAC_002_{person}.xml", user, PASSWORD, content),
        https(fund, "PUT", f"{put}{person}-{NAME}.xml", user, PASSWORD, content),
        https(
            fund,
            "PUT",
            f"{put}F{CODE}202405_LAB_FAC_002_CUT.xml",
            user,
            PASSWORD,
            content[: len(content) // 2],
        ),
        https(fund, "GET", f"/api/v1/mailbox/out/{person}.xml", user, PASSWORD),
        https(fund, "GET", f"/{NAME}/{person}", user, PASSWORD),
        https(fund, "GET", "/api/v1/mailbox/in", person, "no password"),
        https(fund, "GET", "/api/v1/mailbox/in", NAME, "no password"),
    ]
    assert statuses[:3] == [201, 201, 201] and set(statuses[3:]) <= {401, 404, 429}, statuses
    wait_for(fund, "refused", 3)

    # The database refuses a row and says which: its log keeps that to itself.
    with pytest.raises(psycopg.errors.UniqueViolation) as broken:
        database.execute(
            "INSERT INTO registry_personnumber SELECT * FROM registry_personnumber WHERE number = %s",
            (person,),
        )
    assert person in str(broken.value)

    # The system fails under a deposit: its reason is noted, the row that failed is not.
    database.execute("ALTER TABLE claims_linedecision ADD CONSTRAINT broken CHECK (line < 0) NOT VALID")
    practice.record(tmp_path / "next.csv", small_month(fund, CODE, 2).rows)
    practice.build(6)
    practice.do("send")
    deadline = time.monotonic() + 120
    while not (noted := database.execute("SELECT reason FROM claims_stoppage").fetchall()):
        assert time.monotonic() < deadline, fund.status()
        time.sleep(0.3)
    assert "broken" in noted[0][0]
    assert numbers_of_persons(noted[0][0]) == set()
    database.execute("ALTER TABLE claims_linedecision DROP CONSTRAINT broken")
    practice.deliver()
    assert fund.verify()["sound"]

    text = written(fund.home)
    assert "duplicate key value" in text, "the refusal above was not logged, so nothing is proved"
    assert "DETAIL" not in text
    assert numbers_of_persons(text) == set()
    assert NAME not in text
    assert PASSWORD not in text
    assert numbers_of_persons(run("fund", "status", "--home", fund.home).stdout) == set()
