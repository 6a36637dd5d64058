"""The SFTP door: uploads appear under their name only when whole, and go on where they broke off."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import asyncssh

from caisse.agreement.errors import CaisseError, ContentRefused, Unreachable
from caisse.provider import faults
from caisse.provider.errors import DepositRefused, HostKeyChanged, LoginRefused
from caisse.provider.home import Home, Settings, write_durably
from caisse.provider.transport import PART, PATIENCE, Closing, Progress, RemoteFile, no_notice

_BLOCK = 128 * 1024
_BLOCKS_UNDER_WAY = 16
#: Cheaper to send again than to ask how far it got.
_WORTH_RESUMING = 1024 * 1024

#: Fastest first on machines with AES instructions; all are authenticated.
_CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"]

_LOST = (asyncssh.ConnectionLost, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, OSError, EOFError)


class _Loop:
    """An event loop in a thread of its own, so that the door also works inside a vendor's event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="caisse-sftp", daemon=True)
        self._thread.start()

    def run[T](self, work: Coroutine[Any, Any, T], patience: float | None = None) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(patience)
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _address(fund: str) -> tuple[str, int]:
    parts = urlsplit(fund)
    return parts.hostname or "", parts.port or 22


def fetch_host_key(fund: str) -> asyncssh.SSHKey:
    """The key the fund's server shows now; it is for the caller to trust it or not."""
    host, port = _address(fund)
    loop = _Loop()
    try:
        found = loop.run(asyncssh.get_server_host_key(host, port, config=None), PATIENCE)
    except (TimeoutError, FutureTimeout, OSError, asyncssh.Error) as error:
        raise Unreachable(f"{host}:{port}: {error or 'no answer'}") from None
    finally:
        loop.close()
    if found is None:
        raise Unreachable(f"{host}:{port}: the server shows no host key")
    return found


def pin_host_key(home: Home, fund: str, key: asyncssh.SSHKey) -> str:
    """Write the key down as the only one to be trusted; returns its fingerprint."""
    host, port = _address(fund)
    pattern = host if port == 22 else f"[{host}]:{port}"
    line = f"{pattern} {key.export_public_key().decode().strip()}\n"
    write_durably(home.known_hosts, line.encode(), mode=0o600)
    return str(key.get_fingerprint())


def generate_key(home: Home, comment: str) -> str:
    """Make the account's SSH key (Ed25519); returns the public half for the fund."""
    key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
    write_durably(home.private_key, key.export_private_key(), mode=0o600)
    public = key.export_public_key()
    write_durably(home.private_key.with_suffix(".pub"), public)
    return str(public.decode().strip())


class SftpDoor(Closing):
    """The mailbox over SFTP; connects when first used."""

    def __init__(self, home: Home, settings: Settings, notice: Callable[[str], None] = no_notice) -> None:
        """Credentials and host key come from ``home``; without a pinned key, the first one is pinned."""
        self._home, self._settings, self._notice = home, settings, notice
        self._where = "{}:{}".format(*_address(settings.fund))
        self._loop = _Loop()
        #: Bytes that went through, to tell slow from stalled.
        self._moved = 0
        self._client: asyncssh.SFTPClient | None = None
        self._connection: asyncssh.SSHClientConnection | None = None

    def put(
        self, name: str, path: Path, *, resume: bool, begun: Callable[[], None], progress: Progress
    ) -> None:
        """Upload as ``name.part``, then rename: the fund answers the rename when the deposit is durable."""
        part, size = f"in/{name}{PART}", path.stat().st_size
        self._do(lambda: self._upload(part, path, resume, begun, progress), refusal=DepositRefused)
        faults.reach("send.before_rename")
        self._do(
            lambda: self._rename(part, f"in/{name}", size), patience=4 * PATIENCE, refusal=DepositRefused
        )
        faults.reach("send.after_rename")

    def list_answers(self) -> list[RemoteFile]:
        """The files in `out/`."""
        return self._do(self._list)

    def get(self, name: str, target: Path, *, progress: Progress) -> None:
        """Download from `out/`."""
        self._do(lambda: self._download(f"out/{name}", target, progress))

    def fetch_keys(self) -> bytes:
        """The contents of `keys/jwks.json`."""
        return self._do(lambda: self._read("keys/jwks.json"))

    def close(self) -> None:
        """Leave the fund's server."""
        with suppress(Exception):
            if self._connection is not None:
                self._loop.run(self._hang_up(), 5)
        self._loop.close()

    async def _hang_up(self) -> None:
        assert self._connection is not None
        self._connection.close()
        await self._connection.wait_closed()

    def _do[T](
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        *,
        patience: float | None = None,
        refusal: type[CaisseError] = Unreachable,
    ) -> T:
        """Run one piece of work; ``refusal`` is raised when the fund says no.

        Gives up when nothing has moved for ``patience`` seconds, however long the whole takes.
        """
        try:
            self._connect()
            return self._loop.run(self._unless_stalled(work(), patience or PATIENCE))
        except asyncssh.SFTPError as error:
            if isinstance(error, _LOST):
                raise Unreachable(f"{self._where}: the connection was lost") from None
            raise refusal(f"{self._where} says: {error.reason}") from None
        except (TimeoutError, FutureTimeout):
            raise Unreachable(f"{self._where}: no answer in time") from None
        except _LOST as error:
            raise Unreachable(f"{self._where}: {error or 'the connection was lost'}") from None
        except asyncssh.Error as error:
            raise Unreachable(f"{self._where}: {error.reason}") from None

    async def _unless_stalled[T](self, work: Coroutine[Any, Any, T], patience: float) -> T:
        task = asyncio.ensure_future(work)
        try:
            while True:
                before = self._moved
                await asyncio.wait({task}, timeout=patience)
                if task.done():
                    return task.result()
                if self._moved == before:
                    raise TimeoutError
        finally:
            task.cancel()

    def _connect(self) -> None:
        if self._client is not None:
            return
        if not self._home.known_hosts.exists():
            shown = pin_host_key(self._home, self._settings.fund, fetch_host_key(self._settings.fund))
            self._notice(f"The fund's host key, from now on the only one trusted: {shown}")
        try:
            self._loop.run(self._log_in(), 2 * PATIENCE)
        except asyncssh.HostKeyNotVerifiable:
            raise HostKeyChanged(f"({self._where}; pinned in {self._home.known_hosts})") from None
        except asyncssh.PermissionDenied:
            raise LoginRefused(f"({self._settings.user} at {self._where})") from None

    async def _log_in(self) -> None:
        host, port = _address(self._settings.fund)
        key, secret = self._home.private_key, self._home.secret
        self._connection = await asyncssh.connect(
            host,
            port,
            username=self._settings.user,
            client_keys=[str(key)] if key.exists() else None,
            password=secret.read_text("utf-8").rstrip("\r\n") if secret.exists() else None,
            known_hosts=str(self._home.known_hosts),
            config=None,
            agent_path=None,
            encryption_algs=_CIPHERS,
            connect_timeout=PATIENCE,
            login_timeout=PATIENCE,
            keepalive_interval=15,
        )
        self._client = await self._connection.start_sftp_client()

    @property
    def _sftp(self) -> asyncssh.SFTPClient:
        assert self._client is not None
        return self._client

    async def _upload(
        self, part: str, path: Path, resume: bool, begun: Callable[[], None], progress: Progress
    ) -> None:
        size = path.stat().st_size
        start = await self._how_far(part, size) if resume and size >= _WORTH_RESUMING else 0
        async with self._sftp.open(part, "r+b" if start else "wb") as remote:
            if not start:
                begun()
            await self._send_blocks(remote, path, start, size, progress)
            with suppress(asyncssh.SFTPOpUnsupported):
                await remote.fsync()

    async def _how_far(self, part: str, size: int) -> int:
        """Bytes of the earlier attempt to build upon: whole blocks before the last ones under way."""
        try:
            held = (await self._sftp.stat(part)).size or 0
        except asyncssh.SFTPError:
            return 0
        # Blocks are written side by side: up to a window before the end there may be holes.
        safe = held - _BLOCK * _BLOCKS_UNDER_WAY
        return 0 if held > size or safe <= 0 else safe // _BLOCK * _BLOCK

    async def _send_blocks(
        self, remote: asyncssh.SFTPClientFile, path: Path, start: int, size: int, progress: Progress
    ) -> None:
        done = start
        room = asyncio.Semaphore(_BLOCKS_UNDER_WAY)

        async def send(block: bytes, offset: int) -> None:
            nonlocal done
            try:
                await remote.write(block, offset)
            finally:
                room.release()
            done += len(block)
            self._moved += len(block)
            faults.reach("send.during_put")
            progress(done, size)

        with path.open("rb") as source:
            source.seek(start)
            offset = start
            try:
                async with asyncio.TaskGroup() as tasks:
                    while block := source.read(_BLOCK):
                        await room.acquire()
                        tasks.create_task(send(block, offset))
                        offset += len(block)
            except ExceptionGroup as failures:
                raise failures.exceptions[0] from None

    async def _rename(self, part: str, name: str, size: int) -> None:
        try:
            await self._sftp.posix_rename(part, name)
        except asyncssh.SFTPOpUnsupported:
            await self._rename_plainly(part, name, size)

    async def _rename_plainly(self, part: str, name: str, size: int) -> None:
        """Without the extension: a file of that name and size is the one an earlier attempt left."""
        try:
            await self._sftp.rename(part, name)
        except (asyncssh.SFTPFailure, asyncssh.SFTPFileAlreadyExists):
            with suppress(asyncssh.SFTPError):
                if (await self._sftp.stat(name)).size == size:
                    await self._sftp.remove(part)
                    return
            raise

    async def _list(self) -> list[RemoteFile]:
        return [
            RemoteFile(str(entry.filename), entry.attrs.size or 0)
            async for entry in self._sftp.scandir("out")
            if entry.attrs.type == asyncssh.FILEXFER_TYPE_REGULAR and not str(entry.filename).startswith(".")
        ]

    async def _download(self, name: str, target: Path, progress: Progress) -> None:
        def report(_source: bytes, _target: bytes, done: int, size: int) -> None:
            self._moved += 1
            progress(done, size)

        await self._sftp.get(name, str(target), progress_handler=report)

    async def _read(self, name: str) -> bytes:
        try:
            async with self._sftp.open(name, "rb") as remote:
                return cast(bytes, await remote.read())
        except asyncssh.SFTPNoSuchFile:
            raise ContentRefused(f"{self._where} publishes no {name}") from None
