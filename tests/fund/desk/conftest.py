from datetime import timedelta

import pytest
from django.utils import timezone

from caisse.fund.home import Home
from tests.fund.casework.office import Office
from tests.fund.desk.counter import Counter


@pytest.fixture
def office(db: Home) -> Office:
    """Yesterday's office, for the pages go by the real clock; its acts all lie in one day."""
    return Office(
        db, at=(timezone.localtime() - timedelta(days=1)).replace(hour=9, minute=30, second=0, microsecond=0)
    )


@pytest.fixture
def counter(office: Office) -> Counter:
    return Counter(office)
