"""The front door for software vendors: everything a practice does, as one object.

>>> from caisse.provider import Practice                                       # doctest: +SKIP
>>> with Practice.open("caisse-practice") as practice:                          # doctest: +SKIP
...     practice.record("march.csv")
...     built = practice.build_invoices(year=2024, number=3)
...     practice.send()
...     practice.collect()
...     practice.owed().owed_cents
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from caisse.agreement.errors import Unreachable
from caisse.provider import balance, building, by_hand, collecting, sending
from caisse.provider.balance import Owed, Status, Told
from caisse.provider.building import Built
from caisse.provider.by_hand import KeptAnswer
from caisse.provider.checking import Check, check_file
from caisse.provider.home import Home, Settings, write_durably
from caisse.provider.receipts import ENDING, NO_KEYS, read_keys
from caisse.provider.reconciliation import Booked
from caisse.provider.records import Progress as RecordProgress
from caisse.provider.records import Recorded, record_file
from caisse.provider.sending import Sent
from caisse.provider.store import Store
from caisse.provider.transport import Door, no_notice, open_door


class Practice:
    """A practice: its records, files, answers and accounts. Use it in a ``with`` statement."""

    def __init__(self, home: Home, settings: Settings, *, door: Door | None = None) -> None:
        """Use :meth:`open` or :meth:`create`. ``door`` replaces the fund's door, for tests."""
        self.home, self.settings = home, settings
        #: Told what a person should know, such as a host key that is trusted from now on.
        self.notice: Callable[[str], None] = no_notice
        self.store = Store(settings.database)
        self._door = door

    @classmethod
    def create(
        cls,
        root: Path | str,
        *,
        fund: str,
        code: int,
        frame: str = "LAB",
        database: str | None = None,
        password: str | None = None,
        door: Door | None = None,
    ) -> Self:
        """Make a practice in a new folder; raises PracticeExists. ``password`` is readable by you only."""
        home = Home(root)
        settings = Settings(code=code, frame=frame, fund=fund, database=database or home.default_database())
        home.create(settings)
        if password is not None:
            write_durably(home.secret, password.encode(), mode=0o600)
        return cls(home, settings, door=door)

    @classmethod
    def open(cls, root: Path | str, *, door: Door | None = None) -> Self:
        """Open the practice in a folder; raises NoPractice."""
        home = Home(root)
        return cls(home, home.settings(), door=door)

    def record(
        self, path: Path | str, *, correct: bool = False, progress: RecordProgress | None = None
    ) -> Recorded:
        """Import a CSV or JSON-lines file of records, all or nothing; raises RecordRefused with every fault.

        ``correct`` replaces invoices recorded before with other content.
        """
        with self.home.lock():
            return record_file(
                self.store, Path(path), code=self.settings.code, frame=self.settings.frame,
                correct=correct, progress=progress,
            )  # fmt: skip

    def build_invoices(
        self,
        *,
        year: int,
        number: int,
        layout: int | None = None,
        reference: str | None = None,
        rebill: bool = False,
        on: date | None = None,
    ) -> Built | None:
        """Put every unbilled line into a request file in the outbox; None when there is nothing to bill.

        ``number`` is the month or sending number; ``layout`` defaults to the newest in force on ``on``
        (today); ``rebill`` takes the refused lines instead, under new references that quote the earlier ones.
        """
        order = building.Order(year, number, on or today(), layout, reference, rebill)
        with self.home.lock():
            return building.build_invoices(self.store, self.home, self.settings, order)

    def discard(self, name: str) -> None:
        """Give up a file that was built and not sent; its lines can be billed again."""
        with self.home.lock():
            building.discard(self.store, name)

    def check(self, path: Path | str, *, on: date | None = None, language: str = "en") -> Check:
        """Examine a file as the fund will; ``path`` may be the bare name of a file in the outbox."""
        chosen = Path(path)
        if not chosen.exists() and (self.home.outbox / chosen.name).exists():
            chosen = self.home.outbox / chosen.name
        return check_file(chosen, on=on or today(), provider=self.settings.code, language=language)

    def send(self, files: Sequence[str] = (), *, progress: sending.Progress | None = None) -> list[Sent]:
        """Deposit the files built (or those named) and verify the receipts that are there at once.

        Safe to repeat after any failure: the fund recognises a file it holds. Raises Unreachable and
        LoginRefused.
        """
        with self.home.lock():
            chosen = sending.waiting(self.store, files)
            if not chosen:
                return []
            with self.door() as door:
                done = [sending.send_file(self.store, self.home, door, one, progress) for one in chosen]
                receipts = {f"{sent.name}{ENDING}" for sent in done if sent.problem is None}
                # The files are with the fund: a receipt not to be had this minute comes with `collect`.
                with suppress(Unreachable):
                    collecting.collect(self.store, self.home, door, only=receipts)
        return done

    def collect(self, *, again: bool = False, progress: collecting.Progress | None = None) -> list[Booked]:
        """Download and book the fund's answers; each is booked once, however often it is collected."""
        with self.home.lock(), self.door() as door:
            return collecting.collect(self.store, self.home, door, again=again, progress=progress)

    def settle(self, number: int, note: str) -> str:
        """Note what was done about an answer not booked; returns its name. Raises UnknownAnswer."""
        with self.home.lock():
            return by_hand.settle(self.store, number, note)

    def answer(self, number: int) -> KeptAnswer:
        """An answer not booked: what it says, why, and which files it may mean. Raises UnknownAnswer."""
        return by_hand.look_at(self.store, number, self._keys())

    def assign(self, number: int, name: str, note: str) -> Booked:
        """Book an answer onto the file a person says it means; raises CannotAssign when it does not fit."""
        with self.home.lock():
            return by_hand.assign(self.store, number, Path(name).name, note, self._keys())

    def _keys(self) -> dict[str, Any]:
        """The fund's keys as they are pinned."""
        return read_keys(self.home.keys.read_bytes() if self.home.keys.exists() else NO_KEYS)

    def status(self, *, at: datetime | None = None) -> Status:
        """The files by stage, oldest first, and what needs a person."""
        return balance.status(self.store, at=at or _now(), expected_days=self.settings.answer_expected_days)

    def owed(self, *, overdue: bool = False, at: datetime | None = None, language: str = "en") -> Owed:
        """What was asked, paid, refused (by reason) and is still owed; amounts in cents."""
        return balance.owed(
            self.store, at=at or _now(), expected_days=self.settings.answer_expected_days,
            overdue=overdue, language=language,
        )  # fmt: skip

    def reasons(self, name: str, *, language: str = "en") -> tuple[Told, ...]:
        """Every reason the fund's answers give for a file; raises UnknownSending."""
        return balance.reasons_told(self.store, Path(name).name, language=language)

    def export(self, target: Path | str, *, file_format: str = "csv") -> int:
        """Write every billed line and what became of it to a CSV or Parquet file; returns how many."""
        return balance.export(self.store, Path(target), file_format)

    def door(self) -> Door:
        """The fund's door; nothing is sent before it is used."""
        return self._door if self._door is not None else open_door(self.home, self.settings, self.notice)

    def close(self) -> None:
        """Let go of the database."""
        self.store.close()

    def __enter__(self) -> Self:
        """The practice itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the database, whatever happened."""
        self.close()


def today() -> date:
    """The calendar day here."""
    return datetime.now().astimezone().date()


def _now() -> datetime:
    return datetime.now(UTC)
