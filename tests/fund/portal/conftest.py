import pytest

from caisse.fund.home import Home
from tests.fund.casework.office import Office


@pytest.fixture
def office(db: Home, now) -> Office:
    return Office(db, at=now)
