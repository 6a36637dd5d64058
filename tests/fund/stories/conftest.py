from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from caisse.fund.home import Home
from tests.fund.casework.office import Office

# A busy machine is slow, not wrong.
expect.set_options(timeout=30_000)


@pytest.fixture
def office(db: Home) -> Office:
    """The office of yesterday: the pages run at the clock on the wall."""
    return Office(db, at=timezone.now().replace(microsecond=0) - timedelta(days=1))
