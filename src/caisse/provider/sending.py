"""Sending: the intent is written down first, so that a repeat is safe and nothing is sent unnoticed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from caisse.agreement.errors import WrongUse
from caisse.agreement.layouts import catalogue
from caisse.provider import faults, schema
from caisse.provider.errors import DepositRefused, FileChanged, UnknownSending
from caisse.provider.home import Home
from caisse.provider.store import Store, move_sending, now
from caisse.provider.transport import Door, no_progress

#: Called with the file's name, the bytes through and the bytes there are.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one file. ``problem`` is the fund's word when it refused the deposit."""

    name: str
    size: int
    stage: str
    sent_at: datetime | None
    problem: str | None = None


def waiting(store: Store, wanted: Sequence[str] = ()) -> list[Any]:
    """The files to send: those named, else all built and not sent yet, oldest first."""
    table = schema.sendings
    query = sa.select(table).where(table.c.active == 1).order_by(table.c.built_at, table.c.id)
    with store.read() as connection:
        rows = connection.execute(query).all()
    if not wanted:
        return [row for row in rows if row.stage == "built"]
    by_name = {row.name: row for row in rows}
    for name in map(_bare, wanted):
        if name not in by_name:
            raise UnknownSending(name)
        if by_name[name].stage not in {"built", "sent"}:
            raise WrongUse(
                f"{name} is {by_name[name].stage}: the fund has answered it, there is nothing to send."
            )
    return [by_name[name] for name in map(_bare, wanted)]


def _bare(path: str) -> str:
    return Path(path).name


def send_file(store: Store, home: Home, door: Door, sending: Any, progress: Progress | None = None) -> Sent:
    """Deposit one file; may be repeated after any failure. Raises Unreachable, LoginRefused, FileChanged.

    A deposit the fund refuses is written down and returned with its words.
    """
    path = home.outbox / sending.name
    _assert_unchanged(path, sending)
    if (too_late := _out_of_force(sending)) is not None:
        _write_down(store, sending.id, problem=too_late)
        return Sent(sending.name, sending.size, sending.stage, None, too_late)
    faults.reach("send.before_intent")
    _write_down(store, sending.id, attempts=sending.attempts + 1, attempted_at=now())
    faults.reach("send.after_intent")
    try:
        door.put(
            sending.name,
            path,
            resume=sending.upload_begun,
            begun=lambda: _write_down(store, sending.id, upload_begun=True),
            progress=(lambda done, size: progress(sending.name, done, size)) if progress else no_progress,
        )
    except DepositRefused as refusal:
        _write_down(store, sending.id, problem=refusal.detail, refusals=sending.refusals + 1)
        return Sent(sending.name, sending.size, sending.stage, None, refusal.detail)
    faults.reach("send.after_put")
    sent_at = now()
    with store.write() as connection:
        current = connection.scalar(
            sa.select(schema.sendings.c.stage).where(schema.sendings.c.id == sending.id)
        )
        if current == "built":
            move_sending(connection, sending.id, "sent", sent_at=sent_at, problem=None)
    faults.reach("send.after_commit")
    return Sent(sending.name, sending.size, "sent", sent_at)


def _out_of_force(sending: Any) -> str | None:
    """What to do about a file whose layout is no longer taken: it would only come back."""
    layout = catalogue.find(sending.frame, sending.type, sending.layout)
    today = now().astimezone().date()
    if sending.attempts or layout.in_force(today):
        return None
    return f"LAY-002 {layout.label} is not in force on {today}: discard the file and build it again."


def _write_down(store: Store, sending_id: int, **values: Any) -> None:
    with store.write() as connection:
        connection.execute(schema.sendings.update().where(schema.sendings.c.id == sending_id).values(values))


def _assert_unchanged(path: Path, sending: Any) -> None:
    try:
        with path.open("rb") as file:
            held = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise FileChanged(f"{path} is missing.") from None
    if held != sending.sha256:
        raise FileChanged(str(path))
