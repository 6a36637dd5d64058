"""`caisse fund serve` from outside: ready, watched over, stopped cleanly, nothing left behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from caisse.fund.casework.queue_names import LETTER_QUEUE, LETTER_TASK
from caisse.fund.embedded import Cluster
from caisse.fund.home import Home

COMMAND = [sys.executable, "-m", "caisse.cli", "fund"]


def _environment():
    return {key: value for key, value in os.environ.items() if not key.startswith(("CAISSE_", "DJANGO_"))}


def _run(*arguments, code=0, text_in=None):
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        input=text_in,
        env=_environment(),
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def home():
    folder = Path(tempfile.mkdtemp(prefix="caisse-serve-"))
    folder.chmod(0o755)
    _run("init", "--home", folder / "home")
    yield Home.at(folder / "home")
    Cluster(Home.at(folder / "home")).stop()
    shutil.rmtree(folder)


@pytest.fixture
def served(home):
    process = subprocess.Popen(
        [*COMMAND, "serve", "--home", home.path, "--http-port", "0", "--sftp-port", "0", "--pages-port", "0", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(),
    )  # fmt: skip
    line = process.stdout.readline()
    assert line, process.communicate()[1]
    yield process, json.loads(line)
    if process.poll() is None:
        process.terminate()
    process.communicate(timeout=90)


def _children(pid):
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                    found[(entry / "cmdline").read_bytes().split(b"\0")[4].decode()] = int(entry.name)
            except (OSError, IndexError):
                continue
    return found


def _wait(condition, seconds=180):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return result


def _listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_it_says_when_it_takes_work_and_stops_cleanly(home, served):
    process, ready = served
    assert ready["ready"] is True
    assert ready["pid"] == process.pid
    assert _listens(ready["https"]["port"])
    assert _listens(ready["sftp"]["port"])
    status = json.loads(_run("status", "--home", home.path, "--json"))
    assert status["workers"] == 1
    assert status["stuck"] == []
    children = _children(process.pid)
    assert set(children) >= {"web", "sftp", "worker"}
    process.send_signal(signal.SIGTERM)
    assert process.wait(90) == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in children.values())
    assert Cluster(home).pid() is None


@pytest.mark.parametrize("after", [0.1, 0.6, 1.2, 2.0])
@pytest.mark.parametrize("group", [False, True], ids=["alone", "with its parts"])
def test_sigterm_while_it_starts_stops_it_cleanly(home, after, group):
    process = subprocess.Popen(
        [*COMMAND, "serve", "--home", home.path, "--http-port", "0", "--sftp-port", "0", "--pages-port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(), start_new_session=True,
    )  # fmt: skip
    # Python itself takes a moment before it can be asked anything.
    _wait(lambda: _catches_sigterm(process.pid))
    time.sleep(after)
    (os.killpg if group else os.kill)(process.pid, signal.SIGTERM)
    said = process.communicate(timeout=90)
    assert process.returncode == 0, said
    assert "Traceback" not in said[1]
    assert "broken" not in said[1]
    assert Cluster(home).pid() is None


def _catches_sigterm(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1


def _asked(home, question):
    """What the served database answers, asked as the fund."""
    with psycopg.connect(Cluster(home).dsn()) as connection:
        return connection.execute(question).fetchall()


def test_asked_twice_a_worker_finishes_the_job_in_hand(home, served):
    """As below systemd: a signal to the whole group, then the supervisor's own to each part."""
    process, _ready = served
    worker = _children(process.pid)["worker"]
    job = "SELECT count(*) FROM procrastinate_jobs WHERE queueing_lock = 'in hand'"
    with psycopg.connect(Cluster(home).dsn()) as asking:
        ((letter,),) = asking.execute(
            'INSERT INTO casework_letter (kind, language, "to", content, ordered_at, made_at, sha256, size)'
            " VALUES ('decision', 'fr', '', '{}', now(), now(), '', 0) RETURNING id"
        )
    with psycopg.connect(Cluster(home).dsn()) as other:
        other.execute("LOCK TABLE casework_letter IN ACCESS EXCLUSIVE MODE")
        with psycopg.connect(Cluster(home).dsn()) as asking:
            asking.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, queueing_lock, args)"
                " VALUES (%s, %s, 'in hand', jsonb_build_object('letter_id', %s::bigint))",
                (LETTER_QUEUE, LETTER_TASK, letter),
            )
        _wait(lambda: _asked(home, f"{job} AND status = 'doing'") == [(1,)])
        os.kill(worker, signal.SIGTERM)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.7)
        assert Path(f"/proc/{worker}").exists()
        assert _asked(home, job) == [(1,)]
    assert process.wait(90) == 0
    with Cluster(home).running():
        assert _asked(home, job) == [(0,)]
        with psycopg.connect(Cluster(home).dsn()) as clearing:
            clearing.execute("DELETE FROM casework_letter")


def test_what_dies_is_started_again_and_the_clock_goes_through_the_day_once(home, served, tmp_path):
    process, ready = served
    register, today = tmp_path / "providers.csv", datetime.now(ZoneInfo("Europe/Luxembourg")).date()
    ends = today + timedelta(days=5)
    register.write_text(
        f"provider,name,profession,valid_from,valid_until\n52001700,Labo Exemple,laboratories,2020-01-01,{ends}\n"
    )
    _run("register", "load", "providers", register, "--home", home.path)
    before = _children(process.pid)
    database = Cluster(home).pid()
    for part in ("web", "sftp", "worker"):
        os.kill(before[part], signal.SIGKILL)
    os.kill(database, signal.SIGKILL)
    _wait(lambda: Cluster(home).pid() not in (None, database))
    _wait(
        lambda: all(_children(process.pid).get(p) not in (None, before[p]) for p in ("web", "sftp", "worker"))
    )
    _wait(lambda: _listens(ready["https"]["port"]) and _listens(ready["sftp"]["port"]))
    _wait(lambda: json.loads(_run("status", "--home", home.path, "--json"))["workers"] >= 1)
    assert process.poll() is None
    # Found due by the new worker's clock, written down once, and made by the worker's job.
    letters = "SELECT kind, content->>'valid_until', made_at IS NOT NULL FROM casework_letter"
    _wait(lambda: _asked(home, letters) == [("licence_warning", str(ends), True)])
    _wait(lambda: _asked(home, "SELECT count(*) FROM casework_clockday WHERE ended_at IS NULL") == [(0,)])
    days = _asked(home, "SELECT day::text FROM casework_clockday ORDER BY day")
    told = "SELECT subject_id FROM audit_event WHERE action = 'clock.day_ended' AND by = 'clock' ORDER BY id"
    assert _asked(home, told) == days
    assert days[-1][0] >= str(today)


def test_when_the_supervisor_is_killed_its_parts_go_too(home, served):
    process, _ready = served
    children = _children(process.pid)
    process.kill()
    process.wait(60)
    _wait(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children.values()))
    _wait(lambda: Cluster(home).pid() is None)


def _events(home):
    report = json.loads(_run("verify", "--home", home.path, "--json"))
    assert report["sound"] is True
    return report["events"] + report["unsealed"]


def test_commands_without_a_server_start_the_database_and_stop_it(home):
    before = _events(home)  # a server that ran on this home before has events of its own
    shown = json.loads(
        _run("account", "create", "--home", home.path, "--provider", "52001700", "--frame", "LAB", "--json")
    )
    assert shown["user"] == "52001700-lab"
    assert len(shown["password"]) >= 24
    again = _run("account", "create", "--home", home.path, "--provider", "52001700", "--frame", "LAB",
                 "--password-stdin", "--json", text_in="secret\n")  # fmt: skip
    assert json.loads(again) == {"user": "52001700-lab"}
    assert _events(home) == before + 2
    assert Cluster(home).pid() is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["status", "--home", "/nonexistent"], 2),
        (["serve", "--home", "/nonexistent"], 2),
        (["account", "create", "--home", "{home}", "--provider", "123", "--frame", "LAB"], 2),
        (["account", "create", "--home", "{home}", "--frame", "LAB"], 2),
    ],
)
def test_wrong_use_is_told_apart(home, arguments, code):
    _run(*[argument.format(home=home.path) for argument in arguments], code=code)


def test_a_changed_file_is_found(home):
    (home.store / "ab").mkdir(exist_ok=True)
    stray = home.store / "ab" / "cd"
    stray.write_bytes(b"x")
    assert json.loads(_run("verify", "--home", home.path, "--json"))["orphans"] == 1
    stray.unlink()
