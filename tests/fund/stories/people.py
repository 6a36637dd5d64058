"""What an applicant and a member of the staff do at their pages."""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import pypdfium2
from django.utils import timezone
from PIL import Image
from playwright.sync_api import FilePayload, Locator, Page, expect

from caisse.fund.access.models import User
from caisse.fund.casework import queries
from caisse.fund.casework.models import Case
from caisse.fund.notices.models import Mail
from tests.browser.fixtures import expect_none
from tests.fund.casework.office import Office, filled, pdf
from tests.fund.visitors import staff

type Look = Callable[..., None]


def photograph() -> bytes:
    """A JPEG, as telephones make them."""
    written = io.BytesIO()
    Image.new("RGB", (40, 30), "grey").save(written, "JPEG")
    return written.getvalue()


def file(name: str, content: bytes) -> FilePayload:
    """A file as a browser hands it in."""
    return {"name": name, "mimeType": "application/pdf", "buffer": content}


def words_of(content: bytes) -> str:
    """The text of a PDF, as another tool reads it."""
    document = pypdfium2.PdfDocument(content)
    try:
        text = "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()
    return " ".join(text.split())


def downloaded(page: Page, link: Locator) -> bytes:
    """What a link to a file gives."""
    # The page fetches it itself: only the browser trusts the certificate of the test.
    content = page.evaluate(
        """async address => { const answer = await fetch(address); if (!answer.ok) throw answer.status;
        return Array.from(new Uint8Array(await answer.arrayBuffer())) }""",
        link.get_attribute("href"),
    )
    return bytes(content)


def link_of_mail(to: str, path: str) -> str:
    """The path of the last link of the kind ``/newsletter/confirm/`` that somebody was mailed."""
    for mail in Mail.objects.filter(to=to).order_by("-pk"):
        found = re.search(rf"https?://[^/\s]+({re.escape(path)}\S+)", mail.text)
        if found:
            return found[1]
    raise AssertionError(f"no mail to {to} has a link {path}")


def member(office: Office, role: str, language: str) -> User:
    """A member of the staff who reads in ``language``."""
    user = staff(office.tick(), role, email=f"{role}-{language}@fund.example")
    user.language = language
    user.save(update_fields=["language"])
    return user


@dataclass
class Applicant:
    """Somebody at the portal; ``look`` looks at a page as it stands (axe, width, console)."""

    page: Page
    look: Look

    def begin(self, profession: str, email: str) -> Case:
        """From the start page to a draft."""
        page = self.page
        page.locator(f'main a[href="/professions/{profession}/"]').click()
        page.locator(f'main a[href="/apply/{profession}/"]').first.click()
        page.locator("main input[name=email]").fill(email)
        page.locator("main form button").first.click()
        page.wait_for_url(re.compile("/cases/"))
        return Case.objects.latest("pk")

    def answer(self, case: Case, facts: dict[str, bool], count: int = 1) -> None:
        """Answer the questions, "no" unless ``facts`` says otherwise; ``count`` of all that is counted."""
        page, catalogue = self.page, queries.catalogue_of(case)
        for fact in catalogue.facts_for(case.kind, case.profession):
            value = "yes" if facts.get(fact.key) else "no"
            page.locator(f'input[name="{fact.key}"][value="{value}"]').check()
        for part in catalogue.counts_for(case.kind, case.profession, facts):
            page.locator(f'input[name="count-{part.key}"]').fill(str(count))
        if page.url.endswith("/questions/"):
            self.go_on("/sheet/")

    def go_on(self, to: str) -> None:
        """Save, and be led to the next step."""
        self.page.locator("button[name=go][value=next]").click()
        self.page.wait_for_url(re.compile(to))

    def fill(self, case: Case, **other: str) -> None:
        """Write a sound value into every field of the sheet, and ``other`` values where they are given."""
        case.refresh_from_db()
        values = {**filled(case), **other}
        for asked in queries.catalogue_of(case).fields(case.kind, case.profession, case.facts):
            if asked.type == "date" and values[asked.name]:
                values[asked.name] = f"{date.fromisoformat(values[asked.name]):%d.%m.%Y}"
        for asked in queries.catalogue_of(case).fields(case.kind, case.profession, case.facts):
            if not asked.asked_if.holds({}, frozenset(), values):
                continue
            place, value = self.page.locator(f"#id_{asked.name}"), values[asked.name]
            if asked.type == "choice" and len(asked.choices) == 1:
                place.check()
            elif asked.type in ("choice", "country"):
                place.select_option(value)
            else:
                place.fill(value)

    def fill_with_an_error(self, case: Case) -> None:
        """Mistype the account's number, be told at the head of the page, and put it right."""
        page = self.page
        self.fill(case, iban="LU28 0019 4006 4475 0001")
        page.locator("button[name=go][value=next]").click()
        summary = page.locator(".summary")
        expect(summary.locator("li")).to_have_count(1)
        self.look(page, "sheet-with-an-error", both=True)
        summary.locator("a").click()
        assert page.locator(":focus").get_attribute("id") == "id_iban"
        # What was typed beside the error is still there.
        assert page.locator("#id_account_holder").input_value()
        page.locator("#id_iban").fill(filled(case)["iban"])
        self.go_on("/documents/")

    def attach_a_photograph(self, case: Case, words: str) -> None:
        """Hand in a JPEG that calls itself a PDF: refused with ``words``, and nothing is kept."""
        section = self.sections(case)[0][1]
        section.locator("input[type=file]").set_input_files(file("scan.pdf", photograph()))
        section.locator("form button").first.click()
        expect(self.page.locator(".summary")).to_contain_text(words)
        self.look(self.page, "photograph-refused", both=True)
        assert not case.documents.exclude(state="refused").exists()

    def sections(self, case: Case) -> list[tuple[str, Locator]]:
        """Each document asked for, with its place in the page."""
        case.refresh_from_db()
        asked = [one for one in queries.requirements(case) if not one.online]
        places = [f"{one.document}-{one.part}" if one.part else one.document for one in asked]
        kinds = [one.document for one in asked]
        return [(k, self.page.locator(f"#document-{p}")) for k, p in zip(kinds, places, strict=True)]

    def attach(self, case: Case, contents: Mapping[str, bytes] | None = None, *, most: int = 99) -> None:
        """Hand in every document that is asked for, ``most`` at most, with its days; ``contents``: PDFs by kind."""
        today = timezone.localdate()
        for number, (kind, section) in enumerate(self.sections(case)[:most]):
            wanted = queries.catalogue_of(case).documents[kind]
            if wanted.issued != "none":
                day = today - timedelta(days=30)
                section.locator("input[name$=issued_on]").fill(f"{day:%d.%m.%Y}")
            if wanted.expires == "required":
                day = today + timedelta(days=300)
                section.locator("input[name$=expires_on]").fill(f"{day:%d.%m.%Y}")
            content = (contents or {}).get(kind) or pdf(f"{kind} {number} {case.number}", pages=2)
            section.locator("input[type=file]").set_input_files(file(f"{kind}.pdf", content))
            section.locator("form button").first.click()
            expect(section.locator(f'a[href^="/cases/{case.number}/documents/"]')).to_be_visible()

    def submit(self, case: Case) -> None:
        """Check and hand in."""
        page = self.page
        page.goto(f"/cases/{case.number}/check/")
        self.look(page, "check")
        page.locator("main form:not([action]) button").click()
        page.wait_for_url(re.compile(f"/cases/{case.number}/$"))
        case.refresh_from_db()
        # Handed in again, it goes back to the officer who asked.
        assert case.state == ("in_review" if case.assigned_to else "submitted")

    def apply(self, profession: str, *, count: int = 1, wrong: str = "", **facts: bool) -> Case:
        """A whole application; ``wrong``: words of the refusal of a photograph that is tried first."""
        page = self.page
        case = self.begin(profession, f"{profession.replace('_', '.')}@applicant.example")
        self.answer(case, facts, count)
        self.look(page, "sheet")
        if wrong:
            self.fill_with_an_error(case)
            self.attach_a_photograph(case, wrong)
        else:
            self.fill(case)
            self.go_on("/documents/")
        self.attach(case)
        self.look(page, "documents")
        self.submit(case)
        return case

    def answer_back(self, case: Case, text: str) -> None:
        """Answer what the fund asked, and hand in again."""
        page = self.page
        page.goto(f"/cases/{case.number}/")
        self.look(page, "asked-back", both=True)
        page.locator("main textarea").first.fill(text)
        page.locator('form[action*="/answers/"] button').first.click()
        expect(page.locator("#messages .success")).to_be_visible()
        self.submit(case)


@dataclass
class Clerk:
    """A member of the staff at the desk."""

    page: Page
    look: Look

    def take(self, case: Case) -> None:
        """Find the case in the queue of new ones, open and take it."""
        page = self.page
        page.goto("/desk/queues/new/")
        self.look(page, "queue")
        page.locator(f'main a[href="/desk/cases/{case.number}/"]').click()
        page.locator('form[action$="/take/"] button').click()
        expect(page.locator('main a[href$="/decide/"]')).to_be_visible()

    def accept_all(self, case: Case) -> None:
        """Open each document beside the sheet, see its page, accept it."""
        page = self.page
        for document in case.documents.filter(state="received").order_by("pk"):
            line = page.locator(f'.places-list li:has(a[href*="document={document.pk}#"])')
            # The first one to judge is open already, and each verdict opens the next.
            if line.get_attribute("aria-current") is None:
                line.locator("a").click()
            picture = page.locator(f'img.sheet-of-paper[src*="/documents/{document.pk}/"]')
            expect(picture).to_be_visible()
            page.wait_for_function("e => e.complete && e.naturalWidth > 300", arg=picture.element_handle())
            page.locator("form.judge button[value=accept]").click()
            expect(line.locator(".status.good")).to_be_visible()

    def ask_back(self, case: Case, text: str) -> None:
        """Ask the applicant something about the whole application."""
        page = self.page
        page.goto(f"/desk/cases/{case.number}/ask-back/")
        self.look(page, "ask-back")
        page.locator("textarea[name=general]").fill(text)
        page.locator('form[action$="/ask-back/"] button:not([name])').click()
        page.wait_for_url(re.compile(f"/desk/cases/{case.number}/$"))
        case.refresh_from_db()
        assert case.state == "incomplete"

    def decide(self, case: Case, outcome: str, grounds: str = "") -> None:
        """Decide, or propose where two persons decide."""
        page = self.page
        page.goto(f"/desk/cases/{case.number}/decide/")
        self.look(page, "decide")
        page.locator(f'input[name=outcome][value="{outcome}"]').check()
        if grounds:
            page.locator("textarea[name=grounds]").fill(grounds)
        page.locator('form[action$="/decide/"] button:not([name])').click()
        page.wait_for_url(re.compile(f"/desk/cases/{case.number}/$"))
        case.refresh_from_db()

    def confirm(self, case: Case) -> None:
        """As the second pair of eyes: confirm what a colleague proposed."""
        page = self.page
        page.goto(f"/desk/cases/{case.number}/")
        self.look(page, "proposal", both=True)
        page.locator('form[action$="/confirm/"] button:not([name])').click()
        expect_none(page.locator('form[action$="/confirm/"]'))
        case.refresh_from_db()
