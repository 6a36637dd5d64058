"""Log-in and connections of the SFTP door: who may come in, how often, and nothing but SFTP."""

import asyncio
import logging
from collections.abc import Callable

import asyncssh
from django.db import DatabaseError

from caisse.fund import leaving, secrets_folder
from caisse.fund.exchange import queries
from caisse.fund.exchange.doors.mail import Mail
from caisse.fund.exchange.doors.networks import shortened
from caisse.fund.exchange.doors.sftp_files import Files
from caisse.fund.exchange.doors.sftp_session import SftpSession
from caisse.fund.exchange.doors.threads import DatabaseThreads
from caisse.fund.exchange.doors.throttle import FailedLogins, Places
from caisse.fund.exchange.doors.unfinished import UnfinishedUploads
from caisse.fund.exchange.errors import CodeClosed
from caisse.fund.exchange.models import Account
from caisse.fund.home import Home

_log = logging.getLogger(__name__)

#: Only AES-GCM is offered. A client takes the first cipher of its own list that we offer, and OpenSSH's list
#: puts slower ones first; every client of the last years (OpenSSH, WinSCP, FileZilla, PuTTY) has AES-GCM.
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
_KEY_EXCHANGES = (
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
)

_STRANGERS = 100  # connections at a time that have not logged in
_SESSIONS = 8  # sessions of one account at a time
_ATTEMPTS = 6  # refused log-ins in one connection
_UNFINISHED = 200  # unfinished uploads one account may leave
_LOGIN_SECONDS = 30
_QUIET_SECONDS = 60
_FAREWELL_SECONDS = 10.0
_WATCH_SECONDS = 15.0  # how long a closed account may go on looking

#: Few and large pieces: every packet costs the same, whatever its size.
_WINDOW, _PIECE = 8 << 20, 128 << 10


class SftpDoor:
    """The door of one fund: its threads, its limits, and the accounts that are inside."""

    def __init__(self, home: Home) -> None:
        self.home, self.config = home, home.config()
        self.threads = DatabaseThreads(8, "sftp")
        self.login_threads = DatabaseThreads(2, "sftp-login")
        self.failed = FailedLogins()
        self.strangers, self.sessions = Places(_STRANGERS), Places(_SESSIONS)
        self.callers: set[Caller] = set()
        self.open_sessions: set[SftpSession] = set()
        self._uploads: dict[int, UnfinishedUploads] = {}

    async def serve(self, host: str, port: int, on_ready: Callable[[int], None] | None) -> None:
        """Open the door, say the port, and close it on SIGTERM or SIGINT."""
        asyncssh.set_log_level(logging.ERROR)  # its lines would name users and addresses
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        with leaving.stopping_by(lambda: loop.call_soon_threadsafe(stop.set)):
            acceptor = await self.listen(host, port)
            _log.info("the SFTP door is open")
            if on_ready:
                on_ready(acceptor.get_port())
            watch = asyncio.create_task(self.watch_accounts())
            await stop.wait()
        watch.cancel()
        acceptor.close()
        await self.farewell()

    async def listen(self, host: str, port: int) -> asyncssh.SSHAcceptor:
        """Open the door and return what accepts connections."""
        return await asyncssh.listen(
            host,
            port,
            server_factory=lambda: Caller(self),
            server_host_keys=[asyncssh.import_private_key(self.home.secret(secrets_folder.SSH_HOST_KEY))],
            encryption_algs=_CIPHERS,
            kex_algs=_KEY_EXCHANGES,
            compression_algs=["none"],
            server_version="Caisse",
            login_timeout=_LOGIN_SECONDS,
            keepalive_interval=_QUIET_SECONDS,
            keepalive_count_max=3,
            encoding=None,
            window=_WINDOW,
            max_pktsize=_PIECE,
            kbdint_auth=False,
            gss_host=None,
            agent_forwarding=False,
            x11_forwarding=False,
            allow_pty=False,
            line_editor=False,
        )

    async def watch_accounts(self) -> None:
        """End the connections of accounts that were closed, or whose code was, while they were inside."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            inside = {caller.account.pk for caller in self.callers if caller.account}
            try:
                closed = inside - await self.threads.run(queries.open_accounts, inside)
            except DatabaseError as error:
                _log.error("SFTP: accounts cannot be looked up: %s", type(error).__name__)
                continue
            for caller in list(self.callers):
                if caller.account and caller.account.pk in closed:
                    caller.turn_out()

    async def farewell(self) -> None:
        """Let what is being received be answered, then close every line and keep what is unfinished."""
        deadline = asyncio.get_running_loop().time() + _FAREWELL_SECONDS
        while any(session.is_busy for session in self.open_sessions):
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.02)
        for caller in list(self.callers):
            caller.turn_out()
        while self.open_sessions and asyncio.get_running_loop().time() < deadline + _FAREWELL_SECONDS:
            await asyncio.sleep(0.02)
        self.threads.end()
        self.login_threads.end()

    def uploads_of(self, account_id: int) -> UnfinishedUploads:
        """The unfinished uploads of an account, the same for all its sessions."""
        if account_id not in self._uploads:
            self._uploads[account_id] = UnfinishedUploads(
                self.home.staging / str(account_id), self.config.limits.bytes, self.threads, _UNFINISHED
            )
        return self._uploads[account_id]

    def open_session(self, account: Account) -> SftpSession | None:
        """A session for the account; None when it has as many as it may."""
        if not self.sessions.take(account.pk):
            return None
        files = Files(
            Mail(self.home, account, "sftp"),
            self.uploads_of(account.pk),
            self.threads,
            self.config.limits.name_length,
        )
        session = SftpSession(files, lambda: self._session_ended(session, account.pk))
        self.open_sessions.add(session)
        return session

    def _session_ended(self, session: SftpSession, account_id: int) -> None:
        self.open_sessions.discard(session)
        self.sessions.give_back(account_id)


class Caller(asyncssh.SSHServer):
    """One connection, from the first byte to the last."""

    def __init__(self, door: SftpDoor) -> None:
        self._door = door
        self._address = ""
        self._is_stranger = False
        self._refusals = 0
        #: The account that logged in.
        self.account: Account | None = None
        self._known: dict[str, Account] = {}
        self._right_key = ("", "")
        self._conn: asyncssh.SSHServerConnection

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Turn away who is outside the allowed networks before a byte is said."""
        self._conn = conn
        peer = conn.get_extra_info("peername")
        self._address = str(peer[0]) if peer else ""
        if not self._door.config.is_allowed(self._address):
            _log.warning("SFTP: a caller from %s, outside the allowed networks", shortened(self._address))
            conn.abort()
            return
        self._is_stranger = self._door.strangers.take("all")
        if not self._is_stranger:
            _log.warning("SFTP: too many connections that have not logged in")
            conn.abort()
            return
        self._door.callers.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """The line is gone."""
        self._door.callers.discard(self)
        self._no_stranger()

    def _no_stranger(self) -> None:
        if self._is_stranger:
            self._is_stranger = False
            self._door.strangers.give_back("all")

    def begin_auth(self, _username: str) -> bool:
        """Everybody has to log in, and everybody is asked in the same way."""
        return True

    def auth_completed(self) -> None:
        """Logged in."""
        self.account = self._known.get(str(self._conn.get_extra_info("username")))
        self._no_stranger()

    def turn_out(self) -> None:
        """End this connection."""
        self._conn.abort()

    def public_key_auth_supported(self) -> bool:
        """Offered to every user name, known or not."""
        return True

    def password_auth_supported(self) -> bool:
        """Offered to every user name, known or not."""
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """True when the key is one of the account's; asked twice in a log-in, looked up once."""
        text = b" ".join(key.export_public_key("openssh").split()[:2]).decode()
        if self._right_key == (username, text):
            return True
        account = await self._door.threads.run(queries.authenticate_key, username, text)
        if account is None:
            self._count_refusal()
            return False
        self._right_key = username, text
        self._known[username] = account
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """True when the password is the account's. A wrong one costs the same work as an unknown name."""
        if self._door.failed.wait_seconds(self._address, username) > 0:
            self._count_refusal()
            return False
        try:
            account = await self._door.login_threads.run(queries.authenticate_password, username, password)
        except CodeClosed as refusal:
            _log.warning("SFTP: log-in refused: %s", refusal.code)
            self._count_refusal()
            return False
        if account is None:
            self._door.failed.failed(self._address, username)
            self._count_refusal()
        else:
            self._door.failed.succeeded(self._address, username)
            self._known[username] = account
        return account is not None

    def _count_refusal(self) -> None:
        self._refusals += 1
        if self._refusals >= _ATTEMPTS:
            _log.warning(
                "SFTP: %d refused log-ins in one connection from %s", _ATTEMPTS, shortened(self._address)
            )
            self._conn.abort()

    def session_requested(self) -> SftpSession | bool:
        """A session for the account that logged in; False beyond the account's number of sessions."""
        session = self._door.open_session(self.account) if self.account else None
        return session or False
