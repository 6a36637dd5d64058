"""The registry: who holds a code when, who is insured when; the database itself keeps periods apart."""

from datetime import date

import polars as pl
import pytest

from caisse.agreement.errors import InvalidCheckDigit, WrongUse
from caisse.agreement.identifiers import national_number, provider_code
from caisse.fund.audit.models import AuditEvent
from caisse.fund.registry import actions, queries
from caisse.fund.registry.errors import RegisterRefused
from caisse.fund.registry.models import Coverage, Person, PersonNumber, Provider

NUMBER, OTHER = 1980010100187, 2000123199983
LAB, DOCTOR = 52001700, 90000135


@pytest.fixture
def funds(db, now):
    actions.publish_funds(by="test", at=now)


def provider(now, code: int = LAB, **period):
    provider_id = actions.register_provider(name="Laboratory", by="test", at=now)
    period.setdefault("valid_from", date(2020, 1, 1))
    actions.allocate_code(
        provider_id=provider_id, code=code, profession="laboratories", by="test", at=now, **period
    )
    return provider_id


def test_funds_are_entered_once(db, now):
    assert actions.publish_funds(by="test", at=now) == 4
    assert actions.publish_funds(by="test", at=now) == 0


def test_a_code_holds_from_its_first_day_until_the_day_it_is_withdrawn(db, now):
    provider(now)
    actions.withdraw_code(code=LAB, valid_until=date(2024, 7, 1), by="test", at=now)
    assert queries.provider_of_code(LAB, date(2019, 12, 31)) is None
    assert queries.provider_of_code(LAB, date(2020, 1, 1)).code == LAB
    assert queries.provider_of_code(LAB, date(2024, 6, 30)).code == LAB
    assert queries.provider_of_code(LAB, date(2024, 7, 1)) is None


def test_a_provider_holds_one_code_at_a_time(db, now):
    provider_id = provider(now, valid_until=date(2022, 1, 1))
    second = {
        "provider_id": provider_id,
        "code": DOCTOR,
        "profession": "laboratories",
        "by": "test",
        "at": now,
    }
    with pytest.raises(actions.PeriodsOverlap):
        actions.allocate_code(**second, valid_from=date(2021, 12, 31))
    actions.allocate_code(**second, valid_from=date(2022, 1, 1))


def test_a_code_with_wrong_check_digits_leaves_nothing_behind(db, now):
    provider_id = actions.register_provider(name="Laboratory", by="test", at=now)
    with pytest.raises(InvalidCheckDigit):
        actions.allocate_code(
            provider_id=provider_id, code=52001701, profession="laboratories",
            valid_from=date(2020, 1, 1), by="test", at=now,
        )  # fmt: skip
    assert queries.provider_codes().is_empty()
    assert queries.current_revision() == 0


def test_nobody_is_insured_twice_on_a_day(funds, now):
    enrol = {"number": NUMBER, "by": "test", "at": now}
    person = actions.enrol_person(fund="CNS", insured_from=date(2020, 1, 1), **enrol)
    with pytest.raises(actions.PeriodsOverlap):
        actions.enrol_person(fund="CMFEP", insured_from=date(2023, 1, 1), **enrol)
    actions.end_coverage(person_id=person, insured_until=date(2023, 1, 1), by="test", at=now)
    assert actions.enrol_person(fund="CMFEP", insured_from=date(2023, 1, 1), **enrol) == person
    rows = queries.insured_persons().rows()
    assert rows == [
        (NUMBER, person, "CNS", date(2020, 1, 1), date(2023, 1, 1)),
        (NUMBER, person, "CMFEP", date(2023, 1, 1), None),
    ]


def test_a_replaced_number_still_leads_to_the_person(funds, now):
    person = actions.enrol_person(number=NUMBER, fund="CNS", insured_from=date(2020, 1, 1), by="test", at=now)
    actions.replace_number(person_id=person, number=OTHER, by="test", at=now)
    assert queries.insured_persons()["person"].to_list() == [person, person]
    with pytest.raises(actions.PeriodsOverlap):
        actions.replace_number(person_id=person, number=OTHER, by="test", at=now)


def test_who_may_execute_for_whom_in_which_period(db, now):
    provider(now, LAB)
    provider(now, provider_code_of(7))
    allow = {"billing": LAB, "executing": provider_code_of(7), "by": "test", "at": now}
    actions.allow_execution(valid_from=date(2021, 1, 1), valid_until=date(2022, 1, 1), **allow)
    with pytest.raises(actions.PeriodsOverlap):
        actions.allow_execution(valid_from=date(2021, 6, 1), **allow)
    with pytest.raises(WrongUse, match="12345672"):
        actions.allow_execution(valid_from=date(2021, 6, 1), **{**allow, "executing": 12345672})
    assert queries.executing_relations().rows() == [
        (LAB, provider_code_of(7), date(2021, 1, 1), date(2022, 1, 1))
    ]


def provider_code_of(n: int) -> int:
    return int(provider_code.make(520100 + n))


def persons_frame(count: int, **columns) -> pl.DataFrame:
    numbers = [
        int(national_number.make(1950 + n % 60, 1 + n % 12, 1 + n % 28, n % 1000)) for n in range(count)
    ]
    return pl.DataFrame({"insured_person": numbers}, schema={"insured_person": pl.Int64()}).with_columns(
        name=pl.format("Person {}", pl.int_range(pl.len())),
        fund=pl.lit("CNS"),
        insured_from=pl.lit(date(2000, 1, 1)),
        insured_until=pl.lit(None, pl.Date),
        **columns,
    )


def test_many_persons_are_loaded_at_once_and_all_or_none(funds, now):
    rows = persons_frame(300)
    assert actions.load_persons(rows=rows, by="test", at=now).new == 300
    assert PersonNumber.objects.count() == Coverage.objects.count() == Person.objects.count() == 300
    earlier = persons_frame(1).with_columns(insured_from=pl.lit(date(1999, 1, 1)))
    with pytest.raises(RegisterRefused):
        actions.load_persons(rows=pl.concat([earlier, persons_frame(310).tail(1)]), by="test", at=now)
    assert Person.objects.count() == 300
    # Ids given out in bulk and one by one do not collide.
    number = persons_frame(301)["insured_person"][-1]
    actions.enrol_person(number=number, fund="CNS", insured_from=date(2020, 1, 1), by="test", at=now)
    assert Person.objects.count() == 301
    frame = queries.insured_persons()
    assert frame["insured_person"].is_sorted()
    assert frame.schema == queries.INSURED_SCHEMA


def test_many_providers_are_loaded_at_once(db, now):
    rows = pl.DataFrame({"provider": [provider_code_of(n) for n in range(50)]}).with_columns(
        name=pl.lit("Doctor"),
        profession=pl.lit("doctors"),
        valid_from=pl.lit(date(2000, 1, 1)),
        valid_until=pl.lit(None, pl.Date),
    )
    assert actions.load_providers(rows=rows, by="test", at=now).new == 50
    assert Provider.objects.count() == 50
    wrong = rows.head(1).with_columns(provider=pl.lit(52001701))
    with pytest.raises(RegisterRefused):
        actions.load_providers(rows=wrong, by="test", at=now)


def test_every_change_takes_a_revision_and_is_in_the_audit(funds, now):
    before = queries.current_revision()
    person = actions.enrol_person(
        number=NUMBER, fund="CNS", insured_from=date(2020, 1, 1), by="clerk", at=now
    )
    assert queries.current_revision() == before + 1
    event = AuditEvent.objects.latest("id")
    assert (event.action, event.subject_type, event.subject_id) == (
        "registry.enrol_person",
        "person",
        str(person),
    )
    assert str(NUMBER) not in str(event.data)


def test_persons_changed_since_a_revision_come_with_all_their_rows(funds, now):
    actions.load_persons(rows=persons_frame(20), by="test", at=now)
    revision = queries.current_revision()
    assert queries.insured_persons_changed_since(revision, at_most=5).is_empty()
    person = PersonNumber.objects.first().person_id
    actions.end_coverage(person_id=person, insured_until=date(2024, 1, 1), by="test", at=now)
    actions.replace_number(person_id=person, number=OTHER, by="test", at=now)
    changed = queries.insured_persons_changed_since(revision, at_most=5)
    assert changed["person"].to_list() == [person, person]
    assert changed["insured_until"].to_list() == [date(2024, 1, 1)] * 2
    assert queries.insured_persons_changed_since(revision, at_most=0) is None


def test_a_person_without_any_period_is_known_but_insured_on_no_day(funds, now):
    person = Person.objects.create(name="")
    PersonNumber.objects.create(number=NUMBER, person=person, revision=1)
    row = queries.insured_persons().row(0, named=True)
    assert row["person"] == person.pk
    assert row["insured_from"] == row["insured_until"]
