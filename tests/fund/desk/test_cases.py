from datetime import timedelta

from caisse.fund.audit.models import AuditEvent
from caisse.fund.casework.actions import applications, examination
from caisse.fund.casework.models import Entry
from caisse.fund.casework.queries import UNSORTED
from tests.fund.casework.office import APPLICANT
from tests.fund.desk.counter import Counter, hidden, page_of, text_of

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)>'


def test_the_page_shows_sheet_and_documents_and_the_look_is_on_the_record(counter: Counter) -> None:
    case = counter.office.submitted("doctors")
    page = text_of(counter.at("officer").get(page_of(case)))
    for expected in (
        "Exemple",
        "LU28 0019 4006 4475 0000",
        f"{counter.office.today + timedelta(days=9):%d/%m/%Y}",
        "Documents",
        "To judge",
        "Came by Portal",
    ):
        assert expected in page, expected
    user = counter.user("officer").pk
    event = AuditEvent.objects.get(action="case.read", subject_id=case.number)
    assert (event.by, event.data) == (f"user {user}", {"what": "case"})


def test_what_was_typed_is_shown_as_text_everywhere(counter: Counter) -> None:
    office = counter.office
    case = office.submit(
        office.complete(office.open("doctors"), family_name=HOSTILE[:80], site_street=HOSTILE[:80])
    )
    examination.take_case(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    examination.write_note(case_id=case.pk, text=HOSTILE, officer_id=office.user("officer"), at=office.tick())
    officer = counter.at("officer")
    places = (
        page_of(case),
        page_of(case, "ask-back/"),
        page_of(case, "decide/"),
        "/desk/queues/all/",
        "/desk/queues/mine/",
    )
    for place in places:
        page = officer.get(place).content.decode()
        assert "<script>alert" not in page, place
        assert "<img src=x" not in page, place
        assert "&lt;script&gt;" in page or place.endswith("decide/"), place


def test_ones_own_case_is_a_colleagues(counter: Counter) -> None:
    case = counter.office.submitted("doctors", owner_id=counter.office.user("officer"))
    officer = counter.at("officer")
    for method, rest in (
        ("get", ""),
        ("get", "decide/"),
        ("post", "take/"),
        ("post", "note/"),
        ("get", "documents/1/page-1.png"),
    ):
        answer = getattr(officer, method)(page_of(case, rest))
        assert answer.status_code == 403
        assert "Your own case" in text_of(answer)
    case.refresh_from_db()
    assert case.assigned_to is None


def test_taken_assigned_given_back(counter: Counter) -> None:
    case = counter.office.submitted("doctors")
    officer, colleague = counter.at("officer"), counter.at("colleague", "officer")
    officer.post(page_of(case, "take/"))
    case.refresh_from_db()
    assert (case.state, case.assigned_to_id) == ("in_review", counter.user("officer").pk)
    late = colleague.post(page_of(case, "take/"), follow=True)
    assert "moved on meanwhile" in text_of(late)
    colleague.post(page_of(case, "assign/"), {"to": counter.user("colleague").pk})
    case.refresh_from_db()
    assert case.assigned_to_id == counter.user("colleague").pk
    stranger = counter.user("stranger").pk
    assert officer.post(page_of(case, "assign/"), {"to": stranger}).status_code == 400
    officer.post(page_of(case, "assign/"), {"to": ""})
    case.refresh_from_db()
    assert case.assigned_to_id is None


def test_a_note_sent_twice_is_kept_once(counter: Counter) -> None:
    case = counter.office.submitted("doctors")
    officer = counter.at("officer")
    for _ in range(2):
        assert officer.post(page_of(case, "note/"), {"text": "Called the practice."}).status_code == 302
    assert Entry.objects.filter(case=case, kind="note").count() == 1
    assert officer.post(page_of(case, "note/"), {"text": " "}).status_code == 400
    page = text_of(officer.get(page_of(case)))
    assert "Note for colleagues — Called the practice." in page


def test_a_case_by_mail_gets_its_profession_and_its_documents_their_places(counter: Counter) -> None:
    office = counter.office
    case = office.open("", door="mail")
    document = office.attach(case, UNSORTED)
    officer = counter.at("officer")
    page = text_of(officer.get(page_of(case)))
    assert "This case came by mail" in page
    assert officer.post(page_of(case, "profession/"), {"profession": "osteopaths"}).status_code == 400
    officer.post(page_of(case, "profession/"), {"profession": "doctors"})
    case.refresh_from_db()
    assert case.profession == "doctors"
    officer.post(page_of(case, f"documents/{document}/sort/"), {"place": "authorisation_to_practise"})
    found = case.documents.get(pk=document)
    assert (found.kind, found.state) == ("authorisation_to_practise", "received")
    assert (
        officer.post(page_of(case, f"documents/{document}/sort/"), {"place": "nonsense"}).status_code == 400
    )


def test_the_same_person_in_several_cases_is_flagged(counter: Counter) -> None:
    office = counter.office
    first = office.grant(office.reviewed("doctors"))
    number = first.sheet["national_number"]
    typed = f"{number[:4]} {number[4:8]} {number[8:]}"
    again = office.submit(office.complete(office.open("psychotherapists"), national_number=typed))
    other = office.submit(office.complete(office.open("psychotherapists"), iban="LU280019400644750000"))
    page = text_of(counter.at("officer").get(page_of(again)))
    assert "Several numbers for one provider" in page
    assert first.number in page
    assert "National number" in page
    assert other.number in page
    free = office.open("nurses", door="mail")
    assert "Several numbers" not in text_of(counter.at("officer").get(page_of(free)))


def test_what_changed_after_asking_back_is_flagged(counter: Counter) -> None:
    office = counter.office
    case = office.reviewed("doctors")
    officer = counter.at("officer")
    place = "sheet:site_street"
    seen = hidden(officer.get(page_of(case, "ask-back/")), "seen")
    answer = officer.post(
        page_of(case, "ask-back/"), {"seen": seen, place: "Quelle est la rue ?", "general": ""}
    )
    assert answer.status_code == 302, answer.content.decode()
    case.refresh_from_db()
    assert case.state == "incomplete"
    applications.fill_sheet(
        case_id=case.pk, values={"site_street": "Neue Gasse"}, by=APPLICANT, at=office.tick()
    )
    office.attach(case, "identity_document")
    office.submit(case)
    page = text_of(officer.get(page_of(case)))
    assert "Neue Gasse changed" in page
    assert page.count("changed") >= 2
    assert "Quelle est la rue ?" in page
    assert "Answered by what was handed in." in page


def test_the_history_names_people_and_the_record_is_the_supervisors(counter: Counter) -> None:
    case = counter.office.reviewed("doctors")
    page = text_of(counter.at("officer").get(page_of(case)))
    assert "Officer · internal" in page or "Officer" in page
    assert "State changed — New → In review" in page
    assert counter.at("officer").get(page_of(case, "record/")).status_code == 403
    record = text_of(counter.at("supervisor").get(page_of(case, "record/")))
    assert "case.document_accepted" in record
    assert "case.taken" in record
