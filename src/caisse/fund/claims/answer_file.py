"""A long answer on its way to the store: written, hashed and synced to disk while it is being made."""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from caisse.fund.exchange.store import StagedFile

#: Bytes after which the disk is set to work; syncing all at the end would make everybody wait for it.
_SYNCED_EVERY = 16 * 1024 * 1024


def stage_answer(path: Path, pieces: Iterable[bytes]) -> StagedFile:
    """Write ``pieces`` to ``path`` in staging/, one after the other; the whole is never in memory."""
    digest = hashlib.sha256()
    size = unsynced = 0
    syncing: Future[None] | None = None
    with path.open("wb", buffering=0) as file, ThreadPoolExecutor(1, "sync") as disk:
        os.fchmod(file.fileno(), 0o600)
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
            size += len(piece)
            unsynced += len(piece)
            if unsynced >= _SYNCED_EVERY and (syncing is None or syncing.done()):
                syncing, unsynced = disk.submit(os.fdatasync, file.fileno()), 0
    return StagedFile(path, digest.hexdigest(), size)
