"""The shell around every page, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.fixtures import focused, type_keys
from tests.fund.visitors import person


@pytest.mark.parametrize("language", ["fr", "de", "en"])
@pytest.mark.parametrize("path", ["/account/login/", "/account/signup/", "/account/password/reset/"])
def test_the_way_in_is_sound_in_every_language_and_size(visit, check, path, language):
    page = visit(path, language=language)
    assert page.locator("html").get_attribute("lang") == language
    check(page, path.strip("/").replace("/", "-"), both=True)


def test_colours_are_readable_in_the_dark(visit, check):
    check(visit("/account/signup/", dark=True), "dark")


def test_the_language_is_changed_by_keyboard_and_kept_with_the_user(visit, now):
    user = person(now)
    page = visit("/account/email/", user, language="fr")
    # What the user chose once goes before what the browser asks for.
    assert page.locator("html").get_attribute("lang") == "en"
    type_keys(page, "Tab")
    assert "content" in focused(page)
    type_keys(page, "Tab", "Tab", "Tab")
    assert focused(page) == "Deutsch"
    type_keys(page, "Enter")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    assert page.url.endswith("/account/email/")
    user.refresh_from_db()
    assert user.language == "de"


def test_faults_of_a_form_are_told_at_its_head_and_lead_to_the_field(visit, check):
    page = visit("/account/signup/")
    page.evaluate("document.querySelectorAll('form').forEach(f => f.noValidate = true)")
    page.get_by_label("Email").first.fill("nonsense")
    page.locator("main button[type=submit]").first.click()
    summary = page.locator(".summary")
    summary.locator("a").first.click()
    described = page.locator(":focus").get_attribute("aria-describedby") or ""
    assert "error" in described
    assert page.locator(":focus").get_attribute("aria-invalid") == "true"
    check(page, "signup-faults", both=True)
