"""A fund with a laboratory, its account, doctors and 400 insured persons; fresh keepers for every test."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from caisse.fund.claims import facts, judging
from caisse.fund.exchange import actions as exchange
from caisse.fund.exchange.models import Account, Delivery, Deposit
from caisse.fund.exchange.store import StagedFile
from caisse.fund.registry import actions as registry
from tests.fund.claims.month import (
    FIRST_DAY,
    LAB,
    OTHER_LAB,
    Month,
    month,
    national_numbers,
    persons,
    prescribers,
)

PERSONS = 400


@dataclass
class Fund:
    """What the tests do to the fund, and see of it, from a laboratory's side."""

    home: object
    now: object

    def month(self, invoices: int = 20, **options) -> Month:
        return month(invoices, of_persons=national_numbers(PERSONS), **options)

    def deposit(self, file: Month, content: bytes | None = None, name: str | None = None) -> Deposit:
        upload = self.home.staging / "upload"
        upload.write_bytes(file.bytes_of() if content is None else content)
        received = exchange.receive_deposit(
            account=Account.objects.get(provider_code=file.provider),
            name=name or file.name,
            staged=StagedFile.from_path(upload),
            door="test",
            by="test",
            at=self.now,
        )
        return Deposit.objects.get(pk=received.deposit_id)

    def judged(self, file: Month, **options) -> Deposit:
        deposit = self.deposit(file, **options)
        judging.judge(deposit.pk)
        deposit.refresh_from_db()
        return deposit

    def answer(self, deposit: Deposit, kind: str) -> bytes:
        delivery = Delivery.objects.get(deposit=deposit, kind=kind)
        if delivery.content is not None:
            return bytes(delivery.content)
        return (Path(self.home.store) / delivery.sha256[:2] / delivery.sha256[2:]).read_bytes()


def enter_laboratory(now, code: int, *, is_test: bool = False) -> None:
    provider = registry.register_provider(name=f"Laboratory {code}", by="test", at=now)
    registry.allocate_code(
        provider_id=provider, code=code, profession="laboratories", valid_from=FIRST_DAY.replace(year=2018),
        by="test", at=now,
    )  # fmt: skip
    exchange.create_account(
        provider_code=code, frame="LAB", password=None, is_test=is_test, by="test", at=now
    )


@pytest.fixture
def keepers(db):
    """Nothing resident from an earlier test, whose database is gone."""

    def forget():
        facts.reference_keeper.cache_clear()
        facts.history_keeper.cache_clear()
        for path in db.snapshots.iterdir():
            if path.is_dir():
                shutil.rmtree(path)

    forget()
    yield db
    forget()


@pytest.fixture
def fund(keepers, now) -> Fund:
    registry.publish_funds(by="test", at=now)
    registry.load_persons(rows=persons(PERSONS), by="test", at=now)
    registry.load_providers(rows=prescribers(50), by="test", at=now)
    enter_laboratory(now, LAB)
    return Fund(keepers, now)


@pytest.fixture
def other_laboratory(fund, now) -> int:
    enter_laboratory(now, OTHER_LAB)
    return OTHER_LAB
