from datetime import timedelta

from caisse.fund.casework.actions import board
from caisse.fund.casework.models import BoardSession, Case
from tests.fund.desk.counter import Counter, hidden, page_of, text_of


def planned(counter: Counter, days: int = 10) -> BoardSession:
    office = counter.office
    session = board.plan_session(day=office.today + timedelta(days=days), by="test", at=office.tick())
    return BoardSession.objects.get(pk=session)


def on_agenda(counter: Counter, **more: object) -> Case:
    case = counter.office.reviewed("orthopaedists", **more)
    officer = counter.at("officer")
    seen = hidden(officer.get(page_of(case, "decide/")), "seen")
    sent = {"seen": seen, "recommendation": "Agréer dès le 1er décembre."}
    assert officer.post(page_of(case, "decide/"), sent).status_code == 302
    return case


def test_without_a_session_the_case_waits_with_its_officer(counter: Counter) -> None:
    case = counter.office.reviewed("orthopaedists")
    officer = counter.at("officer")
    page = officer.get(page_of(case, "decide/"))
    assert "No session of the Board is planned." in text_of(page)
    sent = {"seen": hidden(page, "seen"), "recommendation": "Agréer."}
    answer = officer.post(page_of(case, "decide/"), sent)
    assert answer.status_code == 409
    assert "Agréer." in text_of(answer)


def test_the_secretary_plans_and_others_do_not(counter: Counter) -> None:
    day = str(counter.office.today + timedelta(days=30))
    assert counter.at("officer").post("/desk/board/", {"day": day}).status_code == 403
    secretary = counter.at("board_secretary")
    assert secretary.post("/desk/board/", {"day": day}).status_code == 302
    twice = secretary.post("/desk/board/", {"day": day})
    assert twice.status_code == 400
    assert "A session is planned for this day" in text_of(twice)
    assert secretary.post("/desk/board/", {"day": "2020-01-06"}).status_code == 400
    assert BoardSession.objects.count() == 1


def test_a_session_from_agenda_to_minutes(counter: Counter) -> None:
    session = planned(counter)
    granted, refused, adjourned = (on_agenda(counter) for _ in range(3))
    secretary, address = counter.at("board_secretary"), f"/desk/board/{session.pk}/"
    assert counter.at("officer").post(f"{address}convene/").status_code == 403
    secretary.post(f"{address}convene/")
    agenda = secretary.get(f"{address}agenda.pdf")
    assert agenda.content[:5] == b"%PDF-"
    assert secretary.get(f"{address}minutes.pdf").status_code == 404
    items = {item.case_id: item.pk for item in session.items.all()}
    early = secretary.post(f"{address}close/", {"present": "Mme Une\nM. Deux"})
    assert early.status_code == 409
    bare = secretary.post(f"{address}items/{items[refused.pk]}/", {"outcome": "refused"})
    assert bare.status_code == 400
    assert "A reason is needed" in text_of(bare)
    for case, outcome in ((granted, "granted"), (refused, "refused"), (adjourned, "adjourned")):
        given = {"outcome": outcome, "note": "Dossier incomplet." if outcome != "granted" else ""}
        answer = secretary.post(f"{address}items/{items[case.pk]}/", given)
        assert answer.status_code == 302, text_of(answer)
        case.refresh_from_db()
    assert (granted.state, refused.state, adjourned.state) == ("granted", "refused", "in_review")
    twice = secretary.post(f"{address}items/{items[refused.pk]}/", {"outcome": "granted"})
    assert twice.status_code == 409
    assert secretary.post(f"{address}close/", {"present": "Mme Une\nM. Deux"}).status_code == 302
    assert secretary.get(f"{address}minutes.pdf").content[:5] == b"%PDF-"
    page = text_of(secretary.get(address))
    assert "Mme Une" in page
    assert "Held" in page


def test_an_outcome_belongs_to_its_session_and_not_to_ones_own_case(counter: Counter) -> None:
    own = counter.office.user("board_secretary")
    session = planned(counter)
    case = on_agenda(counter, owner_id=own)
    other = planned(counter, 40)
    secretary = counter.at("board_secretary")
    secretary.post(f"/desk/board/{session.pk}/convene/")
    item = session.items.get(case=case)
    assert (
        secretary.post(f"/desk/board/{other.pk}/items/{item.pk}/", {"outcome": "granted"}).status_code == 404
    )
    page = text_of(secretary.get(f"/desk/board/{session.pk}/"))
    assert "A colleague has to record what was decided." in page
    answer = secretary.post(f"/desk/board/{session.pk}/items/{item.pk}/", {"outcome": "granted"})
    assert answer.status_code == 409
    assert "This is your own case." in text_of(answer)
