"""Who decides what, with whom, from when; and what it does to the register."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from caisse.agreement.identifiers import provider_code
from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework.actions import board, decisions, examination
from caisse.fund.casework.errors import (
    BoardNeeded,
    CaseMoved,
    NotJudged,
    OwnCase,
    ReasonNeeded,
    SecondPersonNeeded,
    WrongDay,
)
from caisse.fund.casework.models import BoardItem, Case, Decision
from caisse.fund.registry import queries as register
from tests.fund.casework.office import START, Office, text_of


def propose(
    office: Office, case: Case, outcome: str = "granted", officer: str = "officer", **more: object
) -> str:
    return decisions.propose_decision(
        case_id=case.pk, verdict=decisions.Verdict(outcome, **more), officer_id=office.user(officer),
        at=office.tick(),
    )  # fmt: skip


def test_a_granted_application_gives_a_code_of_the_professions_range(office: Office) -> None:
    case = office.grant(office.reviewed("doctors"))
    assert case.state == "granted"
    assert provider_code.is_valid(str(case.code)) and str(case.code).startswith("90")
    decision = Decision.objects.get(case=case)
    on = decision.effective_from
    assert register.standing(case.code, on).state == "valid"
    assert register.standing(case.code, on - timedelta(days=1)).state != "valid"
    assert register.bank_account_on(case.provider_id, on).iban == "LU280019400644750000"
    letter = case.letters.get(kind="code_granted")
    assert letter.language == "fr" and letter.mail_id is not None
    assert provider_code.format(str(case.code)) in text_of(office.home, letter.sha256)


def test_nothing_is_granted_while_a_document_is_not_accepted(office: Office) -> None:
    case = office.submitted("doctors")
    examination.take_case(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    with pytest.raises(NotJudged):
        propose(office, case)
    office.accept_all(case)
    assert propose(office, case) in ("granted", "proposed")


def test_a_refusal_needs_grounds(office: Office) -> None:
    case = office.reviewed("doctors")
    with pytest.raises(ReasonNeeded):
        propose(office, case, "refused")
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.create(
            case=case, outcome="refused", proposed_by_id=office.user("officer"), proposed_at=office.at
        )


def test_a_code_never_holds_before_the_licence_was_issued(office: Office) -> None:
    case = office.reviewed("doctors")
    with pytest.raises(WrongDay):
        propose(office, case, effective_from=office.today - timedelta(days=3650))


def test_nobody_confirms_an_own_proposal(office: Office) -> None:
    first = office.grant(office.reviewed("doctors"))
    change = office.reviewed(
        "doctors", kind="bank_account_change", provider_id=first.provider_id, code=first.code
    )
    assert propose(office, change) == "proposed"
    with pytest.raises(SecondPersonNeeded):
        decisions.confirm_decision(case_id=change.pk, officer_id=office.user("officer"), at=office.tick())
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.filter(case=change).update(confirmed_by=office.user("officer"))
    with pytest.raises(ReasonNeeded):
        decisions.return_proposal(
            case_id=change.pk, reason=" ", officer_id=office.user("supervisor"), at=office.tick()
        )
    decisions.return_proposal(
        case_id=change.pk, reason="Le titulaire ?", officer_id=office.user("supervisor"), at=office.tick()
    )
    change.refresh_from_db()
    assert change.state == "in_review"


def test_a_new_bank_account_waits_and_can_be_objected_to(office: Office) -> None:
    first = office.grant(office.reviewed("doctors"))
    changes = []
    for _ in range(2):
        change = office.submit(office.complete(
            office.open("doctors", "bank_account_change", provider_id=first.provider_id, code=first.code),
            new_iban="DE89370400440532013000",
        ))  # fmt: skip
        examination.take_case(case_id=change.pk, officer_id=office.user("officer"), at=office.tick())
        office.accept_all(change)
        changes.append(office.grant(change))
    stopped, carried_out = changes
    assert {stopped.state, carried_out.state} == {"cooling_off"}
    assert stopped.letters.filter(kind="bank_account_notice").count() == 1

    decisions.object_to_change(case_id=stopped.pk, text="Ce n'est pas moi.", by="applicant", at=office.tick())
    stopped.refresh_from_db()
    assert stopped.state == "in_review"

    early = decisions.end_cooling_off(case_id=carried_out.pk, by="clock", at=office.tick())
    assert early is False
    office.tick(days=60)
    assert decisions.end_cooling_off(case_id=carried_out.pk, by="clock", at=office.at) is True
    assert decisions.end_cooling_off(case_id=carried_out.pk, by="clock", at=office.at) is False
    iban = register.bank_account_on(first.provider_id, office.today).iban
    assert iban == "DE89370400440532013000"
    before = register.bank_account_on(first.provider_id, office.today - timedelta(days=1)).iban
    assert before == "LU280019400644750000"


def test_an_officer_does_not_decide_an_own_case(office: Office) -> None:
    case = office.submitted("doctors", owner_id=office.user("officer"))
    with pytest.raises(OwnCase):
        examination.take_case(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    with pytest.raises(OwnCase):
        examination.assign_case(
            case_id=case.pk,
            to_id=office.user("officer"),
            officer_id=office.user("supervisor"),
            at=office.tick(),
        )


def test_two_officers_take_a_case_once(office: Office) -> None:
    case = office.submitted("doctors")
    examination.take_case(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    with pytest.raises(CaseMoved):
        examination.take_case(case_id=case.pk, officer_id=office.user("colleague"), at=office.tick())


def test_the_board_decides_on_agreements_in_its_session(office: Office) -> None:
    cases = [office.reviewed("hearing_aid_acousticians") for _ in range(3)]
    secretary = office.user("secretary")
    with pytest.raises(BoardNeeded):
        propose(office, cases[0])
    with pytest.raises(WrongDay):
        board.send_to_board(
            case_id=cases[0].pk, recommendation="Avis favorable", officer_id=office.user("officer"),
            at=office.tick(),
        )  # fmt: skip
    session = board.plan_session(day=office.today + timedelta(days=10), by="test", at=office.tick())
    for case in cases:
        board.send_to_board(
            case_id=case.pk,
            recommendation="Avis favorable",
            officer_id=office.user("officer"),
            at=office.tick(),
        )
    assert board.convene_session(session_id=session, by="test", at=office.tick())
    office.tick(days=10)
    items = list(BoardItem.objects.filter(session=session).order_by("position"))
    assert [item.case_id for item in items] == [case.pk for case in cases]
    with pytest.raises(CaseMoved):
        board.close_session(session_id=session, present="A, B", by="test", at=office.tick())
    outcomes = [
        board.record_outcome(
            item_id=item.pk, outcome=outcome, note_text=note, officer_id=secretary, at=office.tick()
        )
        for item, outcome, note in zip(
            items,
            ("granted", "refused", "adjourned"),
            ("", "Locaux inadaptés.", "Pièce à vérifier."),
            strict=True,
        )
    ]
    assert outcomes == ["granted", "refused", "in_review"]
    with pytest.raises(CaseMoved):
        board.record_outcome(item_id=items[0].pk, outcome="refused", officer_id=secretary, at=office.tick())
    assert board.close_session(session_id=session, present="A, B", by="test", at=office.tick())
    assert Case.objects.get(pk=cases[0].pk).code is not None
    assert Case.objects.get(pk=cases[1].pk).code is None


def test_an_ended_activity_ends_the_code_on_its_day(office: Office) -> None:
    first = office.grant(office.reviewed("doctors"))
    end = office.reviewed("doctors", kind="end_of_activity", provider_id=first.provider_id, code=first.code)
    last = office.today + timedelta(days=40)
    office.grant(end, effective_from=last)
    assert register.standing(first.code, last - timedelta(days=1)).state == "valid"
    assert register.standing(first.code, last).state == "ended"


def test_every_file_is_where_its_row_says_and_strangers_are_known(office: Office) -> None:
    from caisse.fund.casework import queries
    from caisse.fund.exchange.store import Store, hash_file

    case = office.grant(office.reviewed("doctors"))
    store = Store(office.home.documents)
    rows = list(queries.stored_documents())
    assert len(rows) == case.documents.count() + case.letters.count() > 3
    for sha256, size, _what in rows:
        assert hash_file(store.path(sha256)) == (sha256, size)
    assert queries.unknown_documents([rows[0][0], rows[-1][0], "0" * 64]) == {"0" * 64}


@pytest.mark.parametrize("profession", sorted(
    key for key, one in catalogue_on(START.date()).professions.items() if one.offered and one.road != "agreement"
))  # fmt: skip
def test_every_profession_without_the_board_can_be_granted_its_code(office: Office, profession: str) -> None:
    case = office.grant(office.reviewed(profession))
    assert case.state == "granted"
    standing = register.standing(case.code, Decision.objects.get(case=case).effective_from)
    assert (standing.state, standing.profession) == ("valid", profession)
