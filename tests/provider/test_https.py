"""The HTTPS door against a small server over real TLS."""

import base64
import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from caisse.agreement.errors import Unreachable
from caisse.provider import Practice
from caisse.provider.errors import CertificateRefused, DepositRefused, LoginRefused
from caisse.provider.transport import no_progress
from tests.provider.fund import PASSWORD, USER, Answers


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 and its key, in one PEM file each; returns the certificate."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    day = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(day - datetime.timedelta(days=1)).not_valid_after(day + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "cert.pem").write_bytes(made.public_bytes(Encoding.PEM))
    return folder / "cert.pem"


@dataclass
class Api:
    """What the little server holds."""

    answers: Answers = field(default_factory=Answers)
    deposited: dict[str, bytes] = field(default_factory=dict)
    out: list[tuple[str, bytes]] = field(default_factory=list)
    refuse: tuple[int, dict[str, str]] | None = None
    url: str = ""
    certificate: Path = Path()


LOGIN = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


class Handler(BaseHTTPRequestHandler):
    """The server's answers, as the fund's API describes them."""

    api: Api

    def log_message(self, *_words: object) -> None: ...

    def say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refused(self) -> bool:
        if self.headers["Authorization"] != LOGIN:
            self.say(401, b'{"code": "HTTP-401", "text": "You have to log in.", "remedy": ""}')
            return True
        if self.api.refuse:
            self.say(self.api.refuse[0], json.dumps(self.api.refuse[1]).encode())
            return True
        return False

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        if self.refused():
            return
        name = unquote(self.path.removeprefix("/api/v1/mailbox/in/"))
        self.api.deposited[name] = content
        self.api.out += self.api.answers(name, content).items()
        self.say(201, b"{}")

    def do_GET(self) -> None:
        if self.refused():
            return
        parts = urlsplit(self.path)
        if parts.path == "/api/v1/keys":
            self.say(200, self.api.answers.jwks)
        elif parts.path == "/api/v1/mailbox/out":
            asked = {key: value[0] for key, value in parse_qs(parts.query).items()}
            first = int(asked.get("after", "place 0").removeprefix("place "))
            page = list(enumerate(self.api.out, start=1))[first : first + int(asked["limit"])]
            entries = [
                {"place": f"place {n}", "name": name, "size": len(content)} for n, (name, content) in page
            ]
            self.say(200, json.dumps(entries).encode())
        else:
            self.say(200, dict(self.api.out)[unquote(parts.path.removeprefix("/api/v1/mailbox/out/"))])


@contextmanager
def serving(folder: Path) -> Iterator[Api]:
    """The little server on a free port."""
    api = Api(certificate=certificate(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"api": api}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    api.url = f"https://{USER}@127.0.0.1:{server.server_port}"
    try:
        yield api
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with serving(tmp_path) as made:
        yield made


@pytest.fixture
def practice(api: Api, tmp_path: Path) -> Iterator[Practice]:
    with Practice.create(tmp_path / "practice", fund=api.url, code=52001700, password=PASSWORD) as made:
        made.home.certificate.write_bytes(api.certificate.read_bytes())
        yield made


def test_the_main_job_over_https(practice: Practice, api: Api, month: Path) -> None:
    practice.record(month)
    built = practice.build_invoices(year=2024, number=3)
    assert built is not None
    practice.send()
    assert api.deposited == {built.name: Path(built.path).read_bytes()}
    practice.collect()
    (file,) = practice.status().sendings
    assert (file.state, file.receipted) == ("returned", True)


def test_every_page_of_answers_is_asked_for(practice: Practice, api: Api) -> None:
    api.out = [(f"answer-{number}", b"x") for number in range(2001)]
    with practice.door() as door:
        assert len({one.name for one in door.list_answers()}) == 2001


def test_a_wrong_password_is_said_in_words(practice: Practice) -> None:
    practice.home.secret.write_text("something else", "utf-8")
    with pytest.raises(LoginRefused, match=USER), practice.door() as door:
        door.list_answers()


def test_a_certificate_nobody_vouches_for_is_not_trusted(practice: Practice) -> None:
    practice.home.certificate.unlink()
    with pytest.raises(CertificateRefused) as refused, practice.door() as door:
        door.list_answers()
    assert refused.value.exit_code == 3


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (409, "KEY-001", DepositRefused),
        (413, "LIM-001", DepositRefused),
        (429, "LIM-005", Unreachable),
        (403, "HTTP-403", Unreachable),
        (500, "HTTP-500", Unreachable),
    ],
)
def test_refusals_say_why(
    practice: Practice, api: Api, month: Path, status: int, code: str, error: type
) -> None:
    api.refuse = (status, {"code": code, "text": "Because.", "remedy": "Do this."})
    with pytest.raises(error, match=rf"{code} Because\. Do this\."), practice.door() as door:
        door.put("a.xml", month, resume=False, begun=lambda: None, progress=no_progress)


def test_a_server_that_is_gone_is_unreachable(tmp_path: Path) -> None:
    with serving(tmp_path) as api:
        url = api.url
    practice = Practice.create(tmp_path / "practice", fund=url, code=52001700, password=PASSWORD)
    with practice, pytest.raises(Unreachable), practice.door() as door:
        door.fetch_keys()
