"""The pictures of the front office in docs/pictures: `make pictures`.

They show the demonstration office, in a home made for it and removed afterwards. Persons and cases are always the same; days are
counted from the day on which the pictures are taken.
"""

import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.utils.timezone import localdate
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from caisse.fund.console import now, opened
from caisse.fund.home import Home

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
#: Of one picture, in bytes.
MOST = 150_000


@contextmanager
def office() -> Iterator[Home]:
    """The demonstration office with its database answering."""
    with tempfile.TemporaryDirectory(prefix="caisse-pictures-") as folder:
        Path(folder).chmod(0o755)  # the database's own account passes through
        home = Home.at(Path(folder) / "home")
        for command in (["init", "--name", "Caisse nationale de santé"], ["load-demo", "--persons", "100"]):
            caisse = [sys.executable, "-m", "caisse.cli", "fund"]
            subprocess.run([*caisse, *command, "--home", str(home.path)], check=True)
        with opened(home):
            yield home


class Camera:
    """A browser at the pages of the office, and whom it shows them as."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser, self.url = browser, url

    def page(
        self, path: str, language: str, *, role: str = "", width: int = 1280, dark: bool = False
    ) -> Page:
        """A page as a visitor sees it, or the member of the staff who has a role."""
        context = self.browser.new_context(
            base_url=self.url, locale=language, viewport={"width": width, "height": 800 if width > 400 else 720},
            color_scheme="dark" if dark else "light", reduced_motion="reduce",
        )  # fmt: skip
        context.set_default_timeout(60_000)
        if role:
            context.add_cookies([{**_session(role, language), "url": self.url, "secure": True}])
        page = context.new_page()
        page.goto(path)
        return page

    def keep(self, page: Page, name: str) -> None:
        """Take the picture of what the window shows, with no more colours than fit."""
        shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        for colours in (256, 128, 64, 32, 16):
            written = io.BytesIO()
            shown.quantize(colours).save(written, "PNG", optimize=True)
            if written.tell() <= MOST:
                break
        (FOLDER / f"{name}.png").write_bytes(written.getvalue())
        page.context.close()


def _session(role: str, language: str) -> Any:
    """The cookie of a member of the staff who gave a second factor just now."""
    from django.conf import settings

    from caisse.fund.access import actions, queries
    from tests.fund.visitors import visitor

    user = queries.holders_of(role, localdate(now()))[0]
    actions.set_language(user=user, language=language, by="pictures", at=now())
    user.refresh_from_db()
    value = visitor(user, factor="totp").cookies[settings.SESSION_COOKIE_NAME].value
    return {"name": settings.SESSION_COOKIE_NAME, "value": value}


def case_of(**wanted: Any) -> Any:
    """The oldest case of the office of that kind, profession, state."""
    from caisse.fund.casework.models import Case

    return Case.objects.filter(**wanted).order_by("pk")[0]


def portal(camera: Camera) -> None:
    """An application, from the start page to its documents."""
    from tests.fund.stories.people import Applicant

    camera.keep(camera.page("/", "fr"), "portal-start")
    camera.keep(camera.page("/professions/dentists/", "de"), "portal-profession")
    page = camera.page("/", "en")
    applicant = Applicant(page, lambda *_args, **_more: None)
    case = applicant.begin("doctors", "anne.muster@example.org")
    applicant.answer(case, {"radiation": True})
    applicant.fill(case, **_invented())
    applicant.go_on("/documents/")
    applicant.attach(case, most=1)
    page.locator("h1").scroll_into_view_if_needed()
    page.evaluate("window.scrollTo(0, 0)")
    camera.keep(page, "portal-documents")
    page = camera.page("/newsletter/", "fr", width=360, dark=True)
    camera.keep(page, "portal-telephone-dark")


def _invented() -> dict[str, str]:
    return {"family_name": "Muster", "given_name": "Anne", "site_locality": "Luxembourg", "birth_name": ""}


def desk(camera: Camera) -> None:
    """The desk in use."""
    from caisse.fund.casework.models import BoardSession

    camera.keep(camera.page("/desk/queues/new/", "fr", role="officer"), "desk-queue")
    case = case_of(profession="physiotherapists", state="in_review")
    page = camera.page(f"/desk/cases/{case.number}/", "fr", role="officer")
    page.wait_for_function("document.querySelector('img.sheet-of-paper').complete")
    page.set_viewport_size({"width": 1280, "height": 1100})  # the page of paper, too
    page.locator(".heading").first.evaluate("e => window.scrollTo(0, e.offsetTop - 16)")
    camera.keep(page, "desk-case")
    camera.keep(camera.page(f"/desk/cases/{case.number}/decide/", "de", role="officer"), "desk-decision")
    held = BoardSession.objects.get(state="held")
    camera.keep(camera.page(f"/desk/board/{held.pk}/", "en", role="board_secretary"), "desk-board")
    known = case_of(profession="doctors", kind="address_change", state="granted")
    camera.keep(
        camera.page(f"/desk/register/{known.provider_id}/", "en", role="officer", dark=True), "desk-register"
    )
    camera.keep(camera.page("/desk/expiring/", "de", role="supervisor"), "desk-expiring")


def main() -> None:
    """Make all of them."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with office() as home:
        from tests.browser.fixtures import launched, serving

        with serving(home) as url, sync_playwright() as playwright:
            camera = Camera(launched(playwright, home), url)
            portal(camera)
            desk(camera)
            camera.browser.close()


if __name__ == "__main__":
    main()
