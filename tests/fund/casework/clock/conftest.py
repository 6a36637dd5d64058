from collections.abc import Callable

import pytest

from caisse.fund.home import Home
from tests.fund.conftest import _empty


@pytest.fixture
def fresh_db(db: Home, _seeded: frozenset[str]) -> Callable[[], None]:
    """Empties the database in the middle of a test, with all its counters."""
    return lambda: _empty(db, _seeded)
