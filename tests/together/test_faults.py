"""Nothing lost, nothing doubled: processes are killed at every named step, and the world is looked at from outside.

The client's view and `caisse fund verify` must show each deposit once, answered once and paid once. Each test tries
until the door answers: it may still be finding the database again that the test before it killed.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from tests.together.harness import KILLED, PATIENCE, FundServer, PracticeHome
from tests.together.month import LARGE, SMALL, small_month

from caisse.agreement.errors import Unreachable
from caisse.fund import faults as fund_faults
from caisse.fund.embedded import Cluster
from caisse.fund.exchange.store import LARGEST_IN_ROW
from caisse.fund.home import Home
from caisse.provider import faults as provider_faults

numbers = itertools.count(1)
REFUSED_POINTS = {"claims.refused.before_commit", "claims.refused.after_commit"}
DEPOSIT_ROOMS = ("exchange.", "claims.", "payments.booked.")
PAID_POINTS = [
    point for point in fund_faults.POINTS if point.startswith(DEPOSIT_ROOMS) and point not in REFUSED_POINTS
]
#: Tried in the ordinary suite; all others with the soak. Each point of judging and paying, and each of the practice,
#: is tried every time without the doors: tests/fund/claims/test_crashes.py and tests/provider/test_faults.py.
ALWAYS = {
    "exchange.staged",
    "exchange.stored",
    "exchange.accepted.before_commit",
    "exchange.accepted.after_commit",
    "claims.taken",
    "claims.acknowledged.before_commit",
    "claims.returned.after_decisions",
    "payments.booked.after_commit",
    "build.before_commit",
    "send.during_put",
    "send.after_rename",
    "send.after_put",
    "collect.after_get",
    "collect.after_commit",
}
#: The database is killed at these in the ordinary suite.
DATABASE = ALWAYS - {"exchange.staged", "exchange.stored", "exchange.accepted.after_commit"}


def points(among: list[str], always: set[str] = ALWAYS) -> pytest.MarkDecorator:
    """A test for each of these points, those outside ``always`` with the soak."""
    given = [pytest.param(one, marks=() if one in always else pytest.mark.soak) for one in among]
    return pytest.mark.parametrize("point", given)


BUILD_POINTS = [point for point in provider_faults.POINTS if point.startswith("build.")]
RECORD_POINTS = [point for point in provider_faults.POINTS if point.startswith("record.")]
EXCHANGE_POINTS = [point for point in provider_faults.POINTS if point.startswith(("send.", "collect."))]


@dataclass(frozen=True)
class Case:
    """One request file on its way: its name, and what the practice's books said before it."""

    name: str
    asked: int
    paid: int
    refused: int


@pytest.fixture(scope="module")
def practice(fund: FundServer) -> PracticeHome:
    return PracticeHome(fund.home.parent / "practice", "52001700", fund).create()


@pytest.fixture(scope="module", autouse=True)
def everything_is_sound_afterwards(fund: FundServer) -> Iterator[None]:
    """After all the killing: audit chain, stored files and totals are whole, and nothing is stuck."""
    yield
    assert [(one["name"], one["stage"]) for one in fund.deposits()] == stages_in_database(fund)
    assert fund.verify()["sound"]
    assert fund.status()["stuck"] == []


@pytest.fixture
def case(practice: PracticeHome, tmp_path: Path, request: pytest.FixtureRequest) -> Case:
    """A small month recorded and built, ready to be sent; where the store is reached, one too long for a row."""
    number = next(numbers)
    before = practice.owed()
    in_store = "[exchange.stored]" in request.node.name
    month = small_month(practice.fund, practice.code, number, LARGE if in_store else SMALL)
    practice.record(tmp_path / "records.csv", month.rows)
    path = practice.build(number)
    assert (path.stat().st_size > LARGEST_IN_ROW) == in_store
    return Case(path.name, before.asked_cents, before.paid_cents, before.refused_cents)


def assert_once(practice: PracticeHome, case: Case) -> None:
    """Deposited once, answered once, paid once, in the fund's list and in the practice's books."""
    assert stages_of(practice, case.name) == ["paid"]
    owed = practice.owed()
    asked = owed.asked_cents - case.asked
    paid = owed.paid_cents - case.paid
    refused = owed.refused_cents - case.refused
    assert owed.owed_cents == 0
    assert asked == paid + refused
    assert paid > refused > 0


def stages_of(practice: PracticeHome, name: str) -> list[str]:
    """The stages of all deposits under this name, oldest first, once nothing moves any more.

    Read in the database, for it is asked often; the fund's own list is compared with it in the end.
    """
    found: list[str] = []

    def settled() -> bool:
        with suppress(psycopg.OperationalError):  # the database may be starting again
            found[:] = [stage for named, stage in stages_in_database(practice.fund) if named == name]
            return not {"received", "acknowledged", "returned"} & set(found)
        return False

    wait_until(settled)
    return found


def stages_in_database(fund: FundServer) -> list[tuple[str, str]]:
    """Name and stage of every deposit, oldest first."""
    with psycopg.connect(Cluster(Home.at(fund.home)).dsn()) as connection:
        return connection.execute(
            "SELECT name, stage FROM exchange_deposit ORDER BY received_at, id"
        ).fetchall()


def wait_until(happened: Callable[[], bool], patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.2)


@points(PAID_POINTS)
def test_the_process_is_killed(practice: PracticeHome, case: Case, fault: Path, point: str) -> None:
    fault.write_text(point)
    practice.deliver()
    assert_once(practice, case)
    assert not fault.exists(), f"{point} was never reached"


@points(PAID_POINTS, DATABASE)
def test_the_database_is_killed(practice: PracticeHome, case: Case, fault: Path, point: str) -> None:
    fault.write_text(f"{point} {practice.fund.database_pid_file}")
    practice.deliver()
    assert_once(practice, case)
    assert not fault.exists(), f"{point} was never reached"


@pytest.mark.parametrize(
    "point",
    ["exchange.accepted.before_commit", "claims.acknowledged.after_commit", "payments.booked.before_commit"],
)
def test_the_whole_server_is_killed(
    fund: FundServer, practice: PracticeHome, case: Case, fault: Path, tmp_path: Path, point: str
) -> None:
    assert fund.process is not None
    supervisor = tmp_path / "supervisor.pid"
    supervisor.write_text(str(fund.process.pid))
    fault.write_text(f"{point} {supervisor}")
    wait_until(lambda: practice.do("send", accept=(0, 1, 3)).returncode == 0 or not fault.exists())
    fund.process.wait(timeout=PATIENCE)
    fund.start()
    practice.deliver()
    assert_once(practice, case)


@pytest.mark.parametrize("point", sorted(REFUSED_POINTS))
def test_a_refused_file_is_answered_once_and_its_key_is_free_again(
    practice: PracticeHome, case: Case, fault: Path, tmp_path: Path, point: str
) -> None:
    good = practice.home / "outbox" / case.name
    bad = tmp_path / case.name
    bad.write_bytes(good.read_bytes().replace(b"</demandeDecompte>", b"</demandeDecompte><inconnu/>", 1))
    fault.write_text(point)

    def put() -> bool:
        with suppress(Unreachable), practice.client() as opened, opened.door() as door:
            door.put(case.name, bad, resume=False, begun=lambda: None, progress=lambda _done, _whole: None)
            return True
        return False

    wait_until(put)
    assert stages_of(practice, case.name) == ["refused"]
    assert not fault.exists(), f"{point} was never reached"
    practice.deliver()
    assert stages_of(practice, case.name) == ["refused", "paid"]


@points(EXCHANGE_POINTS)
def test_the_client_is_killed(practice: PracticeHome, case: Case, point: str) -> None:
    step = "send"
    if point.startswith("collect."):
        wait_until(lambda: practice.do("send", accept=(0, 1, 3)).returncode == 0)
        step = "collect"
    wait_until(lambda: practice.do(step, accept=(0, 1, 3, KILLED), fault=point).returncode == KILLED)
    practice.deliver()
    assert_once(practice, case)


@points(RECORD_POINTS)
def test_the_client_is_killed_while_it_records(practice: PracticeHome, tmp_path: Path, point: str) -> None:
    rows = small_month(practice.fund, practice.code, next(numbers)).rows
    practice.record(tmp_path / "records.csv", rows, accept=(KILLED,), fault=point)
    practice.record(tmp_path / "records.csv", rows)
    with practice.client() as opened:
        assert opened.status().unbilled_lines == len(rows)
    practice.build(next(numbers))
    practice.deliver()


@points(BUILD_POINTS)
def test_the_client_is_killed_while_it_builds(practice: PracticeHome, tmp_path: Path, point: str) -> None:
    number = next(numbers)
    month = small_month(practice.fund, practice.code, number)
    practice.record(tmp_path / "records.csv", month.rows)
    build = ("build", "invoices", "--year", 2024, "--number", number)
    practice.do(*build, accept=(KILLED,), fault=point)
    practice.do(*build)
    practice.deliver()
    with practice.client() as opened:
        (built,) = [one for one in opened.status().sendings if f"2024{number:02d}_" in one.name]
    assert built.lines == len(month.rows)
    assert stages_of(practice, built.name) == ["paid"]
