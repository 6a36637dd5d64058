"""Receipts: the fund's signed word that it received a file, verified without asking the fund."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from caisse.agreement.errors import WrongUse
from caisse.provider.errors import ReceiptRefused

#: A receipt lies in the mailbox under the name of the file it is about with this ending.
ENDING = ".receipt.jws"

#: A key set with nothing in it.
NO_KEYS = b'{"keys": []}'


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the fund signed: it held a file of this name, size and hash at this moment."""

    name: str
    size: int
    sha256: str
    deposit: str
    provider: int
    layout: int | None
    received_at: datetime
    key_id: str


def read_keys(jwks: bytes) -> dict[str, Any]:
    """The Ed25519 keys of a JWKS by key id; raises WrongUse when it is none."""
    from jwt import PyJWK  # noqa: PLC0415 - needed by few commands
    from jwt.exceptions import PyJWTError  # noqa: PLC0415

    try:
        entries = [entry for entry in json.loads(jwks)["keys"] if entry.get("crv") == "Ed25519"]
        return {entry["kid"]: PyJWK(entry, algorithm="EdDSA").key for entry in entries}
    except (ValueError, KeyError, TypeError, AttributeError, PyJWTError) as error:
        raise WrongUse(f"These are no public receipt keys (JWKS): {error}") from None


def merge_keys(pinned: bytes | None, fetched: bytes) -> bytes:
    """Pinned keys and new ones; a published key that changed under its id is refused.

    Keys the fund no longer publishes stay, for the receipts they signed.
    """
    old = {entry["kid"]: entry for entry in json.loads(pinned)["keys"]} if pinned else {}
    read_keys(fetched)
    new = {entry["kid"]: entry for entry in json.loads(fetched)["keys"]}
    changed = [kid for kid, entry in new.items() if kid in old and old[kid].get("x") != entry.get("x")]
    if changed:
        raise ReceiptRefused(f"The fund's key {changed[0]} is not the one pinned. Ask the fund why.")
    return json.dumps({"keys": list({**old, **new}.values())}, indent=1).encode()


def verify_signature(token: bytes, keys: dict[str, Any]) -> Receipt:
    """The content of a receipt whose signature is right; raises ReceiptRefused otherwise."""
    import jwt  # noqa: PLC0415

    try:
        key_id = jwt.get_unverified_header(token.strip()).get("kid", "")
        if key_id not in keys:
            raise ReceiptRefused(f"It is signed with the key {key_id!r}, which is not among the fund's keys.")
        signed = jwt.decode_complete(token.strip(), keys[key_id], algorithms=["EdDSA"], options=_PLAIN)
        return _receipt(signed["payload"], str(key_id))
    except jwt.PyJWTError as error:
        raise ReceiptRefused(f"Its signature is not right: {error}.") from None


#: A receipt is a statement that stays true: it does not expire and is addressed to nobody.
_PLAIN: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


def _receipt(payload: dict[str, Any], key_id: str) -> Receipt:
    try:
        if not all(
            isinstance(payload[word], str) for word in ("file_name", "sha256", "deposit", "received_at")
        ):
            raise ValueError("a word of it is missing")
        received_at = datetime.fromisoformat(payload["received_at"])
        if received_at.tzinfo is None:
            raise ValueError("received_at without time zone")
        return Receipt(
            name=payload["file_name"],
            size=int(payload["size"]),
            sha256=payload["sha256"],
            deposit=payload["deposit"],
            provider=int(payload["provider"]),
            layout=None if payload.get("layout") is None else int(payload["layout"]),
            received_at=received_at,
            key_id=key_id,
        )
    except (KeyError, ValueError, TypeError) as error:
        raise ReceiptRefused(f"It is signed but not complete: {error}.") from None


def verify_receipt(token: bytes, keys: dict[str, Any], *, name: str, size: int, sha256: str) -> Receipt:
    """The receipt, when it proves that exactly this file was received; raises ReceiptRefused otherwise."""
    receipt = verify_signature(token, keys)
    for what, told, ours in (
        ("name", receipt.name, name),
        ("size", receipt.size, size),
        ("SHA-256", receipt.sha256, sha256),
    ):
        if told != ours:
            raise ReceiptRefused(f"It speaks of the {what} {told}, this file has {ours}.")
    return receipt
