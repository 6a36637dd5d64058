"""Codes: allotted, suspended, ended, opened again. A code once given is never given to somebody else."""

from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import Q

from caisse.agreement.errors import WrongUse
from caisse.agreement.identifiers import provider_code
from caisse.agreement.tables.professions import Range
from caisse.fund.audit.actions import record_event
from caisse.fund.registry import history, published, revisions
from caisse.fund.registry.actions.saving import code_row, insert, refused_as
from caisse.fund.registry.errors import NotRegistered, PeriodRefused, RangeFull
from caisse.fund.registry.models import (
    Association,
    CodeSeries,
    Provider,
    ProviderCode,
    Site,
    SiteAddress,
    Suspension,
)

#: A code may never have been registered under these six digits, with whatever check digits.
_FREE = """
    SELECT n FROM generate_series(%s, %s) n
    WHERE NOT EXISTS (SELECT 1 FROM registry_providercode c WHERE c.code BETWEEN n * 100 AND n * 100 + 99)
    LIMIT 1
"""


@transaction.atomic
def allocate_code(
    *,
    provider_id: int,
    code: int,
    profession: str,
    valid_from: date,
    valid_until: date | None = None,
    by: str,
    at: datetime,
) -> int:
    """Enter a code that was given elsewhere; raises InvalidIdentifier or PeriodsOverlap. Its row's id."""
    provider_code.validate(str(code))
    row = ProviderCode(
        provider_id=provider_id,
        code=code,
        profession=profession,
        valid_from=valid_from,
        valid_until=valid_until,
        revision=revisions.take(action="registry.allocate_code", by=by, at=at),
    )
    insert(row, f"code {code}")
    data = {"provider": provider_id, "profession": profession, "from": str(valid_from)}
    record_event(action="registry.allocate_code", subject=("code", code), by=by, at=at, data=data)
    return row.pk


@transaction.atomic
def allot_code(
    *, provider_id: int, profession: str, site_id: int | None = None, speciality: str = "",
    valid_from: date, valid_until: date | None = None, by: str, at: datetime,
) -> int:  # fmt: skip
    """Give a provider the next free code of its profession's range; the code.

    Raises PeriodsOverlap when it holds one there already (same profession, site and speciality), RangeFull,
    PeriodRefused when the site is not open on the first day.
    """
    history.check_period(valid_from, valid_until)
    if not Provider.objects.filter(pk=provider_id).exists():
        raise NotRegistered(f"There is no provider {provider_id}.")
    _check_site(provider_id, site_id, valid_from)
    # From here on nobody else changes the registry: two officers can never read the same last number.
    revision = revisions.take(action="registry.allot_code", by=by, at=at)
    common = Association.objects.filter(pk=provider_id).exists()
    code = _next_code(published.code_range(profession, valid_from, common=common))
    row = ProviderCode(
        provider_id=provider_id, code=code, profession=profession, site_id=site_id, speciality=speciality,
        valid_from=valid_from, valid_until=valid_until, revision=revision,
    )  # fmt: skip
    insert(row, f"provider {provider_id}, {profession}")
    data = {"provider": provider_id, "profession": profession, "from": str(valid_from)}
    record_event(action="registry.allot_code", subject=("code", code), by=by, at=at, data=data)
    return code


def _check_site(provider_id: int, site_id: int | None, valid_from: date) -> None:
    if site_id is None:
        return
    if not Site.objects.filter(pk=site_id, provider_id=provider_id).exists():
        raise NotRegistered(f"Provider {provider_id} has no site {site_id}.")
    holds = Q(valid_until__isnull=True) | Q(valid_until__gt=valid_from)
    addresses = SiteAddress.objects.filter(holds, site_id=site_id, superseded__isnull=True)
    if not addresses.filter(valid_from__lte=valid_from).exists():
        raise PeriodRefused(f"Site {site_id} is not open on {valid_from}.")


def _next_code(numbers: Range) -> int:
    """The lowest code of the range above all that were ever allotted from it, unless it is registered."""
    series, _new = CodeSeries.objects.get_or_create(pk=numbers.key, defaults={"last": numbers.first - 1})
    first = max(series.last + 1, numbers.first)
    with connection.cursor() as cursor:
        cursor.execute(_FREE, [first, numbers.last])
        found = cursor.fetchone()
    if found is None:
        raise RangeFull(f"Range {numbers.key}: {numbers.first} to {numbers.last}.")
    CodeSeries.objects.filter(pk=numbers.key).update(last=found[0])
    return int(provider_code.make(found[0]))


@transaction.atomic
def withdraw_code(*, code: int, valid_until: date, why: str = "", by: str, at: datetime) -> None:
    """Let a code end; ``valid_until`` is the first day it no longer holds, in the past or to come."""
    row = code_row(code)
    if valid_until < row.valid_from:
        raise PeriodRefused(f"Code {code} begins on {row.valid_from}: it can end on that day or later.")
    revision = revisions.take(action="registry.withdraw_code", by=by, at=at)
    _change(code, revision, valid_until=valid_until, why=why)
    data = {"until": str(valid_until)}
    record_event(action="registry.withdraw_code", subject=("code", code), by=by, at=at, data=data, why=why)


@transaction.atomic
def reopen_code(
    *, code: int, valid_from: date, valid_until: date | None = None, why: str = "", by: str, at: datetime
) -> None:
    """Let an ended code hold again from a day on; the days between its end and then are days without it.

    ``valid_until``: its new planned end. Raises PeriodsOverlap when the provider holds another code by then.
    """
    row = code_row(code)
    if row.valid_until is None:
        raise PeriodRefused(f"Code {code} has not ended.")
    if valid_until is not None and valid_until <= max(valid_from, row.valid_until):
        raise PeriodRefused(f"Code {code} would end before it is open again.")
    revision = revisions.take(action="registry.reopen_code", by=by, at=at)
    if row.valid_until < valid_from:
        _suspend(row, None, row.valid_until, valid_from, row.why or why, revision)
    with refused_as(f"code {code}"):
        _change(code, revision, valid_until=valid_until, why="")
    data = {"from": str(valid_from), "until": str(valid_until or "")}
    record_event(action="registry.reopen_code", subject=("code", code), by=by, at=at, data=data, why=why)


@transaction.atomic
def suspend_code(
    *, code: int, valid_from: date, valid_until: date | None = None, why: str, by: str, at: datetime
) -> int:
    """Let a code not hold in a period by a decision, until `lift_suspension` when no end is given; an id."""
    row = code_row(code)
    revision = revisions.take(action="registry.suspend_code", by=by, at=at)
    suspension = _suspend(row, None, valid_from, valid_until, why, revision)
    data = {"from": str(valid_from), "until": str(valid_until or "")}
    record_event(action="registry.suspend_code", subject=("code", code), by=by, at=at, data=data, why=why)
    return suspension


@transaction.atomic
def lift_suspension(*, code: int, valid_until: date, why: str, by: str, at: datetime) -> None:
    """End what a decision suspends from ``valid_until`` on, the first day the code holds again.

    A day before the suspension began annuls it. What a lapsed licence suspends ends with its continuation:
    record that (`record_licence`). Raises WrongUse when nothing is suspended by a decision beyond that day.
    """
    row = code_row(code)
    revision = revisions.take(action="registry.lift_suspension", by=by, at=at)
    key = {"code_id": row.pk, "licence_id": None}
    if not history.clear(Suspension, key, valid_from=valid_until, revision=revision):
        raise WrongUse(f"No decision suspends code {code} on {valid_until} or later.")
    data = {"until": str(valid_until)}
    record_event(action="registry.lift_suspension", subject=("code", code), by=by, at=at, data=data, why=why)


def _suspend(
    row: ProviderCode, licence_id: int | None, start: date, end: date | None, why: str, revision: int
) -> int:
    key = {"code_id": row.pk, "licence_id": licence_id}
    return history.put(Suspension, key, {"why": why}, valid_from=start, valid_until=end, revision=revision)


def _change(code: int, revision: int, **columns: object) -> None:
    """Write ``columns`` of a code; what stood there is kept."""
    revisions.keep_before("registry_providercode", where="code = %s", values=[code], superseded=revision)
    ProviderCode.objects.filter(code=code).update(revision=revision, **columns)
