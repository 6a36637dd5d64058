"""Documents are staged within their size, kept under their hash, swept when no row needs them, and verified."""

import hashlib
import logging
from datetime import UTC, datetime, timedelta

import pytest

from caisse.fund.audit.models import AuditEvent
from caisse.fund.casework.documents.keeping import TooLarge, limits_of, stage, sweep_documents
from caisse.fund.exchange.store import Store
from caisse.fund.verification import Report, verify_files

from . import hostile

LATER = timedelta(days=8)


def keep(home, content: bytes = b"a document") -> str:
    staged = stage([content], folder=home.staging, most_bytes=1000_000)
    Store(home.documents).keep(staged)
    return staged.sha256


def test_what_arrives_in_pieces_is_hashed_on_the_way_and_kept_unchanged(db):
    content = hostile.compressed()
    pieces = [content[start : start + 100] for start in range(0, len(content), 100)]
    staged = stage(iter(pieces), folder=db.staging, most_bytes=len(content))
    assert (staged.sha256, staged.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert staged.path.stat().st_mode & 0o777 == 0o600
    kept = Store(db.documents).keep(staged)
    assert kept.read_bytes() == content
    assert not staged.path.exists()


def test_a_document_too_large_is_refused_before_all_of_it_was_read(db):
    read = []

    def endless():
        while True:
            read.append(1)
            yield bytes(1000)

    with pytest.raises(TooLarge) as refused:
        stage(endless(), folder=db.staging, most_bytes=5000)
    assert len(read) == 6
    assert refused.value.text("fr") == "Le fichier est trop grand."
    assert "200" in refused.value.remedy("de")
    assert [path for path in db.staging.rglob("*") if path.is_file()] == []


def test_an_upload_that_breaks_off_leaves_nothing(db):
    def broken():
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        stage(broken(), folder=db.staging, most_bytes=5000)
    assert [path for path in db.staging.rglob("*") if path.is_file()] == []


def test_the_limits_are_those_of_the_fund(db):
    limits = limits_of(db.config().documents)
    assert (limits.bytes, limits.pages) == (20 * 1024 * 1024, 300)


def test_a_document_without_a_row_is_swept_and_one_with_a_row_is_not(db):
    store, stray, needed = Store(db.documents), keep(db, b"stray"), keep(db, b"needed")

    def sweep(after: timedelta) -> int:
        at = datetime.now(UTC) + after
        return sweep_documents(store=store, unknown=lambda hashes: {*hashes} - {needed}, by="test", at=at)

    assert sweep(timedelta(days=6)) == 0
    assert set(store.every_hash()) == {stray, needed}
    assert sweep(LATER) == 0
    assert sweep(timedelta(days=1, minutes=1)) == 1
    assert list(store.every_hash()) == [needed]
    event = AuditEvent.objects.latest("id")
    assert (event.action, event.data["removed"]) == (
        "casework.sweep_orphans",
        {"count": 1, "sha256": [stray]},
    )


def test_a_database_that_knows_nothing_sweeps_nothing(db, caplog):
    store = Store(db.documents)
    for number in range(12):
        keep(db, b"%d" % number)
    with caplog.at_level(logging.ERROR):
        sweep_documents(store=store, unknown=set, by="test", at=datetime.now(UTC) + LATER)
    assert "casework/documents" in caplog.text
    assert len(list(store.every_hash())) == 12


def test_a_document_that_changed_on_disk_is_found(db):
    store, whole, changed, gone = (
        Store(db.documents),
        keep(db, b"whole"),
        keep(db, b"changed"),
        keep(db, b"gone"),
    )
    store.path(changed).write_bytes(b"CHANGED")
    store.path(gone).unlink()
    report = Report()
    verify_files(
        store, [(whole, 5, "document 1"), (changed, 7, "document 2"), (gone, 4, "document 3")], report
    )
    assert report.problems == [
        f"document 2: file {changed} differs from its hash",
        f"document 3: file {gone} cannot be read (No such file or directory)",
    ]
