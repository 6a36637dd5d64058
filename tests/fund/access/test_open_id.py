"""Sign-in by an OpenID Connect provider: a real one, in a process of its own."""

import re
import shutil
import subprocess
import sys

import pytest
from allauth.socialaccount.models import SocialAccount, SocialToken
from playwright.sync_api import expect

from caisse.fund.access.models import User
from caisse.fund.home import Home
from tests.browser.fixtures import serving
from tests.fund.access.identity_provider import CLIENT, PASSWORD, PERSON, SECRET
from tests.fund.visitors import person
from tests.ports import reserved_port

OIDC = """
[sign_in.oidc]
name = "Example eID"
server_url = "http://localhost:{port}"
client_id = "{client}"
strong = true
"""


@pytest.fixture(scope="module")
def eid(database, tmp_path_factory):
    """The pages of a fund that has this provider, on the same database; their address."""
    idp_port, port = reserved_port(), reserved_port()
    folder = tmp_path_factory.mktemp("idp")
    home = Home.at(folder / "home")
    shutil.copytree(database.path, home.path, ignore=shutil.ignore_patterns("store", "pages.log"))
    with home.config_file.open("a") as file:
        file.write(OIDC.format(port=idp_port, client=CLIENT))
    (home.secrets / "oidc-client-secret").write_text(f"{SECRET}\n")
    redirect = f"https://localhost:{port}/account/oidc/oidc/login/callback/"
    with (folder / "log").open("wb") as log, subprocess.Popen(
        [sys.executable, "-m", "tests.fund.access.identity_provider", str(folder), str(idp_port), redirect],
        stdout=subprocess.PIPE, stderr=log, text=True,
    ) as provider:  # fmt: skip
        assert provider.stdout.readline() == "ready\n", (folder / "log").read_text()
        with serving(home, port) as url:
            yield url
        provider.terminate()


def by_eid(page):
    page.get_by_role("link", name="Example eID").click()
    page.get_by_role("button", name="Continue").click()
    at_provider(page)


def at_provider(page):
    expect(page).to_have_url(re.compile(r"^http://localhost:\d+/"))
    password = page.locator("input[name=password]")
    expect(password).to_be_visible()
    if page.locator("input[name=login]").is_visible():
        page.locator("input[name=login]").fill(PERSON)
    password.fill(PASSWORD)
    page.locator("form button[type=submit]").first.click()


def test_a_person_signs_in_and_confirms_by_the_provider(eid, visit, check, now):
    page = visit(f"{eid}/account/login/?next=/account/email/")
    check(page, "sign-in-by-provider", both=True)
    by_eid(page)
    expect(page).to_have_url(f"{eid}/account/email/")
    user = User.objects.get()
    assert (user.email, user.name, user.language) == (PERSON, "Camille Exemple", "en")
    assert SocialAccount.objects.get(user=user).provider == "oidc"
    assert not SocialToken.objects.exists()
    # Two factors are confirmed there again, though the provider still knows the browser.
    page.goto(f"{eid}/account/confirm/?next=/account/email/")
    check(page, "confirm-by-provider", both=True)
    page.get_by_role("button", name="By your identity provider").click()
    at_provider(page)
    expect(page).to_have_url(f"{eid}/account/email/")
    assert User.objects.count() == 1
    # The provider has no icon for its pages; ours say nothing.
    assert [line for line in page.said if "404" not in line] == []


def test_an_account_is_not_taken_over_by_its_address(eid, visit, now):
    mine = person(now, PERSON)
    page = visit(f"{eid}/account/login/")
    by_eid(page)
    expect(page).to_have_url(re.compile(f"^{eid}/account/"))
    page.goto(f"{eid}/account/email/")
    expect(page).to_have_url(re.compile("/account/login/"))
    assert list(User.objects.all()) == [mine]
    assert not SocialAccount.objects.exists()


def test_nobody_chooses_how_the_provider_is_asked(eid, visit):
    page = visit(f"{eid}/account/oidc/oidc/login/?auth_params=prompt%3Dnone")
    with page.expect_request(re.compile(r"^http://localhost:\d+/.*prompt=")) as asked:
        page.get_by_role("button", name="Continue").click()
    assert "prompt=login" in asked.value.url
    assert "prompt=none" not in asked.value.url
    assert "code_challenge=" in asked.value.url
