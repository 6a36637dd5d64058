"""Bytes on disk: complete uploads in staging/, files above 64 KB that stay in store/ by their SHA-256."""

import contextlib
import hashlib
import mmap
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from caisse.agreement.errors import BrokenSystem
from caisse.fund.exchange.errors import StoreDamaged

#: Files up to this size (bytes) lie in their database row: a share of one sync to disk instead of three.
LARGEST_IN_ROW = 65_536


@dataclass(frozen=True, slots=True)
class StagedFile:
    """A complete upload, not yet a deposit: in staging/ under ``path``, or small and in memory only."""

    path: Path | None
    sha256: str
    size: int
    content: bytes | None = None

    @classmethod
    def from_path(cls, path: Path) -> "StagedFile":
        """A complete file whose hash is not known yet, such as one renamed after the upload."""
        sha256, size = hash_file(path)
        return cls(path, sha256, size)

    @classmethod
    def from_bytes(cls, content: bytes) -> "StagedFile":
        """A small file that never was on the disk."""
        return cls(None, hashlib.sha256(content).hexdigest(), len(content), content)

    def read(self) -> bytes:
        """All of it; raises BrokenSystem when it lies nowhere."""
        if self.content is not None:
            return self.content
        if self.path is None:
            raise BrokenSystem("an upload without bytes")
        return self.path.read_bytes()

    def discard(self) -> None:
        """Delete it from staging/, if it is there."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def hash_file(path: Path) -> tuple[str, int]:
    """SHA-256 (hexadecimal) and size in bytes of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return digest.hexdigest(), file.tell()


def hash_bytes(content: mmap.mmap | bytes) -> tuple[str, int]:
    """SHA-256 (hexadecimal) and size in bytes of what is in memory or mapped into it."""
    return hashlib.sha256(content).hexdigest(), len(content)


class Store:
    """The content-addressed folder: ``ab/cdef…`` holds the bytes whose SHA-256 is ``abcdef…``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256[2:]

    def keep(self, staged: StagedFile) -> Path:
        """Move a complete upload into the store; when this returns, it survives a power cut."""
        if staged.path is None:
            return self.keep_bytes(staged.read(), staged.sha256)
        target = self.path(staged.sha256)
        handle = os.open(staged.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if os.fstat(handle).st_size != staged.size:
                raise BrokenSystem("an upload changed while it was accepted")
            os.fsync(handle)
        finally:
            os.close(handle)
        # Replacing a file of the same content is harmless, and heals one that was damaged.
        try:
            staged.path.rename(target)
        except FileNotFoundError:
            self._make_folder(target.parent)
            staged.path.rename(target)
        _sync_folder(target.parent)
        return target

    def keep_bytes(self, content: bytes, sha256: str) -> Path:
        """Write ``content`` into the store; when this returns, it survives a power cut."""
        target = self.path(sha256)
        self._make_folder(target.parent)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.{time.monotonic_ns()}")
        with temporary.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(target)
        _sync_folder(target.parent)
        return target

    def open(self, sha256: str) -> BinaryIO:
        """The stored bytes as a file; raises StoreDamaged when they are gone."""
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError:
            raise StoreDamaged(sha256) from None

    def content(self, sha256: str) -> mmap.mmap | bytes:
        """The stored bytes, mapped into memory; raises StoreDamaged when they are gone."""
        with self.open(sha256) as file:
            if os.fstat(file.fileno()).st_size == 0:
                return b""
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def every_hash(self) -> Iterator[str]:
        """The hash in the name of every stored file; half-written ones begin with a dot and are left out."""
        for folder in sorted(self.folder.iterdir()):
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                if not path.name.startswith("."):
                    yield folder.name + path.name

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(exist_ok=True, mode=0o700)
            _sync_folder(self.folder)


def sweep(folder: Path, *, older_than_hours: float, now: float) -> int:
    """Remove uploads untouched for ``older_than_hours`` before ``now`` (seconds since 1970); how many."""
    swept = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_mtime < now - older_than_hours * 3600:
                path.unlink()
                swept += 1
    return swept


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
