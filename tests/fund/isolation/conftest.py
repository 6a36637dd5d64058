from datetime import timedelta

import pytest
from django.utils import timezone

from caisse.fund.home import Home
from tests.fund.casework.office import Office
from tests.fund.isolation.world import World, make_world


@pytest.fixture(scope="module")
def world(module_db: Home) -> World:
    """One for all tests of a module; whoever changes it does so in a transaction that is undone."""
    return make_world(Office(module_db, at=timezone.now() - timedelta(hours=6)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The walks take minutes: they run with the soak."""
    for item in items:
        if item.path.parent.name == "isolation" and "mail" not in item.path.name:
            item.add_marker(pytest.mark.soak)
