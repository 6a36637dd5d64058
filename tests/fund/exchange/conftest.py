import itertools

import pytest

from caisse.fund.exchange import actions
from caisse.fund.exchange.store import StagedFile

CODE = 52001700
OTHER_CODE = 52001816


def name(reference="A", *, provider=CODE, number=3, frame="LAB", layout=2, extension=".xml"):
    return f"F{provider:08d}2024{number:02d}_{frame}_FAC_{layout:03d}_{reference}{extension}"


@pytest.fixture
def account(db, now):
    return actions.create_account(provider_code=CODE, frame="LAB", password=None, by="test", at=now)


@pytest.fixture
def other_account(db, now):
    return actions.create_account(provider_code=OTHER_CODE, frame="LAB", password=None, by="test", at=now)


@pytest.fixture
def stage(db):
    """Put bytes into staging/ as a door does."""
    numbers = itertools.count()

    def put(content: bytes) -> StagedFile:
        path = db.staging / f"upload-{next(numbers)}"
        path.write_bytes(content)
        return StagedFile.from_path(path)

    return put


@pytest.fixture
def send(stage, now):
    def deposit(account, file_name, content, *, at=now):
        return actions.receive_deposit(
            account=account, name=file_name, staged=stage(content), door="sftp", by=account.user, at=at
        )

    return deposit


@pytest.fixture
def limits(db, monkeypatch):
    """Change the limits of fund.toml for one test."""
    from dataclasses import replace

    from django.conf import settings

    def change(**values):
        monkeypatch.setattr(
            settings, "FUND", replace(settings.FUND, limits=replace(settings.FUND.limits, **values))
        )

    return change
