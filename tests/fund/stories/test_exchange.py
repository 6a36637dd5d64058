"""Access to the exchange: asked for by form, decided, its password collected once, a key kept, a new password, its end.

Once in German with a mouse, once in French by keyboard alone.
"""

import re

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone
from playwright.sync_api import Page, expect

from caisse.fund.casework.models import Case
from caisse.fund.exchange.models import Account
from caisse.fund.exchange.queries import authenticate_password
from tests.browser.fixtures import expect_none
from tests.fund.casework.associations.members import filed, in_review, owner_of
from tests.fund.casework.associations.members import member as practice
from tests.fund.stories.keys import press, tab_to, write
from tests.fund.stories.people import Applicant, Clerk, member


def public_key() -> str:
    """The one line of a .pub file; nobody has kept the other half."""
    key = Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def owner(office, language: str):
    user = owner_of(office, "Anna")
    user.language = language
    user.save(update_fields=["language"])
    return user


def ask(page: Page, look, verb: str, code: int, **sheet: str) -> Case:
    """From the start page to a form handed in."""
    page.goto("/")
    page.locator('main a[href$="/exchange/"]').click()
    look(page, f"exchange-before-{verb}", both=True)
    page.locator('main a[href$="/start/exchange_access/"]').click()
    page.locator("main form button").click()
    page.wait_for_url(re.compile("/(questions|sheet)/"))
    case, applicant = Case.objects.latest("pk"), Applicant(page, look)
    page.goto(f"/cases/{case.number}/sheet/")
    # What is asked follows the verb at once, and what was typed before stays.
    page.locator("#id_effective_from").fill(f"{timezone.localdate():%d.%m.%Y}")
    before = page.locator("#id_healthnet, #id_technical_email").count()
    page.locator("#id_verb").select_option(verb)
    expect(page.locator("#id_healthnet, #id_technical_email")).to_have_count(2 if verb == "activate" else 0)
    assert before == 1 and page.locator("#id_effective_from").input_value()
    given = {"provider_code": str(code), "effective_from": str(timezone.localdate()), **sheet}
    applicant.fill(case, verb=verb, **given)
    look(page, f"exchange-{verb}", both=True)
    applicant.go_on("/documents/")
    applicant.attach(case)
    applicant.submit(case)
    return case


def test_access_from_the_form_to_its_end(visit, check, office):
    code = practice(office, "Anna", language="de")
    page = visit("/", owner(office, "de"), factor="totp")
    asked = ask(page, check, "activate", code)
    desk = visit("/desk/", member(office, "officer", "fr"), factor="totp")
    clerk = Clerk(desk, check)
    clerk.take(asked)
    clerk.accept_all(asked)
    clerk.decide(asked, "granted")
    assert asked.state == "granted"
    check(desk, "desk-access-granted", both=True)
    account = Account.objects.get(provider_code=code)

    page.goto("/")
    page.locator('main a[href$="/exchange/"]').click()
    check(page, "password-to-collect", both=True)
    page.locator('form[action$="/collect/"] button').click()
    first = page.locator("#password").inner_text()
    check(page, "password", both=True)
    assert authenticate_password(account.user, first) == account
    # It is not shown again, and there is no second hand-over.
    page.locator("main .actions a").click()
    expect_none(page.locator('form[action$="/collect/"]'))
    page.goto("/")
    page.locator('main a[href$="/exchange/"]').click()
    expect(page.locator("main")).not_to_contain_text(first)

    key = public_key()
    page.locator('form[action$="/keys/"] textarea').fill("-----BEGIN OPENSSH PRIVATE KEY-----")
    page.locator('form[action$="/keys/"] button').click()
    expect(page.locator("#messages .error")).to_be_visible()
    page.locator('form[action$="/keys/"] textarea').fill(f"{key} anna@practice")
    page.locator('form[action$="/keys/"] button').click()
    expect(page.locator("main li code")).to_have_text(account.keys.get().fingerprint)
    check(page, "exchange-open", both=True)
    page.locator('form[action$="/password/"] button').click()
    second = page.locator("#password").inner_text()
    assert authenticate_password(account.user, first) is None
    assert authenticate_password(account.user, second) == account

    ended = ask(page, check, "terminate", code)
    clerk.take(ended)
    clerk.accept_all(ended)
    clerk.decide(ended, "granted")
    assert ended.state == "granted"
    assert authenticate_password(account.user, second) is None
    page.goto("/")
    page.locator('main a[href$="/exchange/"]').click()
    expect_none(page.locator('main form[action*="/exchange/"]'))
    check(page, "exchange-closed", both=True)


def test_the_password_and_a_key_by_keyboard(visit, check, office):
    code = practice(office, "Anna", language="fr")
    form = {"provider_code": str(code), "verb": "activate", "effective_from": str(office.today)}
    office.grant(in_review(office, filed(office, code, kind="exchange_access", **form)))
    account = Account.objects.get(provider_code=code)
    page = visit("/", owner(office, "fr"), factor="webauthn", width=360)
    press(page, 'main a[href$="/exchange/"]', "/exchange/$")
    press(page, 'form[action$="/collect/"] button', "/collect/")
    first = page.locator("#password").inner_text()
    press(page, "main .actions a", "/exchange/$")
    write(page, 'form[action$="/keys/"] textarea', public_key())
    press(page, 'form[action$="/keys/"] button', "/exchange/$")
    assert account.keys.count() == 1
    check(page, "exchange-keyboard")
    press(page, 'form[action$="/password/"] button', "/password/")
    assert authenticate_password(account.user, page.locator("#password").inner_text()) == account
    assert authenticate_password(account.user, first) is None
    press(page, "main .actions a", "/exchange/$")
    tab_to(page, 'main li form[action$="/remove/"] button')
    press(page, 'main li form[action$="/remove/"] button', "/exchange/$")
    assert account.keys.count() == 0
