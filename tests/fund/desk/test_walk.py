"""The shortest way through the desk, and one look at each of its places."""

from tests.fund.desk.counter import Counter, hidden, page_of


def test_a_case_from_queue_to_grant(counter: Counter) -> None:
    case = counter.office.submitted("doctors")
    officer = counter.at("officer")
    front = officer.get("/desk/", follow=True)
    assert front.status_code == 200, front.content
    page = officer.get("/desk/queues/new/")
    assert case.number in page.content.decode()
    taken = officer.post("/desk/next/")
    assert taken.url == page_of(case)
    page = officer.get(page_of(case))
    assert page.status_code == 200
    for document in case.documents.all():
        picture = officer.get(page_of(case, f"documents/{document.pk}/page-1.png"))
        assert picture.status_code == 200
        answer = officer.post(
            page_of(case, f"documents/{document.pk}/judge/"), {"verdict": "accept", "judged": ""}
        )
        assert answer.status_code == 302, answer.content.decode()
    decide = officer.get(page_of(case, "decide/"))
    assert decide.status_code == 200
    seen = hidden(decide, "seen")
    preview = officer.post(page_of(case, "decide/"), {"seen": seen, "outcome": "granted", "preview": "1"})
    assert preview["Content-Type"] == "application/pdf"
    answer = officer.post(page_of(case, "decide/"), {"seen": seen, "outcome": "granted"})
    assert answer.status_code == 302, answer.content.decode()
    case.refresh_from_db()
    assert case.state == "granted"


def test_every_place_answers(counter: Counter) -> None:
    case = counter.office.grant(counter.office.reviewed("doctors"))
    supervisor = counter.at("supervisor")
    for place in (
        "queues/all/",
        "board/",
        "expiring/",
        "register/",
        "register/?q=Exemple",
        "outbox/",
        "newsletter/",
        f"cases/{case.number}/",
        f"cases/{case.number}/record/",
        f"register/{case.provider_id}/",
        "newsletter/new/",
    ):
        page = supervisor.get(f"/desk/{place}")
        assert page.status_code == 200, (place, page.content.decode()[-3000:])
    for name, place in (
        ("administrator", "staff/"),
        ("auditor", "audit/"),
        ("auditor", f"audit/?case={case.number}"),
        ("editor", "newsletter/"),
    ):
        page = counter.at(name).get(f"/desk/{place}")
        assert page.status_code == 200, place
