"""An association: founded by its form, signed by everybody, decided at the desk; one leaves; each has a statement of the year.

Anna reads French, Bernd German and has no mouse, Clara English, the officer French.
"""

from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, expect

from caisse.fund.access.models import User
from caisse.fund.casework.actions.letters import make_letter
from caisse.fund.casework.models import Case, Signature
from caisse.fund.payments.models import AnnualStatement
from caisse.fund.payments.statements import issue_statements
from caisse.fund.registry import queries as register
from tests.browser.fixtures import expect_none
from tests.fund.casework.associations.members import member as practice
from tests.fund.casework.associations.members import owner_of
from tests.fund.casework.office import Office
from tests.fund.payments.charges import Line, charge
from tests.fund.stories.keys import press
from tests.fund.stories.people import Applicant, Clerk, downloaded, member, words_of

nothing = lambda *_args, **_more: None  # noqa: E731 - what was looked at once
LANGUAGES = {"Anna": "fr", "Bernd": "de", "Clara": "en", "Dora": "fr"}


def owner(office: Office, name: str) -> User:
    """Who owns the practice of that name, in her or his language."""
    user = owner_of(office, name)
    user.language, user.name = LANGUAGES[name], name
    user.save(update_fields=["language", "name"])
    return user


def file_form(page: Page, look, facts: dict[str, bool], **sheet: str) -> Case:
    """From the start page to the form that was handed in."""
    page.goto("/")
    page.locator('main a[href^="/providers/"]').first.click()
    page.locator('main a[href$="/start/association/"]').click()
    page.locator("main form button").click()
    page.wait_for_url("**/questions/")
    case, applicant = Case.objects.latest("pk"), Applicant(page, look)
    look(page, "association-questions", both=True)
    applicant.answer(case, facts)
    applicant.fill(case, **sheet)
    look(page, "association-sheet", both=True)
    applicant.go_on("/documents/")
    applicant.attach(case)
    applicant.submit(case)
    return case


def ask_signatures(desk: Page, look, case: Case, name: str) -> None:
    """Take the case, accept its documents, ask everybody to sign."""
    clerk = Clerk(desk, nothing)
    clerk.take(case)
    clerk.accept_all(case)
    desk.locator('form[action$="/signatures/"] button').click()
    expect(desk.locator("#messages p").first).to_be_visible()
    case.refresh_from_db()
    assert case.state == "awaiting_signatures"
    look(desk, f"desk-{name}", both=True)


def sign(page: Page, look, name: str) -> None:
    """Led from the start page to what is asked, and sign."""
    page.goto("/")
    page.locator('main a[href="/signatures/"]').first.click()
    look(page, "signatures", both=True)
    page.locator('main h3 a[href^="/signatures/"]').first.click()
    expect(page.locator("blockquote")).to_contain_text("Les Tilleuls")
    look(page, f"signature-{name}", both=True)
    page.locator('form[action$="/sign/"] button').click()
    expect(page.locator("#messages .success")).to_be_visible()
    expect(page.locator('main a[href$="/record.jws"]')).to_be_visible()


def sign_by_keyboard(page: Page, look) -> None:
    """As `sign`, with the keyboard alone."""
    page.goto("/")
    press(page, 'main a[href="/signatures/"]', "/signatures/$")
    press(page, 'main h3 a[href^="/signatures/"]', "/signatures/[0-9]+/")
    look(page, "signature-keyboard")
    press(page, 'form[action$="/sign/"] button', "/signatures/[0-9]+/")
    expect(page.locator("#messages .success")).to_be_visible()


def test_an_association_from_its_founding_to_its_statements(visit, check, office):
    codes = {name: practice(office, name, language=LANGUAGES[name]) for name in LANGUAGES}
    people = {name: visit("/", owner(office, name), factor="totp", width=360 if name == "Bernd" else 1280)
              for name in ("Anna", "Bernd", "Clara", "Dora")}  # fmt: skip
    check(people["Anna"], "start-of-a-provider", both=True)
    today = timezone.localdate()
    three = "\n".join(str(codes[name]) for name in ("Anna", "Bernd", "Clara"))
    founding = file_form(
        people["Anna"], check, {"founding": True}, association_name="Les Tilleuls", members=three,
        effective_from=str(today),
    )  # fmt: skip
    desk = visit("/desk/", member(office, "officer", "fr"), factor="totp")
    ask_signatures(desk, check, founding, "founding")
    sign(people["Anna"], check, "founding")
    sign_by_keyboard(people["Bernd"], check)
    # Not before everybody has signed.
    desk.goto(f"/desk/cases/{founding.number}/decide/")
    expect(desk.locator("main .alert.warning").first).to_be_visible()
    sign(people["Clara"], check, "founding")
    chief = visit("/desk/", member(office, "supervisor", "de"), factor="totp")
    Clerk(desk, check).decide(founding, "granted")
    Clerk(chief, check).confirm(founding)
    assert founding.state == "granted"
    common = founding.decisions.get().result["code"]
    assert {one.code for one in register.members_of(register.provider_by_code(common).pk)} == {
        codes[name] for name in ("Anna", "Bernd", "Clara")
    }

    leaving = file_form(
        people["Clara"], nothing, {"leaving": True}, association_code=str(common),
        leaving_members=str(codes["Clara"]), effective_from=str(today + timedelta(days=1)),
    )  # fmt: skip
    ask_signatures(desk, check, leaving, "leaving")
    for name in ("Anna", "Bernd", "Clara"):
        sign(people[name], nothing, "leaving")
    assert not Signature.objects.filter(case=leaving, signed_at=None).exists()
    Clerk(desk, nothing).decide(leaving, "granted")
    Clerk(chief, nothing).confirm(leaving)
    assert leaving.state == "granted"

    statements(office, common, today.year)
    for name, shown in (("Anna", "1\u202f234,56"), ("Bernd", "1.234,56")):
        page = people[name]
        page.goto("/")
        page.locator('main a[href$="/statements/"]').click()
        check(page, "statements", both=True)
        expect(page.locator("main")).to_contain_text(shown)
        text = words_of(downloaded(page, page.locator('main a[href*="/letters/"]')))
        assert "Les Tilleuls" in text and str(today.year) in text, text
    theirs = people["Anna"].locator('main a[href*="/letters/"]').get_attribute("href")
    for other in (people["Bernd"], people["Dora"]):
        answer = other.goto(theirs)
        assert answer is not None and answer.status == 404
    people["Dora"].goto("/")
    people["Dora"].locator('main a[href$="/statements/"]').click()
    expect_none(people["Dora"].locator("main .panel"))
    check(people["Dora"], "no-statement")


def statements(office: Office, common: int, year: int) -> None:
    """The year is over: what was charged to the association is told to each member, and printed."""
    charge(common, [Line(timezone.localdate(), 123_456)], office.tick())
    over = office.at.replace(year=year + 1, month=2, day=1)
    assert issue_statements(year=year, by="test", at=over).new == 3
    for one in AnnualStatement.objects.all():
        make_letter(letter_id=one.letter_id, by="test", at=over)
