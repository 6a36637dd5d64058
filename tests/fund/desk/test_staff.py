from datetime import timedelta

from caisse.fund.access import queries
from caisse.fund.access.models import StaffRole, User
from caisse.fund.audit.models import AuditEvent
from caisse.fund.notices.models import Mail
from tests.fund.desk.counter import Counter, text_of

NEW = {"name": "Nina Neu", "email": "nina@fund.example", "language": "de", "role": "officer"}


def test_an_administrator_makes_a_user_who_gets_a_link(counter: Counter) -> None:
    administrator = counter.at("administrator")
    answer = administrator.post("/desk/staff/", NEW, follow=True)
    assert "Made. A mail says how to set the password." in text_of(answer)
    made = User.objects.get(email="nina@fund.example")
    assert StaffRole.objects.get(user=made).role == "officer"
    assert Mail.objects.filter(to="nina@fund.example").count() == 1
    twice = administrator.post("/desk/staff/", NEW)
    assert twice.status_code == 400
    assert "There is a user with this address already." in text_of(twice)
    wrong = administrator.post("/desk/staff/", {**NEW, "email": "x@y.example", "role": "king"})
    assert wrong.status_code == 400
    assert User.objects.filter(email="x@y.example").count() == 0


def test_roles_are_given_and_ended_with_a_reason(counter: Counter) -> None:
    counter.at("officer")
    officer = counter.user("officer")
    administrator, address = counter.at("administrator"), f"/desk/staff/{counter.user('officer').pk}/"
    given = {"role": "editor", "valid_from": "2026-01-01"}
    assert administrator.post(f"{address}roles/", given).status_code == 302
    assert administrator.post(f"{address}roles/", given).status_code == 400
    assert administrator.post(f"{address}roles/end/", {"role": "officer", "why": ""}).status_code == 400
    assert administrator.post(f"{address}roles/end/", {"role": "officer", "why": "Left."}).status_code == 302
    gone = administrator.post(f"{address}roles/end/", {"role": "officer", "why": "Left."})
    assert gone.status_code == 409
    assert counter.at("officer").get("/desk/queues/new/").status_code == 404
    event = AuditEvent.objects.get(action="user.role_ended")
    assert (event.why, event.subject_id) == ("Left.", str(officer.pk))


def test_nobody_changes_own_rights(counter: Counter) -> None:
    administrator = counter.at("administrator")
    own = counter.user("administrator").pk
    for rest, given in (
        ("roles/", {"role": "officer", "valid_from": "2026-01-01"}),
        ("roles/end/", {"role": "administrator", "why": "x"}),
        ("reset/", {"why": "x"}),
        ("active/", {"active": "no", "why": "x"}),
    ):
        answer = administrator.post(f"/desk/staff/{own}/{rest}", given)
        assert answer.status_code == 403, rest
        assert "Nobody changes his or her own rights." in text_of(answer)
    day = counter.office.today + timedelta(days=1)
    assert queries.roles_of(counter.user("administrator"), day) == {"administrator"}


def test_who_may_not_sign_in_any_more_is_out_at_once(counter: Counter) -> None:
    officer = counter.at("officer")
    assert officer.get("/desk/queues/new/").status_code == 200
    address = f"/desk/staff/{counter.user('officer').pk}/active/"
    counter.at("administrator").post(address, {"active": "no", "why": "Left the fund."})
    assert officer.get("/desk/queues/new/").status_code == 302
    counter.at("administrator").post(address, {"active": "yes", "why": "Came back."})
    assert counter.user("officer").is_active


def test_a_lost_second_factor_is_reset(counter: Counter) -> None:
    counter.at("officer")
    address = f"/desk/staff/{counter.user('officer').pk}/reset/"
    assert counter.at("administrator").post(address, {"why": "Lost the telephone."}).status_code == 302
    assert Mail.objects.filter(to=counter.user("officer").email).exists()
    assert AuditEvent.objects.get(action="user.second_factor_reset").why == "Lost the telephone."


def test_the_auditor_sees_who_did_what_and_is_seen_too(counter: Counter) -> None:
    counter.at("officer")
    case = counter.office.reviewed("doctors")
    auditor, officer = counter.at("auditor"), counter.user("officer")
    page = text_of(auditor.get("/desk/audit/", {"case": case.number}))
    assert "case.document_accepted" in page
    assert "Officer" in page
    assert "Exemple" not in page
    day = auditor.get(
        "/desk/audit/", {"day": str(counter.office.today), "user": officer.pk, "action": "case.t"}
    )
    assert "case.taken" in text_of(day)
    assert "case.document_accepted" not in text_of(day)
    other = auditor.get("/desk/audit/", {"day": "2020-01-01"})
    assert "No event." in text_of(other)
    assert AuditEvent.objects.filter(action="audit.read").count() == 3
    assert auditor.get("/desk/audit/", {"case": "'; --", "user": "x", "day": "never"}).status_code == 200
    assert auditor.get("/desk/", follow=True).redirect_chain[-1][0] == "/desk/audit/"
