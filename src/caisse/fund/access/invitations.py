"""The address by which somebody sets his first password, or a new one: it works once."""

from datetime import datetime

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from caisse.fund.access.models import User
from caisse.fund.audit.actions import record_event


@transaction.atomic
def invite(*, user: User, by: str, at: datetime) -> str:
    """Mail ``user`` the address under which he sets his password, and return it.

    It works once and for `PASSWORD_RESET_TIMEOUT`; a password set meanwhile makes it worthless.
    """
    token = default_token_generator.make_token(user)
    parts = {"uidb36": user_pk_to_url_str(user), "key": token}
    path = reverse("account_reset_password_from_key", kwargs=parts)
    link = f"{settings.FUND.pages.url}{path}"
    with translation.override(user.language):
        told = {
            "name": user.name or user.email,
            "fund": settings.FUND.name,
            "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
            "link": link,
        }
        subject = settings.ACCOUNT_EMAIL_SUBJECT_PREFIX + gettext("Your account")
        EmailMessage(subject, render_to_string("access/set_up.txt", told), to=[user.email]).send()
    record_event(action="user.invited", by=by, at=at, subject=("user", user.pk))
    return link
