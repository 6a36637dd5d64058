"""One running fund for each test module, with the synthetic persons of the demonstration."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.together.harness import FundServer


@pytest.fixture(scope="module")
def fund() -> Iterator[FundServer]:
    """A fund that is being served; faults are ordered by writing to `home/fault`."""
    # Not pytest's own folder: under root PostgreSQL's user could not enter it.
    folder = Path(tempfile.mkdtemp(prefix="caisse-together-"))
    folder.chmod(0o755)
    server = FundServer(folder / "fund")
    server.env = {"CAISSE_FAULT": str(folder / "fault")}
    try:
        server.create().start()
        yield server
    finally:
        if server.running:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def fault(fund: FundServer) -> Path:
    """The file that names the next fault."""
    return Path(fund.env["CAISSE_FAULT"])
