"""Receipts: they prove exactly one file, or nothing."""

import json
from pathlib import Path

import pytest

from caisse.agreement.errors import WrongUse
from caisse.provider import receipts
from caisse.provider.errors import ReceiptRefused
from tests.provider.fund import KEY_ID, Answers

NAME, CONTENT = "F52001700202403_LAB_FAC_002_A.xml", b"<a/>"


def verify(token: bytes, answers: Answers, *, name: str = NAME, content: bytes = CONTENT) -> receipts.Receipt:
    import hashlib

    return receipts.verify_receipt(
        token,
        receipts.read_keys(answers.jwks),
        name=name,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def test_a_right_receipt_says_what_was_received() -> None:
    answers = Answers()
    receipt = verify(answers.receipt(NAME, CONTENT), answers)
    assert (receipt.name, receipt.size, receipt.deposit, receipt.key_id) == (NAME, 4, "D-1", KEY_ID)
    assert receipt.received_at.tzinfo is not None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "G.xml"}, "speaks of the name"),
        ({"content": b"<a></a>"}, "speaks of the size"),
        ({"content": b"<b/>"}, "speaks of the SHA-256"),
    ],
)
def test_another_file_is_not_proved(changes: dict[str, object], words: str) -> None:
    answers = Answers()
    with pytest.raises(ReceiptRefused, match=words):
        verify(answers.receipt(NAME, CONTENT), answers, **changes)  # type: ignore[arg-type]


def test_another_key_and_a_changed_word_are_refused() -> None:
    answers, other = Answers(), Answers()
    token = answers.receipt(NAME, CONTENT)
    with pytest.raises(ReceiptRefused, match="signature is not right"):
        verify(token, other)
    head, payload, signature = token.split(b".")
    with pytest.raises(ReceiptRefused):
        verify(b".".join([head, payload[:-2] + b"AA", signature]), answers)
    with pytest.raises(ReceiptRefused, match="not among the fund's keys"):
        receipts.verify_signature(token, {})


def test_an_unsigned_receipt_is_refused() -> None:
    import jwt

    answers = Answers()
    none = jwt.encode({"sha256": "x"}, None, algorithm="none", headers={"kid": KEY_ID}).encode()
    with pytest.raises(ReceiptRefused):
        verify(none, answers)
    for rubbish in (b"", b"a.b.c", b"\xff\xfe", b"x" * 100_000):
        with pytest.raises(ReceiptRefused):
            verify(rubbish, answers)


@pytest.mark.parametrize("missing", ["sha256", "size", "deposit", "received_at", "file_name", "provider"])
def test_a_signed_receipt_without_its_words_is_refused(missing: str) -> None:
    answers = Answers()
    with pytest.raises(ReceiptRefused):
        verify(answers.receipt(NAME, CONTENT, **{missing: None}), answers)


def test_pinned_keys_stay_new_ones_come_and_changed_ones_are_refused() -> None:
    first, second = Answers(), Answers()
    merged = receipts.merge_keys(None, first.jwks)
    assert receipts.merge_keys(merged, first.jwks) == merged
    renamed = second.jwks.replace(KEY_ID.encode(), b"new-key")
    both = json.loads(receipts.merge_keys(merged, renamed))["keys"]
    assert {key["kid"] for key in both} == {KEY_ID, "new-key"}
    with pytest.raises(ReceiptRefused, match="not the one pinned"):
        receipts.merge_keys(merged, second.jwks)


@pytest.mark.parametrize(
    "rubbish", [b"", b"[]", b"{}", b'{"keys": [{}]}', b'{"keys": [{"crv": "Ed25519", "kid": "a"}]}']
)
def test_what_is_no_key_set_is_wrong_use(rubbish: bytes, tmp_path: Path) -> None:
    if rubbish == b'{"keys": [{}]}':
        assert receipts.read_keys(rubbish) == {}
        return
    with pytest.raises(WrongUse):
        receipts.read_keys(rubbish)
