"""An application and a decision with the keyboard alone: Tab, arrows, space, Enter and typing."""

from playwright.sync_api import expect

from caisse.fund.casework import queries
from caisse.fund.casework.models import Case
from tests.browser.fixtures import type_keys
from tests.fund.casework.office import filled, pdf
from tests.fund.stories.keys import press, tab_to, write
from tests.fund.stories.people import file, member


def test_an_application(visit, check, office):
    page = visit("/", language="en")
    press(page, 'a[href="/professions/physiotherapists/"]', "/professions/")
    press(page, 'a[href="/apply/physiotherapists/"]', "/apply/")
    write(page, "input[name=email]", "keyboard@example.org")
    press(page, "main form button", "/questions/")
    case = Case.objects.get()
    catalogue = queries.catalogue_of(case)
    for fact in catalogue.facts_for(case.kind, case.profession):
        tab_to(page, f'input[name="{fact.key}"]')
        type_keys(page, "Space", "ArrowDown")
        assert page.locator(f'input[name="{fact.key}"][value=no]').is_checked()
    press(page, "button[name=go][value=next]", "/sheet/")
    case.refresh_from_db()
    values = filled(case)
    for asked in catalogue.fields(case.kind, case.profession, case.facts):
        place, value = f"#id_{asked.name}", values[asked.name]
        if asked.type == "choice" and len(asked.choices) == 1:
            tab_to(page, place)
            type_keys(page, "Space")
        elif asked.type in ("choice", "country"):
            tab_to(page, place)
            # A list takes the first letters of what is wanted.
            page.keyboard.type(page.locator(f'{place} option[value="{value}"]').inner_text())
        elif value:
            write(page, place, value)
    check(page, "keyboard-sheet")
    press(page, "button[name=go][value=next]", "/documents/")
    for wanted in queries.requirements(case):
        if wanted.online:
            continue
        section, kind = f"#document-{wanted.document}", catalogue.documents[wanted.document]
        tab_to(page, f"{section} input[type=file]")
        # The window in which a file is chosen is the system's, not the page's.
        page.locator(":focus").set_input_files(file(f"{wanted.document}.pdf", pdf(wanted.document)))
        if kind.issued != "none":
            write(page, f"{section} input[name$=issued_on]", "02.11.2026")
        if kind.expires == "required":
            write(page, f"{section} input[name$=expires_on]", "31.12.2029")
        tab_to(page, f"{section} form button")
        type_keys(page, "Enter")
        expect(page.locator(f'{section} a[href^="/cases/{case.number}/documents/"]')).to_be_visible()
    press(page, "main .actions a.button", "/check/")
    press(page, "main form:not([action]) button", f"/cases/{case.number}/$")
    case.refresh_from_db()
    assert case.state == "submitted"


def test_a_decision(visit, check, office):
    case = office.submitted("physiotherapists", language="de")
    page = visit("/desk/queues/new/", member(office, "officer", "de"), factor="totp")
    press(page, 'form[action$="/next/"] button', f"/desk/cases/{case.number}/")
    for document in case.documents.order_by("pk"):
        # The first one is open, and each verdict opens the next.
        expect(page.locator(f'form.judge[action*="/documents/{document.pk}/"]')).to_be_visible()
        tab_to(page, "form.judge button[value=accept]")
        type_keys(page, "Enter")
        line = page.locator(f'.places-list li:has(a[href*="document={document.pk}#"])')
        expect(line.locator(".status.good")).to_be_visible()
    check(page, "keyboard-desk")
    press(page, 'main a[href$="/decide/"]', "/decide/")
    tab_to(page, "input[name=outcome]")
    type_keys(page, "Space")
    press(page, 'form[action$="/decide/"] button:not([name])', f"/desk/cases/{case.number}/$")
    case.refresh_from_db()
    assert case.state == "granted"
