"""What holds from when until when, changed without losing what was known before.

A change supersedes every standing row it touches and enters what holds of them besides, so that each row says
for ever what it said when it was recorded. The caller holds the registry's revision (`revisions.take`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import models
from django.db.models import Q

from caisse.fund.registry.errors import PeriodRefused
from caisse.fund.registry.models import Dated


def put(
    model: type[Dated],
    key: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    valid_from: date,
    valid_until: date | None = None,
    revision: int,
) -> int:
    """Let ``values`` hold for ``key`` in the period, whatever held there until now; the new row's id.

    Raises PeriodRefused when the period has no day.
    """
    check_period(valid_from, valid_until)
    clear(model, key, valid_from=valid_from, valid_until=valid_until, revision=revision)
    row = model(**key, **values, valid_from=valid_from, valid_until=valid_until, revision=revision)
    row.save(force_insert=True)
    return row.pk


def check_period(valid_from: date, valid_until: date | None) -> None:
    """Raises PeriodRefused unless the period has a day."""
    if valid_until is not None and valid_until <= valid_from:
        raise PeriodRefused(f"A period that begins on {valid_from} ends after that day.")


def clear(
    model: type[Dated],
    key: Mapping[str, Any],
    *,
    valid_from: date,
    valid_until: date | None = None,
    revision: int,
) -> int:
    """Let nothing hold for ``key`` in the period; how many standing rows that touched."""
    after = Q(valid_until__isnull=True) | Q(valid_until__gt=valid_from)
    touched = model._default_manager.filter(after, **key, superseded__isnull=True)
    if valid_until is not None:
        touched = touched.filter(valid_from__lt=valid_until)
    rows = list(touched.order_by("valid_from"))
    if not rows:
        return 0
    model._default_manager.filter(pk__in=[row.pk for row in rows]).update(superseded=revision)
    kept: list[Dated] = []
    for row in rows:
        if row.valid_from < valid_from:
            kept.append(_copy(row, row.valid_from, valid_from, revision))
        if valid_until is not None and (row.valid_until is None or row.valid_until > valid_until):
            kept.append(_copy(row, valid_until, row.valid_until, revision))
    model._default_manager.bulk_create(kept)
    return len(rows)


def _copy(row: Dated, valid_from: date, valid_until: date | None, revision: int) -> Dated:
    own = {"id", "valid_from", "valid_until", "revision", "superseded"}
    fields: list[models.Field[Any, Any]] = [one for one in row._meta.concrete_fields if one.name not in own]
    content = {one.attname: getattr(row, one.attname) for one in fields}
    return type(row)(**content, valid_from=valid_from, valid_until=valid_until, revision=revision)
