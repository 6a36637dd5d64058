"""The embedded PostgreSQL: made, started, killed, started again, stopped by whoever leaves last."""

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import psycopg
import pytest

from caisse.agreement.errors import WrongUse
from caisse.fund import server_account
from caisse.fund.embedded import Cluster, django_database
from caisse.fund.home import DATABASE_VARIABLE, Home


@pytest.fixture(scope="module")
def cluster():
    # Not under pytest's own folder: that one is closed to PostgreSQL's user when root runs the tests.
    folder = Path(tempfile.mkdtemp(prefix="caisse-embedded-"))
    folder.chmod(0o755)
    home = Home.at(folder / "home")
    home.create("Embedded")
    made = Cluster(home)
    made.create()
    yield made
    made.stop()
    shutil.rmtree(folder)


def _value(cluster, statement):
    with psycopg.connect(cluster.dsn()) as connection:
        return connection.execute(statement).fetchone()[0]


def test_it_is_safe_by_its_settings(cluster):
    cluster.start()
    assert cluster.pid() is not None
    for setting, value in {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
                           "listen_addresses": "", "data_checksums": "on"}.items():  # fmt: skip
        assert _value(cluster, f"SELECT current_setting('{setting}')") == value
    assert _value(cluster, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False


def test_nobody_gets_in_without_the_password(cluster):
    cluster.start()
    for password in ("", "wrong"):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(cluster.dsn(), password=password).close()


def test_what_was_committed_survives_a_kill(cluster):
    cluster.start()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
    before = cluster.pid()
    os.kill(before, signal.SIGKILL)
    while cluster.pid() == before:
        time.sleep(0.01)
    cluster.start()
    assert cluster.pid() not in (None, before)
    assert _value(cluster, "SELECT count(*) FROM kept") >= 1


def test_a_stale_pid_of_a_stranger_does_not_keep_it_from_starting(cluster):
    cluster.stop()
    assert cluster.pid() is None
    (cluster.data / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster.data}\n0\n5432\n\n\n\n\n")
    cluster.start()
    assert _value(cluster, "SELECT 1") == 1


def test_the_last_user_stops_it(cluster):
    cluster.stop()
    with cluster.running():
        with cluster.running():
            assert cluster.pid() is not None
        assert cluster.pid() is not None, "somebody still uses it"
    assert cluster.pid() is None


def test_a_signal_in_the_moment_of_its_start_leaves_none_running(cluster, monkeypatch):
    cluster.stop()
    begun = []

    def spawn(self, account):
        begun.append(spawned(self, account))
        signal.raise_signal(signal.SIGTERM)
        return begun[-1]

    def leave(_number, _frame):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit

    spawned = Cluster._spawn
    monkeypatch.setattr(Cluster, "_spawn", spawn)
    before = signal.signal(signal.SIGTERM, leave)
    try:
        with pytest.raises(SystemExit), cluster.running():
            pass
        assert len(begun) == 1
        assert begun[0].poll() is not None
    finally:
        signal.signal(signal.SIGTERM, before)
        begun[0].kill()
        begun[0].wait()


def test_creating_again_changes_nothing(cluster):
    cluster.create()
    with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    cluster.create()
    assert _value(cluster, "SELECT to_regclass('kept') IS NOT NULL") is True


def test_a_long_path_gets_a_short_socket(tmp_path):
    long = Cluster(Home.at(tmp_path / ("x" * 120)))
    assert len(os.fsencode(long.socket_folder / ".s.PGSQL.5432")) <= 107
    assert long.socket_folder != Cluster(Home.at(tmp_path / ("y" * 120))).socket_folder
    assert Cluster(Home.at("/var/lib/fund")).socket_folder == Path("/var/lib/fund/pg/socket")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_a_home_out_of_reach_is_said_to_be_so_and_left_alone():
    folder = Path(tempfile.mkdtemp(prefix="caisse-closed-"))
    try:
        home = Home.at(folder / "home")
        home.create("Closed")
        with pytest.raises(WrongUse, match=f"may not enter {folder}"):
            Cluster(home).create()
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_the_programs_run_from_a_copy():
    folder = Path(tempfile.mkdtemp(prefix="caisse-programs-"))
    try:
        folder.chmod(0o755)
        copied = server_account.copy_programs(server_account.binaries().parent, folder / "programs")
        account = server_account.server_account()
        for program in ("postgres", "initdb"):
            assert server_account.can_run(copied / program, account)
    finally:
        shutil.rmtree(folder)


def test_another_server_is_named_by_url(tmp_path, monkeypatch):
    home = Home.at(tmp_path / "home")
    home.create("Elsewhere")
    monkeypatch.setenv(DATABASE_VARIABLE, "postgresql://us%40er:p%2Fw@db.example:5433/fund?sslmode=require")
    described = django_database(home)
    expected = {"NAME": "fund", "USER": "us@er", "PASSWORD": "p/w", "HOST": "db.example", "PORT": "5433"}
    assert {key: described[key] for key in expected} == expected
    assert described["OPTIONS"]["sslmode"] == "require"
    monkeypatch.setenv(DATABASE_VARIABLE, "mysql://x/y")
    with pytest.raises(WrongUse):
        django_database(home)
