"""An officer's day in a real browser: from the queue to a decision that a supervisor confirms."""

import pytest
from playwright.sync_api import Page

from tests.browser.fixtures import Check, Visit, focused
from tests.fund.desk.counter import Counter, page_of

WORDS = {
    "en": {
        "take": "Take the next case", "accept": "Accept", "decide": "Decide", "grant": "Grant",
        "propose": "Propose this decision", "confirm": "Confirm", "proposed": "Decision proposed",
        "done": "Cooling-off time",
    },
    "fr": {
        "take": "Prendre le dossier suivant", "accept": "Accepter", "decide": "Décider", "grant": "Accorder",
        "propose": "Proposer cette décision", "confirm": "Confirmer", "proposed": "Décision proposée",
        "done": "Délai d'opposition",
    },
    "de": {
        "take": "Nächsten Vorgang übernehmen", "accept": "Annehmen", "decide": "Entscheiden",
        "grant": "Bewilligen", "propose": "Diese Entscheidung vorschlagen", "confirm": "Bestätigen",
        "proposed": "Entscheidung vorgeschlagen", "done": "Widerspruchsfrist",
    },
}  # fmt: skip


def go_to(page: Page, words: str, *, key: str = "Enter", most: int = 120) -> None:
    """Press Tab until what has these words has the focus, then ``key``: no mouse is touched."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page).partition("\n")[0].strip() == words:
            page.keyboard.press(key)
            return
    raise AssertionError(f"the keyboard never reaches {words!r}")


@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_two_officers_change_a_bank_account(
    counter: Counter, visit: Visit, check: Check, language: str
) -> None:
    office = counter.office
    holder = office.grant(office.reviewed("physiotherapists"))
    case = office.submitted(
        "physiotherapists", kind="bank_account_change", provider_id=holder.provider_id, code=holder.code
    )
    counter.at("officer", language=language)
    counter.at("supervisor", language=language)
    said = WORDS[language]
    page = visit("/desk/queues/new/", counter.user("officer"), factor="totp")
    check(page, "desk-queue", both=True)
    go_to(page, said["take"])
    page.wait_for_url(f"**{page_of(case)}")
    check(page, "desk-case", both=True)
    page.reload()  # axe leaves style attributes behind, which HTMX would copy and the policy refuse
    for _document in case.documents.filter(state="received"):
        with page.expect_response("**/judge/"):
            go_to(page, said["accept"])
        page.wait_for_load_state("networkidle")
    assert not case.documents.filter(state="received").exists()
    go_to(page, said["decide"])
    page.wait_for_url("**/decide/")
    check(page, "desk-decide", both=True)
    go_to(page, said["grant"], key="Space")
    go_to(page, said["propose"])
    page.get_by_text(said["proposed"], exact=True).first.wait_for()

    page = visit(page_of(case), counter.user("supervisor"), factor="totp")
    check(page, "desk-proposal", both=True)
    go_to(page, said["confirm"])
    page.get_by_text(said["done"], exact=True).first.wait_for()
    case.refresh_from_db()
    assert case.state == "cooling_off"


@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_every_place_is_sound(counter: Counter, visit: Visit, check: Check, language: str) -> None:
    office = counter.office
    done = office.grant(office.reviewed("doctors"))
    asked = office.reviewed("psychotherapists")
    for name in ("supervisor", "administrator", "auditor"):
        counter.at(name, language=language)
    page = visit("/desk/", counter.user("supervisor"), factor="totp")
    places = {
        "ask-back": page_of(asked, "ask-back/"),
        "case-record": page_of(asked, "record/"),
        "board": "/desk/board/",
        "expiring": "/desk/expiring/",
        "register": "/desk/register/?q=Exemple",
        "provider": f"/desk/register/{done.provider_id}/",
        "newsletter": "/desk/newsletter/",
        "newsletter-new": "/desk/newsletter/new/",
        "mails": "/desk/outbox/",
    }
    for name, place in places.items():
        page.goto(place)
        check(page, f"desk-{name}", both=True)
    page = visit("/desk/staff/", counter.user("administrator"), factor="totp")
    check(page, "desk-staff", both=True)
    page.goto(f"/desk/staff/{counter.user('supervisor').pk}/")
    check(page, "desk-member", both=True)
    page = visit(f"/desk/audit/?day={counter.office.today}", counter.user("auditor"), factor="totp")
    check(page, "desk-audit", both=True)
