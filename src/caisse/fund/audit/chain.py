"""What both sealing and verifying must agree on: where the chain starts, and who signs its seals."""

from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from caisse.fund.secrets_folder import SEAL_KEY

#: The hash before the first seal.
START = bytes(32)
#: Advisory lock of whoever seals: one at a time.
LOCK = 0x5EA1


@cache
def _key() -> Ed25519PrivateKey:
    key = load_pem_private_key(settings.HOME.secret(SEAL_KEY), password=None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


def _message(number: int, sealed: bytes) -> bytes:
    return b"caisse audit seal %d " % number + sealed


def sign(number: int, sealed: bytes) -> bytes:
    """The signature of seal ``number``; its key lies in the home, out of reach of the database's masters."""
    return _key().sign(_message(number, sealed))


def is_signed(number: int, sealed: bytes, signature: bytes) -> bool:
    """True when ``signature`` is ours."""
    try:
        _key().public_key().verify(signature, _message(number, sealed))
    except InvalidSignature:
        return False
    return True
