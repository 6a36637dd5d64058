"""The practice's database: made once, brought up to date step by step, on SQLite and on PostgreSQL."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from caisse.agreement.errors import WrongUse
from caisse.provider import Practice, schema
from caisse.provider.errors import SchemaTooNew
from caisse.provider.store import Store, move_sending
from caisse.provider.transport.memory import MemoryDoor
from tests.provider.fund import Answers
from tests.provider.months import write_month


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'practice.sqlite'}"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """An empty PostgreSQL database: on the server given by CAISSE_TEST_DATABASE_URL, else an embedded one."""
    psycopg = pytest.importorskip("psycopg", reason="the bare installation brings no driver for PostgreSQL")
    embedded = pytest.importorskip("caisse.fund.embedded")
    from caisse.fund.home import Home

    name = f"caisse_test_practice_{os.getpid()}"
    own = os.environ.get("CAISSE_TEST_DATABASE_URL")
    folder = Path(tempfile.mkdtemp(prefix="caisse-practice-"))
    folder.chmod(0o755)
    home = Home.at(folder / "cluster")
    cluster = embedded.Cluster(home)
    if not own:
        home.create("Cluster")
        cluster.create()
        cluster.start()
    reached = own or cluster.dsn("postgres", administrator=True)
    with psycopg.connect(reached, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        parts = psycopg.conninfo.conninfo_to_dict(reached)
    address = sa.URL.create(
        "postgresql+psycopg", parts.get("user"), parts.get("password"), database=name,
        query={key: str(parts[key]) for key in ("host", "port") if parts.get(key)},
    )  # fmt: skip
    try:
        yield address.render_as_string(hide_password=False)
    finally:
        with psycopg.connect(reached, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        if not own:
            cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def test_a_new_database_logs_ahead_and_is_for_its_owner_only(url: str, tmp_path: Path) -> None:
    store = Store(url)
    path = tmp_path / "practice.sqlite"
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    store.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_every_step_may_run_again(url: str) -> None:
    Store(url).close()
    store = Store(url)
    for step in schema.STEPS:
        with store.write() as connection:
            step(connection)
    with store.read() as connection:
        numbers = (
            connection.execute(sa.select(schema.schema_steps.c.number).order_by("number")).scalars().all()
        )
        assert numbers == list(range(1, len(schema.STEPS) + 1))
        made = set(sa.inspect(connection).get_table_names())
    assert made == set(schema.metadata.tables)
    store.close()


def test_a_step_that_was_interrupted_is_made_up_for(url: str, tmp_path: Path) -> None:
    Store(url).close()
    with sqlite3.connect(tmp_path / "practice.sqlite") as connection:
        connection.execute("DELETE FROM schema_steps WHERE number >= 2")
        connection.execute("DROP INDEX sendings_by_sha256")
    connection.close()
    store = Store(url)
    with store.read() as opened:
        names = {index["name"] for index in sa.inspect(opened).get_indexes("sendings")}
    assert "sendings_by_sha256" in names
    store.close()


def test_a_newer_database_is_not_touched(url: str, tmp_path: Path) -> None:
    Store(url).close()
    with sqlite3.connect(tmp_path / "practice.sqlite") as connection:
        connection.execute("INSERT INTO schema_steps VALUES (99, '2030-01-01')")
    connection.close()
    with pytest.raises(SchemaTooNew, match="step 99"):
        Store(url)


@pytest.mark.parametrize("wrong", ["nonsense", "nosuch://x", "mysql+pymysql://x/y"])
def test_an_address_that_leads_nowhere_is_wrong_use(wrong: str) -> None:
    with pytest.raises(WrongUse):
        Store(wrong)


def test_a_moment_keeps_its_instant_and_needs_its_zone(url: str) -> None:
    store = Store(url)
    moment = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    row = {"name": "a", "sha256": "0" * 64, "rows": 1, "imported_at": moment}
    with store.write() as connection:
        connection.execute(schema.imports.insert().values(row))
        assert connection.scalar(sa.select(schema.imports.c.imported_at)) == moment.astimezone(UTC)
    with pytest.raises(sa.exc.StatementError), store.write() as connection:
        connection.execute(schema.imports.insert().values(row | {"imported_at": moment.replace(tzinfo=None)}))
    store.close()


def test_a_failed_transaction_leaves_nothing(url: str) -> None:
    store = Store(url)
    row = {"name": "a", "sha256": "0" * 64, "rows": 1, "imported_at": datetime.now(UTC)}
    with pytest.raises(RuntimeError), store.write() as connection:
        connection.execute(schema.imports.insert().values(row))
        raise RuntimeError
    with store.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(schema.imports)) == 0
    store.close()


def month_of_work(practice: Practice, mailbox: MemoryDoor, folder: Path) -> None:
    """Record, build, send, collect."""
    practice.record(write_month(folder / "march.csv", 40, too_dear=(3,)))
    practice.build_invoices(year=2024, number=3)
    practice.send()
    practice.collect()
    practice.collect(again=True)


def test_the_same_work_on_postgresql(postgresql: str, tmp_path: Path) -> None:
    answers = Answers()
    figures = []
    for database in (None, postgresql):
        mailbox = MemoryDoor(keys=answers.jwks, respond=answers)
        home = tmp_path / ("own" if database is None else "server")
        practice = Practice.create(home, fund="memory://x", code=52001700, database=database, door=mailbox)
        with practice:
            month_of_work(practice, mailbox, tmp_path)
            owed = practice.owed()
            figures.append((owed.asked_cents, owed.paid_cents, owed.refused_cents, owed.refused_for))
            (file,) = practice.status().sendings
            assert (file.state, file.receipted, file.lines) == ("returned", True, 80)
            rows = practice.export(home / "all.parquet", file_format="parquet")
            assert rows == 80
            moved = practice.store
            with (
                moved.write() as connection,
                pytest.raises(ValueError, match="cannot go from returned to sent"),
            ):
                move_sending(connection, 1, "sent")
    assert figures[0] == figures[1]
