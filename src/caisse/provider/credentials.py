"""Setting up the trust between a practice and its fund: host key, own key, certificate authority."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncssh

from caisse.agreement.errors import Unreachable, WrongUse
from caisse.provider.errors import HostKeyChanged
from caisse.provider.home import Home, Settings, write_durably
from caisse.provider.transport import sftp


def chosen_host_key(fund: str, given: str | None) -> asyncssh.SSHKey | None:
    """The key to pin: the one given, one with the fingerprint given, or the one the fund shows now.

    None when nothing was given and the fund cannot be reached. Raises HostKeyChanged when the fund shows
    another fingerprint than the one given.
    """
    if urlsplit(fund).scheme != "sftp":
        return None
    if given and not given.startswith("SHA256:"):
        text = Path(given).read_text("utf-8") if Path(given).is_file() else given
        try:
            return asyncssh.import_public_key(text)
        except asyncssh.KeyImportError:
            raise WrongUse(
                "--host-key is neither a public key, a file with one, nor a SHA256: fingerprint."
            ) from None
    try:
        shown = sftp.fetch_host_key(fund)
    except Unreachable:
        if given:
            raise
        return None
    if given and shown.get_fingerprint() != given:
        raise HostKeyChanged(f"(it shows {shown.get_fingerprint()}, given was {given})")
    return shown


def _private_key(path: Path) -> bytes:
    """The bytes of a private key that can be used without a passphrase; raises WrongUse otherwise."""
    content = path.read_bytes()
    try:
        asyncssh.import_private_key(content)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise WrongUse(f"--ssh-key {path}: {error}. A private key without a passphrase is needed.") from None
    return content


def set_up(
    home: Home,
    settings: Settings,
    host_key: asyncssh.SSHKey | None,
    *,
    ssh_key: Path | None,
    generate: bool,
    tls_ca: Path | None,
) -> dict[str, Any]:
    """Write credentials and pins into the practice's folder; what a person has to be told of it."""
    public = None
    if ssh_key is not None:
        write_durably(home.private_key, _private_key(ssh_key), mode=0o600)
    elif generate:
        public = sftp.generate_key(home, settings.user)
    if tls_ca is not None:
        write_durably(home.certificate, tls_ca.read_bytes())
    fingerprint = sftp.pin_host_key(home, settings.fund, host_key) if host_key is not None else None
    return {
        "home": str(home.root), "code": settings.code, "frame": settings.frame, "user": settings.user,
        "fund": settings.fund, "host_key": fingerprint, "public_key": public,
    }  # fmt: skip


def trust(
    home: Home, settings: Settings, *, host_key: str | None, tls_ca: Path | None
) -> dict[str, str | None]:
    """Pin the fund's new host key or authority in place of the old; raises HostKeyChanged, WrongUse.

    A fingerprint is compared with what the fund shows now, and nothing changes unless it is the same.
    """
    if not (host_key or tls_ca):
        raise WrongUse("Name what to trust: --host-key or --tls-ca.")
    pinned = None
    if host_key:
        key = chosen_host_key(settings.fund, host_key)
        if key is None:
            raise WrongUse("A host key is for an sftp:// door; at an https:// door name --tls-ca.")
        pinned = sftp.pin_host_key(home, settings.fund, key)
    if tls_ca is not None:
        write_durably(home.certificate, tls_ca.read_bytes())
    return {"host_key": pinned, "tls_ca": str(tls_ca) if tls_ca else None}
