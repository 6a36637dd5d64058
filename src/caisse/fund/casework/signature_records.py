"""Signature records: the fund's signed word that somebody signed, which anybody can check off line.

A record is a JWS like a receipt, signed with the same published keys. It holds the whole statement, who
signed for which code, when, and how two factors (or a signature in a PDF) proved it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt
from jwt import PyJWK

from caisse.agreement.errors import ContentRefused, WrongUse
from caisse.fund.exchange import receipts
from caisse.fund.exchange.receipts import SigningKey

MEDIA_TYPE = "caisse-signature+jwt"
#: A record is a statement that stays true: it does not expire and is addressed to nobody.
_PLAIN: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


class RecordRefused(ContentRefused):
    """This is no signature record of the fund, or it was changed. Compare it with the one you were given."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a record says."""

    case: str
    code: int
    role: str
    statement: str
    language: str
    signed_at: datetime
    method: str
    user: int
    evidence: Mapping[str, Any]


def sha256_of(statement: str) -> str:
    """The SHA-256 of a statement's UTF-8 bytes."""
    return hashlib.sha256(statement.encode()).hexdigest()


def make_record(key: SigningKey, issuer: str, signed: Signed) -> str:
    """The record of a signature as JWS compact serialisation."""
    claims = {
        "iss": issuer,
        "iat": int(signed.signed_at.timestamp()),
        "jti": str(receipts.new_deposit_id()),
        "case": signed.case,
        "code": f"{signed.code:08d}",
        "role": signed.role,
        "statement": signed.statement,
        "statement_sha256": sha256_of(signed.statement),
        "language": signed.language,
        "signed_at": signed.signed_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "method": signed.method,
        "user": signed.user,
        "evidence": dict(signed.evidence),
    }
    return receipts.sign_claims(key, claims, MEDIA_TYPE)


def read_keys(jwks: bytes) -> dict[str, PyJWK]:
    """The Ed25519 keys of a JSON Web Key Set by their ids; raises WrongUse when it is none."""
    try:
        entries = [entry for entry in json.loads(jwks)["keys"] if entry.get("crv") == "Ed25519"]
        return {entry["kid"]: PyJWK(entry, algorithm="EdDSA") for entry in entries}
    except (ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
        raise WrongUse(f"These are no public keys (JWKS): {error}") from None


def read_record(record: str, keys: Mapping[str, PyJWK]) -> Signed:
    """What a record says, when its signature is right; raises RecordRefused otherwise."""
    try:
        head = jwt.get_unverified_header(record)
        if head.get("typ") != MEDIA_TYPE or head.get("kid") not in keys:
            raise RecordRefused("Its key or its kind is not one of the fund's.")
        claims = jwt.decode(record, keys[head["kid"]], algorithms=["EdDSA"], options=_PLAIN)
        if claims["statement_sha256"] != sha256_of(claims["statement"]):
            raise RecordRefused("Its statement does not match its hash.")
        return Signed(
            case=claims["case"], code=int(claims["code"]), role=claims["role"], statement=claims["statement"],
            language=claims["language"], signed_at=datetime.fromisoformat(claims["signed_at"]),
            method=claims["method"], user=int(claims["user"]), evidence=claims["evidence"],
        )  # fmt: skip
    except jwt.PyJWTError as error:
        raise RecordRefused(f"Its signature is not right: {error}.") from None
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise RecordRefused(f"It is signed but not complete: {error}.") from None
