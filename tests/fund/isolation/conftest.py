import pytest

from caisse.fund.home import Home
from tests.fund.casework.office import Office
from tests.fund.isolation.world import World, make_world


@pytest.fixture(scope="module")
def world(module_db: Home) -> World:
    """One for all tests of a module; whoever changes it does so in a transaction that is undone."""
    return make_world(Office.earlier_today(module_db))
