"""OpenSSH's own client against the door."""

import hashlib
import json
import os
import subprocess

from caisse.fund.exchange import queries
from caisse.fund.exchange.models import Delivery, Deposit

from .doorway import PASSWORD, openssh, openssh_with_password, soon, ssh


def test_a_file_put_is_a_deposit_with_a_receipt(door, lab, tmp_path):
    content = os.urandom(3_000_000)
    (tmp_path / lab.name("A1")).write_bytes(content)
    done = openssh(door, lab, f"put {lab.name('A1')} in/", "ls -1 in", "ls -1 out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"in/{lab.name('A1')}" in done.stdout
    assert f"out/{lab.name('A1')}.receipt.jws" in done.stdout
    deposit = Deposit.objects.get()
    assert (deposit.name, deposit.size, deposit.door) == (lab.name("A1"), len(content), "sftp")
    assert deposit.sha256 == hashlib.sha256(content).hexdigest()
    assert bytes(queries.deposit_content(deposit.pk)) == content


def test_answers_and_public_keys_are_collected_once_and_stay(door, lab, tmp_path):
    (tmp_path / lab.name("A2")).write_bytes(b"<a/>")
    receipt = f"{lab.name('A2')}.receipt.jws"
    done = openssh(
        door, lab, f"put {lab.name('A2')} in/", f"get out/{receipt} first", f"get out/{receipt} second",
        "get keys/jwks.json", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert (tmp_path / "first").read_text() == Deposit.objects.get().receipt
    assert json.loads((tmp_path / "jwks.json").read_bytes())["keys"][0]["crv"] == "Ed25519"
    assert soon(lambda: Delivery.objects.get(name=receipt).first_collected_at is not None)
    collected = Delivery.objects.get(name=receipt).first_collected_at
    openssh(door, lab, f"get out/{receipt} third", folder=tmp_path)
    assert Delivery.objects.get(name=receipt).first_collected_at == collected


def test_the_same_bytes_again_are_the_same_deposit_and_others_are_refused(door, lab, tmp_path):
    file = tmp_path / lab.name("A3")
    file.write_bytes(b"<a/>")
    put = f"put {file.name} in/"
    assert openssh(door, lab, put, put, folder=tmp_path).returncode == 0
    file.write_bytes(b"<other/>")
    refused = openssh(door, lab, put, folder=tmp_path)
    assert refused.returncode == 1
    assert "KEY-004" in refused.stderr
    assert Deposit.objects.count() == 1
    assert bytes(queries.deposit_content(Deposit.objects.get().pk)) == b"<a/>"


def test_another_provider_s_name_is_refused_with_its_reason(door, lab, tmp_path):
    foreign = lab.name("A4").replace("52001700", "52001801")
    (tmp_path / foreign).write_bytes(b"<a/>")
    refused = openssh(door, lab, f"put {foreign} in/", folder=tmp_path)
    assert refused.returncode == 1
    assert "PRO-003" in refused.stderr
    assert not Deposit.objects.exists()


def test_an_interrupted_upload_is_resumed_by_reput(door, lab, tmp_path):
    content = os.urandom(5_000_000)
    file = tmp_path / lab.name("A5")
    file.write_bytes(content[:2_000_000])
    assert openssh(door, lab, f"put {file.name} in/{file.name}.part", folder=tmp_path).returncode == 0
    assert not Deposit.objects.exists()
    file.write_bytes(content)
    done = openssh(
        door, lab, f"reput {file.name} in/{file.name}.part", f"rename in/{file.name}.part in/{file.name}",
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert Deposit.objects.get().sha256 == hashlib.sha256(content).hexdigest()


def test_times_and_permissions_may_be_set_and_change_nothing(door, lab, tmp_path):
    file = tmp_path / lab.name("A6")
    file.write_bytes(b"<a/>")
    commands = (f"put -fp {file.name} in/", f"chmod 777 in/{file.name}", f"chmod 600 in/{file.name}")
    done = openssh(door, lab, *commands, "ls -l in", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "-r--r-----" in done.stdout


def test_what_was_received_or_answered_stays(door, lab, tmp_path):
    file = tmp_path / lab.name("A7")
    file.write_bytes(b"<a/>")
    openssh(door, lab, f"put {file.name} in/", folder=tmp_path)
    for command, said in (
        (f"rm in/{file.name}", "it cannot be changed or deleted"),
        (f"rename in/{file.name} in/{lab.name('A8')}", "it cannot be changed or deleted"),
        (f"rm out/{file.name}.receipt.jws", "Answers stay"),
        (f"put {file.name} out/", "Files are put into in"),
        (f"put {file.name} keys/", "Files are put into in"),
        ("mkdir in/x", "fixed"),
        ("rmdir in", "fixed"),
        (f"symlink in/{file.name} in/x", "fixed"),
    ):
        refused = openssh(door, lab, command, folder=tmp_path)
        assert refused.returncode == 1, command
        assert said in refused.stderr, command
    assert Deposit.objects.count() == 1


def test_a_password_opens_the_door_and_a_wrong_one_does_not(door, lab, tmp_path):
    done = openssh_with_password(door, lab.user, PASSWORD, "ls -1", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "keys" in done.stdout
    for user, password in ((lab.user, "wrong"), ("52001700-xyz", PASSWORD)):
        refused = openssh_with_password(door, user, password, "ls -1", folder=tmp_path)
        assert refused.returncode == 255
        assert "keys" not in refused.stdout


def test_there_is_no_shell_no_command_no_forwarding_and_no_scp(door, lab, tmp_path):
    for arguments in ((), ("id",), ("-tt",), ("-s", "netconf")):
        refused = ssh(door, lab, *arguments)
        assert refused.returncode != 0, arguments
        assert "uid=" not in refused.stdout
    # -W asks for a connection from the server to somewhere else.
    refused = ssh(door, lab, f"-W127.0.0.1:{door.port}")
    assert refused.returncode != 0
    assert "SSH-2.0" not in refused.stdout
    file = tmp_path / lab.name("A9")
    file.write_bytes(b"<a/>")
    target = f"scp://{lab.user}@{door.host}:{door.port}//in/"
    options = ("-q", "-O", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
    scp = ["scp", *options, "-i", str(lab.key_file), str(file), target]
    assert subprocess.run(scp, check=False, capture_output=True, timeout=30).returncode != 0
    assert not Deposit.objects.exists()


def test_the_door_logs_neither_users_nor_names(door, lab, tmp_path):
    (tmp_path / lab.name("B1")).write_bytes(b"<a/>")
    openssh(door, lab, f"put {lab.name('B1')} in/", "ls in/nothing", folder=tmp_path)
    openssh_with_password(door, lab.user, "wrong", folder=tmp_path)
    logged = door.log.read_text()
    assert "the SFTP door is open" in logged
    assert lab.user not in logged
    assert "52001700" not in logged
