"""From the start page to the code: the applicant at the portal, the officer at the desk, in one language each."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from caisse.agreement.tables.professions import catalogue_on
from tests.fund.stories.people import Applicant, Clerk, downloaded, member, words_of

#: profession, language, answers given with yes; what a photograph is refused with; what is asked and answered; the letter.
ROUND = [
    ("doctors", "fr", {"radiation": True}, "PDF", "Depuis quand exercez-vous ?", "Depuis mai.", "code prestataire"),
    ("dentists", "de", {"radiation": True}, "PDF", "Seit wann praktizieren Sie?", "Seit Mai.", "Code"),
    ("psychotherapists", "en", {}, "PDF", "Since when do you practise?", "Since May.", "code"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("profession", "language", "facts", "wrong", "question", "reply", "letter"), ROUND,
    ids=[one[0] for one in ROUND],
)  # fmt: skip
def test_a_case_from_the_start_page_to_the_letter(
    visit, check, office, profession, language, facts, wrong, question, reply, letter
):
    page = visit("/", language=language)
    check(page, "start", both=True)
    applicant = Applicant(page, check)
    case = applicant.apply(profession, wrong=wrong, **facts)
    assert case.language == language
    check(page, "case-submitted", both=True)

    desk = visit("/desk/", member(office, "officer", language), factor="totp", dark=language == "de")
    assert desk.locator("html").get_attribute("lang") == language
    clerk = Clerk(desk, check)
    clerk.take(case)
    check(desk, "desk-case", both=True)
    clerk.accept_all(case)
    clerk.ask_back(case, question)
    applicant.answer_back(case, reply)

    desk.goto(f"/desk/cases/{case.number}/")
    expect(desk.locator("main")).to_contain_text(reply)
    take = desk.locator('form[action$="/take/"] button')
    if take.count():
        take.click()
    clerk.accept_all(case)
    clerk.decide(case, "granted")
    assert case.state == "granted"
    check(desk, "desk-case-granted")

    page.goto(f"/cases/{case.number}/")
    check(page, "case-granted", both=True)
    text = words_of(downloaded(page, page.locator('main a[href*="/letters/"]').first))
    assert letter.lower() in text.lower(), text
    expect(page.locator(".number", has_text=f"{case.code}"[:6]).first).to_be_visible()


@pytest.mark.parametrize(
    ("profession", "language", "facts"),
    [("laboratories", "de", {"company": True}), ("pharmacists", "fr", {"take_over": True}),
     ("orthopaedists", "en", {"company": True})],
)  # fmt: skip
def test_other_professions_hand_in(visit, check, office, profession, language, facts):
    page = visit("/", language=language, width=360, dark=True)
    case = Applicant(page, check).apply(profession, **facts)
    expect(page.locator("main")).to_contain_text(case.number)
    check(page, f"{profession}-submitted")


#: The five seed professions, and three others.
EIGHT = ("orthopaedists", "psychotherapists", "dentists", "doctors", "laboratories", "pharmacists", "taxis",
         "physiotherapists")  # fmt: skip


@pytest.mark.parametrize("language", ["fr", "de", "en"])
def test_each_profession_is_told_what_is_asked(visit, check, language):
    page = visit("/", language=language, width=360)
    for profession in EIGHT:
        page.goto("/professions/")
        page.locator(f'main a[href="/professions/{profession}/"]').click()
        catalogue = catalogue_on(timezone.localdate())
        expect(page.locator("h1")).to_have_text(catalogue.professions[profession].label[language])
        for asked in catalogue.requirements("new_code", profession, {}):
            expect(page.locator("main")).to_contain_text(catalogue.documents[asked.document].label[language])
        check(page, f"profession-{profession}")
        page.locator(f'main a[href="/apply/{profession}/"]').first.click()
        expect(page.locator("main input[name=email]")).to_be_visible()
