"""One PostgreSQL for all fund tests of a run, one database per pytest-xdist worker, emptied after each test.

    db           the database, empty but for what migrations put there; Django's default connection uses it
    module_db    the same for all tests of a module together
    admin        a psycopg connection to the same database as superuser, to tamper with it
    now          an aware time
    visit, check a real browser at the real pages; see tests/browser

`CAISSE_TEST_DATABASE_URL=postgresql://user:password@host/postgres` runs the same tests on a server of your
own; its user must be a superuser, and databases named `caisse_test_…` are made and dropped there.
"""

import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import django
import psycopg
import pytest
from psycopg import conninfo, sql

from caisse.fund.embedded import ROLE, Cluster
from caisse.fund.exchange import receipts
from caisse.fund.home import VARIABLE, Home

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "only")
OWN_SERVER = os.environ.get("CAISSE_TEST_DATABASE_URL", "")
SHARED = Path(tempfile.gettempdir()) / f"caisse-tests-{RUN[:12]}"
DATABASE = f"caisse_test_{RUN[:12]}_{WORKER}"
TEMPLATE = f"caisse_test_{RUN[:12]}_template"

_cluster = Cluster(Home.at(SHARED / "cluster"))


def _url(**changes: str) -> str:
    """The tests' database as a URL Django and psycopg understand."""
    parts = {**conninfo.conninfo_to_dict(OWN_SERVER), "dbname": DATABASE, **changes}
    query = {name: value for name, value in parts.items() if name not in {"user", "password", "dbname"}}
    # libpq reads percent-encoded hosts; socket folders therefore stand in the query.
    user, password = quote(parts.get("user", ""), ""), quote(parts.get("password", ""), "")
    return f"postgresql://{user}:{password}@/{parts['dbname']}?{urlencode(query)}"


def _make_home() -> Home:
    """This worker's home: its own secrets, store and staging; its database on the shared server."""
    home = Home.at(tempfile.mkdtemp(prefix="caisse-home-"))
    home.create("Test fund")
    receipts.ensure_key(home)
    if OWN_SERVER:
        url = _url()
    else:
        with _lock():
            _cluster.home.create("Cluster")
        url = _url(
            host=str(_cluster.socket_folder), user=ROLE,
            password=_cluster.home.secret("database-password").decode(),
        )  # fmt: skip
    text = home.config_file.read_text().replace('url = ""', f'url = "{url}"')
    home.config_file.write_text(text)
    return home


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    with (SHARED / "lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _administrator(database: str) -> psycopg.Connection:
    if OWN_SERVER:
        return psycopg.connect(OWN_SERVER, dbname=database, autocommit=True)
    return psycopg.connect(_cluster.dsn(database, administrator=True), autocommit=True)


def _join_run() -> None:
    """Share the folder of this run until the process ends; whoever ends last takes it away.

    Not with its last test of the database: another process may only then be given its first.
    """
    SHARED.mkdir(exist_ok=True)
    using = (SHARED / "using").open("a")
    fcntl.flock(using, fcntl.LOCK_SH)

    def leave() -> None:
        with using, contextlib.suppress(BlockingIOError):
            fcntl.flock(using, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(SHARED, ignore_errors=True)

    atexit.register(leave)


_join_run()
# Test modules import models, so Django has to know its settings before any of them is collected.
HOME = _make_home()
os.environ[VARIABLE] = str(HOME.path)
os.environ["DJANGO_SETTINGS_MODULE"] = "caisse.fund.settings"
django.setup()

from tests.browser.fixtures import check, chromium, pages_url, visit  # noqa: E402, F401 - models, too

atexit.register(shutil.rmtree, HOME.path, ignore_errors=True)


@pytest.fixture(scope="session")
def home() -> Home:
    return HOME


@pytest.fixture(scope="session")
def database(home: Home) -> Iterator[Home]:
    from django.db import connection

    with contextlib.ExitStack() as stack:
        if not OWN_SERVER:
            with _lock():
                _cluster.create()
                stack.enter_context(_cluster.running())
        with _lock():
            _make_database()
        stack.callback(_drop_database)
        yield home
        connection.close()
        if _cleaner.cache_info().currsize:
            _cleaner().close()
            _cleaner.cache_clear()


def _make_database() -> None:
    """This worker's database from the run's template; the first worker migrates the template."""
    from django.core.management import call_command
    from django.db import connection

    owner = conninfo.conninfo_to_dict(OWN_SERVER).get("user", "postgres") if OWN_SERVER else ROLE
    with _administrator("postgres") as server:
        found = server.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchone()
        if not found:
            if not OWN_SERVER:
                # This server is never killed; what must survive a kill is tried on servers of its own.
                server.execute("ALTER SYSTEM SET fsync = off")
                server.execute("SELECT pg_reload_conf()")
            _create(server, DATABASE, owner)
            call_command("migrate", verbosity=0)
            connection.close()
            _create(server, TEMPLATE, owner, DATABASE)
        else:
            _create(server, DATABASE, owner, TEMPLATE)


def _create(server: psycopg.Connection, name: str, owner: str, template: str = "template1") -> None:
    server.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
            *map(sql.Identifier, (name, owner, template))
        )
    )


def _drop_database() -> None:
    with _administrator("postgres") as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE)))
        if OWN_SERVER:
            server.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(TEMPLATE))
            )


@pytest.fixture(scope="session")
def _seeded(database: Home) -> frozenset[str]:
    """Tables the migrations filled; they are left alone between tests."""
    from django.db import connection

    with connection.cursor() as cursor:
        return frozenset(_with_rows(cursor, _tables(cursor)))


@pytest.fixture
def db(database: Home, _seeded: frozenset[str]) -> Iterator[Home]:
    """An empty database and an empty store; the value is the home."""
    yield database
    _empty(database, _seeded)


@pytest.fixture(scope="module")
def module_db(database: Home, _seeded: frozenset[str]) -> Iterator[Home]:
    """`db` for the tests of a module together; no test of such a module may ask for `db`."""
    yield database
    _empty(database, _seeded)


def _empty(home: Home, seeded: frozenset[str]) -> None:
    """Take all rows but the seeded ones away, past the guards of the tables, and all stored files."""
    from django.db import connection

    with connection.cursor() as cursor:
        emptied = [name for name in _tables(cursor) if name not in seeded]
        filled = _with_rows(cursor, emptied)
    if filled:
        try:
            _take_away(filled)
        except psycopg.OperationalError:  # a test that cut every connection to the database cut this one, too
            _cleaner.cache_clear()
            _take_away(filled)
    for folder in (home.store, home.documents, home.previews, home.staging, home.mail_in):
        for path in folder.rglob("*"):
            if path.is_file():
                path.unlink()


def _take_away(tables: list[str]) -> None:
    server = _cleaner()
    # Deleting a test's few rows costs a tenth of what TRUNCATE does, which gives every table new files.
    server.execute("".join(f'DELETE FROM "{name}";' for name in tables))
    server.execute(
        "SELECT setval(s.oid::regclass, start_value, false) FROM pg_class s"
        " JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') AND s.relkind = 'S'"
        " JOIN pg_class t ON t.oid = d.refobjid JOIN pg_sequences q ON q.sequencename = s.relname"
        " WHERE t.relname = ANY(%s) AND q.last_value IS NOT NULL",
        [tables],
    )


@functools.cache
def _cleaner() -> psycopg.Connection:
    """A connection for which neither the tables' guards nor their references hold."""
    server = _administrator(DATABASE)
    server.execute("SET session_replication_role = replica")
    return server


def _tables(cursor) -> list[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [row[0] for row in cursor.fetchall()]


def _with_rows(cursor, tables: list[str]) -> list[str]:
    cursor.execute(
        " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")" for name in tables)
    )
    return [row[0] for row in cursor.fetchall()]


@pytest.fixture
def admin(db: Home) -> Iterator[psycopg.Connection]:
    with _administrator(DATABASE) as connection:
        yield connection


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for the browser is marked: its driver keeps an event loop that others must not meet."""
    for item in items:
        if "chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
