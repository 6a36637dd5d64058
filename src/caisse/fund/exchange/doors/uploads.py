"""Unfinished uploads: bytes on their way in, hashed as they come, kept for resume, shown to their sender."""

import asyncio
import fcntl
import os
import uuid
from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from caisse.fund.exchange.doors.beside import RunningHash, read_into, start_writing_out
from caisse.fund.exchange.errors import DepositRefused
from caisse.fund.exchange.store import LARGEST_IN_ROW, StagedFile

#: Bytes collected before they are handed to a thread in one piece.
_BATCH = 1 << 20
#: Bytes after which the disk begins to write while the rest is still on its way.
_WRITE_OUT_EVERY = 8 << 20
#: Bytes that may wait for the disk before the sender has to wait as well.
_BACKLOG = 8 << 20
#: How far ahead of the end of the file a write may begin: what a client keeps in flight, not a sparse bomb.
_AHEAD = 32 << 20
#: Pieces an upload may be in while writes arrive out of order.
_PIECES = 1024


@dataclass(slots=True)
class _Run:
    """Bytes that follow each other without a gap."""

    offset: int
    chunks: list[bytes] = field(default_factory=list)
    length: int = 0

    @property
    def end(self) -> int:
        return self.offset + self.length


class Extents:
    """Which bytes of a file have arrived, as few half-open intervals."""

    def __init__(self, size: int = 0) -> None:
        self._starts: list[int] = [0] if size else []
        self._ends: list[int] = [size] if size else []

    def add(self, start: int, end: int) -> None:
        """Note that the bytes from ``start`` up to ``end`` have arrived."""
        first = bisect_left(self._ends, start)
        last = first
        while last < len(self._starts) and self._starts[last] <= end:
            start, end = min(start, self._starts[last]), max(end, self._ends[last])
            last += 1
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def cut(self, size: int) -> None:
        """Forget everything from ``size`` on."""
        kept = [(s, min(e, size)) for s, e in zip(self._starts, self._ends, strict=True) if s < size]
        self._starts, self._ends = [s for s, _ in kept], [e for _, e in kept]

    def __len__(self) -> int:
        return len(self._starts)

    @property
    def whole(self) -> int:
        """How many bytes from the beginning on are there without a gap."""
        return self._ends[0] if self._starts and self._starts[0] == 0 else 0


class Upload:
    """One unfinished upload. The event loop adds bytes, one thread at a time stores and hashes them.

    Small files stay in memory until they are complete, so that they cost a single visit to a thread.
    """

    def __init__(self, path: Path, limit: int, executor: Executor, hash_in: Executor | None = None) -> None:
        #: ``limit`` is the largest size in bytes, 0 for none; ``size`` is the end of what was written so far.
        #: With ``hash_in``, hashing has a thread of its own: worth it where receiving takes less than a core.
        self.path, self.limit, self.size = path, limit, 0
        self._name = path
        #: Who may write; whoever opens the name later takes it over.
        self.holder: object = None
        self._executor, self._hash_in = executor, hash_in
        self._lock = RLock()
        self._runs: list[_Run] = []
        self._waiting = self._storing = 0
        self._task: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        self._fd: int | None = None
        self._extents = Extents()
        self._hash = RunningHash(hash_in)
        self._fresh = True
        self._written_out = 0

    @classmethod
    def resumed(cls, path: Path, limit: int, executor: Executor, hash_in: Executor | None = None) -> "Upload":
        """Go on with the bytes that are already on disk. Raises FileNotFoundError when there are none."""
        upload = cls(path, limit, executor, hash_in)
        upload.size = path.stat(follow_symlinks=False).st_size
        upload._extents = Extents(upload.size)
        upload._fresh = False
        return upload

    # In the event loop

    def write(self, offset: int, data: bytes) -> asyncio.Future[None] | None:
        """Add bytes. When the disk is behind, the result must be awaited before more is added."""
        if self._error:
            raise self._error
        end = offset + len(data)
        if 0 < self.limit < end:
            raise DepositRefused("LIM-001", f"more than {self.limit} bytes")
        if offset > self.size + _AHEAD:
            raise DepositRefused("LIM-006", f"byte {offset} was written while only {self.size} had arrived")
        last = self._runs[-1] if self._runs else None
        if last is None or last.end != offset:
            last = _Run(offset)
            self._runs.append(last)
        last.chunks.append(data)
        last.length += len(data)
        self._waiting += len(data)
        self.size = max(self.size, end)
        if self._task is None and (self._waiting >= _BATCH or len(self._runs) > _PIECES):
            self._start_storing()
        return self._task if self._waiting + self._storing > _BACKLOG else None

    def _start_storing(self) -> None:
        runs, self._runs = self._runs, []
        self._storing, self._waiting = self._waiting, 0
        self._task = asyncio.get_running_loop().run_in_executor(self._executor, self._store, runs)
        self._task.add_done_callback(self._stored)

    def _stored(self, task: asyncio.Future[None]) -> None:
        if self._task is not task:
            return
        self._task, self._storing = None, 0
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._error = error
        elif self._waiting >= _BATCH:
            self._start_storing()

    async def settle(self) -> None:
        """Wait until no thread is working on this upload. Raises what went wrong while storing."""
        await self.quiet()
        if self._error:
            raise self._error

    async def quiet(self) -> None:
        """Wait until no thread is working on this upload."""
        while (task := self._task) is not None:
            await asyncio.wait([task])
            # Its own callback may come later than this.
            self._stored(task)

    async def truncate(self, size: int) -> None:
        """Cut the file down to ``size`` bytes; a larger size changes nothing: no byte has arrived there."""
        await self.settle()
        if size < self.size:
            await asyncio.get_running_loop().run_in_executor(self._executor, self._cut, size)
            self.size = size

    async def abandon(self) -> None:
        """Keep what has arrived without a gap, for a later resume."""
        await self.quiet()
        await asyncio.get_running_loop().run_in_executor(self._executor, self._put_down)
        self.size = self._extents.whole

    @property
    def rests(self) -> bool:
        """True when nobody writes and everything is on disk, where it may change or vanish without us."""
        return self.holder is None and self._fd is None and not self._runs and self._task is None

    async def let_go(self) -> None:
        """Forget the file; what is on disk stays as it is."""
        self.holder = None
        await self.quiet()
        await asyncio.get_running_loop().run_in_executor(self._executor, self.close)

    async def sync(self) -> None:
        """Bring what has arrived to the disk."""
        await self.settle()
        await asyncio.get_running_loop().run_in_executor(self._executor, self._flush)

    # In a thread, one at a time

    def _open(self) -> int:
        if self._fd is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            if self._fresh:
                # A new file, never the old one cut short: an overtaken connection may still hold that one.
                self.path.unlink(missing_ok=True)
                flags |= os.O_EXCL
            self._fd = os.open(self.path, flags, 0o600)
            self._fresh = False
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.close()
                raise DepositRefused("LIM-005", "another process writes this upload") from None
        return self._fd

    def _store(self, runs: list[_Run]) -> None:
        with self._lock:
            fd = self._open()
            for run in runs:
                self._follow(run)
                _write_all(fd, run)
                self._extents.add(run.offset, run.end)
                if len(self._extents) > _PIECES:
                    raise DepositRefused("LIM-006", f"more than {_PIECES} separate pieces")
            whole = self._extents.whole
            if whole - self._written_out >= _WRITE_OUT_EVERY:
                start_writing_out(fd, self._written_out, whole - self._written_out)
                self._written_out = whole

    def _follow(self, run: _Run) -> None:
        """Carry the hash on while writes are in order; otherwise the file is hashed at the end."""
        if run.offset == self._hash.end:
            self._hash.take(run.chunks, run.length)
        else:
            self._forget_hash(run.offset)

    def _forget_hash(self, offset: int) -> None:
        """Begin the hash anew if it counts bytes from ``offset`` on, which are no longer the same."""
        if offset < self._hash.end:
            self._hash = RunningHash(self._hash_in)

    def _flush(self) -> None:
        with self._lock:
            self._store_rest()
            os.fsync(self._open())

    def _store_rest(self) -> None:
        runs, self._runs, self._waiting = self._runs, [], 0
        if runs or self._fresh:
            self._store(runs)

    def _cut(self, size: int) -> None:
        with self._lock:
            self._store_rest()
            os.ftruncate(self._open(), size)
            self._extents.cut(size)
            self._forget_hash(size)

    def _put_down(self) -> None:
        with self._lock:
            try:
                if self._error is None:
                    self._store_rest()
                if self._fd is not None:
                    os.ftruncate(self._fd, self._extents.whole)
            finally:
                self.close()
            self._forget_hash(self._extents.whole)
            self._error = None

    def finish(self) -> StagedFile:
        """Store what is left and say what has arrived. Blocks; call it in a thread, after ``settle``.

        A small file that came in order never touches the disk. Raises DepositRefused when bytes are missing.
        """
        with self._lock:
            if (
                self._fresh
                and self.size <= LARGEST_IN_ROW
                and [run.length for run in self._runs] == [self.size]
            ):
                # Under this name there may lie what an earlier connection had begun.
                self.path.unlink(missing_ok=True)
                return StagedFile.from_bytes(b"".join(self._runs[0].chunks))
            self._store_rest()
            if self._extents.whole != self.size:
                raise DepositRefused("LIM-006", f"bytes are missing from byte {self._extents.whole} on")
            fd = self._open()
            if (end := read_into(self._hash, fd, self.size, _BATCH)) < self.size:
                raise DepositRefused("LIM-006", f"bytes are missing from byte {end} on")
            self._hide(fd)
            return StagedFile(self.path, self._hash.hexdigest(), self.size)

    def _hide(self, fd: int) -> None:
        """Give the file a name nobody else knows: the bytes that were hashed are the bytes that are kept."""
        hidden = self.path.with_name(f".{uuid.uuid4().hex}")
        self.path.rename(hidden)
        if not os.path.samestat(os.fstat(fd), hidden.stat(follow_symlinks=False)):
            hidden.rename(self.path)
            raise DepositRefused("LIM-005", "another connection has begun this upload anew")
        self._name, self.path = self.path, hidden

    @contextmanager
    def completed(self) -> Iterator[StagedFile]:
        """`finish`, then let go: a refusal deletes the bytes, a failure gives them back to the sender.

        Blocks; use it in a thread, after ``settle``.
        """
        try:
            yield self.finish()
        except DepositRefused:
            self.discard()
            raise
        except Exception:
            self.take_back()
            raise
        finally:
            self.close()

    def take_back(self) -> None:
        """Undo `finish` after a failure, so that the sender can go on. Blocks; call it in a thread."""
        with self._lock, suppress(FileNotFoundError):
            self._store_rest()
            hidden, self.path = self.path, self._name
            hidden.rename(self.path)

    def read(self, offset: int, length: int) -> bytes:
        """Read back what has arrived. Blocks; call it in a thread, after ``settle``."""
        with self._lock:
            self._store_rest()
            return os.pread(self._open(), length, offset)

    def close(self) -> None:
        """Let go of the file; the bytes on disk stay."""
        with self._lock:
            self._runs, self._waiting = [], 0
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None

    def discard(self) -> None:
        """Let go of the file and delete its bytes, if the name still stands for them."""
        with self._lock, suppress(FileNotFoundError):
            if self._fd is not None and os.path.samestat(os.fstat(self._fd), self.path.stat()):
                self.path.unlink()
        self.close()

    def move(self, path: Path) -> None:
        """Give the upload, which rests, another name."""
        with suppress(FileNotFoundError):
            self.path.rename(path)
        self.path = self._name = path


def _write_all(fd: int, run: _Run) -> None:
    """Write a run; short writes and more chunks than one call takes are gone on with."""
    offset, chunks = run.offset, run.chunks
    for start in range(0, len(chunks), 512):
        part = chunks[start : start + 512]
        wanted = sum(map(len, part))
        written = os.pwritev(fd, part, offset)
        if written < wanted:
            rest = memoryview(b"".join(part))[written:]
            while rest:
                written = os.pwrite(fd, rest, offset + wanted - len(rest))
                rest = rest[written:]
        offset += wanted
