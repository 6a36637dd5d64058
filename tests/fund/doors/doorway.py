"""Opens real doors for tests and talks to them with real clients."""

import contextlib
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import httpx

from caisse.fund.exchange import actions
from caisse.fund.exchange.models import Account
from caisse.fund.home import Home
from tests.ports import reserved_port

PASSWORD = "correct horse battery staple"
CODE, OTHER_CODE = 52001700, 52001801

_SERVE = """
import sys
from pathlib import Path
from caisse.fund.home import Home
from caisse.fund.exchange.doors import sftp
home, host, ready = sys.argv[1:]
sftp.run(Home.at(home).existing(), host, 0, on_ready=lambda port: Path(ready).write_text(str(port)))
"""


@dataclass(slots=True)
class Door:
    """A running SFTP door and its process."""

    host: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)


@contextlib.contextmanager
def sftp_door(
    home: Home, folder: Path, host: str = "127.0.0.1", before: tuple[str, ...] = ()
) -> Iterator[Door]:
    """A door on a free port; stopped at the end if the test has not done so. ``before`` precedes its command."""
    folder.mkdir(parents=True, exist_ok=True)
    ready, log = folder / "ready", folder / "door.log"
    ready.unlink(missing_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*before, sys.executable, "-c", _SERVE, str(home.path), host, str(ready)],
            stdout=output,
            stderr=output,
        )
    door = Door(host, 0, process, log)
    try:
        deadline = time.monotonic() + 120
        while not (ready.exists() and (text := ready.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the door does not open"
            time.sleep(0.02)
        door.port = int(text)
        yield door
    finally:
        door.stop()


@dataclass(frozen=True, slots=True)
class Practice:
    """An account together with what only its owner knows."""

    account: Account
    key_file: Path

    @property
    def user(self) -> str:
        return self.account.user

    @property
    def key(self) -> asyncssh.SSHKey:
        return asyncssh.read_private_key(self.key_file)

    def name(self, reference: str) -> str:
        """A file name this practice may use."""
        return f"F{self.account.provider_code:08d}202403_LAB_FAC_002_{reference}.xml"


def practice(code: int, folder: Path) -> Practice:
    """An account with a password and a key of its own."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key_file = folder / f"id-{code}"
    key.write_private_key(key_file)
    key_file.chmod(0o600)
    at = datetime.now(UTC)
    account = actions.create_account(provider_code=code, frame="LAB", password=PASSWORD, by="test", at=at)
    public = key.export_public_key("openssh").decode()
    actions.add_key(account_id=account.pk, public_key=public, by="test", at=at)
    return Practice(account, key_file)


def soon(condition: Callable[[], bool]) -> bool:
    """True once the condition holds, False when it does not within a minute."""
    deadline = time.monotonic() + 120
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def connect(door: Door, who: Practice, **options: object):
    """An asyncssh connection with the practice's key."""
    return asyncssh.connect(
        door.host, door.port, username=who.user, client_keys=[who.key], known_hosts=None, agent_path=None,
        config=None, **options,
    )  # fmt: skip


_OPENSSH = (
    "-q", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
    "-o", "IdentitiesOnly=yes", "-o", "GlobalKnownHostsFile=/dev/null",
)  # fmt: skip


def openssh(
    door: Door, who: Practice, *commands: str, folder: Path, options: tuple[str, ...] = (), port: int = 0
):
    """Run commands in OpenSSH's sftp, with the practice's key."""
    batch = folder / "batch"
    batch.write_text("\n".join(commands) + "\n")
    return subprocess.run(
        ["sftp", *_OPENSSH, "-i", str(who.key_file), *options, "-P", str(port or door.port), "-b", str(batch),
         f"{who.user}@{door.host}"],
        check=False, cwd=folder, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def openssh_with_password(door: Door, user: str, password: str, *commands: str, folder: Path):
    """Run commands in OpenSSH's sftp, logging in with a password as a person would."""
    ask = folder / "ask"
    ask.write_text(f"#!/bin/sh\necho '{password}'\n")
    ask.chmod(0o700)
    env = {**os.environ, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"}
    return subprocess.run(
        ["sftp", *_OPENSSH, "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1",
         "-o", "BatchMode=no", "-P", str(door.port), f"{user}@{door.host}"],
        check=False, cwd=folder, capture_output=True, text=True, timeout=120, env=env, input="\n".join(commands) + "\n",
    )  # fmt: skip


def ssh(door: Door, who: Practice, *arguments: str, timeout: float = 30):
    """Run OpenSSH's ssh against the door, to ask for what it must not give."""
    before = [argument for argument in arguments if argument.startswith("-")]
    after = [argument for argument in arguments if not argument.startswith("-")]
    return subprocess.run(
        ["ssh", *_OPENSSH, "-o", "BatchMode=yes", "-i", str(who.key_file), "-p", str(door.port), *before,
         f"{who.user}@{door.host}", *after],
        check=False, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
    )  # fmt: skip


_SERVE_WEB = """
import sys
from caisse.fund.exchange.doors.https_server import web_server
from caisse.fund.home import Home
home, host, port = sys.argv[1:]
web_server(Home.at(home).existing(), host, int(port), log=True).serve()
"""


@contextlib.contextmanager
def https_door(
    home: Home, folder: Path, host: str = "127.0.0.1", before: tuple[str, ...] = ()
) -> Iterator[Door]:
    """The fund's web server with TLS on a free port; ``before`` precedes its command."""
    folder.mkdir(parents=True, exist_ok=True)
    port = reserved_port()
    log = folder / "web.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*before, sys.executable, "-c", _SERVE_WEB, str(home.path), host, str(port)],
            stdout=output, stderr=output,
        )  # fmt: skip
    door = Door(host, port, process, log)
    try:
        deadline = time.monotonic() + 120
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            if "Started worker" in log.read_text():
                break
            time.sleep(0.05)
        yield door
    finally:
        door.stop()


@contextlib.contextmanager
def browser(
    home: Home, door: Door, who: Practice | None = None, source: str | None = None
) -> Iterator[httpx.Client]:
    """An HTTP client that trusts the fund's certificate and nothing else."""
    trust = ssl.create_default_context(cafile=str(home.tls / "certificate.pem"))
    transport = httpx.HTTPTransport(verify=trust, local_address=source)
    auth = (who.user, PASSWORD) if who else None
    with httpx.Client(
        base_url=f"https://127.0.0.1:{door.port}/api/v1", transport=transport, auth=auth, timeout=60, trust_env=False
    ) as client:  # fmt: skip
        yield client
