"""A doctor applies for a code in a real browser: three languages, two sizes, and once by the keyboard alone."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from caisse.fund.casework import queries
from caisse.fund.casework.actions import examination
from caisse.fund.casework.models import Case
from tests.browser.fixtures import focused, type_keys
from tests.fund.casework.office import filled, pdf

EMAIL = "jeanne.muster@example.org"


def fill_sheet(page: Page, case: Case) -> None:
    catalogue = queries.catalogue_of(case)
    values = filled(case)
    for field in catalogue.fields(case.kind, case.profession, case.facts):
        box = page.locator(f"#id_{field.name}")
        if field.type == "choice" and len(field.choices) == 1:
            box.check()
        elif field.type in ("choice", "country"):
            box.select_option(values[field.name])
        else:
            box.fill(values[field.name])


def attach(page: Page, case: Case) -> None:
    today = timezone.localdate()
    for wanted in queries.requirements(case):
        if wanted.online:
            continue
        place = page.locator(f"#document-{wanted.document}")
        kind = queries.catalogue_of(case).documents[wanted.document]
        name = f"{wanted.document}.pdf"
        content = {"name": name, "mimeType": "application/pdf", "buffer": pdf(wanted.document)}
        place.locator("input[type=file]").set_input_files(content)
        if kind.issued != "none":
            place.locator("input[name$=issued_on]").fill(f"{today - timedelta(days=30):%d.%m.%Y}")
        if kind.expires != "none":
            place.locator("input[name$=expires_on]").fill(f"{today + timedelta(days=300):%d.%m.%Y}")
        place.locator("button:not(.link)").click()
        expect(page.locator(f"#document-{wanted.document} a").first).to_contain_text(name)


@pytest.mark.parametrize("language", ["fr", "de", "en"])
def test_a_doctor_applies_without_an_account(visit, check, language):
    page = visit("/", language=language)
    check(page, "start", both=True)
    page.locator("a[href='/professions/doctors/']").click()
    check(page, "profession", both=True)
    page.locator("main a.button").first.click()
    page.locator("main form button").click()
    # Without an address: told at the head, and at the field.
    expect(page.locator(".summary")).to_be_visible()
    check(page, "apply-faulty", both=True)
    page.locator("#id_email").fill(EMAIL)
    page.locator("main form button").click()
    expect(page.locator("main code")).to_contain_text("/case/")
    check(page, "questions", both=True)
    case = Case.objects.get()

    for fact in page.locator("main fieldset").all():
        fact.locator("input[value=no]").check()
    page.locator("button[value=next]").click()
    page.wait_for_url("**/sheet/")
    case.refresh_from_db()
    check(page, "sheet", both=True)
    page.locator("#id_iban").fill("LU28 0019 4006 4475 0001")
    page.locator("button[value=next]").click()
    expect(page.locator("#id_iban")).to_have_value("LU28 0019 4006 4475 0001")
    check(page, "sheet-faulty", both=True)
    fill_sheet(page, case)
    page.locator("button[value=next]").click()
    page.wait_for_url("**/documents/")
    check(page, "documents", both=True)

    picture = {
        "name": "pass.pdf",
        "mimeType": "application/pdf",
        "buffer": b"\xff\xd8\xff\xe0" + b"JFIF" * 999,
    }
    place = page.locator("#document-identity_document")
    place.locator("input[type=file]").set_input_files(picture)
    place.locator("button").first.click()
    expect(page.locator(".summary a")).to_contain_text("pass.pdf")
    check(page, "documents-refused", both=True)
    attach(page, case)
    check(page, "documents-complete", both=True)

    page.locator("main .actions a.button").first.click()
    check(page, "check", both=True)
    page.locator("main form button").click()
    expect(page.locator(".status.info").first).to_be_visible()
    check(page, "submitted", both=True)
    case.refresh_from_db()
    assert (case.state, case.language) == ("submitted", language)


def tab_to(page: Page, label: str, most: int = 80) -> None:
    """Press Tab until the focus is on what is called so."""
    for _ in range(most):
        type_keys(page, "Tab")
        if label in focused(page):
            return
    raise AssertionError(f"no way to {label!r} by keyboard; the focus is on {focused(page)!r}")


def test_a_draft_is_begun_with_the_keyboard_alone(visit):
    page = visit("/professions/doctors/", language="en", width=360)
    tab_to(page, "Apply for a code")
    type_keys(page, "Enter")
    page.wait_for_url("**/apply/doctors/")
    tab_to(page, "E-mail address")
    page.keyboard.type(EMAIL)
    type_keys(page, "Enter")
    page.wait_for_url("**/questions/")
    # Each question is one stop; arrows choose.
    for question in page.locator("main fieldset").all():
        tab_to(page, "Yes")
        type_keys(page, "ArrowRight")
        expect(question.locator("input[value=no]")).to_be_checked()
    tab_to(page, "Save and go on")
    type_keys(page, "Enter")
    page.wait_for_url("**/sheet/")
    # What is wrong is told at the head; the first link there leads to its field.
    tab_to(page, "Save and go on")
    type_keys(page, "Enter")
    expect(page.locator(".summary")).to_be_visible()
    tab_to(page, "National number")
    type_keys(page, "Enter")
    assert page.evaluate("document.activeElement.id") == "id_national_number"


def test_a_form_can_be_sent_without_any_script(chromium, pages_url, db):
    context = chromium.new_context(base_url=pages_url, java_script_enabled=False, locale="en")
    page = context.new_page()
    page.goto("/apply/nurses/")
    page.locator("#id_email").fill(EMAIL)
    page.locator("main form button").click()
    expect(page.locator("main code")).to_contain_text("/case/")
    context.close()


def test_the_other_pages_are_sound_in_both_sizes(visit, check, office):
    case = office.open("doctors", owner_id=office.user("owner"))
    office.submit(office.complete(case))
    examination.take_case(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    office.accept_all(case)
    office.grant(case, effective_from=office.today)
    case.refresh_from_db()
    for name, path in (
        ("cases", "/cases/"), ("case-granted", f"/cases/{case.number}/"),
        ("document", f"/cases/{case.number}/documents/{case.documents.first().pk}/"),
        ("provider", f"/providers/{case.provider_id}/"),
        ("start", f"/providers/{case.provider_id}/start/bank_account_change/"),
        ("professions", "/professions/"), ("again", "/cases/link/"), ("newsletter", "/newsletter/"),
        ("no-link", "/case/again/nothing"), ("no-code", "/professions/osteopaths/"),
    ):  # fmt: skip
        check(visit(path, case.owner), name, both=True)


def test_a_file_that_is_far_too_large_is_refused_and_nothing_is_lost(visit, office, tmp_path):
    case = office.complete(office.open("doctors", owner_id=office.user("owner")))
    large = tmp_path / "large.pdf"
    large.write_bytes(pdf() + b"\n%" + b"x" * (40 * 1024 * 1024))
    page = visit(f"/cases/{case.number}/documents/", case.owner)
    place = page.locator("#document-identity_document")
    place.locator("input[type=file]").set_input_files(large)
    place.locator("button:not(.link)").click()
    expect(page.locator("#messages")).to_contain_text("too large")
    expect(place.locator("a").first).to_be_visible()
    case.refresh_from_db()
    assert queries.missing(case, on=timezone.localdate()) == []
