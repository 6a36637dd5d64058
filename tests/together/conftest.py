"""One running fund for each test module, with the synthetic persons of the demonstration."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.together.harness import FundServer

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID", f"{os.getpid()}")[:12]
#: Not pytest's own folder: under root PostgreSQL's user could not enter it.
SHARED = Path(tempfile.gettempdir()) / f"caisse-together-{RUN}"


@pytest.fixture(scope="session")
def filled() -> Iterator[Path]:
    """The home of a filled fund that never ran, made by the first process that asks; the others wait for it."""
    SHARED.mkdir(exist_ok=True)
    SHARED.chmod(0o755)
    with (SHARED / "making").open("w") as making, (SHARED / "using").open("w") as using:
        fcntl.flock(making, fcntl.LOCK_EX)
        fcntl.flock(using, fcntl.LOCK_SH)
        if not (SHARED / "made").exists():
            FundServer(SHARED / "fund").create()
            (SHARED / "made").touch()
        fcntl.flock(making, fcntl.LOCK_UN)
        yield SHARED / "fund"
        try:
            fcntl.flock(using, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(SHARED)


@pytest.fixture(scope="module")
def fund(filled: Path) -> Iterator[FundServer]:
    """A fund that is being served, a copy of the filled one; faults are ordered by writing to `home/fault`."""
    folder = Path(tempfile.mkdtemp(prefix="caisse-together-"))
    folder.chmod(0o755)
    subprocess.run(["cp", "-a", filled, folder / "fund"], check=True)
    server = FundServer(folder / "fund")
    server.env = {"CAISSE_FAULT": str(folder / "fault")}
    try:
        yield server.start()
    finally:
        if server.running:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fault(fund: FundServer) -> Path:
    """The file that names the next fault."""
    return Path(fund.env["CAISSE_FAULT"])
