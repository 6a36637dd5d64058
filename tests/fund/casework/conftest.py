import pytest

from caisse.fund.home import Home
from tests.fund.casework.office import Office


@pytest.fixture
def office(db: Home) -> Office:
    return Office(db)
