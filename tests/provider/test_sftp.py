"""The SFTP door against a real server: what goes wrong is said in words and can be repeated."""

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

import asyncssh
import pytest

from caisse.agreement.errors import Unreachable, WrongUse
from caisse.provider import Practice, credentials, schema
from caisse.provider.errors import HostKeyChanged, LoginRefused
from caisse.provider.home import write_durably
from caisse.provider.transport import PART, no_progress, sftp
from tests.provider.fund import PASSWORD, USER, Fund, running

MEGABYTE = 1024 * 1024


def upload(practice: Practice, name: str, path: Path, *, resume: bool = False) -> list[int]:
    """Put a file; returns how far it was at each report."""
    seen: list[int] = []
    with practice.door() as door:
        door.put(name, path, resume=resume, begun=lambda: None, progress=lambda done, _all: seen.append(done))
    return seen


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large"
    path.write_bytes(bytes(number % 251 for number in range(6 * MEGABYTE)))
    return path


def test_a_file_appears_under_its_name_only_when_whole(practice: Practice, fund: Fund, large: Path) -> None:
    fund.server.break_after = 3 * MEGABYTE
    with pytest.raises(Unreachable):
        upload(practice, "large.xml", large)
    assert list(fund.deposited()) == [f"large.xml{PART}"]
    fund.server.break_after = None
    upload(practice, "large.xml", large)
    assert fund.deposited() == {"large.xml": large.read_bytes()}


def test_a_broken_upload_goes_on_where_it_broke_off(practice: Practice, fund: Fund, large: Path) -> None:
    fund.server.break_after = 4 * MEGABYTE
    with pytest.raises(Unreachable):
        upload(practice, "large.xml", large)
    fund.server.break_after = None
    fund.server.written = 0
    upload(practice, "large.xml", large, resume=True)
    assert fund.deposited() == {"large.xml": large.read_bytes()}
    assert fund.server.written < 5 * MEGABYTE


def test_a_longer_leftover_is_not_built_upon(practice: Practice, fund: Fund, large: Path) -> None:
    (fund.root / "in" / f"large.xml{PART}").write_bytes(b"x" * 7 * MEGABYTE)
    upload(practice, "large.xml", large, resume=True)
    assert fund.deposited() == {"large.xml": large.read_bytes()}


def test_a_refused_deposit_says_why(practice: Practice, fund: Fund, month: Path) -> None:
    fund.server.refuse = "KEY-001: this key is already used with other content."
    practice.record(month)
    built = practice.build_invoices(year=2024, number=3)
    assert built is not None
    (sent,) = practice.send()
    assert "KEY-001" in str(sent.problem)
    (file,) = practice.status().sendings
    assert (file.state, file.attempts) == ("built", 1)
    assert "KEY-001" in str(file.problem)
    fund.server.refuse = ""
    (sent,) = practice.send()
    assert (sent.stage, sent.problem) == ("sent", None)


def test_what_may_have_arrived_cannot_be_discarded(practice: Practice, fund: Fund, month: Path) -> None:
    practice.record(month)
    built = practice.build_invoices(year=2024, number=3)
    assert built is not None
    fund.server.break_after = 0
    with pytest.raises(Unreachable):
        practice.send()
    fund.server.break_after = None
    fund.server.refuse = "LIM-002: too many"
    practice.send()
    with pytest.raises(WrongUse, match="may have arrived"):
        practice.discard(built.name)
    fund.server.refuse = ""
    practice.send()
    assert practice.status().sendings[0].state == "sent"


def test_what_the_fund_refused_can_be_discarded(practice: Practice, fund: Fund, month: Path) -> None:
    practice.record(month)
    built = practice.build_invoices(year=2024, number=3)
    assert built is not None
    fund.server.refuse = "LIM-001: too large"
    for _ in range(2):
        practice.send()
    practice.discard(built.name)
    assert practice.status().unbilled_lines == built.lines


def test_a_wrong_password_is_said_in_words(practice: Practice) -> None:
    write_durably(practice.home.secret, b"something else")
    with pytest.raises(LoginRefused, match=USER) as refused, practice.door() as door:
        door.list_answers()
    assert refused.value.exit_code == 2


def test_a_key_opens_the_door(practice: Practice, fund: Fund) -> None:
    practice.home.secret.unlink()
    public = sftp.generate_key(practice.home, "test")
    with pytest.raises(LoginRefused), practice.door() as door:
        door.list_answers()
    fund.login.keys.append(asyncssh.import_public_key(public))
    with practice.door() as door:
        assert door.list_answers() == []
    assert practice.home.private_key.stat().st_mode & 0o777 == 0o600


def test_a_fund_that_is_down_is_unreachable_and_nothing_is_lost(tmp_path: Path, month: Path) -> None:
    with running(tmp_path / "fund") as fund:
        url = fund.url
    with Practice.create(tmp_path / "practice", fund=url, code=52001700, password=PASSWORD) as practice:
        practice.record(month)
        practice.build_invoices(year=2024, number=3)
        with pytest.raises(Unreachable) as unreachable:
            practice.send()
        assert unreachable.value.exit_code == 3
        assert practice.status().sendings[0].state == "built"


def test_another_host_key_stops_everything(tmp_path: Path) -> None:
    with running(tmp_path / "fund") as fund:
        port = fund.port
        practice = Practice.create(tmp_path / "practice", fund=fund.url, code=52001700, password=PASSWORD)
        with practice.door() as door:
            assert door.list_answers() == []
    with (
        running(tmp_path / "other", port=port),
        pytest.raises(HostKeyChanged) as changed,
        practice.door() as door,
    ):
        door.list_answers()
    assert changed.value.exit_code == 3
    practice.close()


def test_the_host_key_can_be_given_beforehand(tmp_path: Path, fund: Fund) -> None:
    public = fund.host_key.export_public_key().decode()
    fingerprint = fund.host_key.get_fingerprint()
    for given in (public, fingerprint):
        chosen = credentials.chosen_host_key(fund.url, given)
        assert chosen is not None
        assert chosen.get_fingerprint() == fingerprint
    with pytest.raises(HostKeyChanged):
        credentials.chosen_host_key(fund.url, "SHA256:somethingelse")


def test_a_download_is_whole_or_not_there(practice: Practice, fund: Fund, tmp_path: Path) -> None:
    content = bytes(range(256)) * 8192
    fund.lay_out({"answer": content})
    with practice.door() as door:
        (remote,) = door.list_answers()
        assert (remote.name, remote.size) == ("answer", len(content))
        door.get("answer", tmp_path / "answer", progress=no_progress)
        with pytest.raises(Unreachable):
            door.get("nothing", tmp_path / "nothing", progress=no_progress)
    assert (tmp_path / "answer").read_bytes() == content


def test_the_first_host_key_is_pinned_and_said(practice: Practice, fund: Fund) -> None:
    told: list[str] = []
    practice.notice = told.append
    for _ in range(2):
        with practice.door() as door:
            door.list_answers()
    (said,) = told
    assert fund.host_key.get_fingerprint() in said


def test_a_key_with_a_passphrase_is_refused_at_once(practice: Practice, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(
        asyncssh.generate_private_key("ssh-ed25519").export_private_key("pkcs8-pem", passphrase="secret")
    )
    with pytest.raises(WrongUse, match="without a passphrase"):
        credentials.set_up(practice.home, practice.settings, None, ssh_key=path, generate=False, tls_ca=None)


def test_without_published_keys_receipts_wait(practice: Practice, fund: Fund, month: Path) -> None:
    fund.server.answers = fund.answers
    (fund.root / "keys" / "jwks.json").rename(fund.root / "later")
    practice.record(month)
    practice.build_invoices(year=2024, number=3)
    practice.send()
    practice.collect()
    (file,) = practice.status().sendings
    assert (file.state, file.receipted) == ("returned", False)
    assert "not among the fund's keys" in practice.status().unmatched[0].problem
    (fund.root / "later").rename(fund.root / "keys" / "jwks.json")
    assert [one.kind for one in practice.collect()] == ["receipt"]
    assert practice.status().sendings[0].receipted


def test_a_file_whose_layout_ran_out_is_not_sent(practice: Practice, fund: Fund, month: Path) -> None:
    practice.record(month)
    built = practice.build_invoices(year=2024, number=3, layout=1, on=date(2026, 9, 1))
    assert built is not None
    with practice.store.write() as connection:
        connection.execute(schema.sendings.update().values(layout=2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("caisse.provider.sending.now", lambda: datetime(2026, 9, 1, tzinfo=UTC))
        (sent,) = practice.send()
    assert "LAY-002" in str(sent.problem)
    assert fund.deposited() == {}
    practice.discard(built.name)


def test_a_fund_that_stalls_is_given_up_and_a_slow_one_is_not(
    practice: Practice, fund: Fund, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sftp, "PATIENCE", 1.0)
    fund.server.stalls = True
    with pytest.raises(Unreachable, match="no answer in time"):
        upload(practice, "large.xml", large)
    fund.server.stalls = False
    upload(practice, "large.xml", large)
    assert fund.deposited() == {"large.xml": large.read_bytes()}


def test_the_door_opens_inside_a_running_event_loop(practice: Practice) -> None:
    async def program() -> list[object]:
        with practice.door() as door:
            return list(door.list_answers())

    assert asyncio.run(program()) == []
