"""How passwords are kept: scrypt, and checked once per process while they do not change."""

import hashlib
import hmac
import secrets

from django.contrib.auth.hashers import (
    ScryptPasswordHasher,
    check_password,
    identify_hasher,
    make_password,
)

_PROCESS_KEY = secrets.token_bytes(32)
_MOST_REMEMBERED = 10_000
_remembered: dict[int, tuple[str, bytes]] = {}


class Scrypt(ScryptPasswordHasher):
    """scrypt with N=2^14, r=8, p=5 (OWASP's choice for 16 MB): about 0.15 s for a password not seen yet."""

    block_size = 8
    parallelism = 5
    work_factor = 2**14


def new_password() -> str:
    """A password nobody can guess: 144 random bits."""
    return secrets.token_urlsafe(18)


def _mark(password: str) -> bytes:
    return hmac.digest(_PROCESS_KEY, password.encode(), hashlib.sha256)


def is_right(account_id: int, encoded: str, password: str) -> bool:
    """Whether ``password`` matches.

    A password found right is remembered under a key that lives and dies with this process, so that a practice
    logging in every minute does not pay for scrypt every minute. Wrong ones always pay.
    """
    if not encoded:
        waste_time(password)
        return False
    known = _remembered.get(account_id)
    if known and known[0] == encoded and hmac.compare_digest(known[1], _mark(password)):
        return True
    right = check_password(password, encoded)
    if right:
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        _remembered[account_id] = (encoded, _mark(password))
    return right


def is_weak(encoded: str) -> bool:
    """True for a password that is kept in a weaker way than new ones are."""
    hasher = identify_hasher(encoded)
    return not isinstance(hasher, Scrypt) or hasher.must_update(encoded)


def waste_time(password: str) -> None:
    """Take as long as a real check, so that nobody learns from the clock which accounts exist."""
    make_password(password)
