"""A taxi business with two vehicles, and an orthopaedist: from the application to the session of the Board and its minutes."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from caisse.fund.casework.models import BoardItem, BoardSession
from tests.browser.fixtures import expect_none
from tests.fund.stories.people import Applicant, Clerk, downloaded, member, words_of


def test_two_approvals_go_through_a_session(visit, check, office):
    page = visit("/", language="de")
    applicant = Applicant(page, check)
    taxi = applicant.apply("taxis", count=2, company=True)
    assert {one.part for one in taxi.documents.all()} >= {"1", "2"}
    shoemaker = office.reviewed("orthopaedists", officer="olivia")

    desk = visit("/desk/", member(office, "officer", "de"), factor="totp", dark=True)
    clerk = Clerk(desk, check)
    clerk.take(taxi)
    clerk.accept_all(taxi)

    secretary = visit("/desk/", member(office, "board_secretary", "fr"), factor="totp")
    secretary.goto("/desk/board/")
    secretary.locator("main input[name=day]").fill(f"{timezone.localdate() + timedelta(days=9):%Y-%m-%d}")
    secretary.locator("main form button").click()
    expect(secretary.locator("tbody tr")).to_have_count(1)

    for case in (taxi, shoemaker):
        desk.goto(f"/desk/cases/{case.number}/decide/")
        desk.locator("textarea[name=recommendation]").fill("Akte vollständig, zur Genehmigung empfohlen.")
        check(desk, "recommend")
        desk.locator('form[action$="/decide/"] button').first.click()
        expect(desk.locator("#messages p, .heading .status").first).to_be_visible()
        case.refresh_from_db()
        assert case.state == "awaiting_board"

    session = BoardSession.objects.get()
    secretary.goto(f"/desk/board/{session.pk}/")
    check(secretary, "session-planned", both=True)
    secretary.locator('form[action$="/convene/"] button').click()
    agenda = words_of(downloaded(secretary, secretary.locator('a[href$="agenda.pdf"]')))
    assert taxi.number in agenda and shoemaker.number in agenda
    for case, outcome, note in (
        (taxi, "granted", ""),
        (shoemaker, "refused", "Les locaux ne conviennent pas."),
    ):
        item = BoardItem.objects.get(case=case)
        form = secretary.locator(f'form[action$="/items/{item.pk}/"]')
        secretary.locator("details", has=form).locator("summary").click()
        form.locator(f"input[value={outcome}]").check()
        if note:
            form.locator("textarea[name=note]").fill(note)
        check(secretary, "session-outcomes")
        form.locator("button").click()
        expect_none(form)
        case.refresh_from_db()
        assert case.state == outcome
    secretary.locator("textarea[name=present]").fill("P. Présidente\nM. Membre")
    secretary.locator('form[action$="/close/"] button').click()
    minutes = words_of(downloaded(secretary, secretary.locator('a[href$="minutes.pdf"]')))
    assert "Présidente" in minutes and "Les locaux ne conviennent pas." in minutes
    check(secretary, "session-held", both=True)

    page.goto(f"/cases/{taxi.number}/")
    expect(page.locator("main")).to_contain_text("Bewilligt")
    check(page, "approval-granted")
    taxi.refresh_from_db()
    assert taxi.code
