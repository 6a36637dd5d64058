"""A case at work stands in exactly one queue of the office, and the counts are those of the lists."""

from caisse.fund.casework import queues
from caisse.fund.casework.actions import decisions, examination
from caisse.fund.casework.lifecycle import CASE, CLOSED
from caisse.fund.casework.models import Case
from tests.fund.casework.office import Office


def found(name: str, office: Office, officer: str = "officer", **narrowed: str) -> list[int]:
    wanted = queues.Filter(**narrowed)
    listed = queues.queue(name, officer_id=office.user(officer), on=office.today, narrowed=wanted)
    return [case.pk for case in listed]


def test_every_state_but_a_draft_of_the_portal_has_its_one_queue(office: Office) -> None:
    case = office.open()
    for state in CASE:
        Case.objects.filter(pk=case.pk).update(state=state)
        at_work = [name for name in queues.OFFICE if case.pk in found(name, office)]
        expected = 0 if state in CLOSED or state == "draft" else 1
        assert len(at_work) == expected, (state, at_work)
        assert (case.pk in found("closed", office)) == (state in CLOSED)


def test_an_application_goes_through_the_queues(office: Office) -> None:
    case = office.submitted("dentists")
    assert found("new", office) == [case.pk] and found("mine", office) == []
    examination.take_case(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    assert found("new", office) == [] and found("mine", office) == [case.pk] == found("in_review", office)
    assert found("mine", office, "colleague") == []
    examination.ask_back(
        case_id=case.pk,
        questions=[("", "Quelle adresse ?")],
        officer_id=office.user("officer"),
        at=office.tick(),
    )
    assert found("incomplete", office) == [case.pk] and found("overdue", office) == []
    office.tick(days=400)
    assert found("overdue", office) == [case.pk]
    for name, count in queues.counts(officer_id=office.user("officer"), on=office.today).items():
        assert count == len(found(name, office)), name


def test_a_proposal_is_not_offered_to_who_made_it(office: Office) -> None:
    first = office.grant(office.reviewed("doctors"))
    change = office.reviewed(
        "doctors", kind="bank_account_change", provider_id=first.provider_id, code=first.code
    )
    decisions.propose_decision(
        case_id=change.pk, verdict=decisions.Verdict("granted"), officer_id=office.user("officer"),
        at=office.tick(),
    )  # fmt: skip
    assert found("to_confirm", office) == [] and found("to_confirm", office, "supervisor") == [change.pk]


def test_a_queue_is_narrowed_by_kind_profession_and_text(office: Office) -> None:
    doctor, nurse = office.submitted("doctors"), office.submitted("nurses")
    assert found("new", office, profession="nurses") == [nurse.pk]
    assert found("new", office, kind="end_of_activity") == []
    assert found("new", office, text=doctor.number[-4:]) == [doctor.pk]
    granted = office.grant(office.reviewed("doctors"))
    shown = f"{granted.code}"[:6] + "-" + f"{granted.code}"[6:]
    assert found("closed", office, text=shown) == [granted.pk]
    assert found("new", office, text="%_\\") == []
