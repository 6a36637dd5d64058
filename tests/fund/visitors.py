"""Django's test client as a visitor of the pages: over TLS, under the pages' host name, signed in if wanted.

visitor()                                  somebody unknown
visitor(user)                              a user who gave his password
visitor(user, factor="totp")               ... and a second factor, just now (or `ago` seconds ago)
staff(at, "officer", "supervisor")         a user with these roles
"""

import time
from datetime import date, datetime
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.test import Client

from caisse.fund.access import actions
from caisse.fund.access.models import User


def visitor(user: User | None = None, *, factor: str = "", ago: float = 0, language: str = "en") -> Client:
    """A client with the cookies of a browser; ``factor`` is totp, webauthn, recovery_codes or oidc."""
    client = Client(headers={"host": "localhost", "accept-language": language})
    client.defaults["wsgi.url_scheme"] = "https"
    if user is None:
        return client
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    at = time.time() - ago
    records: list[dict[str, object]] = [{"method": "password", "at": at, "email": user.email}]
    if factor == "oidc":
        records = [{"method": "socialaccount", "provider": "oidc", "uid": "x", "at": at}]
    elif factor:
        records.append({"method": "mfa", "type": factor, "id": 1, "at": at})
    session["account_authentication_methods"] = records
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    return client


def person(at: datetime, email: str = "jeanne.muster@example.org", *, language: str = "en") -> User:
    """A user with no role and no mandate."""
    name = email.partition("@")[0].replace(".", " ").title()
    return actions.create_user(email=email, name=name, language=language, by="test", at=at)


def staff(at: datetime, *roles: str, email: str = "officer@fund.example", since: date | None = None) -> User:
    """A user with these roles, since long ago unless told otherwise."""
    user = person(at, email)
    for role in roles:
        actions.grant_role(user=user, role=role, valid_from=since or date(2020, 1, 1), by="test", at=at)
    return user
