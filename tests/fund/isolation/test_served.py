"""The real process over TLS, as somebody hostile finds it: what it answers, and that its log names nobody."""

import contextlib
import http.client
import re
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import quote, urlencode, urlsplit

import pytest

from caisse.fund.home import Home
from tests.browser.fixtures import serving

NAME, NUMBER, EMAIL = "Zweifelsohne-Testperson", "1980010100187", "zweifelsohne.testperson@example.org"


@pytest.fixture(scope="module")
def served(module_db: Home) -> Iterator[str]:
    (module_db.path / "pages.log").unlink(missing_ok=True)
    with serving(module_db) as url:
        yield url


def ask(
    url: str, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("localhost", urlsplit(url).port, context=context, timeout=60)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, content


def form_of(url: str, path: str) -> tuple[str, str]:
    """The cookies and the token of a page's form."""
    _status, headers, content = ask(url, "GET", path)
    cookie = "; ".join(re.findall(r"(__Host-\w+=[^;]+)", headers.get("set-cookie", "")))
    token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', content)
    assert token, content
    return cookie, token[1].decode()


def post(url: str, path: str, **given: str) -> int:
    cookie, token = form_of(url, path)
    body = urlencode({"csrfmiddlewaretoken": token, **given}).encode()
    return ask(
        url, "POST", path, body, Cookie=cookie, Referer=f"{url}{path}",
        Content_Type="application/x-www-form-urlencoded",
    )[0]  # fmt: skip


@pytest.mark.parametrize(
    "path",
    ["/static/../settings.py", "/static/0/../../../../etc/passwd", "/static/x/%2e%2e/%2e%2e/fund.toml",
     "/..%2f..%2fetc/passwd", "//evil.example/", "/%00", "/cases/%00/", "/case/%00/x", "/case/2026-000001/%00",
     "/case/again/%00", "/objection/%00", "/newsletter/confirm/%00", "/desk/cases/2026-000001%00/",
     "/cases/2026-000001%0d%0aX-Evil:%201/", "/professions/%ff/", "/" + "a" * 9000, "/desk/register/" + "9" * 60 + "/"],
)  # fmt: skip
def test_paths_lead_to_nothing_else(served: str, path: str) -> None:
    status, headers, content = ask(served, "GET", path)
    # What the web server itself cannot read it refuses itself.
    assert status in (302, 400, 404, 414, 431), (status, content[:300])
    if status == 302:
        assert headers["location"].startswith("/"), headers
        assert not headers["location"].startswith("//"), headers
    assert "x-evil" not in headers
    assert b"root:" not in content and b"SECRET" not in content and b"Traceback" not in content


@pytest.mark.parametrize(
    "header", ["Host", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL", "X-Rewrite-URL"]
)
def test_headers_change_no_address(served: str, header: str) -> None:
    status, _headers, content = ask(
        served, "GET", "/account/login/", **{header.replace("-", "_"): "evil.example"}
    )
    assert status == (400 if header == "Host" else 200)
    assert b"evil.example" not in content


def test_two_requests_in_one_are_not_two(served: str) -> None:
    """Both a length and chunks: whoever stands before us might see another end of the request than we do."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("localhost", urlsplit(served).port or 0), timeout=30) as line,
        context.wrap_socket(line, server_hostname="localhost") as talk,
    ):
        talk.sendall(
            b"POST /language/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            b"GET /professions/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        talk.settimeout(20)
        said = b""
        with contextlib.suppress(TimeoutError):
            while piece := talk.recv(65536):
                said += piece
    first = said.split(b"\r\n", 1)[0]
    assert b" 400" in first or b" 403" in first, said[:300]
    assert b"Taxi" not in said or b" 400" not in first


def test_no_log_of_the_pages_names_a_person(served: str, module_db: Home) -> None:
    statuses = [
        post(served, "/account/login/", login=EMAIL, password=f"{NAME}-secret"),
        post(served, "/cases/link/", number="2026-000001"),
        post(served, "/apply/doctors/", email=EMAIL),
        post(served, "/newsletter/", email=EMAIL, language="fr"),
        ask(served, "GET", f"/{NAME}/{NUMBER}/?q={quote(EMAIL)}")[0],
        ask(served, "GET", f"/case/2026-000001/{NAME}")[0],
        ask(served, "GET", f"/desk/register/?q={NUMBER}")[0],
        ask(served, "GET", f"/account/login/?next=/{NAME}", Host=f"{NAME}.example")[0],
        ask(served, "POST", f"/cases/{NUMBER}/sheet/", urlencode({"name": NAME}).encode())[0],
        ask(served, "GET", "/", Cookie=f"__Host-session={NAME}; __Host-csrf={NUMBER}")[0],
        ask(served, "GET", "/", Accept_Language=NAME, User_Agent=EMAIL)[0],
    ]
    assert max(statuses) < 500, statuses
    text = (module_db.path / "pages.log").read_text()
    # The refused sign-in is there, or this shows nothing.
    assert "a sign-in from" in text
    for word in (NAME, NUMBER, EMAIL, "secret"):
        assert word not in text, text
