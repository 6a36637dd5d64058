"""What other clients do on the wire: WinSCP, FileZilla, and those who go on, begin again or change their mind."""

import asyncio
import hashlib
import os
import random

import asyncssh
import pytest
from asyncssh import (
    FXF_APPEND,
    FXF_CREAT,
    FXF_EXCL,
    FXF_READ,
    FXF_WRITE,
    SFTPFailure,
    SFTPNoSuchFile,
    SFTPPermissionDenied,
)

from caisse.fund.exchange.models import Deposit

from .doorway import connect
from .sftp_talk import NEW, content_of, talk


def test_winscp_writes_a_filepart_renames_it_and_then_sets_times_and_rights(door, lab):
    name, content = lab.name("W1"), os.urandom(700_000)

    async def winscp(sftp):
        assert await sftp.realpath(".") == "/"
        with pytest.raises(SFTPNoSuchFile):
            await sftp.stat(f"/in/{name}")
        file = await sftp.open(f"/in/{name}.filepart", NEW, encoding=None)
        for start in range(0, len(content), 32768):
            await file.write(content[start : start + 32768], start)
        await file.setstat(asyncssh.SFTPAttrs(atime=1, mtime=1))
        await file.close()
        assert [entry.filename for entry in await sftp.readdir("/in") if entry.filename[0] != "."] == [
            f"{name}.filepart"
        ]
        await sftp.rename(f"/in/{name}.filepart", f"/in/{name}")
        await sftp.setstat(f"/in/{name}", asyncssh.SFTPAttrs(permissions=0o644, atime=1, mtime=1))
        return await sftp.stat(f"/in/{name}")

    assert talk(door, lab, winscp).size == len(content)
    assert content_of(name) == content


def test_filezilla_compares_the_size_and_appends(door, lab):
    name, content = lab.name("Z1"), os.urandom(3_000_000)

    async def half(sftp):
        file = await sftp.open(f"/in/{name}", NEW, encoding=None)
        await file.write(content[:1_234_567], 0)
        sftp.exit()

    async def rest(sftp):
        size = (await sftp.stat(f"/in/{name}")).size
        assert size == 1_234_567
        file = await sftp.open(f"/in/{name}", FXF_WRITE | FXF_CREAT | FXF_APPEND, encoding=None)
        for start in range(size, len(content), 65536):
            await file.write(content[start : start + 65536], start)
        await file.close()

    async def abort(sftp):
        await half(sftp)

    asyncio.run(_abort_after(door, lab, abort))
    assert not Deposit.objects.exists()
    talk(door, lab, rest)
    assert content_of(name) == content


async def _abort_after(door, who, conversation):
    """The same, but the line breaks instead of being closed."""
    conn = await connect(door, who)
    sftp = await conn.start_sftp_client()
    try:
        await conversation(sftp)
    finally:
        conn.abort()
        await conn.wait_closed()
    await asyncio.sleep(0.3)


def test_an_appending_client_that_leaves_offsets_to_the_server_appends(door, lab):
    name = lab.name("Z2")

    async def append(sftp):
        part = f"/in/{name}.part"
        async with sftp.open(part, NEW, encoding=None) as file:
            await file.write(b"<a>", 0)
        file = await sftp.open(part, FXF_WRITE | FXF_APPEND, encoding=None)
        await file.write(b"</a>", 0)
        await file.close()
        await sftp.rename(part, f"/in/{name}")

    talk(door, lab, append)
    assert content_of(name) == b"<a></a>"


@pytest.mark.parametrize("seed", range(3))
def test_writes_out_of_order_and_written_twice_end_as_the_right_file(door, lab, seed):
    rng, name = random.Random(seed), lab.name(f"O{seed}")
    content = rng.randbytes(2_500_000)
    starts = list(range(0, len(content), 30_000)) * 2
    rng.shuffle(starts)

    async def shuffled(sftp):
        file = await sftp.open(f"/in/{name}", NEW, encoding=None)
        await asyncio.gather(*(file.write(content[start : start + 30_000], start) for start in starts))
        await file.close()

    talk(door, lab, shuffled)
    assert content_of(name) == content
    assert Deposit.objects.get().sha256 == hashlib.sha256(content).hexdigest()


def test_a_file_with_a_hole_is_never_received(door, lab):
    async def hole(sftp):
        file = await sftp.open(f"/in/{lab.name('H1')}", NEW, encoding=None)
        await file.write(b"x" * 100, 0)
        await file.write(b"y" * 100, 200)
        with pytest.raises(SFTPFailure, match="LIM-006"):
            await file.close()

    talk(door, lab, hole)
    assert not Deposit.objects.exists()


def test_preallocating_and_cutting_do_no_harm(door, lab):
    name = lab.name("T1")

    async def client(sftp):
        file = await sftp.open(f"/in/{name}", NEW, encoding=None)
        await file.setstat(asyncssh.SFTPAttrs(size=1_000_000))
        await file.write(b"<abc/>garbage", 0)
        await file.setstat(asyncssh.SFTPAttrs(size=6))
        await file.close()

    talk(door, lab, client)
    assert content_of(name) == b"<abc/>"


def test_an_empty_file_is_no_deposit(door, lab):
    async def touch(sftp):
        file = await sftp.open(f"/in/{lab.name('E1')}", NEW, encoding=None)
        with pytest.raises(SFTPFailure, match="empty"):
            await file.close()

    talk(door, lab, touch)
    assert not Deposit.objects.exists()


def test_one_file_is_opened_for_one_purpose(door, lab):
    name = lab.name("M1")

    async def misuse(sftp):
        with pytest.raises(SFTPNoSuchFile):
            await sftp.open(f"/in/{name}", FXF_WRITE, encoding=None)
        async with sftp.open(f"/in/{name}", NEW, encoding=None) as file:
            await file.write(b"<a/>", 0)
        with pytest.raises(SFTPFailure):
            await sftp.open(f"/in/{name}", FXF_WRITE | FXF_CREAT | FXF_EXCL, encoding=None)
        with pytest.raises(SFTPPermissionDenied):
            await sftp.open(f"/in/{name}", FXF_WRITE | FXF_CREAT, encoding=None)
        file = await sftp.open(f"/in/{name}", FXF_READ, encoding=None)
        assert await file.read() == b"<a/>"
        with pytest.raises(SFTPPermissionDenied):
            await file.write(b"x", 0)
        await file.close()
        with pytest.raises(SFTPFailure):
            await sftp.open("/in", NEW, encoding=None)

    talk(door, lab, misuse)


def test_an_unfinished_upload_can_be_deleted_renamed_and_begun_again(door, lab):
    name = lab.name("U1")

    async def change_of_mind(sftp):
        async with sftp.open(f"/in/{name}.part", NEW, encoding=None) as file:
            await file.write(b"<wrong/>" * 1000, 0)
        await sftp.rename(f"/in/{name}.part", "/in/other.tmp")
        await sftp.remove("/in/other.tmp")
        assert not await sftp.exists(f"/in/{name}.part")
        async with sftp.open(f"/in/{name}.part", NEW, encoding=None) as file:
            await file.write(b"<wrong/>", 0)
        async with sftp.open(f"/in/{name}.part", NEW, encoding=None) as file:
            await file.write(b"<a/>", 0)
        await sftp.posix_rename(f"/in/{name}.part", f"/in/{name}")

    talk(door, lab, change_of_mind)
    assert content_of(name) == b"<a/>"


def test_an_unfinished_upload_is_not_taken_for_a_complete_one_by_renaming_it(door, lab):
    name = lab.name("U2")

    async def begin(sftp):
        file = await sftp.open(f"/in/{name}", NEW, encoding=None)
        await file.write(b"<a>", 0)

    asyncio.run(_abort_after(door, lab, begin))

    async def rename(sftp):
        with pytest.raises(SFTPPermissionDenied, match="not complete"):
            await sftp.rename(f"/in/{name}", f"/in/{lab.name('U3')}")

    talk(door, lab, rename)
    assert not Deposit.objects.exists()


def test_whoever_opens_an_upload_later_goes_on_with_it(door, lab):
    name, content = lab.name("V1"), os.urandom(400_000)

    async def overtake():
        async with connect(door, lab) as old, connect(door, lab) as new:
            first = await old.start_sftp_client()
            file = await first.open(f"/in/{name}", NEW, encoding=None)
            await file.write(content[:200_000], 0)
            second = await new.start_sftp_client()
            size = (await second.stat(f"/in/{name}")).size
            again = await second.open(f"/in/{name}", FXF_WRITE | FXF_CREAT, encoding=None)
            with pytest.raises(SFTPFailure, match="another connection"):
                await file.write(b"stale" * 1000, 200_000)
            await again.write(content[size:], size)
            await again.close()
            with pytest.raises(SFTPFailure, match="another connection"):
                await file.close()

    asyncio.run(asyncio.wait_for(overtake(), 60))
    assert content_of(name) == content


def test_beginning_again_never_mixes_with_the_connection_it_overtakes(db, door, lab):
    name = lab.name("V2")

    async def overtake():
        async with connect(door, lab) as old, connect(door, lab) as new:
            first, second = await old.start_sftp_client(), await new.start_sftp_client()
            stale = await first.open(f"/in/{name}", NEW, encoding=None)
            await stale.write(b"s" * 3_000_000, 0)
            fresh = await second.open(f"/in/{name}", NEW, encoding=None)
            await fresh.write(b"<a/>", 0)
            with pytest.raises(SFTPFailure):
                await stale.write(b"s" * 3_000_000, 3_000_000)
            await fresh.close()

    asyncio.run(asyncio.wait_for(overtake(), 60))
    assert content_of(name) == b"<a/>"
    assert [path for path in db.staging.rglob("*") if path.is_file()] == []


def test_many_files_in_one_session_all_become_deposits(door, lab):
    async def many(sftp):
        async def put(number):
            async with sftp.open(f"/in/{lab.name(f'N{number}')}", NEW, encoding=None) as file:
                await file.write(f"<a>{number}</a>".encode(), 0)

        await asyncio.gather(*(put(number) for number in range(60)))
        return [entry.filename for entry in await sftp.readdir("/out")]

    listed = talk(door, lab, many)
    assert Deposit.objects.count() == 60
    assert sum(name.endswith(".receipt.jws") for name in listed) == 60


def test_an_upload_that_was_swept_away_begins_anew(door, lab, db):
    name = lab.name("S1")

    async def begin(sftp):
        async with sftp.open(f"/in/{name}.part", NEW, encoding=None) as file:
            await file.write(b"<old/>", 0)

    async def again(sftp):
        assert not await sftp.exists(f"/in/{name}.part")
        file = await sftp.open(f"/in/{name}.part", FXF_WRITE | FXF_CREAT, encoding=None)
        await file.write(b"<a/>", 0)
        await file.close()
        await sftp.rename(f"/in/{name}.part", f"/in/{name}")

    talk(door, lab, begin)
    for path in db.staging.rglob("*.part"):
        path.unlink()
    talk(door, lab, again)
    assert content_of(name) == b"<a/>"
