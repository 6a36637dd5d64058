"""What a client may not do over SFTP: leave the mailbox, fill the disk or the memory, keep others waiting."""

import asyncio
import os

import asyncssh
import psutil
import pytest
from asyncssh import (
    FXF_READ,
    SFTPError,
    SFTPFailure,
)

from caisse.fund.exchange.models import Deposit

from .doorway import connect
from .sftp_talk import NEW, talk


def test_sparse_bombs_are_refused_at_the_first_write(door, lab, db):
    async def bomb(sftp):
        file = await sftp.open(f"/in/{lab.name('H2')}", NEW, encoding=None)
        with pytest.raises(SFTPFailure, match="LIM-006"):
            await file.write(b"x", 900_000_000)
        for offset in (1 << 40, (1 << 64) - 1):
            with pytest.raises(SFTPFailure, match="LIM-001"):
                await file.write(b"x", offset)
        await file.write(b"x", 0)

    talk(door, lab, bomb)
    assert sum(path.stat().st_size for path in db.staging.rglob("*") if path.is_file()) <= 1


@pytest.mark.parametrize(
    "name",
    [
        "../x.xml",
        "a/b.xml",
        "a\\b.xml",
        ".hidden",
        "-rf",
        "a\nb.xml",
        "ä.xml",
        "x" * 300 + ".xml",
        "a\0b",
        "a;b|c",
    ],
)
def test_unsafe_names_are_refused_when_the_file_is_opened(door, lab, name):
    async def put(sftp):
        with pytest.raises((SFTPError, ValueError)):
            await sftp.open(b"/in/" + name.encode(), NEW, encoding=None)

    talk(door, lab, put)
    assert not Deposit.objects.exists()


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/../../etc/passwd",
        "/in/../../../etc/passwd",
        "/in/./..//keys/../../etc/shadow",
        "/proc",
    ],
)
def test_no_path_leads_out_of_the_mailbox(door, lab, path):
    async def look(sftp):
        for attempt in (
            sftp.stat(path),
            sftp.open(path, FXF_READ, encoding=None),
            sftp.open(path, NEW, encoding=None),
            sftp.readdir(path),
        ):
            with pytest.raises(SFTPError):
                await attempt
        assert not (await sftp.realpath(path)).startswith("/..")

    talk(door, lab, look)


def test_parent_folders_end_at_the_mailbox(door, lab):
    async def walk(sftp):
        assert await sftp.realpath("/in/..") == "/"
        assert await sftp.realpath("/in/../../..") == "/"
        assert await sftp.realpath("in/../out/./") == "/out"
        names = {entry.filename for entry in await sftp.readdir("/")}
        assert names - {".", ".."} == {"in", "out", "keys"}

    talk(door, lab, walk)


def test_open_files_and_sessions_are_limited(door, lab):
    async def many_sessions():
        async with connect(door, lab) as conn:
            kept = []
            with pytest.raises(asyncssh.ChannelOpenError):
                for _ in range(20):
                    kept.append(await conn.start_sftp_client())
            assert len(kept) == 8

    asyncio.run(asyncio.wait_for(many_sessions(), 60))

    async def many_files(sftp):
        with pytest.raises(SFTPFailure, match="LIM-005"):
            for number in range(100):
                await sftp.open(f"/in/{lab.name(f'L{number}')}.part", NEW, encoding=None)

    talk(door, lab, many_files)


def test_rubbish_on_the_wire_ends_the_session_and_nothing_else(door, lab):
    async def rubbish():
        async with connect(door, lab) as conn:
            for data in (b"\xff" * 64, b"\0\0\0\0", b"\0\0\0\5\3\0\0\0\1", b"\0\0\0\1\1", os.urandom(5000)):
                writer, reader, _ = await conn.open_session(subsystem="sftp", encoding=None)
                writer.write(data)
                writer.write_eof()
                await asyncio.wait_for(reader.read(), 20)
            async with conn.start_sftp_client() as sftp:
                assert await sftp.exists("/in")

    asyncio.run(rubbish())
    assert "Traceback" not in door.log.read_text()


def test_a_client_that_asks_and_never_listens_costs_no_memory(door, lab, db):
    """Each request to read is small and its answer large: the door stops answering until the client reads."""
    name, content = lab.name("B1"), os.urandom(4_000_000)

    async def flood():
        async with connect(door, lab) as conn:
            async with conn.start_sftp_client() as sftp, sftp.open(f"/in/{name}", NEW, encoding=None) as file:
                await file.write(content, 0)
            before = memory_of(door)
            writer, _reader, _ = await conn.open_session(subsystem="sftp", encoding=None, window=64_000)
            writer.write(packet(1, 3))
            writer.write(packet(3, 1, text(f"/in/{name}".encode()), 1, 0))
            read = packet(5, 2, text((1).to_bytes(8)), b"\0" * 8, 261_120)
            for _ in range(2000):
                writer.write(read)
            await asyncio.sleep(2)
            return memory_of(door) - before

    def packet(kind, *fields):
        body = bytes([kind]) + b"".join(f.to_bytes(4) if isinstance(f, int) else f for f in fields)
        return len(body).to_bytes(4) + body

    def text(value):
        return len(value).to_bytes(4) + value

    grown = asyncio.run(asyncio.wait_for(flood(), 60))
    # All answers together would be 500 MB.
    assert grown < 60_000_000


def memory_of(door):
    return psutil.Process(door.process.pid).memory_info().rss


def test_a_flood_of_small_requests_is_answered_in_order_and_keeps_nobody_waiting(door, lab, other_lab):
    async def flood():
        async with connect(door, lab) as busy, connect(door, other_lab) as calm:
            writer, reader, _ = await busy.open_session(subsystem="sftp", encoding=None)
            writer.write(b"\0\0\0\5\1\0\0\0\3")
            count = 30_000
            writer.write(
                b"".join(b"\0\0\0\x0a\x10" + number.to_bytes(4) + b"\0\0\0\1." for number in range(count))
            )
            async with calm.start_sftp_client() as sftp:
                assert await asyncio.wait_for(sftp.realpath("."), 60) == "/"
            await reader.readexactly(int.from_bytes(await reader.readexactly(4)))
            for number in range(count):
                answer = await reader.readexactly(int.from_bytes(await reader.readexactly(4)))
                assert answer[0] == 104
                assert int.from_bytes(answer[1:5]) == number

    asyncio.run(asyncio.wait_for(flood(), 90))
