import pytest

from caisse.fund.home import Home
from tests.fund.casework.office import Office
from tests.fund.desk.counter import Counter


@pytest.fixture
def office(db: Home) -> Office:
    return Office(db)


@pytest.fixture
def counter(office: Office) -> Counter:
    return Counter(office)
