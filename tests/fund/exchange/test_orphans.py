"""Orphans are swept in two steps, and never from under a deposit that is on its way."""

import hashlib
import logging
from datetime import UTC, datetime, timedelta

import pytest

from caisse.fund.audit.models import AuditEvent
from caisse.fund.exchange import orphans, queries
from caisse.fund.exchange.orphans import sweep_orphans
from caisse.fund.exchange.store import StagedFile, Store

from .conftest import name

WEEK, DAY = timedelta(days=8), timedelta(days=1, minutes=1)
STRAY = b"stored, and never committed " * 4000
SHA256 = hashlib.sha256(STRAY).hexdigest()


@pytest.fixture
def store(db) -> Store:
    return Store(db.store)


def later(age: timedelta) -> datetime:
    return datetime.now(UTC) + age


def sweep(store: Store, at: datetime) -> int:
    return sweep_orphans(store=store, by="test", at=at)


def test_an_old_orphan_is_set_aside_and_removed_a_day_later(store):
    store.keep_bytes(STRAY, SHA256)
    assert sweep(store, later(timedelta(days=6))) == 0
    assert store.path(SHA256).exists()
    assert not AuditEvent.objects.exists()
    assert sweep(store, later(WEEK)) == 0
    assert list(store.every_hash()) == []
    assert AuditEvent.objects.latest("id").data["aside"] == {"count": 1, "sha256": [SHA256]}
    assert sweep(store, later(timedelta(hours=1))) == 0
    assert sweep(store, later(DAY)) == 1
    assert AuditEvent.objects.latest("id").data["removed"] == {"count": 1, "sha256": [SHA256]}
    assert [path for path in store.folder.rglob("*") if path.is_file()] == []


def test_what_a_row_speaks_of_is_never_touched(store, account, send):
    send(account, name(), STRAY)
    assert sweep(store, later(WEEK)) == 0
    assert queries.unknown_hashes([sha256 for sha256, *_ in queries.stored_hashes()]) == set()
    assert not AuditEvent.objects.filter(action="exchange.sweep_orphans").exists()
    assert not any(path.name.startswith(".orphan.") for path in store.folder.rglob("*"))


def put_by_a_deposit(store: Store, home) -> None:
    """What a deposit does before its row is written: its own file takes the place."""
    upload = home.staging / "upload"
    upload.write_bytes(STRAY)
    store.keep(StagedFile.from_path(upload))


def test_a_deposit_that_stores_the_same_bytes_meanwhile_keeps_them(store, db, monkeypatch):
    store.keep_bytes(STRAY, SHA256)

    def asked(hashes):
        # The row is not there yet; by the time the file is set aside, a deposit has stored its own.
        put_by_a_deposit(store, db)
        return set(hashes)

    monkeypatch.setattr(orphans.queries, "unknown_hashes", asked)
    assert sweep(store, later(WEEK)) == 0
    assert store.path(SHA256).read_bytes() == STRAY
    assert not AuditEvent.objects.exists()


def test_a_sweep_that_dies_with_a_deposit_s_file_in_hand_is_put_right_by_the_next(
    store, account, send, monkeypatch
):
    send(account, name(), STRAY)
    path = store.path(SHA256)
    if not path.exists():
        pytest.skip("bytes of this size are not kept in the store")
    path.rename(path.with_name(f".orphan.{path.name}"))
    sweep(store, later(timedelta(0)))
    assert path.read_bytes() == STRAY
    assert AuditEvent.objects.latest("id").data["put_back"]["sha256"] == [SHA256]


def test_a_deposit_after_the_file_was_set_aside_has_its_own(store, account, send):
    store.keep_bytes(STRAY, SHA256)
    sweep(store, later(WEEK))
    send(account, name(), STRAY)
    assert sweep(store, later(DAY)) == 0
    assert [sha256 for sha256, *_ in queries.stored_hashes()] == list(store.every_hash())
    assert not any(path.name.startswith(".orphan.") for path in store.folder.rglob("*"))


def test_many_orphans_mean_another_database_and_are_left_alone(store, caplog):
    for number in range(11):
        content = STRAY + bytes([number])
        store.keep_bytes(content, hashlib.sha256(content).hexdigest())
    with caplog.at_level(logging.ERROR, "caisse.worker"):
        assert sweep(store, later(WEEK)) == 0
    assert len(list(store.every_hash())) == 11
    assert "nothing is swept" in caplog.text
