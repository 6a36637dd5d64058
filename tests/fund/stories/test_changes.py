"""A provider signed in: own codes, another bank account, which two officers grant and the old address stops."""

from datetime import date

from playwright.sync_api import expect

from caisse.fund.access import actions
from caisse.fund.casework.models import Case
from tests.browser.fixtures import expect_none
from tests.fund.stories.people import Applicant, Clerk, link_of_mail, member
from tests.fund.visitors import person

NEW_IBAN = "LU120010001234567891"


def test_a_bank_account_is_changed_and_the_change_is_stopped(visit, check, office):
    granted = office.grant(office.reviewed("dentists", language="en"))
    office.tick(hours=1)
    provider = person(office.at, "owner@dentist.example", language="en")
    actions.grant_mandate(
        user=provider, provider_id=granted.provider_id, scope="casework", valid_from=date(2020, 1, 1),
        by="test", at=office.tick(),
    )  # fmt: skip
    page = visit("/", provider, factor="totp")
    page.locator(f'nav a[href="/providers/{granted.provider_id}/"]').click()
    check(page, "my-codes", both=True)
    page.locator(f'a[href="/providers/{granted.provider_id}/start/bank_account_change/"]').click()
    page.locator("main form button").click()
    case = Case.objects.latest("pk")
    applicant = Applicant(page, check)
    page.goto(f"/cases/{case.number}/sheet/")
    applicant.fill(case, new_iban=NEW_IBAN)
    check(page, "new-account", both=True)
    applicant.go_on("/documents/")
    applicant.attach(case)
    applicant.submit(case)

    desk = visit("/desk/", member(office, "officer", "en"), factor="totp")
    clerk = Clerk(desk, check)
    clerk.take(case)
    clerk.accept_all(case)
    clerk.decide(case, "granted")
    assert case.state == "proposed"
    expect_none(desk.locator('form[action$="/confirm/"]'))

    chief = visit("/desk/queues/to_confirm/", member(office, "supervisor", "en"), factor="webauthn")
    check(chief, "to-confirm", both=True)
    chief.locator(f'main a[href="/desk/cases/{case.number}/"]').click()
    check(chief, "proposal", both=True)
    chief.locator('form[action$="/confirm/"] button:not([name])').click()
    expect(chief.locator("main .alert.info")).to_be_visible()
    case.refresh_from_db()
    assert case.state == "cooling_off"

    # The address the register knew before is warned; its holder needs no account to stop the change.
    holder = visit(link_of_mail(office_address(granted), "/objection/"), language="fr", width=360)
    check(holder, "objection", both=True)
    holder.locator("main textarea").fill("Ce compte n'est pas le mien.")
    holder.locator("main form button").click()
    expect(holder.locator("h1")).to_contain_text("arrêté")
    check(holder, "objected")
    case.refresh_from_db()
    assert case.state == "in_review"
    page.goto(f"/cases/{case.number}/")
    expect(page.locator("main")).to_contain_text("Objection to the change")
    check(page, "change-stopped", both=True)


def office_address(granted: Case) -> str:
    """Where the register would write to: what the sheet of the first application says."""
    return str(granted.sheet["email"])
