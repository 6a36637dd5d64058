"""Bytes are kept whole under their hash."""

import hashlib
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisse.agreement.errors import BrokenSystem
from caisse.fund.exchange import mailbox_names
from caisse.fund.exchange.errors import DepositRefused, StoreDamaged
from caisse.fund.exchange.store import StagedFile, Store, sweep


@pytest.fixture
def store(tmp_path):
    (tmp_path / "store").mkdir()
    return Store(tmp_path / "store")


def _staged(tmp_path, content):
    path = tmp_path / "upload"
    path.write_bytes(content)
    return StagedFile.from_path(path)


def test_kept_bytes_come_back(store, tmp_path):
    staged = _staged(tmp_path, b"abc")
    assert staged == StagedFile(tmp_path / "upload", hashlib.sha256(b"abc").hexdigest(), 3)
    store.keep(staged)
    assert bytes(store.content(staged.sha256)) == b"abc"
    assert not staged.path.exists()
    assert list(store.every_hash()) == [staged.sha256]


def test_nothing_is_content_too(store, tmp_path):
    staged = _staged(tmp_path, b"")
    store.keep(staged)
    assert store.content(staged.sha256) == b""


def test_keeping_again_heals_a_damaged_file(store, tmp_path):
    staged = _staged(tmp_path, b"abc")
    store.keep(staged)
    store.path(staged.sha256).write_bytes(b"axc")
    store.keep(_staged(tmp_path, b"abc"))
    assert bytes(store.content(staged.sha256)) == b"abc"


def test_an_upload_that_grew_after_it_was_hashed_is_not_accepted(store, tmp_path):
    staged = _staged(tmp_path, b"abc")
    staged.path.write_bytes(b"abcd")
    with pytest.raises(BrokenSystem):
        store.keep(staged)
    assert list(store.every_hash()) == []


def test_a_missing_file_is_said_to_be_missing(store):
    with pytest.raises(StoreDamaged):
        store.content("ab" * 32)


def test_half_written_files_are_not_listed(store):
    store.keep_bytes(b"abc", hashlib.sha256(b"abc").hexdigest())
    (store.folder / "ba" / ".half").write_bytes(b"")
    assert list(store.every_hash()) == [hashlib.sha256(b"abc").hexdigest()]


def test_the_sweep_takes_old_uploads_only(tmp_path):
    old, new = tmp_path / "1" / "old.part", tmp_path / "1" / "new.part"
    old.parent.mkdir()
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    assert sweep(tmp_path, older_than_hours=1, now=time.time()) == 1
    assert (old.exists(), new.exists()) == (False, True)


@given(st.text(max_size=300))
def test_a_name_passes_only_when_it_is_harmless(text):
    try:
        mailbox_names.check(text, 150)
    except DepositRefused:
        pass
    else:
        assert text.isascii()
        assert text.isprintable()
        assert not set(text) & set("/\\ :*?\"<>|'`$;&")
        assert text[0] not in ".-"
    note = mailbox_names.note_name(text)
    mailbox_names.check(note, 0 if len(note) <= 240 else 240) if len(note) <= 240 else None
    assert "/" not in note


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}(\.[a-z]{1,4})?(\.receipt\.jws)?", fullmatch=True))
def test_numbering_keeps_the_ending(text):
    stem, ending = mailbox_names.split(text)
    assert stem + ending == text
    names = mailbox_names.numbered(text)
    assert [next(names) for _ in range(3)] == [text, f"{stem}-2{ending}", f"{stem}-3{ending}"]
