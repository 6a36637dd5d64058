"""Every change of the registry: one transaction, one audit event, one new revision number.

Whole registers are loaded by `loading`; `revisions` says how changes keep their order and their past.
"""

from datetime import date, datetime
from importlib.resources import files
from tomllib import loads

from django.db import IntegrityError, transaction

from caisse.agreement.errors import WrongUse
from caisse.agreement.identifiers import national_number, provider_code
from caisse.fund.audit.actions import record_event
from caisse.fund.registry import revisions
from caisse.fund.registry.errors import PeriodsOverlap
from caisse.fund.registry.loading import load_persons, load_providers
from caisse.fund.registry.models import (
    Coverage,
    ExecutingRelation,
    Fund,
    Person,
    PersonNumber,
    Provider,
    ProviderCode,
)

__all__ = [
    "PeriodsOverlap",
    "allocate_code",
    "allow_execution",
    "end_coverage",
    "enrol_person",
    "load_persons",
    "load_providers",
    "publish_funds",
    "register_provider",
    "replace_number",
    "withdraw_code",
]


@transaction.atomic
def publish_funds(*, by: str, at: datetime) -> int:
    """Enter the institutions of ``funds.toml`` (CSS art. 44) that are not entered yet; how many were new."""
    listed = loads(files(__package__).joinpath("funds.toml").read_text(encoding="utf-8"))["fund"]
    known = set(Fund.objects.values_list("code", flat=True))
    new = Fund.objects.bulk_create(Fund(**fund) for fund in listed if fund["code"] not in known)
    if new:
        codes = [fund.code for fund in new]
        record_event(
            action="registry.publish_funds",
            subject=("registry", "funds"),
            by=by,
            at=at,
            data={"codes": codes},
        )
    return len(new)


@transaction.atomic
def register_provider(*, name: str, iban: str = "", by: str, at: datetime) -> int:
    """Enter a provider; the id returned stays with it whatever code it bills under."""
    provider = Provider.objects.create(name=name, iban=iban)
    record_event(action="registry.register_provider", subject=("provider", provider.pk), by=by, at=at)
    return provider.pk


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
    """Give a provider its code for a profession; raises InvalidIdentifier or PeriodsOverlap."""
    provider_code.validate(str(code))
    row = ProviderCode(
        provider_id=provider_id,
        code=code,
        profession=profession,
        valid_from=valid_from,
        valid_until=valid_until,
        revision=revisions.take(action="registry.allocate_code", by=by, at=at),
    )
    _save(row, f"code {code}")
    data = {"provider": provider_id, "profession": profession, "from": str(valid_from)}
    record_event(action="registry.allocate_code", subject=("code", code), by=by, at=at, data=data)
    return row.pk


@transaction.atomic
def withdraw_code(*, code: int, valid_until: date, by: str, at: datetime) -> None:
    """Let a code end; ``valid_until`` is the first day it no longer holds."""
    revision = revisions.take(action="registry.withdraw_code", by=by, at=at)
    revisions.keep_before("registry_providercode", where="code = %s", values=[code], superseded=revision)
    if not ProviderCode.objects.filter(code=code).update(valid_until=valid_until, revision=revision):
        raise WrongUse(f"No provider has the code {code}.")
    data = {"until": str(valid_until)}
    record_event(action="registry.withdraw_code", subject=("code", code), by=by, at=at, data=data)


@transaction.atomic
def allow_execution(
    *,
    billing: int,
    executing: int,
    valid_from: date,
    valid_until: date | None = None,
    by: str,
    at: datetime,
) -> int:
    """Let provider code ``executing`` execute services that ``billing`` bills, in the period given."""
    codes = {row.code: row.pk for row in ProviderCode.objects.filter(code__in=(billing, executing))}
    missing = [code for code in (billing, executing) if code not in codes]
    if missing:
        raise WrongUse(f"No provider has the code {missing[0]}.")
    row = ExecutingRelation(
        billing_id=codes[billing],
        executing_id=codes[executing],
        valid_from=valid_from,
        valid_until=valid_until,
        revision=revisions.take(action="registry.allow_execution", by=by, at=at),
    )
    _save(row, f"{executing} under {billing}")
    data = {"executing": executing, "from": str(valid_from)}
    record_event(action="registry.allow_execution", subject=("code", billing), by=by, at=at, data=data)
    return row.pk


@transaction.atomic
def enrol_person(
    *,
    number: int,
    fund: str,
    insured_from: date,
    insured_until: date | None = None,
    name: str = "",
    by: str,
    at: datetime,
) -> int:
    """Insure a person from a day on; a number that is not known yet makes a new person. The person's id."""
    national_number.validate(str(number))
    revision = revisions.take(action="registry.enrol_person", by=by, at=at)
    known = PersonNumber.objects.filter(pk=number).first()
    if known is None:
        person = Person.objects.create(name=name)
        known = PersonNumber.objects.create(number=number, person=person, revision=revision)
    coverage = Coverage(
        person_id=known.person_id,
        fund_id=fund,
        insured_from=insured_from,
        insured_until=insured_until,
        revision=revision,
    )
    _save(coverage, f"person {known.person_id}")
    data = {"fund": fund, "from": str(insured_from)}
    subject = ("person", known.person_id)
    record_event(action="registry.enrol_person", subject=subject, by=by, at=at, data=data)
    return known.person_id


@transaction.atomic
def end_coverage(*, person_id: int, insured_until: date, by: str, at: datetime) -> None:
    """End a person's open insurance; ``insured_until`` is the first day that is not insured."""
    revision = revisions.take(action="registry.end_coverage", by=by, at=at)
    is_open = "person_id = %s AND insured_until IS NULL"
    revisions.keep_before("registry_coverage", where=is_open, values=[person_id], superseded=revision)
    open_now = Coverage.objects.filter(person_id=person_id, insured_until__isnull=True)
    if not open_now.update(insured_until=insured_until, revision=revision):
        raise WrongUse(f"Person {person_id} has no open insurance.")
    data = {"until": str(insured_until)}
    subject = ("person", person_id)
    record_event(action="registry.end_coverage", subject=subject, by=by, at=at, data=data)


@transaction.atomic
def replace_number(*, person_id: int, number: int, by: str, at: datetime) -> None:
    """Give a person a new national number; the old one still leads to the person (law of 19.6.2013)."""
    national_number.validate(str(number))
    _save(
        PersonNumber(
            number=number,
            person_id=person_id,
            revision=revisions.take(action="registry.replace_number", by=by, at=at),
        ),
        f"person {person_id}",
    )
    subject = ("person", person_id)
    record_event(action="registry.replace_number", subject=subject, by=by, at=at)


def _save(row: Coverage | ExecutingRelation | PersonNumber | ProviderCode, what: str) -> None:
    """Insert ``row``; the database's refusal of a double or overlapping entry becomes a `PeriodsOverlap`."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise PeriodsOverlap(what) from error
