"""Every change of the registry: one transaction, one audit event, one new revision number.

The revision row is locked first, so changes of the registry happen one after the other and a reader who saw
revision n can see every row that carries n or less.
"""

from datetime import date, datetime
from importlib.resources import files
from tomllib import loads

import polars as pl
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from caisse.agreement.errors import WrongUse
from caisse.agreement.identifiers import national_number, provider_code
from caisse.fund.audit.actions import record_event
from caisse.fund.copying import copy_frame
from caisse.fund.registry.models import (
    Coverage,
    ExecutingRelation,
    Fund,
    Person,
    PersonNumber,
    Provider,
    ProviderCode,
    Revision,
)

#: What `load_persons` takes: one row a period of insurance; rows with one number are one person.
PERSONS_SCHEMA = pl.Schema(
    {
        "insured_person": pl.Int64(),
        "name": pl.String(),
        "fund": pl.String(),
        "insured_from": pl.Date(),
        "insured_until": pl.Date(),
    }
)

#: What `load_providers` takes: one row a code; every row is a new provider.
PROVIDERS_SCHEMA = pl.Schema(
    {
        "provider": pl.Int32(),
        "name": pl.String(),
        "profession": pl.String(),
        "valid_from": pl.Date(),
        "valid_until": pl.Date(),
    }
)


class PeriodsOverlap(WrongUse):
    """The period overlaps one that is already registered. End the earlier one first."""


def _next_revision() -> int:
    """Take the next revision number and hold its lock until the transaction ends."""
    if not Revision.objects.filter(pk=1).update(number=F("number") + 1):
        Revision.objects.create(pk=1, number=1)
    return Revision.objects.get(pk=1).number


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
        revision=_next_revision(),
    )
    _save(row, f"code {code}")
    data = {"provider": provider_id, "profession": profession, "from": str(valid_from)}
    record_event(action="registry.allocate_code", subject=("code", code), by=by, at=at, data=data)
    return row.pk


@transaction.atomic
def withdraw_code(*, code: int, valid_until: date, by: str, at: datetime) -> None:
    """Let a code end; ``valid_until`` is the first day it no longer holds."""
    revision = _next_revision()
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
        revision=_next_revision(),
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
    revision = _next_revision()
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
    open_now = Coverage.objects.filter(person_id=person_id, insured_until__isnull=True)
    if not open_now.update(insured_until=insured_until, revision=_next_revision()):
        raise WrongUse(f"Person {person_id} has no open insurance.")
    data = {"until": str(insured_until)}
    subject = ("person", person_id)
    record_event(action="registry.end_coverage", subject=subject, by=by, at=at, data=data)


@transaction.atomic
def replace_number(*, person_id: int, number: int, by: str, at: datetime) -> None:
    """Give a person a new national number; the old one still leads to the person (law of 19.6.2013)."""
    national_number.validate(str(number))
    _save(PersonNumber(number=number, person_id=person_id, revision=_next_revision()), f"person {person_id}")
    subject = ("person", person_id)
    record_event(action="registry.replace_number", subject=subject, by=by, at=at)


@transaction.atomic
def load_persons(*, rows: pl.DataFrame, by: str, at: datetime) -> int:
    """Enter many new persons by COPY from a frame of `PERSONS_SCHEMA`; the number of persons.

    All or nothing: a number that is already registered, or periods that overlap, leave nothing behind.
    """
    revision = _next_revision()
    rows = rows.select(pl.col(name).cast(kind) for name, kind in PERSONS_SCHEMA.items())
    people = rows.unique("insured_person", maintain_order=True).select("insured_person", "name")
    first = _reserve_ids("registry_person", people.height)
    people = people.with_columns(person_id=pl.int_range(first, first + people.height, dtype=pl.Int64))
    stamp = pl.lit(revision, dtype=pl.Int64).alias("revision")
    coverage = rows.join(people.drop("name"), on="insured_person", maintain_order="left")
    try:
        copy_frame(
            "registry_person",
            people.select(pl.col("person_id").alias("id"), pl.col("name").fill_null("").alias("name")),
        )
        numbers = people.select(pl.col("insured_person").alias("number"), "person_id", stamp)
        copy_frame("registry_personnumber", numbers)
        copy_frame(
            "registry_coverage",
            coverage.select(
                "person_id", pl.col("fund").alias("fund_id"), "insured_from", "insured_until", stamp
            ),
        )
    except IntegrityError as error:
        raise PeriodsOverlap(str(error).splitlines()[0]) from error
    data = {"persons": people.height, "periods": rows.height}
    record_event(action="registry.load_persons", subject=("registry", "persons"), by=by, at=at, data=data)
    return people.height


@transaction.atomic
def load_providers(*, rows: pl.DataFrame, by: str, at: datetime) -> int:
    """Enter many new providers with one code each by COPY from a frame of `PROVIDERS_SCHEMA`; how many.

    All or nothing; raises InvalidIdentifier naming the first code whose check digits are wrong.
    """
    revision = _next_revision()
    rows = rows.select(pl.col(name).cast(kind) for name, kind in PROVIDERS_SCHEMA.items())
    for code in rows["provider"]:
        provider_code.validate(str(code))
    first = _reserve_ids("registry_provider", rows.height)
    rows = rows.with_columns(
        provider_id=pl.int_range(first, first + rows.height, dtype=pl.Int64),
        revision=pl.lit(revision, dtype=pl.Int64),
    )
    try:
        copy_frame(
            "registry_provider",
            rows.select(pl.col("provider_id").alias("id"), "name", pl.lit("").alias("iban")),
        )
        columns = ("provider_id", "profession", "valid_from", "valid_until", "revision")
        copy_frame("registry_providercode", rows.select(pl.col("provider").alias("code"), *columns))
    except IntegrityError as error:
        raise PeriodsOverlap(str(error).splitlines()[0]) from error
    data = {"providers": rows.height}
    record_event(action="registry.load_providers", subject=("registry", "providers"), by=by, at=at, data=data)
    return rows.height


def _reserve_ids(table: str, count: int) -> int:
    """The first of ``count`` consecutive ids of ``table``; safe because the revision row is locked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [table])
        sequence = cursor.fetchone()[0]
        cursor.execute("SELECT nextval(%s)", [sequence])
        first = int(cursor.fetchone()[0])
        cursor.execute("SELECT setval(%s, %s)", [sequence, first + max(count, 1) - 1])
    return first


def _save(row: Coverage | ExecutingRelation | PersonNumber | ProviderCode, what: str) -> None:
    """Insert ``row``; the database's refusal of a double or overlapping entry becomes a `PeriodsOverlap`."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        raise PeriodsOverlap(what) from error
