"""Whatever somebody may see, he finds it by clicking from the start page: no address has to be known.

A crawler follows every link of every page as each visitor, from "/" (from "/desk/" for the staff, which is one of its
links). It must come to every address that the table of addresses lets the visitor see, but for those below.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.urls import Resolver404, resolve

from caisse.fund.access.models import User
from caisse.fund.casework.actions.letters import make_letter
from caisse.fund.casework.models import Letter
from caisse.fund.home import Home
from caisse.fund.payments.statements import issue_statements
from tests.fund.casework.associations.members import asked, filed, in_review, leave, member, owner_of
from tests.fund.casework.associations.members import founded as found_association
from tests.fund.casework.office import Office
from tests.fund.isolation.table import SIGN_IN, TABLE
from tests.fund.isolation.walking import address, addresses, undone
from tests.fund.isolation.world import World, make_world
from tests.fund.visitors import visitor

#: Who is sent where by what else than a link on a page.
ELSEWHERE = {
    "portal:open_link": "the mail about a case",
    "portal:open_again": "the mail that was asked for",
    "portal:objection": "the mail to the address known before",
    "portal:newsletter_confirm": "the mail to a new reader",
    "portal:newsletter_change": "each newsletter",
    "portal:newsletter_unsubscribe": "each newsletter",
    "account_confirm_email": "the mail to a new address",
    "account_reset_password_from_key": "the mail about a forgotten password",
    "account_logout": "a button on every page, which needs no page of its own",
    "account_inactive": "signing in to an account that was closed",
    "account_email_verification_sent": "signing up",
    "account_reset_password_done": "asking for a new password",
    "account_reset_password_from_key_done": "setting a new password",
    "account_confirm_login_code": "signing in by code, which is switched off",
    "account_set_password": "an account that has no password yet; the link stands where others change theirs",
    "account_reauthenticate": "a page of the account that wants the password again",
    "mfa_reauthenticate": "the same, with an app",
    "mfa_reauthenticate_webauthn": "the same, with a key",
    "mfa_authenticate": "signing in with two factors",
    "mfa_login_webauthn": "a script of the sign-in page",
    "strong_sign_in": "a page that wants two factors",
    "signed_in": "signing in, which leads on from there",
    "mfa_deactivate_totp": "a button that only an account with an app shows",
    "mfa_view_recovery_codes": "the same, with recovery codes",
    "mfa_generate_recovery_codes": "the same, with a second factor",
    "mfa_download_recovery_codes": "the same, with recovery codes",
    "mfa_list_webauthn": "the same, with a key",
    "mfa_remove_webauthn": "the list of keys, once two factors were proved again",
    "mfa_edit_webauthn": "the list of keys, once two factors were proved again",
    "desk:signed": "a document that bears electronic signatures; the world has none",
    **{name: "the identity provider, when one is configured" for name in (*SIGN_IN, "x")
       if name.startswith(("socialaccount_", "openid_", "account/"))},
}  # fmt: skip
#: Addresses of the portal that need more of a world than the table's: who must find them.
MORE = {
    "portal:signatures": {"provider_a", "anna"},
    "portal:signature": {"anna"},
    "portal:signature_record": {"anna"},
    "portal:exchange": {"provider_a", "mandate_other_scope", "anna"},
    "portal:statements": {"provider_a", "casework_a", "anna"},
    "portal:statement_figures": {"anna"},
    "portal:provider_letter": {"anna"},
}
WHO = ("nobody", "link", "person", "owner", "provider_a", "casework_a", "mandate_other_scope", "anna",
       "officer", "supervisor", "board_secretary", "editor", "auditor", "administrator")  # fmt: skip
_LINK = re.compile(r'\b(?:href|src|hx-get)="([^"]+)"')
#: Pages looked at of one kind; as many as there are cases in the world, so that each state is met.
_MOST = 60


@pytest.fixture(scope="module")
def world(module_db: Home) -> World:
    made = make_world(Office.earlier_today(module_db))
    _anna(made.office)
    # Everybody has a password, so that what concerns one is shown; the table's key is not one that can be listed.
    User.objects.update(password=make_password("a password of some length"))
    for user in made.users.values():
        user.refresh_from_db()
    Authenticator.objects.all().delete()
    return made


def _anna(office: Office) -> None:
    """A physiotherapist in an association, with a statement, a signature given and one asked for, and an account."""
    anna, bernd = member(office, "Anna"), member(office, "Bernd")
    common = found_association(office, [anna, bernd])
    asked(office, leave(office, common, bernd, office.today + timedelta(days=9)))
    form = {"kind": "exchange_access", "provider_code": str(anna), "verb": "activate"}
    office.grant(in_review(office, filed(office, anna, **form, effective_from=str(office.today))))
    issue_statements(
        year=office.today.year, by="test", at=office.at.replace(year=office.today.year + 1, month=2, day=1)
    )
    for letter in Letter.objects.filter(kind="annual_statement"):
        make_letter(letter_id=letter.pk, by="test", at=office.tick())


def client_of(world: World, who: str) -> Client:
    return visitor(owner_of(world.office, "Anna"), factor="totp") if who == "anna" else world.client(who)


def expected(world: World, who: str, client: Client) -> set[str]:
    """The names of the pages somebody may see, as the table says and as they are shown now."""
    found = {name for name, allowed in MORE.items() if who in allowed}
    if who == "anna":
        return found
    for name, row in {**TABLE, **SIGN_IN}.items():
        if name in ELSEWHERE or not ("GET" in row.methods or row.methods == "any"):
            continue
        things = [one for one in row.things(world) if row.gate(who, one) == "ok"]
        if any(_is_shown(client, address(name, one.address)) for one in things):
            found.add(name)
    return found


def _is_shown(client: Client, path: str) -> bool:
    """Whether it is a page at this time; others lead elsewhere."""
    with undone(client):
        answer = client.get(path)
    for close in answer._resource_closers:
        close()
    return answer.status_code == 200


def links(page: str, at: str) -> Iterator[str]:
    """The addresses of ours that a page leads to."""
    for found in _LINK.findall(page):
        whole = urlsplit(urljoin(at, unescape(found)))
        if not whole.netloc and whole.scheme in ("", "https") and not found.startswith("data:"):
            yield whole.path + (f"?{whole.query}" if whole.query else "")


def crawl(client: Client, start: str, wanted: set[str]) -> set[str]:
    """The wanted pages that no link led to."""
    left, seen, met = set(wanted), {start}, Counter[str]()
    waiting = [start]
    while waiting and left:
        # The kind of page met least comes first.
        waiting.sort(key=lambda path: met[name_of(path)])
        path = waiting.pop(0)
        name = name_of(path)
        met[name] += 1
        if not name or met[name] > _MOST:
            continue
        answer = client.get(path)
        if answer.status_code in (301, 302):
            more = [urljoin(path, answer["Location"])]
        elif answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            more = list(links(answer.content.decode(), path))
        else:
            more = []
        assert answer.status_code < 400, f"a link leads to {path}: {answer.status_code}"
        for close in answer._resource_closers:
            close()
        left.discard(name)
        fresh = [one for one in dict.fromkeys(more) if one not in seen]
        seen.update(fresh)
        waiting += fresh
    return left


def name_of(path: str) -> str:
    """The name of the address in the table; empty for what is none of ours."""
    try:
        found = resolve(path.partition("?")[0].partition("#")[0])
    except Resolver404:
        return ""
    return found.view_name or found.route


@pytest.mark.parametrize("who", WHO)
def test_everything_is_found_from_the_start_page(world: World, who: str) -> None:
    client = client_of(world, who)
    missing = crawl(client, "/", expected(world, who, client))
    assert not missing, f"{who} may see these pages, and no link leads there: {sorted(missing)}"


def test_the_exceptions_exist() -> None:
    assert set(ELSEWHERE) - {"x"} <= set(addresses())
