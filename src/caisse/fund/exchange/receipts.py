"""Receipts: signed proof that bytes arrived, which anybody can check offline with the fund's public keys."""

import base64
import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from secrets import token_bytes
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from caisse.agreement.errors import BrokenSystem
from caisse.fund import secrets_folder
from caisse.fund.home import Home

MEDIA_TYPE = "caisse-receipt+jwt"
_CURRENT = "current"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key receipts are signed with; ``kid`` is its RFC 7638 thumbprint."""

    kid: str
    private: Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Statement:
    """What a receipt says: these bytes arrived, then, from that account, under that name."""

    issuer: str
    deposit_id: uuid.UUID
    received_at: datetime
    account: str
    provider: int
    frame: str
    file_type: str | None
    layout: int | None
    file_name: str
    sha256: str
    size: int


def new_deposit_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): sorts by time, tells nobody how many deposits others made."""
    value = bytearray(int(time.time() * 1000).to_bytes(6, "big") + token_bytes(10))
    value[6] = (value[6] & 0x0F) | 0x70
    value[8] = (value[8] & 0x3F) | 0x80
    return uuid.UUID(bytes=bytes(value))


def rotate_key(home: Home) -> str:
    """Make a new signing key and return its id; older public keys stay published: old receipts stay good."""
    pem = secrets_folder.ed25519_pem()
    kid = thumbprint(_load(pem).public_key())
    folder = home.secrets / secrets_folder.RECEIPT_KEYS
    secrets_folder.write_private(folder / f"{kid}.pem", pem)
    secrets_folder.write_private(folder / _CURRENT, kid.encode())
    return kid


def ensure_key(home: Home) -> str:
    """The id of the current signing key, made if there is none."""
    current = home.secrets / secrets_folder.RECEIPT_KEYS / _CURRENT
    return current.read_text() if current.exists() else rotate_key(home)


@cache
def signing_key(home: Home) -> SigningKey:
    """The current key, read once per process: a rotation takes effect when the doors start again."""
    folder = home.secrets / secrets_folder.RECEIPT_KEYS
    try:
        kid = (folder / _CURRENT).read_text()
        return SigningKey(kid, _load((folder / f"{kid}.pem").read_bytes()))
    except OSError as error:
        raise BrokenSystem(f"the key that signs receipts cannot be read: {error.strerror}") from error


def sign_receipt(key: SigningKey, statement: Statement) -> str:
    """A receipt as JWS compact serialisation, signed with Ed25519 (RFC 7515, RFC 8037)."""
    received_at = statement.received_at
    claims: dict[str, Any] = {
        "iss": statement.issuer,
        "iat": int(received_at.timestamp()),
        "jti": str(statement.deposit_id),
        "deposit": str(statement.deposit_id),
        "received_at": received_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "account": statement.account,
        "provider": f"{statement.provider:08d}",
        "frame": statement.frame,
        "type": statement.file_type,
        "layout": statement.layout,
        "file_name": statement.file_name,
        "sha256": statement.sha256,
        "size": statement.size,
    }
    return sign_claims(key, claims, MEDIA_TYPE)


def sign_claims(key: SigningKey, claims: dict[str, Any], media_type: str) -> str:
    """A statement of the fund as JWS compact serialisation, signed with Ed25519 (RFC 7515, RFC 8037)."""
    signed = f"{_header(key.kid, media_type)}.{_base64(_json(claims))}".encode()
    return f"{signed.decode()}.{_base64(key.private.sign(signed))}"


@cache
def _header(kid: str, media_type: str) -> str:
    return _base64(_json({"alg": "EdDSA", "kid": kid, "typ": media_type}))


def public_keys(home: Home) -> bytes:
    """Every public key receipts were ever signed with, as a JSON Web Key Set; the current one first."""
    folder = home.secrets / secrets_folder.RECEIPT_KEYS
    current = (folder / _CURRENT).read_text()
    files: list[Path] = sorted(folder.glob("*.pem"), key=lambda path: (path.stem != current, path.stem))
    keys = [{**_jwk(_load(path.read_bytes()).public_key()), "kid": path.stem, "use": "sig", "alg": "EdDSA"}
            for path in files]  # fmt: skip
    return json.dumps({"keys": keys}, indent=1).encode()


def thumbprint(key: Ed25519PublicKey) -> str:
    """The RFC 7638 thumbprint of a public key."""
    return _base64(hashlib.sha256(_json(dict(sorted(_jwk(key).items())))).digest())


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _jwk(key: Ed25519PublicKey) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _base64(key.public_bytes(Encoding.Raw, PublicFormat.Raw))}


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _load(pem: bytes) -> Ed25519PrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise BrokenSystem("the key that signs receipts is no Ed25519 key")
    return key
