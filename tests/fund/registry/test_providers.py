"""Providers: numbers that change, sites that move, accounts in force; associations and joint invoicing."""

from datetime import date, timedelta

import pytest

from caisse.agreement.errors import InvalidIdentifier, WrongUse
from caisse.agreement.identifiers import legal_person_number, national_number
from caisse.fund.audit.models import AuditEvent
from caisse.fund.registry import actions, queries
from caisse.fund.registry.actions.providers import Address
from caisse.fund.registry.errors import (
    NotAssociable,
    NotRegistered,
    NumberTaken,
    PeriodRefused,
    PeriodsOverlap,
)
from caisse.fund.registry.models import BankAccount
from tests.fund.registry.test_codes import ADDRESS, code_of, person

D = date
ANN, BEN = national_number.make(1980, 1, 1, 1), national_number.make(1990, 2, 3, 4)
IBAN, OTHER = "LU28 0019 4006 4475 0000", "DE89370400440532013000"
PHYSIO = "physiotherapists"


@pytest.fixture
def said(db, now):
    return {"by": "test", "at": now}


def test_a_replaced_number_still_leads_to_its_provider(said):
    ann, ben = person(said), person(said, "Ben")
    number = {"provider_id": ann, "kind": "national"}
    actions.record_number(**number, number=national_number.format(ANN), **said)
    with pytest.raises(NumberTaken):
        actions.record_number(provider_id=ben, kind="national", number=ANN, **said)
    before = queries.current_revision()
    actions.record_number(**number, number=BEN, **said)
    actions.record_number(**number, number=BEN, **said)  # so already
    assert queries.current_revision() <= before + 2
    assert [queries.provider_by_number("national", one).pk for one in (ANN, BEN)] == [ann, ann]
    # Ann's first number had been mistyped: it is Ben's.
    actions.record_number(provider_id=ben, kind="national", number=ANN, **said)
    assert queries.provider_by_number("national", ANN).pk == ben
    assert ANN not in str([event.data for event in AuditEvent.objects.all()])


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("national", ANN, "1980010100180"),
        ("legal", legal_person_number.make(1990, 24, 12), "19902400121"),
        ("rcs", "b 123456", "123456"),
        ("vat", "LU 10000356", "LU10000357"),
    ],
)
def test_numbers_are_checked(said, kind, good, bad):
    provider = person(said)
    actions.record_number(provider_id=provider, kind=kind, number=good, **said)
    with pytest.raises(InvalidIdentifier):
        actions.record_number(provider_id=provider, kind=kind, number=bad, **said)
    assert len(queries.provider_page(provider, D(2026, 1, 1)).numbers) == 1


def test_a_site_moves_and_closes_and_its_past_is_kept(said, now):
    provider = person(said)
    site = actions.open_site(provider_id=provider, address=ADDRESS, valid_from=D(2020, 1, 1), **said)
    later = {"by": "test", "at": now + timedelta(days=1)}
    moved = Address("Grand-Rue", "1", "1661", "Luxembourg")
    actions.move_site(site_id=site, address=moved, valid_from=D(2024, 1, 1), **later)
    streets = [queries.address_on(site, D(*day)).street for day in ((2023, 12, 31), (2024, 1, 1))]
    assert streets == ["Rue de l'Alzette", "Grand-Rue"]
    assert queries.address_on(site, D(2019, 12, 31)) is None
    code = code_of(said, provider, site_id=site)
    with pytest.raises(PeriodRefused, match=str(code)):
        actions.close_site(site_id=site, valid_until=D(2025, 1, 1), **later)
    actions.withdraw_code(code=code, valid_until=D(2025, 1, 1), **later)
    actions.close_site(site_id=site, valid_until=D(2025, 1, 1), **later)
    assert queries.address_on(site, D(2025, 1, 1)) is None
    for again in (actions.close_site, actions.move_site):
        more = {"valid_until": D(2025, 1, 1)} if again is actions.close_site else {}
        more = more or {"address": moved, "valid_from": D(2025, 1, 1)}
        with pytest.raises(PeriodRefused):
            again(site_id=site, **more, **later)


def test_payments_go_to_the_account_in_force(said):
    provider = actions.register_provider(name="Ann", iban=IBAN, **said)
    today = said["at"].date()
    assert queries.bank_account_on(provider, today).iban == IBAN.replace(" ", "")
    assert queries.bank_account_on(provider, today - timedelta(days=1)) is None
    change = {"provider_id": provider, "holder": "Ann", **said}
    actions.record_bank_account(iban=OTHER, valid_from=today + timedelta(days=30), **change)
    on = [queries.bank_account_on(provider, today + timedelta(days=days)).iban for days in (29, 30)]
    assert on == [IBAN.replace(" ", ""), OTHER]
    # Taken back within the cooling-off: the old account goes on.
    actions.record_bank_account(iban=IBAN, valid_from=today + timedelta(days=10), **change)
    assert queries.bank_account_on(provider, today + timedelta(days=60)).iban == IBAN.replace(" ", "")
    with pytest.raises(InvalidIdentifier) as refused:
        actions.record_bank_account(iban="LU280019400644750001", valid_from=today, **change)
    assert "LU28" not in str(refused.value)
    assert BankAccount.objects.count() == 5
    assert IBAN.replace(" ", "") not in str([event.data for event in AuditEvent.objects.all()])


def test_who_answers_for_an_establishment(said):
    company = actions.register_provider(name="Ortho", kind="company", **said)
    record = {"provider_id": company, **said}
    actions.record_manager(name="Ann", number=ANN, valid_from=D(2020, 1, 1), **record)
    actions.record_manager(name="Ben", valid_from=D(2024, 1, 1), **record)
    names = [queries.manager_on(company, D(*day)).name for day in ((2023, 12, 31), (2024, 1, 1))]
    assert names == ["Ann", "Ben"]


def test_nobody_is_changed_who_is_not_registered(said):
    for change, values in (
        (actions.record_number, {"kind": "rcs", "number": "B1"}),
        (actions.open_site, {"address": ADDRESS, "valid_from": D(2020, 1, 1)}),
        (actions.record_bank_account, {"iban": IBAN, "holder": "x", "valid_from": D(2020, 1, 1)}),
        (actions.record_manager, {"name": "x", "valid_from": D(2020, 1, 1)}),
        (actions.change_contact, {"email": "x@example.org"}),
        (actions.record_licence, {"kind": "authorisation_to_practise", "valid_from": D(2020, 1, 1)}),
    ):
        with pytest.raises(NotRegistered):
            change(provider_id=99, **values, **said)
    with pytest.raises(WrongUse, match="no kind of licence"):
        actions.record_licence(provider_id=person(said), kind="fishing", valid_from=D(2020, 1, 1), **said)
    with pytest.raises(WrongUse, match="kind is one of"):
        actions.register_provider(name="x", kind="robot", **said)


@pytest.fixture
def association(said):
    found = actions.found_association(name="A and B", profession=PHYSIO, valid_from=D(2020, 1, 1), **said)
    members = [code_of(said, person(said, name), profession=PHYSIO) for name in ("Ann", "Ben", "Carl")]
    for member in members:
        actions.add_member(association_id=found, member=member, valid_from=D(2020, 1, 1), **said)
    common = code_of(said, found, profession=PHYSIO)
    return found, members, common


def test_members_execute_under_the_common_code_while_they_belong(said, association):
    found, (ann, ben, carl), common = association
    actions.end_membership(association_id=found, member=ann, valid_until=D(2024, 1, 1), **said)
    # Declared besides, for days that overlap and days after: told as one stretch.
    actions.allow_execution(
        billing=common, executing=ann, valid_from=D(2023, 6, 1), valid_until=D(2025, 1, 1), **said
    )
    assert sorted(queries.executing_relations().rows()) == sorted(
        [
            (common, ann, D(2020, 1, 1), D(2025, 1, 1)),
            (common, ben, D(2020, 1, 1), None),
            (common, carl, D(2020, 1, 1), None),
        ]
    )


def test_an_association_ends_with_its_common_code_when_one_member_remains(said, association, now):
    found, (ann, ben, carl), common = association
    assert str(common).startswith("95")
    leave = {"association_id": found, "by": "test", "at": now + timedelta(days=1)}
    assert not actions.end_membership(member=ann, valid_until=D(2024, 1, 1), **leave)
    assert [one.code for one in queries.members_of(found, D(2024, 1, 1))] == [ben, carl]
    assert [one.code for one in queries.members_of(found, D(2024, 1, 1), now)] == [ann, ben, carl]
    assert queries.associations_too_small(D(2025, 1, 1), 2) == []
    assert actions.end_membership(member=ben, valid_until=D(2025, 1, 1), **leave)
    assert queries.members_of(found, D(2025, 1, 1)) == []
    assert queries.standing(common, D(2025, 1, 1)).state == "ended"
    assert queries.standing(common, D(2024, 12, 31)).state == "valid"
    assert [one.valid_until for one in queries.members_of(found)] == [
        D(2024, 1, 1), D(2025, 1, 1), D(2025, 1, 1),
    ]  # fmt: skip
    # The individual code stays.
    assert queries.standing(carl, D(2025, 1, 1)).state == "valid"


def test_who_joins_on_the_day_another_leaves_keeps_the_association(said, association):
    found, (ann, ben, carl), _common = association
    leave = {"association_id": found, **said}
    actions.end_membership(member=carl, valid_until=D(2021, 1, 1), **leave)
    dora = code_of(said, person(said, "Dora"), profession=PHYSIO)
    actions.add_member(association_id=found, member=dora, valid_from=D(2022, 1, 1), **said)
    assert not actions.end_membership(member=ann, valid_until=D(2022, 1, 1), **leave)
    assert [one.code for one in queries.members_of(found, D(2022, 1, 1))] == sorted([ben, dora])
    actions.add_member(association_id=found, member=ann, valid_from=D(2023, 1, 1), **said)
    provider = queries.provider_by_code(ann).pk
    assert [one.valid_from for one in queries.memberships_of(provider)] == [D(2020, 1, 1), D(2023, 1, 1)]
    # Both others had left for later: the association falls below two on the first day only one remains.
    actions.end_membership(member=ben, valid_until=D(2026, 1, 1), **leave)
    assert actions.end_membership(member=dora, valid_until=D(2025, 1, 1), **leave)
    assert queries.members_of(found, D(2025, 12, 31)) != []
    assert queries.members_of(found, D(2026, 1, 1)) == []


def test_who_cannot_belong_to_an_association(said, association):
    found, (ann, *_), common = association
    doctor = code_of(said, person(said, "Doctor"))
    later = code_of(said, person(said, "Late"), profession=PHYSIO, valid_from=D(2025, 1, 1))
    join = {"association_id": found, **said}
    for member in (doctor, later, common):
        with pytest.raises(NotAssociable):
            actions.add_member(member=member, valid_from=D(2024, 1, 1), **join)
    with pytest.raises(PeriodsOverlap):
        actions.add_member(member=ann, valid_from=D(2024, 1, 1), **join)
    with pytest.raises(PeriodRefused):
        actions.add_member(member=ann, valid_from=D(2019, 1, 1), **join)
    with pytest.raises(NotAssociable):
        actions.found_association(name="T", profession="taxis", valid_from=D(2024, 1, 1), **said)


def test_doctors_associate_within_one_speciality(said):
    of = {"profession": "doctors", "valid_from": D(2020, 1, 1)}
    found = actions.found_association(name="Hearts", speciality="cardiology", **of, **said)
    heart = code_of(said, person(said), speciality="cardiology")
    skin = code_of(said, person(said, "Ben"), speciality="dermatology")
    actions.add_member(association_id=found, member=heart, valid_from=D(2020, 1, 1), **said)
    with pytest.raises(NotAssociable, match="another speciality"):
        actions.add_member(association_id=found, member=skin, valid_from=D(2020, 1, 1), **said)


def test_joint_invoicing_is_declared_ended_and_its_past_kept(said, now):
    biller, executing = (code_of(said, person(said, name), profession=PHYSIO) for name in ("Ann", "Ben"))
    pair = {"billing": biller, "executing": executing}
    declared = {"valid_from": D(2020, 1, 1), "declared_on": D(2019, 12, 1)}
    actions.allow_execution(**pair, **declared, **said)
    actions.end_execution(**pair, valid_until=D(2024, 1, 1), **said)
    assert queries.executing_relations().rows() == [(biller, executing, D(2020, 1, 1), D(2024, 1, 1))]
    (found,) = queries.executions_of(executing, D(2023, 12, 31))
    assert found.declared_on == D(2019, 12, 1)
    assert queries.executions_of(biller, D(2024, 1, 1)) == []
    with pytest.raises(NotRegistered):
        actions.end_execution(**pair, valid_until=D(2024, 1, 1), **said)
    actions.allow_execution(**pair, valid_from=D(2024, 6, 1), **said)
    with pytest.raises(WrongUse):
        actions.allow_execution(billing=biller, executing=biller, valid_from=D(2020, 1, 1), **said)


def test_a_provider_s_page_has_everything(said, association):
    _found, (ann, *_), _common = association
    provider = queries.provider_by_code(ann).pk
    actions.change_contact(provider_id=provider, email="ann@example.org", language="de", **said)
    page = queries.provider_page(provider, D(2024, 1, 1))
    assert (page.provider.email, page.provider.language) == ("ann@example.org", "de")
    assert [one.state for one in page.codes] == ["valid"]
    assert [one.code for one in page.memberships] == [ann]
    assert queries.provider_page(999, D(2024, 1, 1)) is None
