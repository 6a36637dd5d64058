"""Insured persons, their numbers and their insurance; the institutions that insure."""

from datetime import date, datetime
from importlib.resources import files
from tomllib import loads

from django.db import transaction

from caisse.agreement.errors import WrongUse
from caisse.agreement.identifiers import national_number
from caisse.fund.audit.actions import record_event
from caisse.fund.registry import revisions
from caisse.fund.registry.actions.saving import insert
from caisse.fund.registry.models import Coverage, Fund, Person, PersonNumber


@transaction.atomic
def publish_funds(*, by: str, at: datetime) -> int:
    """Enter the institutions of ``funds.toml`` (CSS art. 44) that are not entered yet; how many were new."""
    listed = loads(files("caisse.fund.registry").joinpath("funds.toml").read_text(encoding="utf-8"))["fund"]
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
    insert(coverage, f"person {known.person_id}")
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
    insert(
        PersonNumber(
            number=number,
            person_id=person_id,
            revision=revisions.take(action="registry.replace_number", by=by, at=at),
        ),
        f"person {person_id}",
    )
    subject = ("person", person_id)
    record_event(action="registry.replace_number", subject=subject, by=by, at=at)
