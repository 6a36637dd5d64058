"""What the files of a mailbox do over SFTP: uploads become deposits, answers are read and that is noted."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any

from caisse.fund.exchange import mailbox_names
from caisse.fund.exchange.doors.mail import Mail, Readable
from caisse.fund.exchange.doors.mailbox import (
    FOLDER,
    Box,
    Place,
    fixed_file,
    is_part,
    own_file,
    without_part,
)
from caisse.fund.exchange.doors.threads import DatabaseThreads
from caisse.fund.exchange.doors.unfinished import UnfinishedUploads
from caisse.fund.exchange.doors.uploads import Upload
from caisse.fund.exchange.doors.wire import Attributes, Flag, RequestError, Status
from caisse.fund.exchange.errors import DepositRefused

_log = logging.getLogger(__name__)

_OVERTAKEN = "This file was opened again by another connection, which goes on with it."
_READ_ONLY = "This file is open for reading only."
_NOT_THERE = "There is no such file."
_ANSWERS_STAY = "Answers stay in out; nothing can be changed or deleted there."
_IMMUTABLE = "This file was received and is a deposit now; it cannot be changed or deleted."
_BROKEN = "The system is broken at the moment. Nothing was received; send the file again later."


class ReadHandle:
    """An answer, a deposit or the public keys, open for reading."""

    def __init__(self, files: "Files", readable: Readable) -> None:
        self._files, self._readable, self._end = files, readable, 0

    def attributes(self) -> Attributes:
        """Its attributes; it never changes."""
        return fixed_file(self._readable.entry.size, self._readable.entry.modified)

    async def read(self, offset: int, length: int) -> bytes:
        """At most ``length`` bytes from ``offset`` on."""
        if self._readable.in_memory:
            data = self._readable.read(offset, length)
        else:
            data = await self._files.threads.run(self._readable.read, offset, length)
        self._end = max(self._end, offset + len(data))
        return data

    def write(self, _offset: int, _data: bytes) -> Awaitable[object] | None:
        """Refused."""
        raise RequestError(Status.PERMISSION_DENIED, _READ_ONLY)

    async def truncate(self, _size: int) -> None:
        """Refused."""
        raise RequestError(Status.PERMISSION_DENIED, _READ_ONLY)

    async def sync(self) -> None:
        """Nothing to do: it is on the disk."""

    async def close(self) -> None:
        """Note the collection of an answer once the client has had its last byte."""
        self._readable.close()
        if self._readable.delivery_id is not None and self._end >= self._readable.entry.size:
            self._files.note_collected(self._readable.delivery_id)

    async def put_down(self) -> None:
        """A broken line collects nothing."""
        self._readable.close()


class UploadHandle:
    """A file on its way in."""

    def __init__(self, files: "Files", name: str, upload: Upload, *, append: bool) -> None:
        self._files, self._name, self._upload = files, name, upload
        self._append_from = upload.size if append else 0

    def _mine(self) -> Upload:
        if self._upload.holder is not self:
            raise RequestError(Status.FAILURE, _OVERTAKEN)
        return self._upload

    def attributes(self) -> Attributes:
        """Size so far."""
        return own_file(self._upload.size, time.time())

    async def read(self, offset: int, length: int) -> bytes:
        """Read back what was sent."""
        upload = self._mine()
        await upload.settle()
        return await self._files.threads.run(upload.read, offset, length)

    def write(self, offset: int, data: bytes) -> Awaitable[object] | None:
        """Write; a file opened for appending takes an offset before its old end as that end."""
        upload = self._mine()
        return upload.write(upload.size if offset < self._append_from else offset, data)

    async def truncate(self, size: int) -> None:
        """Cut the file down to what is to be sent again."""
        await self._mine().truncate(size)

    async def sync(self) -> None:
        """Bring what was sent to the disk; it is no deposit for that."""
        await self._mine().sync()

    async def close(self) -> None:
        """A file under its final name is complete now and is received; one that ends in .part waits."""
        upload = self._mine()
        if is_part(self._name):
            upload.holder = None
            await upload.abandon()
            return
        await self._files.receive(self._name, self._name, upload)

    async def put_down(self) -> None:
        """Keep what has arrived for a later resume."""
        if self._upload.holder is self:
            self._upload.holder = None
            await self._upload.abandon()


type FileHandle = ReadHandle | UploadHandle


class Files:
    """The files of one account, for one session."""

    def __init__(
        self, mail: Mail, uploads: UnfinishedUploads, threads: DatabaseThreads, longest_name: int
    ) -> None:
        self._mail, self._uploads, self.threads, self._longest = mail, uploads, threads, longest_name
        self._background: set[asyncio.Future[Any]] = set()

    def note_collected(self, delivery_id: int) -> None:
        """Note a collection in a thread; the client does not wait for it."""
        future = asyncio.ensure_future(self.threads.run(self._mail.note_collected, delivery_id))
        self._background.add(future)
        future.add_done_callback(self._background_done)

    def _background_done(self, future: asyncio.Future[Any]) -> None:
        self._background.discard(future)
        if not future.cancelled() and (error := future.exception()):
            _log.error("work in the background failed: %s", type(error).__name__)

    def explained(self, error: Exception) -> RequestError:
        """What to tell the client of an error; never more than it may know."""
        match error:
            case RequestError():
                return error
            case DepositRefused():
                return RequestError(Status.FAILURE, str(error))
        _log.error("an SFTP request failed: %s", type(error).__name__, exc_info=error)
        return RequestError(Status.FAILURE, _BROKEN)

    # Looking

    async def attributes(self, where: Place) -> Attributes:
        """What stat says. Raises RequestError when there is no such file."""
        if not where.name:
            return FOLDER
        if where.box is Box.IN and (found := self._uploads.size_and_time(where.name)):
            return own_file(*found)
        entry = await self.threads.run(self._mail.entry, where.box, where.name)
        if entry is None:
            raise RequestError(Status.NO_SUCH_FILE, _NOT_THERE)
        return fixed_file(entry.size, entry.modified)

    async def listing(self, where: Place) -> list[tuple[str, Attributes]]:
        """The entries of a folder. Raises RequestError when it is none."""
        if where.name:
            raise RequestError(Status.NO_SUCH_FILE, "There is no such folder.")
        if where.box is Box.ROOT:
            return [(box.value, FOLDER) for box in (Box.IN, Box.OUT, Box.KEYS)]
        entries = await self.threads.run(self._mail.entries, where.box)
        found = {entry.name: fixed_file(entry.size, entry.modified) for entry in entries}
        if where.box is Box.IN:
            for name in self._uploads.names():
                if known := self._uploads.size_and_time(name):
                    found[name] = own_file(*known)
        return sorted(found.items())

    # Opening

    async def open(self, where: Place, flags: int) -> FileHandle:
        """Open a file for reading or writing. Raises RequestError with the reason."""
        if not where.name:
            raise RequestError(Status.FAILURE, "This is a folder.")
        if flags & Flag.WRITE:
            return await self._open_upload(where, flags)
        if where.box is Box.IN and (upload := self._uploads.find(where.name)):
            raise RequestError(
                Status.PERMISSION_DENIED, f"{where.name} is not complete yet ({upload.size} bytes)."
            )
        readable = await self.threads.run(self._mail.open, where.box, where.name)
        if readable is None:
            raise RequestError(Status.NO_SUCH_FILE, _NOT_THERE)
        return ReadHandle(self, readable)

    async def _open_upload(self, where: Place, flags: int) -> FileHandle:
        if where.box is not Box.IN:
            raise RequestError(
                Status.PERMISSION_DENIED, "Files are put into in; nothing else can be written."
            )
        name = where.name
        mailbox_names.check(without_part(name), self._longest)
        fresh = bool(flags & Flag.TRUNCATE)
        if not fresh:
            fresh = await self._may_begin(name, flags)
        holder = object()
        upload = await self._uploads.open(name, holder, fresh=fresh)
        if upload.holder is not holder:
            raise RequestError(Status.FAILURE, _OVERTAKEN)
        handle = UploadHandle(self, name, upload, append=bool(flags & Flag.APPEND))
        upload.holder = handle
        return handle

    async def _may_begin(self, name: str, flags: int) -> bool:
        """False when there is an unfinished upload to go on with, True when a new one may begin."""
        exists = self._uploads.size_and_time(name) is not None
        deposited = not exists and await self.threads.run(self._mail.entry, Box.IN, name) is not None
        if flags & Flag.EXCLUSIVE and (exists or deposited):
            raise RequestError(Status.FAILURE, "There is a file of this name already.")
        if deposited:
            raise RequestError(Status.PERMISSION_DENIED, _IMMUTABLE)
        if not exists and not flags & Flag.CREATE:
            raise RequestError(Status.NO_SUCH_FILE, _NOT_THERE)
        return not exists

    # Changing

    async def receive(self, upload_name: str, name: str, upload: Upload) -> None:
        """Make a complete upload a deposit; when this returns, the deposit is durable."""
        await upload.settle()
        if upload.size == 0:
            await self._uploads.remove(upload_name)
            raise RequestError(Status.FAILURE, "The file is empty; there is nothing to receive.")
        with self._uploads.receiving(upload_name, upload):
            upload.holder = None
            try:
                await self.threads.run(self._receive, name, upload)
            except DepositRefused:
                self._uploads.forget(upload_name)
                raise
            self._uploads.forget(upload_name)

    def _receive(self, name: str, upload: Upload) -> None:
        with upload.completed() as staged:
            self._mail.receive(name, staged)

    async def remove(self, where: Place) -> None:
        """Delete an unfinished upload; nothing else can be deleted."""
        if where.box is Box.OUT:
            raise RequestError(Status.PERMISSION_DENIED, _ANSWERS_STAY)
        if where.box is not Box.IN or not where.name:
            raise RequestError(Status.PERMISSION_DENIED, "This cannot be deleted.")
        if await self._uploads.remove(where.name):
            return
        if await self.threads.run(self._mail.entry, Box.IN, where.name):
            raise RequestError(Status.PERMISSION_DENIED, _IMMUTABLE)
        raise RequestError(Status.NO_SUCH_FILE, _NOT_THERE)

    async def rename(self, old: Place, new: Place) -> None:
        """Rename an unfinished upload; under a final name it is complete and is received."""
        if old.box is not Box.IN or new.box is not Box.IN or not new.name:
            raise RequestError(
                Status.PERMISSION_DENIED, "Only unfinished uploads in in can be renamed, within in."
            )
        mailbox_names.check(without_part(new.name), self._longest)
        upload = self._uploads.find(old.name)
        if upload is None:
            if await self.threads.run(self._mail.entry, Box.IN, old.name):
                raise RequestError(Status.PERMISSION_DENIED, _IMMUTABLE)
            raise RequestError(Status.NO_SUCH_FILE, _NOT_THERE)
        if upload.holder is not None:
            raise RequestError(Status.FAILURE, f"{old.name} is still being written.")
        if is_part(new.name):
            await upload.abandon()
            await self._uploads.rename(old.name, new.name)
        elif is_part(old.name):
            await self.receive(old.name, new.name, upload)
        else:
            raise RequestError(
                Status.PERMISSION_DENIED, f"{old.name} is not complete; send the rest of it first."
            )
