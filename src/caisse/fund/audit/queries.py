"""Read the record, and prove that nothing in it was changed."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet

from caisse.fund.audit import chain
from caisse.fund.audit.models import AuditEvent

# The text an event's hash is made of; also in the trigger, since verifying must not trust the database.
CANONICAL = (
    "jsonb_build_array(e.id, e.action, e.by, "
    "to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), "
    "e.why, e.subject_type, e.subject_id, e.data)::text"
)
_EVENTS_OF_SEAL = (
    f"SELECT wanted.id, e.id IS NOT NULL, e.hash, {CANONICAL}"
    " FROM unnest(%s::bigint[]) WITH ORDINALITY AS wanted(id, place)"
    " LEFT JOIN audit_event e ON e.id = wanted.id ORDER BY wanted.place"
)
# Events on no seal and on no list of unsealed ones were slipped in, or their note was taken away.
_STRAYS = """
    SELECT e.id FROM audit_event e
    WHERE NOT EXISTS (SELECT 1 FROM audit_unsealed u WHERE u.event_id = e.id)
      AND NOT EXISTS (SELECT 1 FROM (SELECT unnest(events) AS id FROM audit_seal) s WHERE s.id = e.id)
    ORDER BY e.id LIMIT 1
"""
_LOST = """
    SELECT u.event_id FROM audit_unsealed u
    WHERE NOT EXISTS (SELECT 1 FROM audit_event e WHERE e.id = u.event_id) ORDER BY 1 LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The chain as found: how much was checked and the first broken place, None when it is whole."""

    seals: int
    events: int
    unsealed: int
    broken: str | None
    head: str

    @property
    def whole(self) -> bool:
        return self.broken is None


def events_about(subject_type: str, subject_id: str, *, limit: int = 500) -> list[AuditEvent]:
    """The events about one thing, the latest first."""
    found = AuditEvent.objects.filter(subject_type=subject_type, subject_id=subject_id)
    return list(found.order_by("-at", "-pk")[:limit])


def events_between(start: datetime, end: datetime, *, by: str = "", action: str = "") -> QuerySet[AuditEvent]:
    """The events from ``start`` up to, not including, ``end``, the latest first; ``action``: a beginning."""
    found = AuditEvent.objects.filter(at__gte=start, at__lt=end)
    if by:
        found = found.filter(by=by)
    if action:
        found = found.filter(action__startswith=action)
    return found.order_by("-at", "-pk")


def verify_chain() -> ChainReport:
    """Compute every event's and every seal's hash again and compare; one consistent view of the database."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        return _verify(cursor)


def _verify(cursor) -> ChainReport:
    cursor.execute("SELECT count(*) FROM audit_unsealed")
    unsealed = cursor.fetchone()[0]
    cursor.execute("SELECT coalesce(max(number), 0) FROM audit_seal")
    last = cursor.fetchone()[0]
    previous, events, number = chain.START, 0, 0
    for number in range(1, last + 1):
        cursor.execute(
            "SELECT events, previous, hash, signature FROM audit_seal WHERE number = %s", (number,)
        )
        row = cursor.fetchone()
        broken = f"seal {number} is missing" if row is None else _check_seal(cursor, number, row, previous)
        if broken:
            return ChainReport(number - 1, events, unsealed, broken, previous.hex())
        previous = bytes(row[2])
        events += len(row[0])
    return ChainReport(number, events, unsealed, _check_outside(cursor), previous.hex())


def _check_seal(cursor, number: int, row: tuple, previous: bytes) -> str | None:
    wanted, claimed_previous, sealed, signature = row
    if bytes(claimed_previous) != previous:
        return f"seal {number} does not follow seal {number - 1}"
    cursor.execute(_EVENTS_OF_SEAL, (wanted,))
    running = hashlib.sha256(previous)
    for event, exists, stored, text in cursor.fetchall():
        if not exists:
            return f"event {event} of seal {number} is missing"
        computed = hashlib.sha256(text.encode()).digest()
        if computed != bytes(stored):
            return f"event {event} of seal {number} was changed"
        running.update(computed)
    if running.digest() != bytes(sealed):
        return f"seal {number} does not cover its events"
    if not chain.is_signed(number, bytes(sealed), bytes(signature)):
        return f"seal {number} is not signed by this fund"
    return None


def _check_outside(cursor) -> str | None:
    for statement, text in (
        (_LOST, "event {} vanished before it was sealed"),
        (_STRAYS, "event {} is on no seal"),
    ):
        cursor.execute(statement)
        row = cursor.fetchone()
        if row:
            return text.format(row[0])
    cursor.execute(
        f"SELECT e.id, e.hash, {CANONICAL} FROM audit_event e"
        " JOIN audit_unsealed u ON u.event_id = e.id ORDER BY e.id"
    )
    for event, stored, text in cursor.fetchall():
        if hashlib.sha256(text.encode()).digest() != bytes(stored):
            return f"event {event}, not sealed yet, was changed"
    return None
