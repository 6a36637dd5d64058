"""From an empty draft to a case that an officer can judge: what is missing is said, nothing is lost."""

import pytest

from caisse.fund.audit.models import AuditEvent
from caisse.fund.casework import queries
from caisse.fund.casework.actions import applications, decisions, examination
from caisse.fund.casework.errors import BoardNeeded, CaseMoved, NotOffered, StillMissing, WrongDay
from caisse.fund.casework.models import Case
from tests.fund.casework.office import APPLICANT, Office, text_of


def places(case: Case, office: Office) -> set[str]:
    return {one.place for one in queries.missing(case, on=office.today)}


def test_numbers_run_on_within_their_year(office: Office) -> None:
    first, second = office.open(), office.open("laboratories")
    assert [first.number, second.number] == ["2026-000001", "2026-000002"]
    office.tick(days=60)
    assert office.open().number == "2027-000001"


def test_a_profession_without_a_code_cannot_be_applied_for(office: Office) -> None:
    with pytest.raises(NotOffered):
        office.open("osteopaths")
    assert not Case.objects.exists()


def test_an_empty_draft_says_all_that_is_missing(office: Office) -> None:
    case = office.open("doctors")
    lacking = places(case, office)
    assert {"fact:radiation", "document:identity_document", "document:bank_identity"} <= lacking
    assert any(place.startswith("sheet:") for place in lacking)
    with pytest.raises(StillMissing):
        applications.submit_case(case_id=case.pk, by=APPLICANT, at=office.tick())
    case.refresh_from_db()
    assert case.state == "draft"


def test_answers_decide_which_documents_are_asked_for(office: Office) -> None:
    case = office.open("dentists")
    without = {one.document for one in queries.requirements(case)}
    applications.answer_facts(case_id=case.pk, facts={"radiation": True}, by=APPLICANT, at=office.tick())
    case.refresh_from_db()
    assert {one.document for one in queries.requirements(case)} - without == {"radiation_authorisation"}


def test_a_complete_application_is_handed_in_once(office: Office) -> None:
    case = office.complete(office.open("doctors"))
    assert queries.missing(case, on=office.today) == []
    office.submit(case)
    assert case.state == "submitted" and case.submissions.count() == 1
    with pytest.raises(CaseMoved):
        applications.submit_case(case_id=case.pk, by=APPLICANT, at=office.tick())
    with pytest.raises(CaseMoved):
        applications.fill_sheet(case_id=case.pk, values={"iban": "x"}, by=APPLICANT, at=office.tick())


def test_what_is_typed_is_kept_even_when_it_is_wrong(office: Office) -> None:
    case = office.complete(office.open("doctors"), iban="LU28 0019 4006 4475 0001")
    assert case.sheet["iban"] == "LU28 0019 4006 4475 0001"
    [lacking] = queries.missing(case, on=office.today)
    assert (lacking.place, lacking.why) == ("sheet:iban", "faulty")
    assert {"fr", "de", "en"} <= set(lacking.detail)


def test_asked_back_the_case_keeps_its_number_and_shows_what_changed(office: Office) -> None:
    case = office.submitted("doctors")
    number, officer = case.number, office.user("officer")
    examination.take_case(case_id=case.pk, officer_id=officer, at=office.tick())
    identity = case.documents.get(kind="identity_document")
    examination.judge_document(
        document_id=identity.pk, accepted=False, reason="Illisible.", officer_id=officer, at=office.tick()
    )
    questions = [("sheet:iban", "Ce compte est-il à votre nom ?"), ("", "Exercez-vous déjà ?")]
    examination.ask_back(case_id=case.pk, questions=questions, officer_id=officer, at=office.tick())
    case.refresh_from_db()
    assert case.state == "incomplete" and case.due_on is not None and case.due_on > office.today

    iban, general = case.questions.order_by("pk")
    expected = {"document:identity_document", f"question:{iban.pk}", f"question:{general.pk}"}
    assert places(case, office) == expected
    office.attach(case, "identity_document")
    applications.fill_sheet(
        case_id=case.pk, values={"iban": "DE89370400440532013000"}, by=APPLICANT, at=office.tick()
    )
    applications.answer_question(
        question_id=general.pk, case_id=case.pk, answer="Non.", by=APPLICANT, at=office.tick()
    )
    case.refresh_from_db()
    assert places(case, office) == set()
    office.submit(case)
    assert (case.number, case.state, case.assigned_to_id) == (number, "in_review", officer)
    changes = queries.changes_since_asked(case)
    assert changes.fields == {"iban"} and changes.documents == {"identity_document"}
    assert identity.__class__.objects.get(pk=identity.pk).state == "replaced"


def test_only_the_secret_of_the_link_opens_a_case(office: Office) -> None:
    new = applications.NewCase("new_code", "doctors", "a@example.lu", "de", "portal")
    opened = applications.open_case(new=new, by=APPLICANT, at=office.tick())
    assert queries.case_of_key(opened.number, opened.key).pk == opened.case_id
    assert queries.case_of_key(opened.number, opened.key[:-1]) is None
    assert queries.case_of_key("2026-999999", opened.key) is None
    assert queries.case_of_key(office.open().number, opened.key) is None
    renewed = applications.renew_key(case_id=opened.case_id, by=APPLICANT, at=office.tick())
    assert queries.case_of_key(opened.number, opened.key) is None
    assert queries.case_of_key(opened.number, renewed) is not None
    assert not Case.objects.filter(key_hash__contains=renewed).exists()


def test_an_appeal_is_a_case_of_its_own_and_only_one_at_a_time(office: Office) -> None:
    case = office.reviewed("doctors")
    refuse(office, case, "officer")
    given = {
        "case_id": case.pk,
        "text": "Je conteste.",
        "email": case.email,
        "door": "portal",
        "by": APPLICANT,
    }
    with pytest.raises(WrongDay):
        applications.file_appeal(received_on=office.today.replace(year=2027), at=office.tick(), **given)
    appeal = applications.file_appeal(received_on=office.today, at=office.tick(), **given)
    with pytest.raises(CaseMoved):
        applications.file_appeal(received_on=office.today, at=office.tick(), **given)

    examination.take_case(case_id=appeal.case_id, officer_id=office.user("jurist"), at=office.tick())
    filed = Case.objects.get(pk=appeal.case_id)
    letter = filed.letters.get()
    told = text_of(office.home, letter.sha256)
    # Arrival is acknowledged at the address the refused application gave.
    assert letter.kind == "appeal_received" and case.number in told and case.sheet["site_street"] in told
    # An opposition is addressed to the Board: no officer decides it.
    with pytest.raises(BoardNeeded):
        office.grant(filed, officer="jurist")
    office.board_decides(filed, "granted", "La page 2 suffit.", officer="jurist")
    item, decided = filed.board_items.get(), filed.letters.get(kind="appeal_decided")
    agenda = text_of(office.home, item.session.agenda.sha256)
    assert filed.number in agenda and case.number in agenda
    assert decided.content["session_on"] == str(item.session.day)
    case.refresh_from_db()
    assert (filed.state, case.state) == ("granted", "in_review")


def test_a_rejected_appeal_goes_to_court_and_is_not_opposed_again(office: Office) -> None:
    case = office.reviewed("laboratories")
    refuse(office, case, "officer")
    given = {"text": "Je conteste.", "email": case.email, "door": "portal", "by": APPLICANT}
    opened = applications.file_appeal(case_id=case.pk, received_on=office.today, at=office.tick(), **given)
    appeal = Case.objects.get(pk=opened.case_id)
    # A company's opposition lacks nothing for having no person's name.
    catalogue = queries.catalogue_of(appeal)
    assert catalogue.check_sheet("appeal", appeal.profession, {}, appeal.sheet, on=office.today)[1] == []
    examination.take_case(case_id=appeal.pk, officer_id=office.user("jurist"), at=office.tick())
    office.board_decides(appeal, "refused", "L'autorisation ne couvre pas la spécialité.", officer="jurist")
    letter = appeal.letters.get(kind="appeal_decided")
    assert letter.content["appeal"]["to"] == "arbitral_council"
    assert "Voies de recours" in " ".join(text_of(office.home, letter.sha256).split())
    for one in (case, appeal):
        with pytest.raises(CaseMoved):
            applications.file_appeal(case_id=one.pk, received_on=office.today, at=office.tick(), **given)


def refuse(office: Office, case: Case, officer: str) -> None:
    verdict = decisions.Verdict("refused", grounds="L'autorisation ne couvre pas la spécialité.")
    state = decisions.propose_decision(
        case_id=case.pk, verdict=verdict, officer_id=office.user(officer), at=office.tick()
    )
    if state == "proposed":
        decisions.confirm_decision(case_id=case.pk, officer_id=office.user("supervisor"), at=office.tick())


def test_every_write_leaves_an_event_without_personal_data(office: Office) -> None:
    case = office.reviewed("doctors")
    events = AuditEvent.objects.filter(subject_type="case", subject_id=case.number)
    actions = set(events.values_list("action", flat=True))
    assert {"case.opened", "case.facts_answered", "case.sheet_filled", "case.document_received"} <= actions
    assert {"case.submitted", "case.taken", "case.document_accepted"} <= actions
    private = [value for name, value in case.sheet.items() if name in ("iban", "national_number", "email")]
    for event in events:
        assert not any(value in f"{event.data}{event.why}{event.by}" for value in private if value)
