"""Events are written once; seals chain them afterwards, so that no writer ever waits for another.

`audit_event` refuses UPDATE, DELETE and TRUNCATE; its trigger computes each event's hash and notes the event
in `audit_unsealed`. A seal takes the unsealed events that are committed, hashes them in order onto the
previous seal's hash and signs the result with a key that lies outside the database.
"""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models


class AuditEvent(models.Model):
    """One thing that was done: who, what, when, why, to what. ``hash`` is set by the database."""

    action = models.CharField(max_length=80)
    by = models.CharField(max_length=120)
    at = models.DateTimeField()
    why = models.TextField(default="")
    subject_type = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=80)
    data = models.JSONField(default=dict)
    hash = models.BinaryField()

    class Meta:
        db_table = "audit_event"
        indexes: ClassVar = [
            models.Index(fields=["subject_type", "subject_id"], name="audit_event_subject"),
            # Events come nearly in order of time: a day is found in few pages, and a write costs hardly more.
            BrinIndex(fields=["at"], name="audit_event_at", autosummarize=True),
        ]


class UnsealedEvent(models.Model):
    """An event no seal covers yet."""

    event = models.OneToOneField(
        AuditEvent, models.PROTECT, primary_key=True, db_constraint=False, related_name="+"
    )

    class Meta:
        db_table = "audit_unsealed"


class Seal(models.Model):
    """A link of the chain: SHA-256 over the previous seal's hash and its events' hashes, in their order."""

    number = models.BigIntegerField(primary_key=True)
    events = ArrayField(models.BigIntegerField())
    previous = models.BinaryField()
    hash = models.BinaryField()
    signature = models.BinaryField()
    sealed_at = models.DateTimeField()

    class Meta:
        db_table = "audit_seal"
