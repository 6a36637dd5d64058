"""Those who decide no case: the editor and a subscriber, the administrator of users, the auditor."""

from django.utils import timezone
from playwright.sync_api import expect

from caisse.fund.access import queries as access
from caisse.fund.notices import issues
from caisse.fund.notices.models import Issue, Mail, Subscription
from tests.browser.fixtures import expect_none
from tests.fund.stories.people import link_of_mail, member

READER = "reader@newsletter.example"


def test_a_newsletter_from_the_editor_to_a_subscriber_who_leaves(visit, check, office):
    reader = visit("/newsletter/", language="de", width=360)
    check(reader, "subscribe", both=True)
    reader.locator("main input[name=email]").fill(READER)
    reader.locator("main input[name=professions][value=dentists]").check()
    reader.locator("main form button").click()
    expect(reader.locator("h1")).to_contain_text("Postfach")
    reader.goto(link_of_mail(READER, "/newsletter/confirm/"))
    assert Subscription.objects.get().state == "asked"
    reader.locator("main form button").click()
    check(reader, "confirmed")

    editor = visit("/desk/", member(office, "editor", "fr"), factor="totp")
    editor.goto("/desk/newsletter/new/")
    for language, subject in (("fr", "Nouveaux tarifs"), ("de", "Neue Tarife"), ("en", "New tariffs")):
        editor.locator(f"input[name=subject_{language}]").fill(subject)
        editor.locator(f"textarea[name=body_{language}]").fill(f"**{subject}**, <b>1.1.2027</b>.")
    editor.locator("input[name=professions][value=dentists]").check()
    check(editor, "write-newsletter", both=True)
    editor.locator("main form button").click()
    expect(editor.locator("h1")).to_be_visible()
    issue = Issue.objects.get()
    # Whoever wrote it does not send it.
    expect_none(editor.locator('form[action$="/send/"]'))
    sender = visit(f"/desk/newsletter/{issue.pk}/", member(office, "officer", "de"), factor="totp")
    check(sender, "newsletter", both=True)
    sender.locator('form[action$="/send/"] button').click()
    expect(sender.locator("#messages p")).to_be_visible()
    issues.send_issue(issue.pk)
    mail = Mail.objects.get(to=READER, subject__contains="Neue Tarife")
    assert "<b>1.1.2027</b>" not in mail.html

    reader.goto(link_of_mail(READER, "/newsletter/unsubscribe/"))
    check(reader, "unsubscribe")
    reader.locator("main form button").click()
    expect(reader.locator("h1")).to_contain_text("Beendet")
    assert Subscription.objects.get().state == "ended"


def test_an_administrator_gives_a_role_and_sees_no_case(visit, check, office):
    case = office.submitted("doctors")
    page = visit("/desk/", member(office, "administrator", "en"), factor="totp")
    assert page.url.endswith("/desk/staff/")
    check(page, "users", both=True)
    page.locator("main input[name=name]").fill("Nora New")
    page.locator("main input[name=email]").fill("nora.new@fund.example")
    page.locator("main select[name=role]").select_option("officer")
    page.locator('form[action$="/staff/"] button').click()
    expect(page.locator("h1")).to_have_text("Nora New")
    check(page, "user", both=True)
    page.locator("main select[name=role]").select_option("board_secretary")
    page.locator('form[action$="/roles/"] button').click()
    expect(page.locator("main li", has_text="Secretary of the Board")).to_be_visible()
    added = next(u for u in access.holders_of("board_secretary", timezone.localdate()))
    assert added.email == "nora.new@fund.example"
    assert link_of_mail(added.email, "/account/")
    for path in (f"/desk/cases/{case.number}/", "/desk/queues/new/", "/desk/register/"):
        response = page.goto(path)
        assert response is not None and response.status == 404


def test_an_auditor_sees_who_read_a_case_and_nothing_that_stands_in_it(visit, check, office):
    case = office.reviewed("doctors")
    page = visit("/desk/", member(office, "auditor", "fr"), factor="totp")
    page.locator("main input[name=case]").fill(case.number)
    page.locator("main form button").click()
    expect(page.locator("tbody tr").first).to_be_visible()
    check(page, "record", both=True)
    text = page.locator("main").inner_text()
    assert case.sheet["national_number"] not in text and case.email not in text
    response = page.goto(f"/desk/cases/{case.number}/")
    assert response is not None and response.status == 404
