"""Broken lines and killed servers: nothing half appears, what has arrived can be gone on with."""

import asyncio
import hashlib
import os
import signal
import socket
import threading
import time

import pytest
from asyncssh import FXF_CREAT, FXF_TRUNC, FXF_WRITE

from caisse.fund.exchange import queries
from caisse.fund.exchange.models import Delivery, Deposit

from .doorway import connect, openssh, sftp_door

NEW = FXF_WRITE | FXF_CREAT | FXF_TRUNC


class Wire(threading.Thread):
    """A relay in front of the door that cuts the line after so many bytes."""

    def __init__(self, port: int, cut_after: int) -> None:
        super().__init__(daemon=True)
        self._target, self._left = port, cut_after
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def run(self) -> None:
        near, _ = self._listener.accept()
        far = socket.create_connection(("127.0.0.1", self._target))
        threading.Thread(target=self._back, args=(far, near), daemon=True).start()
        while self._left > 0 and (data := near.recv(65536)):
            far.sendall(data)
            self._left -= len(data)
        for end in (near, far):
            # A reset, as when a router dies: no orderly end reaches either side.
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            end.close()
        self._listener.close()

    def _back(self, far: socket.socket, near: socket.socket) -> None:
        try:
            while data := far.recv(65536):
                near.sendall(data)
        except OSError:
            pass


@pytest.mark.parametrize("cut_after", [200_000, 1_500_000, 7_000_000])
def test_a_cut_line_leaves_nothing_but_the_start_of_the_file_to_go_on_with(door, lab, tmp_path, cut_after):
    content = os.urandom(12_000_000)
    file = tmp_path / lab.name(f"C{cut_after}")
    file.write_bytes(content)
    wire = Wire(door.port, cut_after)
    wire.start()
    cut = openssh(door, lab, f"put {file.name} in/", folder=tmp_path, port=wire.port)
    wire.join(30)
    assert cut.returncode != 0
    _wait_until_quiet(door, lab)
    assert not Deposit.objects.exists()
    assert not Delivery.objects.exists()
    done = openssh(door, lab, "ls -l in", f"reput {file.name} in/", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f" {file.name}" in done.stdout
    deposit = Deposit.objects.get()
    assert deposit.sha256 == hashlib.sha256(content).hexdigest()
    assert bytes(queries.deposit_content(deposit.pk)) == content


def _wait_until_quiet(door, who) -> None:
    """The door notices a reset in its own time."""
    time.sleep(0.5)


def test_a_line_cut_after_the_last_byte_but_before_close_is_no_deposit(door, lab):
    name = lab.name("C1")

    async def all_but_close():
        conn = await connect(door, lab)
        sftp = await conn.start_sftp_client()
        file = await sftp.open(f"/in/{name}", NEW, encoding=None)
        await file.write(b"<a/>", 0)
        conn.abort()
        await conn.wait_closed()
        await asyncio.sleep(0.5)

    asyncio.run(all_but_close())
    assert not Deposit.objects.exists()


def test_an_orderly_end_of_the_session_closes_no_file_either(door, lab):
    async def forgetful():
        async with connect(door, lab) as conn:
            sftp = await conn.start_sftp_client()
            file = await sftp.open(f"/in/{lab.name('C2')}", NEW, encoding=None)
            await file.write(b"<a/>", 0)
            sftp.exit()
            await sftp.wait_closed()
        await asyncio.sleep(0.5)

    asyncio.run(forgetful())
    assert not Deposit.objects.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_server_keeps_what_was_on_disk(db, lab, tmp_path, number):
    content = os.urandom(6_000_000)
    file = tmp_path / lab.name(f"K{int(number)}")
    file.write_bytes(content)

    async def begin(door):
        conn = await connect(door, lab)
        sftp = await conn.start_sftp_client()
        opened = await sftp.open(f"/in/{file.name}", NEW, encoding=None)
        for start in range(0, 4_000_000, 100_000):
            await opened.write(content[start : start + 100_000], start)
        await asyncio.sleep(0.3)
        assert await asyncio.to_thread(door.stop, number) == (0 if number == signal.SIGTERM else -number)
        conn.abort()
        await conn.wait_closed()

    with sftp_door(db, tmp_path / "door") as door:
        asyncio.run(begin(door))
    assert not Deposit.objects.exists()
    with sftp_door(db, tmp_path / "door") as door:
        listed = openssh(door, lab, "ls -l in", folder=tmp_path).stdout
        if number == signal.SIGTERM:
            assert "4000000" in listed
        done = openssh(door, lab, f"reput {file.name} in/", folder=tmp_path)
        assert done.returncode == 0, done.stderr
        assert Deposit.objects.get().sha256 == hashlib.sha256(content).hexdigest()


def _order_fault(monkeypatch, folder, point):
    """The next door dies once at the named point."""
    (folder / "fault").write_text(point)
    monkeypatch.setenv("CAISSE_FAULT", str(folder / "fault"))


def test_a_lost_answer_is_repaired_by_sending_again(db, lab, tmp_path, monkeypatch):
    """The server dies right after the commit: the client sends again and gets the same receipt."""
    file = tmp_path / lab.name("R1")
    file.write_bytes(b"<a/>")
    _order_fault(monkeypatch, tmp_path, "exchange.accepted.after_commit")
    with sftp_door(db, tmp_path / "door") as door:
        assert openssh(door, lab, f"put {file.name} in/", folder=tmp_path).returncode != 0
        assert door.process.wait(10) == -signal.SIGKILL
    receipt = Deposit.objects.get().receipt
    with sftp_door(db, tmp_path / "door") as door:
        done = openssh(
            door, lab, f"put {file.name} in/", f"get out/{file.name}.receipt.jws receipt", folder=tmp_path
        )
        assert done.returncode == 0, done.stderr
    assert Deposit.objects.count() == 1
    assert (tmp_path / "receipt").read_text() == receipt


def test_a_server_killed_before_the_commit_has_received_nothing(db, lab, tmp_path, monkeypatch):
    file = tmp_path / lab.name("R2")
    file.write_bytes(b"<a/>")
    _order_fault(monkeypatch, tmp_path, "exchange.accepted.before_commit")
    with sftp_door(db, tmp_path / "door") as door:
        assert openssh(door, lab, f"put {file.name} in/", folder=tmp_path).returncode != 0
    assert not Deposit.objects.exists()
    with sftp_door(db, tmp_path / "door") as door:
        assert openssh(door, lab, f"put {file.name} in/", folder=tmp_path).returncode == 0
    assert Deposit.objects.count() == 1
