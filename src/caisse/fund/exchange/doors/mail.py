"""An account's mailbox as both doors see it. Everything here blocks; the doors call it in threads."""

import os
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from caisse.fund.exchange import actions, queries, receipts
from caisse.fund.exchange.doors.mailbox import KEYS_NAME, Box
from caisse.fund.exchange.models import UNANSWERED, Account, Delivery, Deposit
from caisse.fund.exchange.store import StagedFile
from caisse.fund.home import Home


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the mailbox; ``modified`` counts seconds since 1970."""

    name: str
    size: int
    modified: float


class Readable:
    """A file of the mailbox, open for reading; small answers in memory, everything else in the store."""

    def __init__(self, entry: Entry, content: bytes | None, path: Path | None) -> None:
        self.entry, self._content = entry, content
        self.delivery_id: int | None = None
        self.sha256 = ""
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if path else None

    @property
    def in_memory(self) -> bool:
        """True when reading never waits for the disk."""
        return self._content is not None

    def read(self, offset: int, length: int) -> bytes:
        """At most ``length`` bytes from ``offset`` on; none at the end."""
        if self._content is not None:
            return self._content[offset : offset + length]
        return os.pread(self._fd, length, offset) if self._fd is not None else b""

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Mail:
    """The mailbox of one account, through one door (``sftp`` or ``https``)."""

    def __init__(self, home: Home, account: Account, door: str) -> None:
        self._home, self._account, self._door = home, account, door

    def entries(self, box: Box) -> list[Entry]:
        """The files in a box: deposits that are not answered yet, answers, or the public keys."""
        if box is Box.KEYS:
            return [self._keys_entry(receipts.public_keys(self._home))]
        found = queries.list_mailbox(self._account.pk, box.value)
        return [Entry(entry.name, entry.size, entry.at.timestamp()) for entry in found]

    def files(self, box: Box, after: queries.Place | None, limit: int) -> list[dict[str, object]]:
        """The files in ``in`` or ``out`` with all that is known of them, oldest first."""
        found = queries.list_mailbox(self._account.pk, box.value, after=after, limit=limit)
        return [
            {
                "place": str(entry.place),
                "name": entry.name,
                "size": entry.size,
                "sha256": entry.sha256,
                "at": entry.at,
                "kind": entry.kind,
                "deposit": entry.deposit_id,
                "first_collected_at": entry.first_collected_at,
            }
            for entry in found
        ]

    def deposits(self, stage: str | None, name: str | None, limit: int) -> list[Deposit]:
        """The account's deposits, newest first; all or those in one stage, of one name."""
        found = Deposit.objects.filter(account_id=self._account.pk)
        if stage:
            found = found.filter(stage=stage)
        if name:
            found = found.filter(name=name)
        return list(found.order_by("-received_at")[:limit])

    def entry(self, box: Box, name: str) -> Entry | None:
        """One file of a box, None when there is none of this name."""
        if box is Box.IN:
            deposit = self._deposit(name)
            return Entry(name, deposit.size, deposit.received_at.timestamp()) if deposit else None
        if box is Box.OUT:
            found = Delivery.objects.filter(account_id=self._account.pk, name=name)
            row = found.values_list("size", "delivered_at").first()
            return Entry(name, row[0], row[1].timestamp()) if row else None
        return self._keys_entry(receipts.public_keys(self._home)) if name == KEYS_NAME else None

    def open(self, box: Box, name: str) -> Readable | None:
        """A file of a box for reading, None when there is none of this name."""
        if box is Box.KEYS and name == KEYS_NAME:
            keys = receipts.public_keys(self._home)
            return Readable(self._keys_entry(keys), keys, None)
        if box is Box.OUT and (found := queries.open_delivery(self._account.pk, name)):
            entry = Entry(name, found.size, found.delivered_at.timestamp())
            readable = Readable(entry, found.content, found.path)
            readable.delivery_id, readable.sha256 = found.delivery_id, found.sha256
            return readable
        if box is Box.IN and (deposit := self._deposit(name)):
            entry = Entry(name, deposit.size, deposit.received_at.timestamp())
            path = queries.deposit_path(deposit)
            return Readable(entry, None if path else bytes(queries.deposit_content(deposit.pk)), path)
        return None

    def receive(self, name: str, staged: StagedFile) -> actions.Received:
        """Make a complete upload a deposit; durable when this returns. Raises DepositRefused."""
        return actions.receive_deposit(
            account=self._account,
            name=name,
            staged=staged,
            door=self._door,
            by=self._account.user,
            at=datetime.now(UTC),
        )

    def note_collected(self, delivery_id: int) -> None:
        """Note that an answer was collected in full."""
        actions.note_collected(
            account_id=self._account.pk, delivery_id=delivery_id, by=self._account.user, at=datetime.now(UTC)
        )

    def find_deposit(self, deposit_id: uuid.UUID) -> Deposit | None:
        """One of the account's deposits, whatever its stage; None when it has none of this id."""
        return queries.find_deposit(self._account.pk, deposit_id)

    def _deposit(self, name: str) -> Deposit | None:
        waiting = Deposit.objects.filter(account_id=self._account.pk, name=name, stage__in=UNANSWERED)
        return waiting.order_by("-received_at").first()

    def _keys_entry(self, keys: bytes) -> Entry:
        folder = self._home.secrets / "receipt-keys"
        return Entry(KEYS_NAME, len(keys), folder.stat().st_mtime)
