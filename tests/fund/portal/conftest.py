from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from caisse.fund.home import Home
from tests.fund.casework.office import Office


@pytest.fixture
def office(db: Home) -> Office:
    """The pages look at the real clock: what the office did before a visitor came, it did yesterday."""
    cache.clear()
    return Office(db, at=timezone.now() - timedelta(days=1))
