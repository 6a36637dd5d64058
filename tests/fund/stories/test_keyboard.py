"""What people do with the keyboard alone: Tab, arrows, space, Enter and typing."""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import expect

from caisse.fund.casework import queries
from caisse.fund.casework.actions import board, decisions
from caisse.fund.casework.models import BoardItem, BoardSession, Case
from caisse.fund.notices.models import Issue, Subscription
from tests.browser.fixtures import type_keys
from tests.fund.casework.office import filled, pdf
from tests.fund.stories.keys import press, tab_to, write
from tests.fund.stories.people import file, link_of_mail, member


def _typed(day):
    return day.strftime("%d.%m.%Y")


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
    today = timezone.localdate()
    press(page, "button[name=go][value=next]", "/documents/")
    for wanted in queries.requirements(case):
        if wanted.online:
            continue
        section, kind = f"#document-{wanted.document}", catalogue.documents[wanted.document]
        tab_to(page, f"{section} input[type=file]")
        # The window in which a file is chosen is the system's, not the page's.
        page.locator(":focus").set_input_files(file(f"{wanted.document}.pdf", pdf(wanted.document)))
        if kind.issued != "none":
            write(page, f"{section} input[name$=issued_on]", _typed(today - timedelta(days=20)))
        if kind.expires == "required":
            write(page, f"{section} input[name$=expires_on]", _typed(today + timedelta(days=900)))
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


def test_a_second_pair_of_eyes(visit, check, office):
    known = office.grant(office.reviewed("dentists", language="fr"))
    office.tick(hours=1)
    change = office.reviewed(
        "dentists", kind="bank_account_change", provider_id=known.provider_id, code=known.code
    )
    office.user("officer")
    assert propose(office, change) == "proposed"
    page = visit("/desk/", member(office, "supervisor", "fr"), factor="totp")
    press(page, 'a[href="/desk/queues/to_confirm/"]', "/desk/queues/to_confirm/")
    press(page, f'main a[href="/desk/cases/{change.number}/"]', f"/desk/cases/{change.number}/")
    # First what is wrong with it, then all the same.
    tab_to(page, 'details:has(form[action$="/give-back/"]) summary')
    type_keys(page, "Enter")
    write(page, 'form[action$="/give-back/"] textarea', "Le titulaire est-il le même ?")
    press(page, 'form[action$="/give-back/"] button', f"/desk/cases/{change.number}/")
    change.refresh_from_db()
    assert change.state == "in_review"
    assert propose(office, change) == "proposed"
    page.reload()
    check(page, "keyboard-proposal")
    press(page, 'form[action$="/confirm/"] button:not([name])', f"/desk/cases/{change.number}/")
    change.refresh_from_db()
    assert change.state == "cooling_off"


def propose(office, case):
    return decisions.propose_decision(
        case_id=case.pk,
        verdict=decisions.Verdict("granted"),
        officer_id=office.user("officer"),
        at=office.tick(),
    )


def test_a_session_of_the_board(visit, check, office):
    case = office.reviewed("orthopaedists")
    page = visit("/desk/", member(office, "board_secretary", "de"), factor="totp")
    press(page, 'a[href="/desk/board/"]', "/desk/board/")
    tab_to(page, "main input[name=day]")
    # A field for a day is written in the order of the browser's language.
    day = timezone.localdate() + timedelta(days=9)
    page.keyboard.type(f"{day:%d%m%Y}" if page.evaluate("navigator.language") == "de" else f"{day:%m%d%Y}")
    press(page, "main form button", "/desk/board/")
    session = BoardSession.objects.get()
    assert session.day == day
    board.send_to_board(
        case_id=case.pk, recommendation="Vollständig.", officer_id=office.user("officer"), at=office.tick()
    )
    press(page, f'main a[href="/desk/board/{session.pk}/"]', f"/desk/board/{session.pk}/")
    press(page, 'form[action$="/convene/"] button', f"/desk/board/{session.pk}/")
    item = BoardItem.objects.get(case=case)
    form = f'form[action$="/items/{item.pk}/"]'
    tab_to(page, f"details:has({form}) summary")
    type_keys(page, "Enter")
    tab_to(page, f"{form} input[type=radio]")
    type_keys(page, "Space")
    assert page.locator(f"{form} input[value=granted]").is_checked()
    press(page, f"{form} button", f"/desk/board/{session.pk}/")
    case.refresh_from_db()
    assert case.state == "granted"
    write(page, "textarea[name=present]", "P. Vorsitz")
    check(page, "keyboard-session")
    press(page, 'form[action$="/close/"] button', f"/desk/board/{session.pk}/")
    session.refresh_from_db()
    assert session.state == "held"


def test_a_newsletter(visit, check, office):
    page = visit("/desk/", member(office, "editor", "en"), factor="totp")
    press(page, 'main a[href="/desk/newsletter/new/"]', "/desk/newsletter/new/")
    for language in ("fr", "de", "en"):
        write(page, f"input[name=subject_{language}]", f"Tariffs {language}")
        write(page, f"textarea[name=body_{language}]", "From **January** on.")
    tab_to(page, "input[name=professions][value=dentists]")
    type_keys(page, "Space")
    check(page, "keyboard-newsletter")
    press(page, "main form button", "/desk/newsletter/[0-9]+/")
    issue = Issue.objects.get()
    sender = visit("/desk/newsletter/", member(office, "supervisor", "en"), factor="totp")
    press(sender, f'main a[href="/desk/newsletter/{issue.pk}/"]', f"/desk/newsletter/{issue.pk}/")
    press(sender, 'form[action$="/send/"] button', f"/desk/newsletter/{issue.pk}/")
    issue.refresh_from_db()
    assert issue.state != "draft"

    reader = visit("/", language="fr", width=360)
    press(reader, 'main a[href="/newsletter/"]', "/newsletter/")
    write(reader, "main input[name=email]", "clavier@newsletter.example")
    tab_to(reader, "input[name=professions][value=dentists]")
    type_keys(reader, "Space")
    press(reader, "main form button", "/newsletter/")
    reader.goto(link_of_mail("clavier@newsletter.example", "/newsletter/confirm/"))
    press(reader, "main form button", "/newsletter/")
    assert Subscription.objects.get().state == "confirmed"
