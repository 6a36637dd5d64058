"""Licences codes rest on: recorded, ended by whoever gave them. `lapses` draws the consequences."""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from caisse.fund.audit.actions import record_event
from caisse.fund.registry import history, published, revisions
from caisse.fund.registry.actions.saving import code_row, require_provider
from caisse.fund.registry.errors import NotRegistered
from caisse.fund.registry.models import Licence, LicencePeriod, LicensedCode


@transaction.atomic
def record_licence(  # noqa: PLR0913 - one for each thing a licence says
    *, provider_id: int, kind: str, number: str = "", issued_on: date | None = None, valid_from: date,
    valid_until: date | None = None, document_sha256: str = "", codes: Sequence[int] = (), by: str,
    at: datetime,
) -> int:  # fmt: skip
    """Enter a licence and the codes that rest on it; the licence's id.

    A further licence of the same kind continues one that ends: what the lapse of the earlier one closed opens
    again when `lapses.apply_lapses` is run. Raises WrongUse for a kind the catalogue does not have,
    PeriodRefused, and NotRegistered for another provider's code.
    """
    require_provider(provider_id)
    published.licence_kind(kind, timezone.localdate(at))
    history.check_period(valid_from, valid_until)
    revision = revisions.take(action="registry.record_licence", by=by, at=at)
    licence = Licence.objects.create(
        provider_id=provider_id, kind=kind, number=number, issued_on=issued_on,
        document_sha256=document_sha256, revision=revision,
    )  # fmt: skip
    LicencePeriod.objects.create(
        licence=licence, valid_from=valid_from, valid_until=valid_until, revision=revision
    )
    _link(licence, codes, revision)
    data = {
        "licence": licence.pk, "kind": kind, "from": str(valid_from), "until": str(valid_until or ""),
        "codes": sorted(codes),
    }  # fmt: skip
    subject = ("provider", provider_id)
    record_event(action="registry.record_licence", subject=subject, by=by, at=at, data=data)
    return licence.pk


@transaction.atomic
def license_codes(*, licence_id: int, codes: Sequence[int], by: str, at: datetime) -> None:
    """Let further codes of the same provider rest on a licence."""
    licence = _licence(licence_id)
    revision = revisions.take(action="registry.license_codes", by=by, at=at)
    _link(licence, codes, revision)
    data = {"licence": licence_id, "codes": sorted(codes)}
    subject = ("provider", licence.provider_id)
    record_event(action="registry.license_codes", subject=subject, by=by, at=at, data=data)


@transaction.atomic
def end_licence(*, licence_id: int, valid_until: date | None, why: str, by: str, at: datetime) -> None:
    """Let a licence end on another day than was recorded (withdrawn, given up, corrected); None: open.

    ``valid_until`` is the first day it no longer holds. `lapses.apply_lapses` draws the consequences.
    """
    licence = _licence(licence_id)
    standing = LicencePeriod.objects.get(licence=licence, superseded__isnull=True)
    revision = revisions.take(action="registry.end_licence", by=by, at=at)
    key = {"licence_id": licence_id}
    history.clear(LicencePeriod, key, valid_from=standing.valid_from, revision=revision)
    history.put(
        LicencePeriod, key, {"why": why}, valid_from=standing.valid_from, valid_until=valid_until,
        revision=revision,
    )  # fmt: skip
    data = {"licence": licence_id, "until": str(valid_until or "")}
    subject = ("provider", licence.provider_id)
    record_event(action="registry.end_licence", subject=subject, by=by, at=at, data=data, why=why)


def _licence(licence_id: int) -> Licence:
    licence = Licence.objects.filter(pk=licence_id).first()
    if licence is None:
        raise NotRegistered(f"There is no licence {licence_id}.")
    return licence


def _link(licence: Licence, codes: Sequence[int], revision: int) -> None:
    for code in codes:
        row = code_row(code)
        if row.provider_id != licence.provider_id:
            raise NotRegistered(f"Code {code} is not of provider {licence.provider_id}.")
        LicensedCode.objects.get_or_create(licence=licence, code=row, defaults={"revision": revision})
