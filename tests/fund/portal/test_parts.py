"""Where a part of a page is fetched alone: nothing typed beside it is lost, and nothing fails in silence."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from caisse.fund.casework import queries
from caisse.fund.casework.models import Case
from tests.browser.fixtures import expect_none
from tests.fund.casework.associations.members import member, owner_of
from tests.fund.casework.office import Office, pdf
from tests.fund.stories.people import Applicant, file
from tests.fund.visitors import visitor


def test_a_document_is_sent_and_what_was_chosen_for_others_stays(visit, check, office: Office) -> None:
    page = visit("/", width=360)
    applicant = Applicant(page, check)
    case = applicant.begin("doctors", "parts@example.org")
    page.goto(f"/cases/{case.number}/documents/")
    (one, first), (_two, second) = [
        (kind, place) for kind, place in applicant.sections(case) if place.locator("input[name$=issued_on]").count()
    ][:2]  # fmt: skip
    day = f"{timezone.localdate() - timedelta(days=9):%d.%m.%Y}"
    second.locator("input[name$=issued_on]").fill(day)
    second.locator("input[type=file]").set_input_files(file("second.pdf", pdf("second")))
    first.locator("input[type=file]").set_input_files(file("first.pdf", pdf(one)))
    first.locator("form button").first.focus()
    page.keyboard.press("Enter")
    expect(first.locator(f'a[href^="/cases/{case.number}/documents/"]')).to_be_visible()
    expect(page.locator("#messages .success")).to_be_visible()
    assert second.locator("input[name$=issued_on]").input_value() == day
    assert second.locator("input[type=file]").evaluate("e => e.files.length") == 1
    # Whoever has no mouse goes on from where he was.
    assert page.evaluate("document.activeElement.id").startswith("send-document-")
    # Without its cookie the browser reaches the case no more, and says so in the place of the page.
    page.context.clear_cookies()
    second.locator("form button").first.click()
    expect(page.locator("#main h1")).to_be_visible()
    expect_none(second)


def test_without_a_script_the_sheet_asks_for_more_once_it_can(office: Office) -> None:
    code = member(office, "Anna")
    anna = visitor(owner_of(office, "Anna"))
    provider = owner_of(office, "Anna").mandates.get().provider_id
    anna.post(f"/providers/{provider}/start/exchange_access/", {"code": code})
    case = Case.objects.get()
    where = f"/cases/{case.number}/sheet/"
    assert 'name="healthnet"' not in anna.get(where).content.decode()
    asked = [one.name for one in queries.catalogue_of(case).fields(case.kind, case.profession, case.facts)
             if one.asked_if.holds({}, frozenset(), {})]  # fmt: skip
    sent = {**dict.fromkeys(asked, ""), "provider_code": str(code), "verb": "activate", "go": "look"}
    looked = anna.post(where, {**sent, "on_page": asked}).content.decode()
    assert 'name="healthnet"' in looked and 'class="summary"' not in looked
    saved = anna.post(where, {**sent, "go": "next", "on_page": asked}).content.decode()
    # What was left empty is told, what has just appeared is not yet.
    assert "#id_effective_from" in saved and "#id_healthnet" not in saved and 'name="healthnet"' in saved
    case.refresh_from_db()
    assert case.sheet["verb"] == "activate"


def test_a_part_that_is_refused_takes_the_place_of_the_page(office: Office) -> None:
    script = {"HX-Request": "true"}
    refused = visitor().get("/cases/2026-999999/documents/", headers=script)
    assert refused.status_code == 404 and refused["HX-Retarget"] == "#main"
    ended = visitor().get("/signatures/", headers=script)
    assert ended["HX-Refresh"] == "true" and "Location" not in ended
    assert "HX-Retarget" not in visitor().get("/cases/2026-999999/documents/")
