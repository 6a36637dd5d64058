"""A practice, its fund, and months of records for the tests of the practice's side."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from caisse.provider import Practice
from tests.provider.fund import PASSWORD, Fund, running
from tests.provider.months import write_month


@pytest.fixture
def fund(tmp_path: Path) -> Iterator[Fund]:
    """A fund behind a real SFTP server."""
    with running(tmp_path / "fund") as stand_in:
        yield stand_in


@pytest.fixture
def practice(tmp_path: Path, fund: Fund) -> Iterator[Practice]:
    """A practice with an account at the fund."""
    with Practice.create(tmp_path / "practice", fund=fund.url, code=52001700, password=PASSWORD) as made:
        yield made


@pytest.fixture
def month(tmp_path: Path) -> Path:
    """A month of records: ten invoices, one of them with an act that is far too dear."""
    return write_month(tmp_path / "march.csv", 10, too_dear=(3,))
