"""Uploads over HTTPS that go on where they broke off, by the name the file is to have.

An account's unfinished uploads lie in ``staging/https/<account>``, each with a hidden file that holds its
plan, so they outlive the process; the sweep of staging/ removes both.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from caisse.fund.exchange.acceptance import Received
from caisse.fund.exchange.doors.mail import Mail
from caisse.fund.exchange.doors.threads import DatabaseThreads
from caisse.fund.exchange.doors.unfinished import UnfinishedUploads
from caisse.fund.exchange.doors.uploads import Upload
from caisse.fund.exchange.errors import DepositRefused
from caisse.fund.exchange.store import StagedFile

#: Unfinished uploads one account may leave, as over SFTP.
MOST = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What was announced: length in bytes, SHA-256 (hexadecimal or empty), and Upload-Metadata as sent."""

    length: int
    sha256: str
    metadata: str


class ResumableUploads:
    """The resumable uploads of one account."""

    def __init__(self, folder: Path, limit: int, threads: DatabaseThreads) -> None:
        self._folder, self._threads = folder, threads
        self._files = UnfinishedUploads(folder, limit, threads, MOST, hash_in=threads)

    def plan(self, name: str) -> Plan | None:
        """What was announced for the upload of this name, None when there is none."""
        try:
            return Plan(**json.loads(self._plan_file(name).read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    async def arrived(self, name: str) -> int:
        """How many bytes of an upload have arrived.

        It stays true: who asks is about to go on, so a connection that still seems to send loses its hold.
        """
        if self._files.size_and_time(name) is None:
            return 0
        return (await self._files.open(name, None, fresh=False)).size

    def is_being_received(self, name: str) -> bool:
        """True while a complete upload becomes a deposit."""
        return self._files.is_closing(name)

    async def begin(self, name: str, plan: Plan) -> None:
        """Begin an upload, giving up one of the same name. Raises DepositRefused when there are too many."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._plan_file(name)
        if not file.exists() and sum(1 for _ in self._folder.glob(".*.json")) >= MOST:
            raise DepositRefused("LIM-005", f"{MOST} unfinished uploads")
        upload = await self._files.open(name, object(), fresh=True)
        upload.holder = None
        (self._folder / name).unlink(missing_ok=True)
        temporary = file.with_suffix(".new")
        temporary.write_text(json.dumps(asdict(plan)))
        temporary.rename(file)

    async def go_on(self, name: str, holder: object) -> Upload:
        """The upload, from now on written by ``holder`` alone; an earlier connection's hold ends."""
        with suppress(FileNotFoundError):
            os.utime(self._plan_file(name))
        return await self._files.open(name, holder, fresh=False)

    async def complete(
        self, name: str, plan: Plan, upload: Upload, mail: Mail
    ) -> tuple[StagedFile, Received]:
        """Make it a deposit, durable when this returns. After a refusal nothing is left of the upload."""
        with self._files.receiving(name, upload):
            upload.holder = None
            try:
                done = await self._threads.run(_receive, mail, name, plan, upload)
            except DepositRefused:
                self._forget(name)
                raise
            self._forget(name)
        return done

    async def remove(self, name: str) -> None:
        """Give an upload up."""
        await self._files.remove(name)
        self._plan_file(name).unlink(missing_ok=True)

    def _forget(self, name: str) -> None:
        self._files.forget(name)
        self._plan_file(name).unlink(missing_ok=True)

    def _plan_file(self, name: str) -> Path:
        return self._folder / f".{name}.json"


def _receive(mail: Mail, name: str, plan: Plan, upload: Upload) -> tuple[StagedFile, Received]:
    with upload.completed() as staged:
        if plan.sha256 not in ("", staged.sha256):
            raise DepositRefused("LIM-006", f"SHA-256 {staged.sha256} ≠ {plan.sha256}")
        return staged, mail.receive(name, staged)
