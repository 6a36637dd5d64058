"""The fixtures that tests/browser/__init__.py tells of."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright

from caisse.fund.access.models import User
from caisse.fund.home import Home
from tests.fund.visitors import visitor

CHROMIUM = shutil.which("chromium") or ""
SIZES = (360, 1280)
#: Down to which nothing may be wider than the window: 1280 pixels at four times the size (WCAG 1.4.10).
NARROWEST = 320
#: What Chromium says of a server's refusal; the page itself tells the user.
_EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")

Visit = Callable[..., Page]
Check = Callable[..., None]


def _pin(home: Home) -> str:
    """The certificate's key as Chromium wants it named, to trust this one certificate and no other."""
    certificate = x509.load_pem_x509_certificate((home.tls / "certificate.pem").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


@pytest.fixture(scope="session")
def chromium(home: Home) -> Iterator[Browser]:
    """One Chromium for the whole run."""
    if not CHROMIUM:
        pytest.skip("Debian's chromium is not installed")
    # Playwright's loop runs in this thread, and Django would refuse its database beside a loop.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = launched(playwright, home)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


def launched(playwright: Playwright, home: Home) -> Browser:
    """A Chromium that trusts the pages of ``home``."""
    return playwright.chromium.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
              "--disable-sync", f"--ignore-certificate-errors-spki-list={_pin(home)}"],
    )  # fmt: skip


@contextmanager
def serving(home: Home, port: int = 0) -> Iterator[str]:
    """The address of `caisse fund pages`, a process of its own on the database of ``home``."""
    command = [sys.executable, "-m", "caisse.cli", "fund", "pages", "--port", str(port), "--json"]
    log = home.path / "pages.log"
    with log.open("ab") as errors, subprocess.Popen(
        [*command, "--home", str(home.path)], stdout=subprocess.PIPE, stderr=errors, text=True
    ) as process:  # fmt: skip
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, log.read_text()
        try:
            yield f"https://localhost:{json.loads(line)['pages']['port']}"
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(scope="session")
def pages_url(database: Home) -> Iterator[str]:
    """The address of the pages on this run's database."""
    with serving(database) as url:
        yield url


@pytest.fixture
def visit(chromium: Browser, pages_url: str, db: Home) -> Iterator[Visit]:
    """Open a page: ``visit(path, user=None, factor="", width=1280, language="en", dark=False)``."""
    contexts: list[BrowserContext] = []

    def open_page(
        path: str, user: User | None = None, *, factor: str = "", width: int = 1280, language: str = "en",
        dark: bool = False,
    ) -> Page:  # fmt: skip
        context = chromium.new_context(
            base_url=pages_url, locale=language, viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light", reduced_motion="reduce",
        )  # fmt: skip
        contexts.append(context)
        if user is not None:
            value = visitor(user, factor=factor).cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": pages_url, "secure": True}]
            )
        context.set_default_timeout(30_000)
        page = context.new_page()
        said: list[str] = []
        page.said = said  # type: ignore[attr-defined]
        page.on("console", lambda message: _note(said, message.type, message.text))
        page.on("pageerror", lambda error: _note(said, "error", str(error)))
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def _note(said: list[str], kind: str, text: str) -> None:
    if kind in {"warning", "error"}:
        said.append(f"{kind}: {text}")


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Look at a page: ``check(page, name, both=False)``; see tests/browser/__init__.py."""
    folder = Path(os.environ.get("CAISSE_PICTURES", tmp_path))

    def keep(page: Page, name: str, width: int) -> None:
        language = page.locator("html").get_attribute("lang")
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}-{language}-{width}.png", full_page=True)

    def look(page: Page, name: str, *, both: bool = False) -> None:
        page.wait_for_load_state()
        before = page.viewport_size or {"width": 1280, "height": 800}
        for width in SIZES if both else (before["width"],):
            page.set_viewport_size({"width": width, "height": 800})
            try:
                _check_now(page, name)
            except AssertionError:
                keep(page, name, width)
                raise
            if "CAISSE_PICTURES" in os.environ:
                keep(page, name, width)
        if both:
            page.set_viewport_size({"width": NARROWEST, "height": 800})
            _fits(page, name)
        page.set_viewport_size(before)
        # Looking leaves style attributes behind; htmx would copy them into what it puts in, and the policy forbids that.
        page.evaluate("document.querySelectorAll('[style]').forEach(one => one.removeAttribute('style'))")

    return look


def _check_now(page: Page, name: str) -> None:
    faults = serious_faults(page)
    assert faults == [], f"{name}: {faults}"
    _fits(page, name)
    said = [line for line in page.said if not _EXPECTED.search(line)]  # type: ignore[attr-defined]
    assert said == [], f"{name}: {said}"


def _fits(page: Page, name: str) -> None:
    wide, window = page.evaluate(
        "(e => [e.scrollWidth - e.clientWidth, e.clientWidth])(document.documentElement)"
    )
    assert wide <= 0, f"{name} is {wide} pixels wider than a window of {window}"


def serious_faults(page: Page) -> list[str]:
    """What axe-core finds that is serious or critical, with the places."""
    if not page.evaluate("typeof axe === 'object'"):
        # The content security policy lets no page load it; the browser's own tools may.
        page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']} ({one['help']}): {[node['html'][:120] for node in one['nodes'][:3]]}"
        for one in found["violations"]
        if one["impact"] in {"serious", "critical"}
    ]


def expect_none(place: Locator) -> None:
    """Nothing of the kind is on the page, once it stands whole: one that only begins to come has nothing yet."""
    place.page.wait_for_load_state()
    expect(place).to_have_count(0)


def type_keys(page: Page, *keys: str) -> None:
    """Press keys one after the other, as ``Tab`` and ``Enter``."""
    for key in keys:
        page.keyboard.press(key)


def focused(page: Page) -> str:
    """The words of what has the focus: its label, text or name."""
    return str(
        page.evaluate(
            "(e => (e.labels && e.labels.length ? e.labels[0].innerText : e.innerText || e.name || e.tagName)"
            ".trim())(document.activeElement)"
        )
    )
