"""Two accounts and people without one: nobody learns anything about anybody else."""

import asyncio
import statistics
import subprocess
import time
from datetime import date

import asyncssh
import pytest
from asyncssh import FXF_CREAT, FXF_READ, FXF_TRUNC, FXF_WRITE, SFTPError, SFTPNoSuchFile

from caisse.fund.exchange import actions
from caisse.fund.exchange.doors import sftp_server
from caisse.fund.exchange.models import Deposit
from caisse.fund.registry import actions as registry

from .doorway import PASSWORD, Door, connect, openssh, sftp_door, soon

NEW = FXF_WRITE | FXF_CREAT | FXF_TRUNC


def test_an_account_sees_nothing_of_another(door, lab, other_lab, tmp_path):
    file = tmp_path / lab.name("S1")
    file.write_bytes(b"<a/>")
    commands = (f"put {file.name} in/", f"put {file.name} in/unfinished.part")
    assert openssh(door, lab, *commands, folder=tmp_path).returncode == 0

    async def look():
        async with connect(door, other_lab) as conn, conn.start_sftp_client() as sftp:
            for box in ("in", "out"):
                assert {entry.filename for entry in await sftp.readdir(f"/{box}")} <= {".", ".."}
            for path in (f"/in/{file.name}", "/in/unfinished.part", f"/out/{file.name}.receipt.jws"):
                answers = []
                for name in (path, path.replace("S1", "S2").replace("unfinished", "nothing")):
                    for attempt in (sftp.stat, sftp.remove, lambda n: sftp.open(n, FXF_READ)):
                        with pytest.raises(SFTPError) as refused:
                            await attempt(name)
                        answers.append((type(refused.value), refused.value.reason))
                # What is another's and what does not exist are answered alike.
                assert answers[:3] == answers[3:]
            with pytest.raises(SFTPNoSuchFile):
                await sftp.rename("/in/unfinished.part", f"/in/{other_lab.name('S1')}")

    asyncio.run(look())


def test_both_may_use_the_same_name_for_something_unfinished(door, lab, other_lab):
    async def both():
        async with connect(door, lab) as one, connect(door, other_lab) as two:
            first, second = await one.start_sftp_client(), await two.start_sftp_client()
            ours = await first.open("/in/x.part", NEW, encoding=None)
            theirs = await second.open("/in/x.part", NEW, encoding=None)
            await ours.write(b"ours", 0)
            await theirs.write(b"theirs!", 0)
            await ours.close()
            await theirs.close()
            await first.rename("/in/x.part", f"/in/{lab.name('X')}")
            await second.rename("/in/x.part", f"/in/{other_lab.name('X')}")

    asyncio.run(both())
    assert {(deposit.account_id, deposit.size) for deposit in Deposit.objects.all()} == {
        (lab.account.pk, 4),
        (other_lab.account.pk, 7),
    }


def test_a_key_opens_only_its_own_account(door, lab, other_lab):
    async def knock(user):
        async with asyncssh.connect(
            door.host, door.port, username=user, client_keys=[lab.key], known_hosts=None, agent_path=None, config=None
        ):  # fmt: skip
            pass

    asyncio.run(knock(lab.user))
    for user in (other_lab.user, "52001700-xyz", "root"):
        with pytest.raises(asyncssh.PermissionDenied):
            asyncio.run(knock(user))


def test_a_closed_account_gets_no_further(door, lab, now, tmp_path):
    (tmp_path / lab.name("Q1")).write_bytes(b"<a/>")

    async def closed_meanwhile():
        async with connect(door, lab) as conn, conn.start_sftp_client() as sftp:
            await asyncio.to_thread(_close_account, lab, now)
            file = await sftp.open(f"/in/{lab.name('Q1')}", NEW, encoding=None)
            await file.write(b"<a/>", 0)
            with pytest.raises(SFTPError):
                await file.close()

    asyncio.run(closed_meanwhile())
    assert openssh(door, lab, "ls", folder=tmp_path).returncode == 255
    assert not Deposit.objects.exists()


def _close_account(lab, now):
    from django.db import connection

    actions.set_active(account_id=lab.account.pk, active=False, by="test", at=now)
    connection.close()


def _suspend_code(lab, now):
    from django.db import connection

    code, said = lab.account.provider_code, {"by": "test", "at": now}
    provider = registry.register_provider(name="Laboratory", kind="company", **said)
    since = date(2020, 1, 1)
    registry.allocate_code(
        provider_id=provider, code=code, profession="laboratories", valid_from=since, **said
    )
    registry.suspend_code(code=code, valid_from=since, why="inquiry", **said)
    connection.close()


@pytest.mark.parametrize("close", [_close_account, _suspend_code])
def test_a_closed_account_or_code_is_shown_out_while_others_stay(db, lab, other_lab, now, monkeypatch, close):
    monkeypatch.setattr(sftp_server, "_WATCH_SECONDS", 0.2)

    async def shown_out():
        door = sftp_server.SftpDoor(db)
        acceptor = await door.listen("127.0.0.1", 0)
        address = Door("127.0.0.1", acceptor.get_port(), None, None)
        watch = asyncio.create_task(door.watch_accounts())
        async with connect(address, lab) as closed, connect(address, other_lab) as open_still:
            first, second = await closed.start_sftp_client(), await open_still.start_sftp_client()
            assert await first.exists("/in")
            await asyncio.to_thread(close, lab, now)
            await asyncio.wait_for(closed.wait_closed(), 60)
            assert (await _try_password(address, lab.user, PASSWORD))[0] == "PermissionDenied"
            assert await second.exists("/in")
        watch.cancel()
        acceptor.close()
        await door.farewell()

    asyncio.run(asyncio.wait_for(shown_out(), 60))


async def _try_password(door, user, password):
    started = time.perf_counter()
    try:
        async with asyncssh.connect(
            door.host, door.port, username=user, password=password, client_keys=None, known_hosts=None,
            agent_path=None, config=None,
        ):  # fmt: skip
            return "in", time.perf_counter() - started
    except asyncssh.Error as error:
        return type(error).__name__, time.perf_counter() - started


def test_unknown_names_and_wrong_passwords_get_the_same_answer_and_the_same_work(db, lab, tmp_path):
    async def measure():
        known, unknown = [], []
        for _ in range(4):
            known.append(await _try_password(door, lab.user, "wrong"))
            unknown.append(await _try_password(door, "52001801-lab", "wrong"))
        return known, unknown

    with sftp_door(db, tmp_path / "door") as door:
        known, unknown = asyncio.run(measure())
    assert {answer for answer, _ in known} == {answer for answer, _ in unknown}
    ratio = statistics.median(t for _, t in known) / statistics.median(t for _, t in unknown)
    # Without the same work one side would be many times faster; a loaded machine needs the room.
    assert 1 / 3 < ratio < 3


def test_guessing_is_slowed_down_and_keeps_nobody_else_out(db, lab, other_lab, tmp_path):
    async def guess():
        for number in range(8):
            answer, _ = await _try_password(door, lab.user, f"guess {number}")
            assert answer.startswith("PermissionDenied")
        # Even the right password has to wait now; the key, and other accounts, do not.
        answer, _ = await _try_password(door, lab.user, PASSWORD)
        assert answer.startswith("PermissionDenied")
        assert (await _try_password(door, other_lab.user, PASSWORD))[0] == "in"
        async with connect(door, lab):
            pass

    with sftp_door(db, tmp_path / "door") as door:
        asyncio.run(guess())


def test_the_networks_allowed_are_looked_at_before_anything_else(db, lab, tmp_path, fund_toml):
    fund_toml('["127.0.0.0/8", "::1/128"]', '["127.0.0.2/32"]')
    with sftp_door(db, tmp_path / "door") as door:
        for source, code in (("127.0.0.2", 0), ("127.0.0.3", 255)):
            options = ("-o", f"BindAddress={source}")
            done = openssh(door, lab, "ls", folder=tmp_path, options=options)
            assert done.returncode == code, done.stderr
        refused = subprocess.run(
            ["ssh", "-v", "-F", "none", "-b", "127.0.0.3", "-p", str(door.port), "x@127.0.0.1"],
            check=False, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert "Remote protocol version" not in refused.stderr
        assert "outside the allowed networks" in door.log.read_text()
        assert "127.0.0.3" not in door.log.read_text()


def test_strangers_do_not_take_all_the_room(door, lab, tmp_path):
    async def crowd():
        connections = [await asyncio.open_connection(door.host, door.port) for _ in range(150)]
        await asyncio.sleep(0.5)
        turned_away = 0
        for reader, _ in connections:
            turned_away += (await asyncio.wait_for(reader.read(4), 60)) == b""
        for _, writer in connections:
            writer.close()
        return turned_away

    assert asyncio.run(crowd()) == 50
    assert soon(lambda: openssh(door, lab, "ls", folder=tmp_path).returncode == 0)
