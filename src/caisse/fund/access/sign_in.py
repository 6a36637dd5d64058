"""What django-allauth has to know of our users: how they are made, written to, recorded, kept secret."""

import logging
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from caisse.fund import secrets_folder
from caisse.fund.access import actions, queries
from caisse.fund.access.callers import address_of_caller, network_of_caller
from caisse.fund.access.models import User

_log = logging.getLogger(__name__)


def _now() -> datetime:
    return timezone.now()


def _language() -> str:
    active = (translation.get_language() or "")[:2]
    return active if active in actions.LANGUAGES else settings.LANGUAGE_CODE


class AccountAdapter(DefaultAccountAdapter):
    """Users with a name and a language; mails in that language; everything about sign-in is recorded."""

    def new_user(self, request: HttpRequest) -> User:  # noqa: ARG002
        return User(created_at=_now(), language=_language())

    def clean_email(self, email: str) -> str:
        """Refuse an address to which the outbox cannot write: nobody could ever confirm it."""
        cleaned = str(super().clean_email(email))
        if not cleaned.isascii() or cleaned.startswith("-"):
            raise ValidationError(_("We cannot write to this address. Write it as name@example.org."))
        return cleaned

    @transaction.atomic
    def save_user(self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True) -> User:
        user.name = form.cleaned_data.get("name") or user.name
        super().save_user(request, user, form, commit=commit)
        if commit:
            actions.sign_up(user=user, by=queries.actor(user), at=_now())
        return user

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        records = get_authentication_records(request, user)
        methods = tuple(str(one.get("type") or one["method"]) for one in records)
        actions.note_sign_in(user=user, methods=methods, by=queries.actor(user), at=_now())

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        _log.warning("a sign-in from %s was refused", network_of_caller(request, bits=(24, 48)))

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of_caller(request)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        # With the caller's network in the key, guessing at somebody's password locks out the guesser alone.
        login = str(credentials.get("email", "")).lower()
        return f"{network_of_caller(request)}:{login}"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Write in the addressee's language, in the fund's name."""
        user = context.get("user") or queries.find_user(email)
        known = isinstance(user, User)
        site = SimpleNamespace(name=settings.FUND.name, domain=settings.FUND.pages.url)
        with translation.override(user.language if known else _language()):
            super().send_mail(template_prefix, email, {**context, "current_site": site})

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Record a change of how somebody signs in, and tell him of it."""
        what = template_prefix.rpartition("/")[2]
        actions.note_security(user=user, what=what, by=queries.actor(user), at=_now())
        super().send_notification_mail(template_prefix, user, {**(context or {}), "user": user}, email)


class SecondFactorAdapter(DefaultMFAAdapter):
    """Second factors are kept encrypted: a copy of the database alone signs nobody in."""

    def _fernet(self) -> Fernet:
        return Fernet(settings.HOME.secret(secrets_folder.SECOND_FACTOR_KEY))

    def encrypt(self, text: str) -> str:
        return self._fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return self._fernet().decrypt(encrypted_text.encode()).decode()

    def _get_site_name(self) -> str:
        return str(settings.FUND.name)


class ProviderAdapter(DefaultSocialAccountAdapter):
    """Persons an OpenID Connect provider vouches for."""

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        given = " ".join(filter(None, (data.get("first_name"), data.get("last_name"))))
        user.name = str(data.get("name") or given)[:120]
        return user

    @transaction.atomic
    def save_user(self, request: HttpRequest, sociallogin: Any, form: BaseForm | None = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        if form is None:
            actions.sign_up(user=user, by=queries.actor(user), at=_now())
        return user
