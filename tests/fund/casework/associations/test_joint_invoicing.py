"""One bills, the executing codes are named: declared with everybody's signature, dated, ended."""

from datetime import timedelta

from caisse.fund.casework import queries
from caisse.fund.casework.models import Case
from caisse.fund.registry import queries as register
from tests.fund.casework.associations.members import asked, filed, granted, in_review, member
from tests.fund.casework.office import Office


def declaration(office: Office, billing: int, *executing: int, **sheet: str) -> Case:
    given = {
        "provider_code": str(billing), "executing_codes": " ".join(map(str, executing)),
        "effective_from": str(office.today), **sheet,
    }  # fmt: skip
    return filed(office, billing, kind="joint_invoicing", **given)


def told(office: Office, case: Case) -> str:
    return " ".join(one.detail["en"] for one in queries.missing(case, on=office.today))


def test_a_group_is_declared_signed_and_ended(office: Office) -> None:
    anna, bernd, carla = (member(office, name) for name in ("Anna", "Bernd", "Carla"))
    case = granted(office, declaration(office, anna, bernd, carla))
    assert dict(case.signatures.values_list("signer_code", "role")) == {
        anna: "billing", bernd: "executing", carla: "executing",
    }  # fmt: skip
    assert {one.executing for one in register.executions_of(anna, office.today)} == {bernd, carla}
    assert register.executions_of(anna, office.today)[0].declared_on == office.today
    assert set(case.letters.filter(kind="change_confirmed").values_list("to", flat=True)) == {
        f"{name}@practice.example" for name in ("anna", "bernd", "carla")
    }
    office.tick(days=5)
    last = office.today + timedelta(days=3)
    end = filed(
        office, bernd, kind="joint_invoicing", facts={"ending": True}, provider_code=str(anna),
        executing_codes=str(bernd), last_day=str(last),
    )  # fmt: skip
    office.grant(in_review(office, end))
    assert {one.executing for one in register.executions_of(anna, last)} == {bernd, carla}
    after = register.executions_of(anna, last + timedelta(days=1))
    assert {one.executing for one in after} == {carla}


def test_what_is_no_group_is_refused(office: Office) -> None:
    anna, bernd, carla = (member(office, name) for name in ("Anna", "Bernd", "Carla"))
    dora = member(office, "Dora", profession="dieticians")
    doctor = member(office, "Emil", profession="doctors")
    assert "bills for itself" in told(office, declaration(office, anna, anna))
    assert "another profession" in told(office, declaration(office, anna, dora))
    assert "does not invoice jointly" in told(office, declaration(office, anna, doctor))
    stolen = filed(
        office, carla, kind="joint_invoicing", provider_code=str(anna), executing_codes=str(bernd),
        effective_from=str(office.today),
    )  # fmt: skip
    assert "not one of yours" in told(office, stolen)
    granted(office, declaration(office, anna, bernd))
    assert "registered already" in told(office, declaration(office, anna, bernd))
    end = filed(
        office, anna, kind="joint_invoicing", facts={"ending": True}, provider_code=str(anna),
        executing_codes=str(carla), last_day=str(office.today),
    )  # fmt: skip
    assert "No relation" in told(office, end)


def test_everybody_named_is_asked(office: Office) -> None:
    anna, bernd = member(office, "Anna"), member(office, "Bernd", language="de")
    case = asked(office, declaration(office, anna, bernd))
    assert "Gruppe mit gemeinsamer Rechnung" in case.signatures.get(signer_code=bernd).statement
