"""The desk in a browser without a browser: staff at their pages, and how pages answer."""

import html
import re
from dataclasses import dataclass, field
from datetime import date

from django.http import HttpResponse
from django.test import Client

from caisse.fund.access import actions
from caisse.fund.access.models import User
from caisse.fund.casework.models import Case
from tests.fund.casework.office import Office
from tests.fund.visitors import visitor


@dataclass
class Counter:
    """Members of the staff by name, each at an own client, beside the office they work in."""

    office: Office
    _clients: dict[str, Client] = field(default_factory=dict)

    def user(self, name: str) -> User:
        return User.objects.get(pk=self.office.user(name))

    def at(self, name: str = "officer", *roles: str, language: str = "en") -> Client:
        """The client of a member of the staff, signed in with a second factor; the role is that of the name."""
        if name not in self._clients:
            user = self.user(name)
            user.language = language
            user.save(update_fields=["language"])
            for role in roles or (name,):
                actions.grant_role(
                    user=user, role=role, valid_from=date(2020, 1, 1), by="test", at=self.office.tick()
                )
            self._clients[name] = visitor(user, factor="totp")
        return self._clients[name]


def page_of(case: Case, rest: str = "") -> str:
    """The address of a case, or of something below it."""
    return f"/desk/cases/{case.number}/{rest}"


def text_of(response: HttpResponse) -> str:
    """What a page says, without its marks."""
    plain = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(html.unescape(plain).split())


def hidden(response: HttpResponse, name: str) -> str:
    """The value of a hidden field of a page."""
    found = re.search(rf'<input type="hidden" name="{name}"(?: value="([^"]*)")?', response.content.decode())
    assert found, f"no hidden field {name}"
    return html.unescape(found[1] or "")
