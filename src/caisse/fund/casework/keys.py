"""The secret in a link to a case: whoever holds it may go on with the case without an account."""

import hashlib
import secrets


def new_key() -> str:
    """A new secret of 256 bits, as it stands in the link."""
    return secrets.token_urlsafe(32)


def hash_of_key(key: str) -> str:
    """What the fund keeps of a link's secret."""
    return hashlib.sha256(key.encode()).hexdigest()
