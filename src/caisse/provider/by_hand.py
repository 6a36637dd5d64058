"""Answers that could not be booked, in a person's hands: look at one, assign it to a file, or settle it.

A person may say which file an answer speaks of. What it says must still fit that file: sums, amounts, stages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from caisse.provider import schema
from caisse.provider.answers import ACKNOWLEDGEMENT, RETURN, Answer, read_answer
from caisse.provider.errors import CannotAssign, UnknownAnswer, UnknownSending
from caisse.provider.reconciliation import (
    BOOKED,
    KEYS,
    SETTLED,
    UNMATCHED,
    Booked,
    Unmatched,
    apply_answer,
    billed,
    mark,
    returned_lines,
)
from caisse.provider.store import Store, now


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file of this practice an answer may speak of; ``lines`` of the answer's lines stand in it."""

    name: str
    state: str
    deposit: str | None
    lines: int


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer that was not booked: what it says of itself, why, and which files it may speak of.

    Amounts in cents; null where the answer gives none.
    """

    id: int
    name: str
    kind: str
    collected_at: datetime
    problem: str
    deposit: str
    about_name: str
    about_sha256: str
    conform: bool | None
    lines: int
    asked_cents: int | None
    patient_cents: int | None
    refused_cents: int | None
    content: bytes
    candidates: tuple[Candidate, ...]


def look_at(store: Store, number: int, keys: Mapping[str, Any]) -> KeptAnswer:
    """One answer that waits for a person; raises UnknownAnswer."""
    with store.read() as connection:
        row = _waiting(connection, number)
        answer = read_answer(row.name, row.content, keys)
        return KeptAnswer(
            id=row.id, name=row.name, kind=row.kind, collected_at=row.collected_at, problem=row.problem or "",
            deposit=answer.deposit, about_name=answer.about_name, about_sha256=answer.about_sha256,
            conform=answer.header.get("conform"), content=row.content,
            lines=answer.tables["lines"].height if "lines" in answer.tables else 0,
            **{name: answer.header.get(name) for name in ("asked_cents", "patient_cents", "refused_cents")},
            candidates=_candidates(connection, answer),
        )  # fmt: skip


def assign(store: Store, number: int, name: str, note: str, keys: Mapping[str, Any]) -> Booked:
    """Book a kept acknowledgement or return onto the file ``name``, because a person says that it is meant.

    Raises UnknownAnswer, UnknownSending, or CannotAssign when the answer does not fit that file.
    """
    with store.write() as connection:
        row = _waiting(connection, number)
        answer = read_answer(row.name, row.content, keys)
        if answer.problem or answer.kind not in (ACKNOWLEDGEMENT, RETURN):
            raise CannotAssign(
                answer.problem or f"It is a {answer.kind}, which proves one file and no other."
            )
        sending = _sending(connection, name)
        try:
            state = apply_answer(connection, answer, number, sending)
        except Unmatched as reason:
            raise CannotAssign(str(reason)) from None
        mark(connection, number, state=state, sending_id=sending.id, deposit=answer.deposit, problem=None,
             note=answer.header.get("tables_note"), by_hand=f"{now():%Y-%m-%d}: {note}")  # fmt: skip
        stage = connection.scalar(
            sa.select(schema.sendings.c.stage).where(schema.sendings.c.id == sending.id)
        )
    return Booked(row.name, row.kind, BOOKED, sending.name, stage, answer.deposit)


def settle(store: Store, number: int, note: str) -> str:
    """Mark an unmatched answer as dealt with by a person, who says how; its bytes stay. Returns its name."""
    with store.write() as connection:
        row = _waiting(connection, number)
        mark(connection, number, state=SETTLED, by_hand=f"{now():%Y-%m-%d}: {note}")
    return str(row.name)


def _waiting(connection: sa.Connection, number: int) -> Any:
    table = schema.answers
    row = connection.execute(sa.select(table).where(table.c.id == number, table.c.state == UNMATCHED)).first()
    if row is None:
        raise UnknownAnswer(str(number))
    return row


def _sending(connection: sa.Connection, name: str) -> Any:
    """The newest file of that name, one that holds its key before one that gave it up."""
    table = schema.sendings
    rows = connection.execute(sa.select(table).where(table.c.name == name)).all()
    if not rows:
        raise UnknownSending(name)
    return max(rows, key=lambda row: (row.active or 0, row.id))


def _candidates(connection: sa.Connection, answer: Answer) -> tuple[Candidate, ...]:
    """Files of the name or reference the answer gives, or with lines it decides; the likeliest first."""
    reference = answer.header.get("file_reference")
    lines = returned_lines(answer).select(KEYS) if "lines" in answer.tables else None
    found = []
    for row in connection.execute(sa.select(schema.sendings).order_by(schema.sendings.c.id.desc())):
        known = 0 if lines is None else lines.join(billed(connection, row.id), on=KEYS).height
        if known or row.name == answer.about_name or (reference and row.reference == reference):
            found.append(Candidate(row.name, row.stage, row.deposit, known))
    return tuple(sorted(found, key=lambda one: -one.lines))
