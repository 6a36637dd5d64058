"""One SFTP session: requests in, answers out, in order; the event loop never waits for disk or database."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import asyncssh

from caisse.fund.exchange.doors import wire
from caisse.fund.exchange.doors.mailbox import FOLDER, Place, normal_path, place
from caisse.fund.exchange.doors.sftp_files import FileHandle, Files, ReadHandle, UploadHandle
from caisse.fund.exchange.doors.wire import Answer, Attributes, Packet, Request, RequestError, Status
from caisse.fund.exchange.errors import DepositRefused

#: Files and folders one session may have open.
_OPEN_HANDLES = 64
#: Entries in one answer to READDIR.
_ENTRIES = 100
#: Requests worked off before other sessions have their turn.
_TURN = 200
#: Bytes received but not worked off, from which on the client has to wait.
_UNREAD = 4 << 20

_EXTENSIONS = {b"posix-rename@openssh.com": b"1", b"fsync@openssh.com": b"1", b"limits@openssh.com": b"1"}

type Reply = bytes | Coroutine[Any, Any, bytes]


class FolderHandle:
    """The rest of a listing."""

    def __init__(self, entries: list[tuple[str, Attributes]]) -> None:
        self.entries = entries


class SftpSession(asyncssh.SSHServerSession[bytes]):
    """Serves one `sftp` subsystem; anything else a client may ask for is refused."""

    def __init__(self, files: Files, ended: Callable[[], None]) -> None:
        self._files, self._ended = files, ended
        self._inbox = wire.Inbox()
        self._handles: dict[bytes, FileHandle | FolderHandle] = {}
        self._next_handle = 0
        self._task: asyncio.Task[bytes] | None = None
        self._paused = self._eof = self._lost = self._greeted = False
        self._full = self._later = False
        self._chan: asyncssh.SSHServerChannel[bytes]

    @property
    def is_busy(self) -> bool:
        """True while a request is being worked on."""
        return self._task is not None

    @property
    def _is_free(self) -> bool:
        """True when the next request may be worked on now."""
        return self._task is None and not self._full and not self._later

    # What asyncssh tells us

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        """The channel is open."""
        self._chan = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        """Only SFTP is spoken here; shell, exec and scp stay at their refusing defaults."""
        return subsystem == "sftp"

    def data_received(self, data: bytes, _datatype: int | None) -> None:
        """Work off what has arrived, as far as nothing has to be waited for."""
        self._inbox.feed(data)
        if self._is_free:
            self._work()
        elif len(self._inbox) > _UNREAD and not self._paused:
            self._paused = True
            self._chan.pause_reading()

    def eof_received(self) -> bool:
        """The client will ask nothing more; what it asked before is still answered."""
        self._eof = True
        if self._is_free:
            self._leave()
        return True

    def pause_writing(self) -> None:
        """The client does not read its answers: nothing more is answered until it does."""
        self._full = True

    def resume_writing(self) -> None:
        """The client reads again."""
        self._full = False
        if self._is_free:
            self._work()

    def connection_lost(self, _exc: Exception | None) -> None:
        """The line is gone. That closes no file: what was not complete waits for its sender to come back."""
        if not self._lost:
            self._lost = True
            asyncio.get_running_loop().create_task(self._put_down())

    async def _put_down(self) -> None:
        if self._task is not None:
            await asyncio.wait([self._task])
        for handle in self._handles.values():
            if isinstance(handle, ReadHandle | UploadHandle):
                await handle.put_down()
        self._handles.clear()
        self._ended()

    def _leave(self) -> None:
        if not self._lost:
            self._chan.exit(0)

    # The queue of requests

    def _work(self) -> None:
        """Answer requests in order until one has to be waited for."""
        try:
            for _ in range(_TURN):
                if self._lost or self._full:
                    return
                if (data := self._inbox.take()) is None:
                    break
                reply = self._reply(data)
                if not isinstance(reply, bytes):
                    # Eager: what need not wait after all is answered at once, without a turn of the loop.
                    task = asyncio.Task(reply, loop=asyncio.get_running_loop(), eager_start=True)
                    if not task.done():
                        self._task = task
                        task.add_done_callback(self._waited)
                        return
                    reply = task.result()
                self._chan.write(reply)
            else:
                self._later = True
                asyncio.get_running_loop().call_soon(self._next_turn)
                return
        except wire.PacketError:
            self._chan.exit(1)
            return
        if self._paused:
            self._paused = False
            self._chan.resume_reading()
        if self._eof:
            self._leave()

    def _next_turn(self) -> None:
        self._later = False
        self._work()

    def _waited(self, task: asyncio.Task[bytes]) -> None:
        self._task = None
        if not self._lost:
            self._chan.write(task.result())
            self._work()

    def _reply(self, data: bytes) -> Reply:
        packet = Packet(data)
        kind, number = packet.byte(), packet.number()
        if not self._greeted:
            if kind != Request.INIT:
                raise wire.PacketError("INIT expected")
            self._greeted = True
            return wire.version(_EXTENSIONS)
        method = self._METHODS.get(kind)
        if method is None:
            return wire.status(number, Status.OP_UNSUPPORTED, "This mailbox has no such operation.")
        try:
            reply = method(self, number, packet)
        except (RequestError, DepositRefused, wire.PacketError) as refusal:
            return self._refusal(number, refusal)
        return reply if isinstance(reply, bytes) else self._guarded(number, reply)

    async def _guarded(self, number: int, reply: Coroutine[Any, Any, bytes]) -> bytes:
        try:
            return await reply
        except Exception as error:
            return self._refusal(number, error)

    def _refusal(self, number: int, error: Exception) -> bytes:
        refused = self._files.explained(error)
        self._say(refused)
        return wire.status(number, refused.status, refused.message)

    def _say(self, refused: RequestError) -> None:
        """OpenSSH's sftp shows the status but not its message; what arrives as stderr it shows."""
        client = str(self._chan.get_extra_info("client_version", ""))
        if (
            refused.status in (Status.FAILURE, Status.PERMISSION_DENIED)
            and "OpenSSH" in client
            and not self._lost
        ):
            self._chan.write_stderr(refused.message.encode() + b"\r\n")

    # Handles

    def _new_handle(self, handle: FileHandle | FolderHandle) -> bytes:
        self._next_handle += 1
        name = self._next_handle.to_bytes(8)
        self._handles[name] = handle
        return wire.string(name)

    def _room(self) -> None:
        if len(self._handles) >= _OPEN_HANDLES:
            raise RequestError(Status.FAILURE, f"LIM-005: at most {_OPEN_HANDLES} files are open at a time.")

    def _file(self, packet: Packet) -> FileHandle:
        handle = self._handles.get(packet.string())
        if not isinstance(handle, ReadHandle | UploadHandle):
            raise RequestError(Status.FAILURE, "This file is not open.")
        return handle

    # Requests

    def _open(self, number: int, packet: Packet) -> Reply:
        path, flags = packet.string(), packet.number()
        self._room()
        return self._open_file(number, place(path), flags)

    async def _open_file(self, number: int, where: Place, flags: int) -> bytes:
        handle = await self._files.open(where, flags)
        return wire.answer(Answer.HANDLE, number, self._new_handle(handle))

    def _close(self, number: int, packet: Packet) -> Reply:
        handle = self._handles.pop(packet.string(), None)
        if handle is None:
            raise RequestError(Status.FAILURE, "This file is not open.")
        if isinstance(handle, FolderHandle):
            return wire.status(number, Status.OK)
        return self._done(number, handle.close())

    def _read(self, number: int, packet: Packet) -> Reply:
        handle = self._file(packet)
        offset, length = packet.long(), min(packet.number(), wire.LARGEST_DATA)
        return self._read_file(number, handle, offset, length)

    async def _read_file(self, number: int, handle: FileHandle, offset: int, length: int) -> bytes:
        data = await handle.read(offset, length)
        if not data:
            return wire.status(number, Status.EOF)
        return wire.answer(Answer.DATA, number, wire.string(data))

    def _write(self, number: int, packet: Packet) -> Reply:
        handle = self._file(packet)
        wait = handle.write(packet.long(), packet.string())
        return self._done(number, wait) if wait else wire.status(number, Status.OK)

    def _stat(self, number: int, packet: Packet) -> Reply:
        return self._stat_place(number, place(packet.string()))

    async def _stat_place(self, number: int, where: Place) -> bytes:
        return wire.answer(Answer.ATTRS, number, (await self._files.attributes(where)).encode())

    def _fstat(self, number: int, packet: Packet) -> Reply:
        return wire.answer(Answer.ATTRS, number, self._file(packet).attributes().encode())

    def _setstat(self, number: int, packet: Packet) -> Reply:
        """Accepted and ignored: clients set times and permissions after an upload."""
        return self._setstat_place(number, place(packet.string()))

    async def _setstat_place(self, number: int, where: Place) -> bytes:
        await self._files.attributes(where)
        return wire.status(number, Status.OK)

    def _fsetstat(self, number: int, packet: Packet) -> Reply:
        handle = self._file(packet)
        size = packet.wanted_size()
        return wire.status(number, Status.OK) if size is None else self._done(number, handle.truncate(size))

    def _opendir(self, number: int, packet: Packet) -> Reply:
        where = place(packet.string())
        self._room()
        return self._list(number, where)

    async def _list(self, number: int, where: Place) -> bytes:
        handle = self._new_handle(FolderHandle(await self._files.listing(where)))
        return wire.answer(Answer.HANDLE, number, handle)

    def _readdir(self, number: int, packet: Packet) -> Reply:
        handle = self._handles.get(packet.string())
        if not isinstance(handle, FolderHandle):
            raise RequestError(Status.FAILURE, "This folder is not open.")
        part, handle.entries = handle.entries[:_ENTRIES], handle.entries[_ENTRIES:]
        if not part:
            return wire.status(number, Status.EOF)
        return wire.names(number, [(name.encode(), _long_name(name, found), found) for name, found in part])

    def _remove(self, number: int, packet: Packet) -> Reply:
        return self._done(number, self._files.remove(place(packet.string())))

    def _rename(self, number: int, packet: Packet) -> Reply:
        return self._done(number, self._files.rename(place(packet.string()), place(packet.string())))

    def _realpath(self, number: int, packet: Packet) -> Reply:
        path = normal_path(packet.string()).encode()
        return wire.names(number, [(path, path, FOLDER)])

    def _fixed_folders(self, _number: int, _packet: Packet) -> Reply:
        raise RequestError(Status.PERMISSION_DENIED, "The folders of a mailbox are fixed: in, out and keys.")

    def _extended(self, number: int, packet: Packet) -> Reply:
        match packet.string():
            case b"posix-rename@openssh.com":
                return self._rename(number, packet)
            case b"fsync@openssh.com":
                return self._done(number, self._file(packet).sync())
            case b"limits@openssh.com":
                sizes = (wire.LARGEST_PACKET, wire.LARGEST_DATA, wire.LARGEST_DATA, _OPEN_HANDLES)
                return wire.answer(
                    Answer.EXTENDED_REPLY, number, b"".join(size.to_bytes(8) for size in sizes)
                )
        return wire.status(number, Status.OP_UNSUPPORTED, "This mailbox has no such operation.")

    async def _done(self, number: int, work: Awaitable[object]) -> bytes:
        await work
        return wire.status(number, Status.OK)

    _METHODS: dict[int, Callable[["SftpSession", int, Packet], Reply]] = {  # noqa: RUF012 - never changed
        Request.OPEN: _open,
        Request.CLOSE: _close,
        Request.READ: _read,
        Request.WRITE: _write,
        Request.LSTAT: _stat,
        Request.FSTAT: _fstat,
        Request.SETSTAT: _setstat,
        Request.FSETSTAT: _fsetstat,
        Request.OPENDIR: _opendir,
        Request.READDIR: _readdir,
        Request.REMOVE: _remove,
        Request.MKDIR: _fixed_folders,
        Request.RMDIR: _fixed_folders,
        Request.REALPATH: _realpath,
        Request.STAT: _stat,
        Request.RENAME: _rename,
        Request.SYMLINK: _fixed_folders,
        Request.EXTENDED: _extended,
    }


def _long_name(name: str, found: Attributes) -> bytes:
    """A line as `ls -l` writes it; some clients show nothing else."""
    kind = "d" if found.permissions == FOLDER.permissions else "-"
    rights = "".join(
        letter if found.permissions >> bit & 1 else "-"
        for bit, letter in zip(range(8, -1, -1), "rwxrwxrwx", strict=True)
    )
    when = time.strftime("%b %d  %Y", time.gmtime(found.modified))
    return f"{kind}{rights}    1 caisse   caisse   {found.size:>8} {when} {name}".encode()
