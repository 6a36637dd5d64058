"""Keys, passwords and the certificate of a fund's home: made once, readable by the owner alone."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

DJANGO_KEY = "django-secret-key"
DATABASE_PASSWORD = "database-password"
ADMINISTRATOR_PASSWORD = "database-administrator-password"
SSH_HOST_KEY = "ssh-host-key"
SEAL_KEY = "audit-seal-key.pem"
#: Given by the OpenID Connect provider, if there is one; everything else is made here.
OPEN_ID_SECRET = "oidc-client-secret"
SECOND_FACTOR_KEY = "second-factor-key"
RECEIPT_KEYS = "receipt-keys"


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _ed25519() -> tuple[Ed25519PrivateKey, ModuleType]:
    """A new key, and what writes it; only whoever makes keys loads the library."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    return Ed25519PrivateKey.generate(), serialization


def ed25519_pem() -> bytes:
    """A new Ed25519 private key as unencrypted PKCS 8."""
    key, serialization = _ed25519()
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _ssh_key() -> bytes:
    key, serialization = _ed25519()
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )


def create(folder: Path) -> None:
    """Make every secret that is missing; existing ones stay."""
    from cryptography.fernet import Fernet  # noqa: PLC0415 - only whoever makes keys needs it

    folder.mkdir(exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    (folder / RECEIPT_KEYS).mkdir(exist_ok=True, mode=0o700)
    makers = {
        DJANGO_KEY: lambda: secrets.token_urlsafe(64).encode(),
        DATABASE_PASSWORD: lambda: secrets.token_urlsafe(32).encode(),
        ADMINISTRATOR_PASSWORD: lambda: secrets.token_urlsafe(32).encode(),
        SSH_HOST_KEY: _ssh_key,
        SEAL_KEY: ed25519_pem,
        SECOND_FACTOR_KEY: Fernet.generate_key,
    }
    for name, make in makers.items():
        if not (folder / name).exists():
            write_private(folder / name, make())


def create_certificate(folder: Path) -> None:
    """Make a self-signed certificate for this machine's loopback, unless one is there."""
    folder.mkdir(exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    if (folder / "certificate.pem").exists():
        return
    from cryptography import x509  # noqa: PLC0415 - made once in a fund's life
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    alternatives = [
        x509.DNSName("localhost"),
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.IPAddress(ip_address("::1")),
    ]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=825))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(folder / "key.pem", private)
    write_private(folder / "certificate.pem", certificate.public_bytes(serialization.Encoding.PEM))
