"""What is done with an upload's bytes while the rest is still on its way: hashing, and writing them out."""

import ctypes
import hashlib
import os
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from threading import Lock

#: Runs shorter than this (bytes) are hashed at once: handing them to another thread would take longer.
_WORTH_A_THREAD = 1 << 19
#: Bytes that may wait to be hashed; beyond, whoever brings more hashes them itself.
_BACKLOG = 4 << 20

_SYNC_FILE_RANGE_WRITE = 2
_sync_file_range = getattr(ctypes.CDLL(None), "sync_file_range", None)
if _sync_file_range is not None:
    _sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)


def start_writing_out(fd: int, offset: int, length: int) -> None:
    """Have the kernel begin to bring bytes to the disk, so that the fsync before the receipt is short.

    It promises nothing: only that fsync does, and all of it where nothing can be begun early.
    """
    if _sync_file_range is not None:
        _sync_file_range(fd, offset, length, _SYNC_FILE_RANGE_WRITE)


class RunningHash:
    """The SHA-256 of bytes that come in order; with an executor, long runs are hashed in it."""

    def __init__(self, executor: Executor | None) -> None:
        #: How many bytes were taken on so far.
        self.end = 0
        self._executor = executor
        self._sha256 = hashlib.sha256()
        self._waiting: deque[Sequence[bytes]] = deque()
        self._done = 0
        self._turn = Lock()

    def take(self, chunks: Sequence[bytes], length: int) -> None:
        """Carry the hash on by ``length`` bytes. One thread at a time brings them."""
        self.end += length
        self._waiting.append(chunks)
        if self._executor is None or length < _WORTH_A_THREAD or self.end - self._done > _BACKLOG:
            self._work_off()
        else:
            self._executor.submit(self._work_off)

    def hexdigest(self) -> str:
        """The hash of all bytes taken on."""
        self._work_off()
        return self._sha256.hexdigest()

    def _work_off(self) -> None:
        with self._turn:
            while self._waiting:
                for chunk in (chunks := self._waiting.popleft()):
                    self._sha256.update(chunk)
                self._done += sum(map(len, chunks))


def read_into(found: RunningHash, fd: int, size: int, piece: int) -> int:
    """Carry the hash on with the file's bytes up to ``size``; returns how far the file reached."""
    while found.end < size and (block := os.pread(fd, piece, found.end)):
        found.take([block], len(block))
    return found.end
