"""What an account has begun to upload and not finished: listed, resumed, renamed and deleted."""

import os
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time

from caisse.fund.exchange.doors.uploads import Upload
from caisse.fund.exchange.errors import DepositRefused


class UnfinishedUploads:
    """The unfinished uploads of one account, on disk and under way in this process.

    An upload belongs to the last one who opened it: after a broken line the client comes back and goes on
    while the server may still believe in the old connection.
    """

    def __init__(
        self, folder: Path, limit: int, executor: Executor, most: int, hash_in: Executor | None = None
    ) -> None:
        self._folder, self._limit, self._executor, self._most = folder, limit, executor, most
        self._hash_in = hash_in
        self._known: dict[str, Upload] = {}
        self._closing: set[str] = set()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def names(self) -> Iterator[str]:
        """The names of all unfinished uploads of the account."""
        files = (entry for entry in os.scandir(self._folder) if entry.is_file(follow_symlinks=False))
        on_disk = {entry.name for entry in files if not entry.name.startswith(".")}
        yield from sorted((on_disk | set(self._known)) - self._closing)

    def size_and_time(self, name: str) -> tuple[int, float] | None:
        """Size in bytes and time of the last change, None when there is no such upload."""
        if name in self._closing:
            return None
        known = self._known.get(name)
        try:
            found = (self._folder / name).stat(follow_symlinks=False)
        except FileNotFoundError:
            found = None
        if known and known.rests and (found is None or found.st_size != known.size):
            known = self._known.pop(name) and None
        if found is None:
            return (known.size, time()) if known else None
        return known.size if known else found.st_size, found.st_mtime

    async def open(self, name: str, holder: object, *, fresh: bool) -> Upload:
        """Begin an upload (``fresh``) or go on with it. Raises DepositRefused while it is being received."""
        if name in self._closing:
            raise DepositRefused("LIM-005", f"{name} is just being received")
        upload = self._known.get(name)
        if upload is None and self._full(name):
            raise DepositRefused("LIM-005", f"{self._most} unfinished uploads")
        if upload is not None and not fresh:
            upload.holder = holder
            await upload.abandon()
            return upload
        begun = self._known[name] = self._make(name, fresh=fresh)
        begun.holder = holder
        if upload is not None:
            await upload.let_go()
        return begun

    def _make(self, name: str, *, fresh: bool) -> Upload:
        path = self._folder / name
        if not fresh:
            with suppress(FileNotFoundError):
                return Upload.resumed(path, self._limit, self._executor, self._hash_in)
        return Upload(path, self._limit, self._executor, self._hash_in)

    def _full(self, name: str) -> bool:
        if len(self._known) < self._most:
            return False
        return name not in (names := list(self.names())) and len(names) >= self._most

    def find(self, name: str) -> Upload | None:
        """The unfinished upload of that name, None when there is none or it is being received."""
        if self.size_and_time(name) is None:
            return None
        return self._known.get(name) or self._known.setdefault(name, self._make(name, fresh=False))

    def is_closing(self, name: str) -> bool:
        """True while the upload of that name is being received."""
        return name in self._closing

    @contextmanager
    def receiving(self, name: str, upload: Upload) -> Iterator[None]:
        """Keep the upload out of sight and out of reach while it becomes a deposit.

        Raises DepositRefused when somebody is doing the same with it, or has begun it anew.
        """
        if name in self._closing or self._known.get(name) is not upload:
            raise DepositRefused("LIM-005", f"another connection goes on with {name}")
        self._closing.add(name)
        try:
            yield
        finally:
            self._closing.discard(name)

    def forget(self, name: str) -> None:
        """Drop what is known in memory; the disk alone decides from now on."""
        if upload := self._known.pop(name, None):
            upload.holder = None

    async def remove(self, name: str) -> bool:
        """Delete an unfinished upload; False when there is none."""
        if self.size_and_time(name) is None:
            return False
        if upload := self._known.pop(name, None):
            await upload.let_go()
        if name not in self._known:
            (self._folder / name).unlink(missing_ok=True)
        return True

    async def rename(self, old: str, new: str) -> None:
        """Give an unfinished upload another name; one under the new name is replaced."""
        await self.remove(new)
        upload = self._known.pop(old, None)
        upload = upload or self._make(old, fresh=False)
        upload.move(self._folder / new)
        self._known[new] = upload
