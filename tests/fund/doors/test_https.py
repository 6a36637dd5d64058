"""The HTTPS door: a real client, TLS, and the same mailbox as over SFTP."""

import hashlib
import json
import os
import socket
import ssl
import time
from datetime import date

from django.db import connection
from django.utils import timezone

from caisse.fund.exchange import actions, queries
from caisse.fund.exchange.models import Delivery, Deposit
from caisse.fund.registry import actions as registry

from .doorway import PASSWORD, browser, https_door, openssh, soon


def test_a_file_put_is_a_deposit_and_put_again_the_same_one(client, lab):
    content = os.urandom(3_000_000)
    first = client.put(f"/mailbox/in/{lab.name('A1')}", content=content)
    assert first.status_code == 201, first.text
    body = first.json()
    assert body["sha256"] == hashlib.sha256(content).hexdigest()
    assert body["size"] == len(content)
    assert first.headers["location"] == f"/api/v1/deposits/{body['deposit']}"
    again = client.put(f"/mailbox/in/{lab.name('A1')}", content=content)
    assert again.status_code == 200
    assert again.json() == {**body, "duplicate": True}
    deposit = Deposit.objects.get()
    assert (deposit.receipt, deposit.door) == (body["receipt"], "https")
    assert bytes(queries.deposit_content(deposit.pk)) == content


def test_a_body_of_unknown_length_is_streamed(client, lab):
    pieces = [os.urandom(100_000) for _ in range(30)]
    done = client.put(f"/mailbox/in/{lab.name('A2')}", content=iter(pieces))
    assert done.status_code == 201
    assert done.json()["sha256"] == hashlib.sha256(b"".join(pieces)).hexdigest()


def test_other_content_under_the_same_key_is_refused_in_the_caller_s_language(client, lab):
    client.put(f"/mailbox/in/{lab.name('A3')}", content=b"<a/>")
    for language, word in (
        ("fr-LU, en;q=0.5", "Attendez"),
        ("de", "Warten"),
        ("en", "Wait"),
        ("nl", "Attendez"),
    ):
        refused = client.put(
            f"/mailbox/in/{lab.name('A3')}", content=b"<b/>", headers={"Accept-Language": language}
        )
        assert refused.status_code == 409
        assert set(refused.json()) == {"code", "text", "remedy"}
        assert refused.json()["code"] == "KEY-004"
        assert word in refused.json()["remedy"]
    assert Deposit.objects.count() == 1


def test_both_doors_lead_to_the_same_mailbox(client, door, lab, tmp_path):
    client.put(f"/mailbox/in/{lab.name('B1')}", content=b"<a/>")
    (tmp_path / lab.name("B2")).write_bytes(b"<a/>")
    done = openssh(door, lab, f"put {lab.name('B2')} in/", "ls -1 in", folder=tmp_path)
    assert f"in/{lab.name('B1')}" in done.stdout
    listed = client.get("/mailbox/in").json()
    assert [entry["name"] for entry in listed] == [lab.name("B1"), lab.name("B2")]
    again = client.put(f"/mailbox/in/{lab.name('B2')}", content=b"<a/>")
    assert again.status_code == 200
    assert again.json()["duplicate"]


def test_answers_are_listed_and_collected_whole_or_in_parts(client, lab):
    deposit = client.put(f"/mailbox/in/{lab.name('C1')}", content=b"<a/>").json()["deposit"]
    answer = os.urandom(200_000)
    actions.deliver_answer(
        deposit_id=deposit, kind="acknowledgement", name="answer.xml", content=answer, by="test",
        at=timezone.now(),
    )  # fmt: skip
    listed = client.get("/mailbox/out").json()
    assert [entry["name"] for entry in listed] == [f"{lab.name('C1')}.receipt.jws", "answer.xml"]
    assert client.get("/mailbox/out", params={"after": listed[0]["place"]}).json() == listed[1:]
    from_today = f"{listed[0]['at'][:10].replace('-', '')}T000000.000000Z-"
    assert client.get("/mailbox/out", params={"after": from_today}).json() == listed
    assert client.get("/mailbox/out", params={"after": f"2999{from_today[4:]}"}).json() == []
    part = client.get("/mailbox/out/answer.xml", headers={"Range": "bytes=100000-100009"})
    assert (part.status_code, part.content) == (206, answer[100_000:100_010])
    assert part.headers["content-range"] == "bytes 100000-100009/200000"
    assert Delivery.objects.get(name="answer.xml").first_collected_at is None
    whole = client.get("/mailbox/out/answer.xml")
    assert whole.content == answer
    assert whole.headers["etag"] == f'"{hashlib.sha256(answer).hexdigest()}"'
    assert soon(lambda: Delivery.objects.get(name="answer.xml").first_collected_at is not None)
    unchanged = client.get("/mailbox/out/answer.xml", headers={"If-None-Match": whole.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    tail = client.get("/mailbox/out/answer.xml", headers={"Range": "bytes=-5"})
    assert tail.content == answer[-5:]
    assert client.get("/mailbox/out/answer.xml", headers={"Range": "bytes=200000-"}).status_code == 416


def test_deposits_are_shown_with_their_stage(client, lab, now):
    deposit = client.put(f"/mailbox/in/{lab.name('D1')}", content=b"<a/>").json()["deposit"]
    assert client.get(f"/deposits/{deposit}").json()["stage"] == "received"
    actions.move_stage(deposit_id=deposit, from_stage="received", to_stage="refused", by="test", at=now)
    assert client.get(f"/deposits/{deposit}").json()["stage"] == "refused"
    assert [entry["deposit"] for entry in client.get("/deposits", params={"stage": "refused"}).json()] == [
        deposit
    ]
    assert client.get("/deposits", params={"stage": "received"}).json() == []
    assert client.get("/mailbox/in").json() == []


def test_nobody_sees_another_s_files(db, web, lab, other_lab):
    with browser(db, web, lab) as ours, browser(db, web, other_lab) as theirs:
        deposit = ours.put(f"/mailbox/in/{lab.name('E1')}", content=b"<a/>").json()["deposit"]
        for box in ("/mailbox/in", "/mailbox/out", "/deposits"):
            assert theirs.get(box).json() == []
        for foreign, absent in (
            (f"/deposits/{deposit}", "/deposits/01a202e1-f878-7a6a-901d-60b1ededa63b"),
            (f"/mailbox/out/{lab.name('E1')}.receipt.jws", f"/mailbox/out/{lab.name('E2')}.receipt.jws"),
        ):
            answers = [theirs.get(path) for path in (foreign, absent)]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].content == answers[1].content
        stolen = theirs.put(f"/mailbox/in/{lab.name('E3')}", content=b"<a/>")
        assert (stolen.status_code, stolen.json()["code"]) == (403, "PRO-003")


def test_whoever_does_not_log_in_gets_nothing_but_what_is_published(db, web, lab):
    with browser(db, web, source="127.0.0.8") as stranger:
        wrong = []
        for path in ("/mailbox/in", "/mailbox/out", "/mailbox/out/x", "/deposits"):
            assert stranger.get(path).status_code == 401
            for auth in ((lab.user, "wrong"), ("52001801-lab", PASSWORD)):
                wrong.append(stranger.get(path, auth=auth, headers={"Accept-Language": "en"}))
        assert {(answer.status_code, answer.content) for answer in wrong if answer.status_code != 429} == {
            (401, wrong[0].content)
        }
        assert wrong[0].headers["www-authenticate"].startswith("Basic")
        for header in ("Basic", "Basic !!!", "Bearer x", "Basic " + "eA==", ""):
            assert stranger.get("/deposits", headers={"Authorization": header}).status_code == 401
        keys = stranger.get("/keys").json()["keys"]
        assert keys[0]["kty"] == "OKP"
        assert "d" not in keys[0]
        published = stranger.get("/layouts", params={"on": "2026-11-22"}).json()
        assert {(entry["type"], entry["layout"]) for entry in published if entry["in_force"]} >= {
            ("FAC", 1),
            ("FAC", 2),
        }
        assert (
            stranger.get("/reasons/KEY-001", headers={"Accept-Language": "de"}).json()["follow_up"]
            == "correct"
        )
        assert stranger.get("/reasons/XYZ-999").status_code == 404


def test_a_suspended_code_is_told_why_it_is_kept_out(db, web, lab, now):
    said = {"by": "test", "at": now}
    provider = registry.register_provider(name="Laboratory", kind="company", **said)
    registry.allocate_code(
        provider_id=provider, code=lab.account.provider_code, profession="laboratories",
        valid_from=date(2020, 1, 1), **said,
    )  # fmt: skip
    registry.suspend_code(code=lab.account.provider_code, valid_from=date(2020, 1, 1), why="x", **said)
    with browser(db, web, lab, source="127.0.0.10") as client:
        for answer in (
            client.get("/deposits", headers={"Accept-Language": "de"}),
            client.put(f"/mailbox/in/{lab.name('P1')}", content=b"<a/>", headers={"Accept-Language": "de"}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "PRO-004")
            assert "gilt heute nicht" in answer.json()["text"]
        assert client.get("/deposits", auth=(lab.user, "wrong")).status_code == 401


def test_guessing_over_https_is_slowed_down(db, web, lab, other_lab):
    with browser(db, web, source="127.0.0.9") as guesser:
        codes = [guesser.get("/deposits", auth=(lab.user, f"guess {n}")).status_code for n in range(9)]
        assert codes[0] == 401
        assert codes[-1] == 429
        slowed = guesser.get("/deposits", auth=(lab.user, PASSWORD))
        assert (slowed.status_code, slowed.json()["code"]) == (429, "LIM-005")
        assert 0 < int(slowed.headers["retry-after"]) <= 60
        assert guesser.get("/deposits", auth=(other_lab.user, PASSWORD)).status_code == 200


def test_too_long_a_body_is_refused_before_it_is_read(db, web, lab, fund_toml, tmp_path):
    fund_toml("bytes = 1_073_741_824", "bytes = 1_000_000")
    with https_door(db, tmp_path / "small") as small, browser(db, small, lab) as client:
        refused = _first_answer(db, small, lab, "PUT", f"/api/v1/mailbox/in/{lab.name('F1')}", 5_000_000)
        assert refused.startswith(b"HTTP/1.1 413")
        assert b"LIM-001" in refused
        # A body that does not say its length is cut off at the limit.
        endless = (os.urandom(65_536) for _ in range(10_000))
        assert client.put(f"/mailbox/in/{lab.name('F2')}", content=_until_broken(endless)).status_code == 413
        assert client.put(f"/mailbox/in/{lab.name('F3')}", content=b"x" * 1_000_000).status_code == 201
    assert Deposit.objects.count() == 1
    assert not [path for path in db.staging.rglob("*") if path.is_file()]


def _until_broken(pieces):
    yield from (piece for _, piece in zip(range(40), pieces, strict=False))


def _first_answer(home, door, who, method, path, length) -> bytes:
    """Send a request's head with Expect: 100-continue and no body; return what the server says first."""
    import base64

    trust = ssl.create_default_context(cafile=str(home.tls / "certificate.pem"))
    login = base64.b64encode(f"{who.user}:{PASSWORD}".encode()).decode()
    with (
        socket.create_connection((door.host, door.port), 10) as plain,
        trust.wrap_socket(plain, server_hostname="127.0.0.1") as line,
    ):
        line.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n"
            f"Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        answer = b""
        while chunk := line.recv(65536):
            answer += chunk
        return answer


def test_a_body_cut_off_in_the_middle_leaves_nothing(db, web, lab):
    import base64

    trust = ssl.create_default_context(cafile=str(db.tls / "certificate.pem"))
    login = base64.b64encode(f"{lab.user}:{PASSWORD}".encode()).decode()
    for length in ("Content-Length: 3000000", "Transfer-Encoding: chunked"):
        plain = socket.create_connection((web.host, web.port), 10)
        with trust.wrap_socket(plain, server_hostname="127.0.0.1") as line:
            line.sendall(
                f"PUT /api/v1/mailbox/in/{lab.name('G1')} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\n"
                f"{length}\r\n\r\n".encode()
            )
            body = b"x" * 2_000_000
            line.sendall(b"%x\r\n%b\r\n" % (len(body), body) if "chunked" in length else body)
            time.sleep(0.5)
    assert soon(lambda: not [path for path in db.staging.rglob("*") if path.is_file()])
    assert not Deposit.objects.exists()


def test_names_and_bodies_that_cannot_be_are_refused(client, lab):
    for name, code in (
        ("..%2F..%2Fetc%2Fpasswd", "LIM-004"),
        (".hidden", "LIM-004"),
        ("x" * 300, "LIM-004"),
        ("a%00b", "LIM-004"),
        ("", "LIM-004"),
        (lab.name("H1"), "LIM-006"),
    ):
        refused = client.put(f"/mailbox/in/{name}", content=b"" if code == "LIM-006" else b"<a/>")
        assert (refused.status_code, refused.json()["code"]) == (422, code), name
    assert client.get("/deposits/no-uuid").status_code == 400
    assert client.delete(f"/mailbox/out/{lab.name('H1')}").status_code == 405
    assert not Deposit.objects.exists()


def test_only_allowed_networks_reach_a_mailbox(db, lab, fund_toml, tmp_path):
    fund_toml('["127.0.0.0/8", "::1/128"]', '["127.0.0.2/32"]')
    with https_door(db, tmp_path / "web") as guarded:
        with browser(db, guarded, lab, source="127.0.0.2") as inside:
            assert inside.get("/mailbox/in").status_code == 200
            assert inside.put(f"/mailbox/in/{lab.name('I1')}", content=b"<a/>").status_code == 201
        with browser(db, guarded, lab, source="127.0.0.3") as outside:
            for answer in (
                outside.get("/mailbox/in"),
                outside.get("/deposits"),
                outside.put(f"/mailbox/in/{lab.name('I2')}", content=b"<a/>"),
            ):
                assert (answer.status_code, answer.json()["code"]) == (403, "HTTP-403")
    assert Deposit.objects.count() == 1


def test_a_closed_account_is_out_at_once(client, lab, now):
    assert client.get("/deposits").status_code == 200
    actions.set_active(account_id=lab.account.pk, active=False, by="test", at=now)
    assert client.get("/deposits").status_code == 401
    assert client.put(f"/mailbox/in/{lab.name('J1')}", content=b"<a/>").status_code == 401


def test_a_broken_database_is_said_to_be_broken_and_nothing_more(db, web, lab, admin):
    with browser(db, web, lab) as client:
        assert client.get("/deposits").status_code == 200
        connection.close()
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        answers = [client.put(f"/mailbox/in/{lab.name('K1')}", content=b"<a/>") for _ in range(12)]
        assert {answer.status_code for answer in answers} <= {200, 201, 500}
        assert answers[-1].status_code in (200, 201)
        broken = [answer.json() for answer in answers if answer.status_code == 500]
        assert all(set(json_of) == {"code", "text", "remedy"} for json_of in broken)
        assert not any("psycopg" in json.dumps(json_of) for json_of in broken)
