"""An applicant opposes a refusal: in German, at 360 pixels, without an account; the Board decides anew."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, expect

from caisse.fund.casework.actions import board
from caisse.fund.casework.models import BoardItem, Case
from caisse.fund.notices.models import Mail
from tests.browser.fixtures import expect_none
from tests.fund.casework.office import Office
from tests.fund.stories.people import Clerk, downloaded, link_of_mail, member, words_of

nothing = lambda *_args, **_more: None  # noqa: E731 - what was looked at once
REFUSED = "Die Ermächtigung nennt eine andere Fachrichtung."
OPPOSED = "Die Fachrichtung steht auf Seite 2 der Ermächtigung."
UPHELD = "Seite 2 wurde übersehen."


def ask_for_link(page: Page, look, case: Case) -> None:
    """Weeks later, in another browser: from the start page to the case, by a link that is mailed again."""
    page.goto("/")
    page.locator('a[href="/cases/"]').first.click()
    page.locator('main a[href="/cases/link/"]').click()
    page.locator("main input[name=number]").fill(case.number)
    page.locator("main form button").click()
    expect_none(page.locator("main input[name=number]"))
    look(page, "link-mailed-again")
    page.goto(link_of_mail(case.email, "/case/again/"))


def oppose(page: Page, look, refused: Case) -> Case:
    """Read the refusal, oppose it with words, and be led to the case that was opened; the case."""
    look(page, "case-refused")
    letter = words_of(downloaded(page, page.locator('main a[href*="/letters/"]').first))
    assert REFUSED in letter and "40 Tage" in letter, letter
    page.locator(f'main a[href="/cases/{refused.number}/appeal/"]').click()
    page.wait_for_url("**/appeal/")
    look(page, "appeal", both=True)
    button = page.locator("main form button")
    button.click()
    expect(page.locator(".summary li")).to_have_count(1)
    look(page, "appeal-without-words")
    page.locator("main textarea").fill(OPPOSED)
    button.click()
    expect(page.locator("#messages .success")).to_be_visible()
    filed = Case.objects.get(kind="appeal")
    assert page.url.endswith(f"/cases/{filed.number}/") and filed.about_id == refused.pk
    expect(page.locator("main")).to_contain_text(OPPOSED)
    look(page, "appeal-filed")
    return filed


def uphold(desk: Page, secretary: Page, look, filed: Case, refused: Case) -> None:
    """Find the opposition, read it beside what was refused, and have it upheld by the Board."""
    Clerk(desk, look).take(filed)
    expect(desk.locator("main")).to_contain_text(OPPOSED)
    look(desk, "desk-appeal", both=True)
    desk.locator(f'main a[href="/desk/cases/{refused.number}/"]').first.click()
    desk.wait_for_url(f"**/{refused.number}/")
    assert REFUSED in words_of(downloaded(desk, desk.locator('main a[href*="/letters/"]').first))
    look(desk, "desk-refused")
    desk.locator(f'main a[href="/desk/cases/{filed.number}/"]').first.click()
    desk.locator('main a[href$="/decide/"]').click()
    desk.wait_for_url(f"**/{filed.number}/decide/")
    # What an opposition does not ask for is not missing.
    expect_none(desk.locator("main .alert.warning"))
    desk.locator("textarea[name=recommendation]").fill("Der Einspruch ist begründet.")
    look(desk, "desk-appeal-recommended")
    desk.locator('form[action$="/decide/"] button').first.click()
    expect(desk.locator("#messages p, .heading .status").first).to_be_visible()
    item = BoardItem.objects.get(case=filed)
    secretary.goto(f"/desk/board/{item.session_id}/")
    secretary.locator('form[action$="/convene/"] button').click()
    agenda = words_of(downloaded(secretary, secretary.locator('a[href$="agenda.pdf"]')))
    assert filed.number in agenda and refused.number in agenda
    form = secretary.locator(f'form[action$="/items/{item.pk}/"]')
    secretary.locator("details", has=form).locator("summary").click()
    form.locator("input[value=granted]").check()
    form.locator("textarea[name=note]").fill(UPHELD)
    look(secretary, "board-appeal")
    form.locator("button").click()
    expect_none(form)
    filed.refresh_from_db()
    assert filed.state == "granted"


def test_a_refusal_is_opposed_and_the_code_granted_after_all(visit, check, office: Office):
    refused = office.reviewed("dentists", language="de", email="zahnarzt@appeal.example")
    officer = member(office, "officer", "de")
    desk = visit("/desk/", officer, factor="totp")
    Clerk(desk, check).decide(refused, "refused", REFUSED)
    assert refused.state == "refused"

    page = visit("/", language="de", width=360)
    ask_for_link(page, check, refused)
    filed = oppose(page, check, refused)
    board.plan_session(day=timezone.localdate() + timedelta(days=9), by="test", at=timezone.now())
    secretary = visit("/desk/", member(office, "board_secretary", "de"), factor="totp")
    uphold(desk, secretary, check, filed, refused)

    # The applicant reads the outcome, in a third browser and by the number that the acknowledgement names; a link
    # leads to one case alone, so that the application that is open again is named, and asked for likewise.
    assert Mail.objects.filter(to=refused.email, subject__contains=filed.number).count() == 2
    page = visit("/", language="de", width=360)
    ask_for_link(page, nothing, filed)
    check(page, "appeal-upheld", both=True)
    expect(page.locator("main")).to_contain_text(refused.number)
    expect_none(page.locator(f'main a[href="/cases/{refused.number}/"]'))
    expect(page.locator('main a[href="/cases/link/"]')).to_be_visible()
    letter = words_of(downloaded(page, page.locator('main a[href*="/letters/"]').first))
    assert filed.number in letter and refused.number in letter and UPHELD in letter, letter
    ask_for_link(page, nothing, refused)
    page.locator(f'main a[href="/cases/{filed.number}/"]').click()
    page.locator(f'main a[href="/cases/{refused.number}/"]').click()
    page.wait_for_url(f"**/{refused.number}/")
    expect_none(page.locator(f'main a[href="/cases/{refused.number}/appeal/"]'))
    check(page, "case-open-again")

    Clerk(desk, check).decide(refused, "granted")
    assert refused.state == "granted" and refused.code
    page.reload()
    expect(page.locator(".number", has_text=f"{refused.code}"[:6]).first).to_be_visible()
    check(page, "case-granted-after-all")
