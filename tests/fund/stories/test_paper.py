"""An association whose members sign a PDF instead of the page: handed in in English, decided at a French desk."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from caisse.agreement.identifiers import provider_code
from caisse.fund.casework.models import Case
from caisse.fund.registry import queries as register
from tests.browser.fixtures import expect_none
from tests.fund.casework.associations.members import member as practice
from tests.fund.casework.associations.members import owner_of
from tests.fund.casework.documents.signing import YEAR, Person
from tests.fund.casework.office import Office, pdf
from tests.fund.stories.people import Applicant, Clerk, member


@pytest.fixture
def authority(office: Office) -> Iterator[Person]:
    """An authority whose root lies in the fund's folder of those it trusts."""
    made = Person("Example Trust Services", ca=True, until=timezone.now() + YEAR)
    root = office.home.trust / "stories.pem"
    root.write_bytes(made.pem)
    yield made
    root.unlink()


def signed_by(authority: Person, *names: str) -> bytes:
    """The form with everybody's signature, one after the other."""
    # The signing library runs a loop of its own, and Playwright's runs in this thread.
    with ThreadPoolExecutor(1) as elsewhere:
        return elsewhere.submit(_signed_by, authority, *names).result()


def _signed_by(authority: Person, *names: str) -> bytes:
    content = pdf("Practising medicine in a liberal association")
    for name in names:
        content = Person(name, authority, until=timezone.now() + YEAR).sign(content, f"Signature of {name}")
    return content


def hand_in(page: Page, look, form: bytes, **sheet: str) -> Case:
    """From the start page to what was handed in, with the form that everybody signed."""
    page.locator('main a[href^="/providers/"]').first.click()
    page.locator('main a[href$="/start/association/"]').click()
    page.locator("main form button").click()
    page.wait_for_url("**/questions/")
    case, applicant = Case.objects.latest("pk"), Applicant(page, look)
    applicant.answer(case, {"founding": True, "paper_signatures": True})
    applicant.fill(case, **sheet)
    applicant.go_on("/documents/")
    look(page, "paper-asked-for", both=True)
    applicant.attach(case, {"association_form": form})
    look(page, "paper-attached")
    applicant.submit(case)
    return case


def count(desk: Page, signer: str, code: int) -> None:
    """Count the signature of the certificate in somebody's name for the member of that name."""
    panel = desk.locator("main .panel", has=desk.locator("h2", has_text=signer))
    expect(panel.locator(".status.good")).to_be_visible()
    panel.locator("select").select_option(label=f"{provider_code.format(str(code))} {signer}")
    panel.locator("button").click()
    expect(desk.locator("#messages .success")).to_be_visible()
    expect_none(panel.locator("select"))
    expect(panel).to_contain_text(provider_code.format(str(code)))


def test_members_sign_a_pdf_and_nobody_signs_on_the_page(visit, check, office: Office, authority: Person):
    codes = {name: practice(office, name, language="en") for name in ("Anna", "Bernd")}
    anna, bernd = (owner_of(office, name) for name in codes)
    for user in (anna, bernd):
        user.language = "en"
        user.save(update_fields=["language"])
    page = visit("/", anna, factor="totp")
    case = hand_in(
        page, check, signed_by(authority, "Anna", "Bernd", "Clara"), association_name="Les Tilleuls",
        members="\n".join(map(str, codes.values())), effective_from=str(timezone.localdate()),
    )  # fmt: skip

    desk = visit("/desk/", member(office, "officer", "fr"), factor="totp")
    clerk = Clerk(desk, check)
    clerk.take(case)
    clerk.accept_all(case)
    desk.locator('form[action$="/signatures/"] button').click()
    expect_none(desk.locator('form[action$="/signatures/"]'))

    # What each signature of the PDF is worth, and whose it is.
    form = case.documents.get(kind="association_form")
    desk.locator(f'main a[href*="document={form.pk}#"]').click()
    desk.locator(f'main a[href$="/documents/{form.pk}/signatures/"]').click()
    expect(desk.locator("main .panel .status.good")).to_have_count(3)
    check(desk, "signatures-of-a-pdf", both=True)
    count(desk, "Anna", codes["Anna"])
    check(desk, "signature-counted")
    count(desk, "Bernd", codes["Bernd"])
    # Nobody else has to sign: the third signature counts for nobody.
    expect_none(desk.locator("main select"))
    case.refresh_from_db()
    assert case.state == "in_review"
    assert set(case.signatures.values_list("method", flat=True)) == {"signed_document"}
    desk.locator(f'nav a[href="/desk/cases/{case.number}/"]').click()
    expect(desk.locator("main li", has_text="PDF signé")).to_have_count(2)
    check(desk, "signed-in-a-pdf", both=True)
    clerk.decide(case, "granted")
    chief = visit("/desk/", member(office, "supervisor", "fr"), factor="totp")
    Clerk(chief, check).confirm(case)
    assert case.state == "granted"
    common = case.decisions.get().result["code"]
    members = register.members_of(register.provider_by_code(common).pk)
    assert {one.code for one in members} == set(codes.values())

    # Each member finds what was signed in his or her name, with its record; nothing waits any more.
    other = visit("/signatures/", bernd, factor="totp")
    expect_none(other.locator("main .panel"))
    other.locator('main a[href^="/signatures/"]').click()
    expect(other.locator("blockquote")).to_contain_text("Les Tilleuls")
    expect(other.locator('main a[href$="/record.jws"]')).to_be_visible()
    check(other, "signed-by-paper", both=True)
    page.goto(f"/cases/{case.number}/")
    check(page, "association-granted")
