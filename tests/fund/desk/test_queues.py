import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db import connection
from django.test import Client

from caisse.fund.casework.actions import examination
from caisse.fund.casework.models import Case
from tests.fund.desk.counter import Counter, page_of, text_of


def test_queues_count_and_list(counter: Counter) -> None:
    office = counter.office
    first, second = office.submitted("doctors"), office.submitted("physiotherapists")
    examination.take_case(case_id=second.pk, officer_id=office.user("officer"), at=office.tick())
    page = text_of(counter.at("officer").get("/desk/queues/new/"))
    assert "Mine 1" in page
    assert "New 1" in page
    assert "In review 1" in page
    assert first.number in page
    assert second.number not in page
    assert "Exemple Exemple" in page
    assert second.number in text_of(counter.at("officer").get("/desk/", follow=True))


def test_a_queue_is_narrowed_and_every_case_is_searched(counter: Counter) -> None:
    office = counter.office
    doctor = office.submit(office.complete(office.open("doctors"), family_name="Zweifel"))
    other = office.submitted("physiotherapists")
    officer = counter.at("officer")
    assert doctor.number not in text_of(officer.get("/desk/queues/new/?profession=physiotherapists"))
    assert other.number in text_of(officer.get("/desk/queues/new/?profession=physiotherapists"))
    assert doctor.number not in text_of(officer.get("/desk/queues/new/?kind=new_site"))
    found = text_of(officer.get("/desk/queues/all/?text=zweif"))
    assert doctor.number in found
    assert other.number not in found
    # A part answers HTMX, without the shell around it.
    part = officer.get("/desk/queues/new/?text=zweif", headers={"hx-request": "true"})
    assert b"<html" not in part.content
    assert doctor.number in part.content.decode()


def test_nonsense_in_an_address_is_no_error(counter: Counter) -> None:
    officer = counter.at("officer")
    for query in (
        "?page=-1",
        "?page=x",
        "?sort=password",
        "?kind=%00",
        "?text=%00",
        "?text=" + "x" * 5000,
        "?page=999999999999",
    ):
        assert officer.get(f"/desk/queues/new/{query}").status_code == 200, query
    assert officer.get("/desk/queues/secret/").status_code == 404


def test_a_list_is_put_in_order_and_paged(counter: Counter) -> None:
    office = counter.office
    case = office.submitted("doctors")
    for number in range(60):
        Case.objects.create(
            number=f"2025-{number:06d}", kind="new_code", profession="doctors", edition=case.edition, language="fr",
            door="portal", email="a@example.lu", state="submitted", state_at=office.at - timedelta(days=number),
            opened_at=office.at,
        )  # fmt: skip
    officer = counter.at("officer")
    first = officer.get("/desk/queues/new/?sort=number").content.decode()
    assert first.index("2025-000000") < first.index("2025-000001")
    assert case.number not in first
    second = officer.get("/desk/queues/new/?sort=number&page=2").content.decode()
    assert case.number in second
    assert "sort=number" in second
    last = officer.get("/desk/queues/new/?sort=-number").content.decode()
    assert last.index(case.number) < last.index("2025-000059")


def test_the_next_case_is_the_one_that_waited_longest(counter: Counter) -> None:
    office = counter.office
    own = office.submitted("doctors", owner_id=office.user("officer"))
    older, newer = office.submitted("doctors"), office.submitted("doctors")
    officer, colleague = counter.at("officer"), counter.at("colleague", "officer")
    assert officer.post("/desk/next/").url == page_of(older)
    assert colleague.post("/desk/next/").url == page_of(own)
    assert officer.post("/desk/next/").url == page_of(newer)
    answer = officer.post("/desk/next/", follow=True)
    assert "No new case is waiting." in text_of(answer)


def test_a_draft_is_nobodys_business_unless_it_came_by_mail(counter: Counter) -> None:
    office = counter.office
    draft, mailed = office.open("doctors"), office.open("", door="mail")
    officer = counter.at("officer")
    assert officer.get(page_of(draft)).status_code == 404
    page = text_of(officer.get("/desk/queues/all/"))
    assert draft.number not in page
    assert mailed.number in page
    assert mailed.number in text_of(officer.get("/desk/queues/by_mail/"))


def test_four_officers_at_once_take_four_cases(counter: Counter) -> None:
    cases = {page_of(counter.office.submitted("doctors")) for _ in range(4)}
    clients = [counter.at(f"officer{number}", "officer") for number in range(4)]
    barrier = threading.Barrier(4)

    def take(client: Client) -> str:
        try:
            barrier.wait(30)
            return client.post("/desk/next/").url
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(take, clients)) == cases
