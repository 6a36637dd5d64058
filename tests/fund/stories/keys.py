"""What somebody does who has no mouse."""

import re

from playwright.sync_api import Page

from tests.browser.fixtures import type_keys

#: More stops than any page has: whoever has not arrived by then cannot.
STOPS = 200


def tab_to(page: Page, place: str) -> None:
    """Press Tab until the element of that selector has the focus, as somebody without a mouse does."""
    page.wait_for_load_state()
    for _step in range(STOPS):
        if page.evaluate("s => document.activeElement.matches(s)", place):
            return
        type_keys(page, "Tab")
    raise AssertionError(f"{place} is not reached by keyboard on {page.url}")


def press(page: Page, place: str, to: str) -> None:
    """Go to a link or button, press Enter, and be led to a page."""
    tab_to(page, place)
    with page.expect_navigation(url=re.compile(to)):
        type_keys(page, "Enter")


def write(page: Page, place: str, text: str) -> None:
    """Go to a field and write into it, whatever stood there."""
    tab_to(page, place)
    type_keys(page, "Control+a", "Delete")
    page.keyboard.type(text)
