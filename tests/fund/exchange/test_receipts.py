"""A receipt proves offline what arrived, and stays good when the key changes."""

import base64
import hashlib
import json
import uuid

import jwt
import pytest

from caisse.fund.exchange import receipts
from caisse.fund.exchange.receipts import signing_key
from caisse.fund.home import Home

from .conftest import name


def _verify(receipt: str, keys: bytes) -> dict:
    header = jwt.get_unverified_header(receipt)
    assert header["alg"] == "EdDSA"
    assert header["typ"] == receipts.MEDIA_TYPE
    key = next(k for k in json.loads(keys)["keys"] if k["kid"] == header["kid"])
    return jwt.decode(receipt, jwt.PyJWK(key), algorithms=["EdDSA"])


def test_a_receipt_says_what_arrived(db, account, send, now):
    received = send(account, name(), b"<a/>")
    claims = _verify(received.receipt, receipts.public_keys(db))
    assert claims == {
        "iss": "Test fund",
        "iat": int(now.timestamp()),
        "jti": str(received.deposit_id),
        "deposit": str(received.deposit_id),
        "received_at": "2026-11-22T09:30:00.000000+00:00",
        "account": "52001700-lab",
        "provider": "52001700",
        "frame": "LAB",
        "type": "FAC",
        "layout": 2,
        "file_name": name(),
        "sha256": hashlib.sha256(b"<a/>").hexdigest(),
        "size": 4,
    }


def test_an_altered_receipt_is_found_out(db, account, send):
    header, body, signature = send(account, name(), b"<a/>").receipt.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "size": 5}).encode()).rstrip(b"=").decode()
    with pytest.raises(jwt.InvalidSignatureError):
        _verify(f"{header}.{forged}.{signature}", receipts.public_keys(db))


@pytest.fixture
def fresh_home(tmp_path):
    home = Home.at(tmp_path / "home")
    home.create("Elsewhere")
    receipts.ensure_key(home)
    yield home
    signing_key.cache_clear()


def test_old_receipts_stay_good_after_a_change_of_key(fresh_home, now):
    statement = receipts.Statement(
        "Elsewhere", uuid.uuid4(), now, "52001700-lab", 52001700, "LAB", None, None, "x", "00" * 32, 1
    )
    first = receipts.sign_receipt(signing_key(fresh_home), statement)
    old, new = receipts.ensure_key(fresh_home), receipts.rotate_key(fresh_home)
    signing_key.cache_clear()
    second = receipts.sign_receipt(signing_key(fresh_home), statement)
    keys = receipts.public_keys(fresh_home)
    assert [key["kid"] for key in json.loads(keys)["keys"]] == [new, old]
    assert _verify(first, keys) == _verify(second, keys)
    assert jwt.get_unverified_header(second)["kid"] == new


def test_only_public_halves_are_published(fresh_home):
    for key in json.loads(receipts.public_keys(fresh_home))["keys"]:
        assert set(key) == {"kty", "crv", "x", "kid", "use", "alg"}


def test_deposit_ids_sort_by_time_and_are_all_different():
    ids = [receipts.new_deposit_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert {i.version for i in ids} == {7}
    milliseconds = [i.int >> 80 for i in ids]
    assert milliseconds == sorted(milliseconds)
