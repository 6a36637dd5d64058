"""What the clock has done: a row for each day, and one for each thing that may happen only once."""

from typing import ClassVar

from django.db import models


class ClockDay(models.Model):
    """A day the clock began and, once ``ended_at`` is set, went through to its end.

    ``troubles``: things that failed in its last pass; they are tried again with the next one.
    """

    day = models.DateField(primary_key=True)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    troubles = models.IntegerField(default=0)


class ClockDeed(models.Model):
    """Something done once for ever: ``what`` was done about ``key``; committed with what it did."""

    what = models.CharField(max_length=30)
    key = models.CharField(max_length=80)
    day = models.DateField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(name="casework_deed_once", fields=["what", "key"])]
