"""Uploads over HTTPS that break off: with any client of tus 1.0, and with the practice's own."""

import base64
import contextlib
import hashlib
import os
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from caisse.agreement.errors import Unreachable
from caisse.fund.exchange import queries
from caisse.fund.exchange.doors import resumable
from caisse.fund.exchange.models import Deposit
from caisse.provider import Practice
from caisse.provider.errors import DepositRefused
from caisse.provider.transport import no_progress, open_door

from .doorway import PASSWORD, browser, https_door
from .test_sftp_loss import Wire

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = TUS | {"Content-Type": "application/offset+octet-stream"}


def _announced(name, content, **more):
    told = {"filename": name, **more}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in told.items())
    return TUS | {"Upload-Length": str(len(content)), "Upload-Metadata": metadata}


def _begin(client, name, content, **more):
    made = client.post("/uploads", headers=_announced(name, content, **more))
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/api/v1/uploads/{name}"


def _patch(client, name, content, offset, until=None):
    return client.patch(
        f"/uploads/{name}", content=content[offset:until], headers=BYTES | {"Upload-Offset": str(offset)}
    )


def _offset(client, name):
    answer = client.head(f"/uploads/{name}", headers=TUS)
    return int(answer.headers["upload-offset"]) if answer.status_code == 200 else answer.status_code


def _left(home):
    return [path for path in home.staging.rglob("*") if path.is_file()]


def test_an_upload_in_pieces_becomes_a_deposit_with_its_last_byte(client, db, lab):
    content, name = os.urandom(3_000_000), lab.name("R1")
    _begin(client, name, content, sha256=hashlib.sha256(content).hexdigest())
    for offset, until in ((0, 1_000_000), (1_000_000, 2_500_000)):
        done = _patch(client, name, content, offset, until)
        assert (done.status_code, done.content) == (204, b"")
        assert int(done.headers["upload-offset"]) == until == _offset(client, name)
        assert done.headers["tus-resumable"] == "1.0.0"
        assert not Deposit.objects.exists()
    done = _patch(client, name, content, 2_500_000)
    assert (done.status_code, done.headers["upload-offset"]) == (204, "3000000")
    deposit = Deposit.objects.get()
    assert done.headers["content-location"] == f"/api/v1/deposits/{deposit.pk}"
    assert (deposit.name, deposit.door) == (name, "https")
    assert bytes(queries.deposit_content(deposit.pk)) == content
    assert _offset(client, name) == 404
    assert not _left(db)
    assert [entry["deposit"] for entry in client.get("/deposits", params={"name": name}).json()] == [
        str(deposit.pk)
    ]
    assert client.get("/deposits", params={"name": lab.name("R0")}).json() == []


def test_what_the_server_can_do_is_told_to_whoever_asks(db, web):
    with browser(db, web) as stranger:
        told = stranger.options("/uploads")
        assert told.status_code == 204
        assert told.headers["tus-version"] == "1.0.0"
        assert set(told.headers["tus-extension"].split(",")) == {"creation", "termination"}
        assert told.headers["tus-max-size"] == "1073741824"
        for ask in (stranger.post, stranger.head, stranger.patch, stranger.delete):
            assert ask("/uploads/x.xml", headers=TUS).status_code == 401


def test_limits_are_checked_before_a_byte_is_sent(db, lab, fund_toml, tmp_path, client, monkeypatch):
    for headers, code in (
        (_announced("../passwd", b"x"), "LIM-004"),
        (_announced(lab.name("R2"), b""), "LIM-006"),
        (_announced(lab.name("R2"), b"x", sha256="short"), "HTTP-400"),
        (TUS | {"Upload-Metadata": "filename !!!", "Upload-Length": "5"}, "HTTP-400"),
        (TUS | {"Upload-Length": "-1"}, "HTTP-400"),
        (_announced(lab.name("R2"), b"x") | {"Tus-Resumable": "0.2.2"}, "HTTP-412"),
    ):
        refused = client.post("/uploads", headers=headers)
        assert refused.json()["code"] == code, headers
        assert refused.headers["tus-resumable"] == "1.0.0"
    assert not _left(db)
    fund_toml("bytes = 1_073_741_824", "bytes = 1_000_000")
    with https_door(db, tmp_path / "small") as small, browser(db, small, lab) as limited:
        refused = limited.post("/uploads", headers=_announced(lab.name("R3"), b"x" * 1_000_001))
        assert (refused.status_code, refused.json()["code"]) == (413, "LIM-001")


def test_no_account_leaves_more_unfinished_uploads_than_it_may(client, db, lab):
    for number in range(resumable.MOST):
        _begin(client, lab.name(f"M{number}"), b"xx")
    refused = client.post("/uploads", headers=_announced(lab.name("M-more"), b"xx"))
    assert (refused.status_code, refused.json()["code"]) == (429, "LIM-005")
    for number in range(resumable.MOST):
        assert client.delete(f"/uploads/{lab.name(f'M{number}')}", headers=TUS).status_code == 204
    assert _offset(client, lab.name("M0")) == 404
    assert not _left(db)
    _begin(client, lab.name("M-more"), b"xx")


def test_bytes_that_do_not_follow_are_refused_and_change_nothing(client, lab):
    content, name = os.urandom(300_000), lab.name("R4")
    _begin(client, name, content)
    assert _patch(client, name, content, 0, 100_000).status_code == 204
    for offset in (0, 99_999, 100_001):
        refused = _patch(client, name, content, offset)
        assert (refused.status_code, refused.json()["code"]) == (409, "HTTP-409")
        assert refused.headers["upload-offset"] == "100000"
    wrong_type = client.patch(f"/uploads/{name}", content=b"x", headers=TUS | {"Upload-Offset": "100000"})
    assert wrong_type.status_code == 415
    too_much = _patch(client, name, content + b"x", 100_000)
    assert too_much.status_code == 400
    offset = _offset(client, name)
    assert _patch(client, name, content, offset).status_code == 204
    assert bytes(queries.deposit_content(Deposit.objects.get().pk)) == content


def test_other_bytes_than_announced_are_no_deposit(client, db, lab):
    content, name = os.urandom(300_000), lab.name("R5")
    _begin(client, name, content, sha256=hashlib.sha256(b"something else").hexdigest())
    refused = _patch(client, name, content, 0)
    assert (refused.status_code, refused.json()["code"]) == (422, "LIM-006")
    assert not Deposit.objects.exists()
    assert _offset(client, name) == 404
    assert not _left(db)


def test_nobody_sees_or_goes_on_with_another_s_upload(db, web, lab, other_lab):
    content, name = os.urandom(200_000), lab.name("R6")
    with browser(db, web, lab) as ours, browser(db, web, other_lab) as theirs:
        _begin(ours, name, content)
        _patch(ours, name, content, 0, 100_000)
        absent = lab.name("R7")
        for ask in (
            lambda n: theirs.head(f"/uploads/{n}", headers=TUS),
            lambda n: _patch(theirs, n, content, 100_000),
            lambda n: theirs.delete(f"/uploads/{n}", headers=TUS),
        ):
            foreign, nothing = ask(name), ask(absent)
            assert (foreign.status_code, foreign.content) == (404, nothing.content)
        # The same name in another mailbox is another upload.
        _begin(theirs, name, b"theirs")
        assert (_offset(theirs, name), _offset(ours, name)) == (0, 100_000)
        assert _patch(theirs, name, b"theirs", 0).json()["code"] == "PRO-003"
        assert _patch(ours, name, content, 100_000).status_code == 204
    assert bytes(queries.deposit_content(Deposit.objects.get().pk)) == content


def test_a_line_that_breaks_costs_only_what_was_under_way(client, db, web, lab):
    content, name = os.urandom(9_000_000), lab.name("R8")
    _begin(client, name, content)
    wire = Wire(web.port, 5_000_000)
    wire.start()
    headers = BYTES | {"Upload-Offset": "0"}
    with browser(db, web, lab) as cut, pytest.raises(httpx.TransportError):
        url = f"https://127.0.0.1:{wire.port}/api/v1/uploads/{name}"
        cut.patch(url, content=content, headers=headers)
    deadline = time.monotonic() + 30
    while _on_disk(db, lab, name) < 2_000_000 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert 2_000_000 <= (offset := _offset(client, name)) < 5_200_000
    assert _patch(client, name, content, offset).status_code == 204
    assert bytes(queries.deposit_content(Deposit.objects.get().pk)) == content


def test_an_upload_outlives_the_server(db, lab, tmp_path):
    content, name = os.urandom(9_000_000), lab.name("R9")
    with https_door(db, tmp_path / "first") as first, browser(db, first, lab) as client:
        _begin(client, name, content, sha256=hashlib.sha256(content).hexdigest())

        def endless():
            yield content[:6_000_000]
            while _on_disk(db, lab, name) < 2_000_000:
                time.sleep(0.05)
            _kill(first)
            yield content[6_000_000:]

        with pytest.raises(httpx.TransportError):
            length = {"Content-Length": str(len(content)), "Upload-Offset": "0"}
            client.patch(f"/uploads/{name}", content=endless(), headers=BYTES | length)
    with https_door(db, tmp_path / "second") as second, browser(db, second, lab) as client:
        assert 1_000_000 <= (offset := _offset(client, name)) <= 6_000_000
        assert _patch(client, name, content, offset).status_code == 204
    assert bytes(queries.deposit_content(Deposit.objects.get().pk)) == content
    assert not _left(db)


def _on_disk(home, who, name):
    path = home.staging / "https" / str(who.account.pk) / name
    return path.stat().st_size if path.exists() else 0


def test_who_asks_how_far_it_is_goes_on_and_the_old_line_does_not(client, db, web, lab):
    content, name, known = os.urandom(3_000_000), lab.name("R10"), []
    _begin(client, name, content)

    def slow():
        yield content[:1_500_000]
        while _on_disk(db, lab, name) < 1_000_000:
            time.sleep(0.05)
        known.append(_offset(client, name))
        yield content[1_500_000:2_500_000]

    with browser(db, web, lab) as old:
        length = {"Content-Length": str(len(content) - 500_000), "Upload-Offset": "0"}
        with contextlib.suppress(httpx.TransportError):
            assert old.patch(f"/uploads/{name}", content=slow(), headers=BYTES | length).status_code == 409
    assert _offset(client, name) == known[0] <= 1_500_000
    assert _patch(client, name, content, known[0]).status_code == 204
    assert bytes(queries.deposit_content(Deposit.objects.get().pk)) == content


def _kill(door):
    """SIGKILL to the server and, since nobody else is left to do it, to its child."""
    if door.process.poll() is not None:
        return
    children = Path(f"/proc/{door.process.pid}/task/{door.process.pid}/children").read_text().split()
    for pid in (door.process.pid, *map(int, children)):
        os.kill(pid, signal.SIGKILL)
    door.process.wait(30)


class Breaking(threading.Thread):
    """A relay that cuts each of its first lines after so many bytes, and lets later ones through."""

    def __init__(self, port, cuts):
        super().__init__(daemon=True)
        self._target, self._cuts = port, cuts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.lines = self.carried = 0

    def run(self):
        with self._listener:
            for cut in (*self._cuts, 1 << 40):
                near, _ = self._listener.accept()
                with near, socket.create_connection(("127.0.0.1", self._target)) as far:
                    self.lines += 1
                    with contextlib.suppress(OSError):
                        self._carry(near, far, cut)

    def _carry(self, near, far, left):
        back = threading.Thread(target=self._back, args=(far, near))
        back.start()
        while left > 0 and (data := near.recv(65536)):
            far.sendall(data)
            left -= len(data)
            self.carried += len(data)
        for end in (near, far):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        back.join()

    def _back(self, far, near):
        with contextlib.suppress(OSError):
            while data := far.recv(65536):
                near.sendall(data)


@contextlib.contextmanager
def practice_door(home, who, port, folder):
    """The practice's own client, as `caisse provider send` uses it."""
    fund = f"https://{who.user}@127.0.0.1:{port}"
    code = who.account.provider_code
    if not folder.exists():
        Practice.create(folder, fund=fund, code=code, password=PASSWORD).close()
    with Practice.open(folder) as practice:
        practice.home.certificate.write_bytes((home.tls / "certificate.pem").read_bytes())
        with open_door(practice.home, replace(practice.settings, fund=fund)) as door:
            yield door


@pytest.fixture
def big(tmp_path):
    path = tmp_path / "big.xml"
    path.write_bytes(os.urandom(24_000_000))
    return path


def test_the_practice_goes_on_over_new_lines_by_itself(db, web, lab, big, tmp_path):
    relay = Breaking(web.port, [9_000_000, 9_000_000])
    relay.start()
    with practice_door(db, lab, relay.port, tmp_path / "practice") as door:
        door.put(lab.name("P1"), big, resume=False, begun=lambda: None, progress=no_progress)
    assert bytes(queries.deposit_content(Deposit.objects.get().pk)) == big.read_bytes()
    relay.join(30)
    assert relay.lines == 3
    # What was under way when a line broke may come twice; the file never does.
    assert relay.carried < 1.5 * big.stat().st_size


def test_the_practice_goes_on_after_the_server_was_killed(db, lab, big, tmp_path):
    name, begun, sent = lab.name("P2"), [], []

    def progress(done, _size):
        if done >= 12 << 20:
            _kill(first)

    with (
        https_door(db, tmp_path / "first") as first,
        pytest.raises(Unreachable),
        practice_door(db, lab, first.port, tmp_path / "p") as door,
    ):
        door.put(name, big, resume=False, begun=lambda: begun.append(1), progress=progress)
    with (
        https_door(db, tmp_path / "second") as second,
        practice_door(db, lab, second.port, tmp_path / "p") as door,
    ):
        door.put(
            name, big, resume=True, begun=lambda: begun.append(1), progress=lambda done, _: sent.append(done)
        )
    assert begun == [1]
    # What had left the client but was not on the disk yet is sent again.
    assert sent[0] > 1 << 20
    assert bytes(queries.deposit_content(Deposit.objects.get().pk)) == big.read_bytes()


def test_an_answer_that_was_lost_is_not_paid_for_with_another_upload(db, web, lab, big, tmp_path):
    name, sent = lab.name("P3"), []
    with practice_door(db, lab, web.port, tmp_path / "practice") as door:
        door.put(name, big, resume=False, begun=lambda: None, progress=no_progress)
        door.put(name, big, resume=True, begun=lambda: None, progress=lambda done, _: sent.append(done))
    assert sent == [big.stat().st_size]
    assert Deposit.objects.count() == 1


def test_other_content_of_the_same_name_begins_anew(db, web, lab, big, tmp_path, client):
    name, old = lab.name("P4"), os.urandom(24_000_000)
    _begin(client, name, old, sha256=hashlib.sha256(old).hexdigest())
    _patch(client, name, old, 0, 5_000_000)
    with practice_door(db, lab, web.port, tmp_path / "practice") as door:
        door.put(name, big, resume=True, begun=lambda: None, progress=no_progress)
        big.write_bytes(old)
        with pytest.raises(DepositRefused, match="KEY-004"):
            door.put(name, big, resume=True, begun=lambda: None, progress=no_progress)
    assert bytes(queries.deposit_content(Deposit.objects.get().pk)) != old
