"""Write the record: events by whoever acts, seals by the worker."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from caisse.agreement.errors import BrokenSystem
from caisse.fund.audit import chain

_INSERT = """
    INSERT INTO audit_event (action, by, at, why, subject_type, subject_id, data)
    VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb) RETURNING id
"""


def record_event(
    *,
    action: str,
    by: str,
    at: datetime,
    subject: tuple[str, object],
    data: Mapping[str, Any] | None = None,
    why: str = "",
) -> int:
    """Record one event inside the caller's transaction and return its id; ``subject`` is (type, id).

    ``data`` must be JSON of words and whole numbers, without names or numbers of insured persons.
    """
    if at.tzinfo is None:
        raise ValueError("an event's time needs a time zone")
    subject_type, subject_id = subject
    with connection.cursor() as cursor:
        cursor.execute(
            _INSERT,
            (
                action,
                by,
                at,
                why,
                subject_type,
                str(subject_id),
                json.dumps(dict(data or {}), sort_keys=True),
            ),
        )
        return cursor.fetchone()[0]


def seal_events(*, at: datetime, limit: int = 10_000) -> int:
    """Seal up to ``limit`` committed events onto the chain and return how many; 0 when all are sealed.

    Events of transactions still running are not visible here and go into a later seal.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (chain.LOCK,))
        cursor.execute(
            "DELETE FROM audit_unsealed WHERE event_id IN"
            " (SELECT event_id FROM audit_unsealed ORDER BY event_id LIMIT %s) RETURNING event_id",
            (limit,),
        )
        events = sorted(row[0] for row in cursor.fetchall())
        if not events:
            return 0
        cursor.execute("SELECT number, hash FROM audit_seal ORDER BY number DESC LIMIT 1")
        number, previous = cursor.fetchone() or (0, chain.START)
        cursor.execute("SELECT hash FROM audit_event WHERE id = ANY(%s) ORDER BY id", (events,))
        hashes = [bytes(row[0]) for row in cursor.fetchall()]
        if len(hashes) != len(events):
            raise BrokenSystem("an audit event vanished before it was sealed; see caisse fund verify")
        sealed = hashlib.sha256(bytes(previous) + b"".join(hashes)).digest()
        cursor.execute(
            "INSERT INTO audit_seal (number, events, previous, hash, signature, sealed_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (number + 1, events, bytes(previous), sealed, chain.sign(number + 1, sealed), at),
        )
    return len(events)
