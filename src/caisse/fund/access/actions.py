"""Every change of who may sign in and what he may do: one transaction, one audit event."""

from datetime import date, datetime

from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from caisse.agreement.errors import WrongUse
from caisse.fund.access.models import ROLES, SCOPES, Mandate, StaffRole, User
from caisse.fund.audit.actions import record_event

LANGUAGES = ("fr", "de", "en")


class EmailTaken(WrongUse):
    """There is a user with this e-mail address already. Give him the role he needs: caisse fund user add."""


class NotAnAddress(WrongUse):
    """This is no e-mail address a person can sign in with. Write it as name@example.org."""


class RoleHeldAlready(WrongUse):
    """The user has this role already on some of these days. See `caisse fund user list`."""


class RoleNotHeld(WrongUse):
    """The user does not have this role on that day. See `caisse fund user list`."""


class MandateHeldAlready(WrongUse):
    """The user may act for this provider already on some of these days."""


class MandateNotHeld(WrongUse):
    """The user has no such mandate on that day."""


@transaction.atomic
def create_user(*, email: str, name: str, language: str, by: str, at: datetime) -> User:
    """Make a user without a password; he sets one by a link. Raises EmailTaken, NotAnAddress or WrongUse."""
    from allauth.account.models import EmailAddress  # noqa: PLC0415 - a model of another app

    email = email.strip()
    try:
        validate_email(email)
    except ValidationError:
        raise NotAnAddress(f"{NotAnAddress.__doc__}") from None
    if language not in LANGUAGES:
        raise WrongUse(f"The language is one of {', '.join(LANGUAGES)}.")
    user = User(email=email, name=name.strip(), language=language, created_at=at)
    user.set_unusable_password()
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise EmailTaken(f"{EmailTaken.__doc__}") from None
    EmailAddress.objects.create(user=user, email=email.lower(), primary=True, verified=True)
    record_event(action="user.created", by=by, at=at, subject=("user", user.pk))
    return user


def sign_up(*, user: User, by: str, at: datetime) -> None:
    """Record that somebody made himself a user; the caller has saved the row in this transaction."""
    record_event(action="user.signed_up", by=by, at=at, subject=("user", user.pk))


def note_sign_in(*, user: User, methods: tuple[str, ...], by: str, at: datetime) -> None:
    """Record that a user signed in, and how."""
    record_event(
        action="user.signed_in", by=by, at=at, subject=("user", user.pk), data={"methods": list(methods)}
    )


def note_security(*, user: User, what: str, by: str, at: datetime) -> None:
    """Record a change of how a user signs in, such as ``totp_activated`` or ``password_changed``."""
    record_event(action=f"user.{what}", by=by, at=at, subject=("user", user.pk))


@transaction.atomic
def set_language(*, user: User, language: str, by: str, at: datetime) -> None:
    """Keep the language the user reads and is written to in; nothing happens for one we do not have."""
    if language not in LANGUAGES or language == user.language:
        return
    User.objects.filter(pk=user.pk).update(language=language)
    user.language = language
    record_event(
        action="user.language_set", by=by, at=at, subject=("user", user.pk), data={"language": language}
    )


@transaction.atomic
def set_active(*, user: User, active: bool, why: str, by: str, at: datetime) -> None:
    """Let a user sign in again or no more; ends his sessions at once."""
    User.objects.filter(pk=user.pk).update(is_active=active)
    user.is_active = active
    end_sessions(user)
    action = "user.activated" if active else "user.deactivated"
    record_event(action=action, by=by, at=at, subject=("user", user.pk), why=why)


@transaction.atomic
def grant_role(
    *, user: User, role: str, valid_from: date, valid_until: date | None = None, by: str, at: datetime
) -> int:
    """Give a role and return its id; raises RoleHeldAlready, or WrongUse for a role that does not exist."""
    if role not in ROLES:
        raise WrongUse(f"The role is one of {', '.join(ROLES)}.")
    try:
        with transaction.atomic():
            row = StaffRole.objects.create(
                user=user, role=role, valid_from=valid_from, valid_until=valid_until
            )
    except IntegrityError:
        raise RoleHeldAlready(f"{RoleHeldAlready.__doc__}") from None
    data = {"role": role, "from": str(valid_from), "until": str(valid_until or "")}
    record_event(action="user.role_granted", by=by, at=at, subject=("user", user.pk), data=data)
    return row.pk


@transaction.atomic
def end_role(*, user: User, role: str, valid_until: date, why: str, by: str, at: datetime) -> None:
    """End a role; ``valid_until`` is the first day without it. Raises RoleNotHeld."""
    if role not in ROLES:
        raise RoleNotHeld(f"{RoleNotHeld.__doc__}")
    open_ones = StaffRole.objects.filter(user=user, role=role, valid_from__lte=valid_until)
    still = open_ones.filter(valid_until__isnull=True) | open_ones.filter(valid_until__gt=valid_until)
    if not still.update(valid_until=valid_until):
        raise RoleNotHeld(f"{RoleNotHeld.__doc__}")
    data = {"role": role, "until": str(valid_until)}
    record_event(action="user.role_ended", by=by, at=at, subject=("user", user.pk), data=data, why=why)


@transaction.atomic
def grant_mandate(
    *, user: User, provider_id: int, scope: str, valid_from: date, valid_until: date | None = None,
    by: str, at: datetime,
) -> int:  # fmt: skip
    """Let ``user`` act for a provider and return the mandate's id; raises MandateHeldAlready or WrongUse."""
    if scope not in SCOPES:
        raise WrongUse(f"The scope is one of {', '.join(SCOPES)}.")
    try:
        with transaction.atomic():
            row = Mandate.objects.create(
                user=user,
                provider_id=provider_id,
                scope=scope,
                valid_from=valid_from,
                valid_until=valid_until,
            )
    except IntegrityError:
        raise MandateHeldAlready(f"{MandateHeldAlready.__doc__}") from None
    data = {"provider": provider_id, "scope": scope, "from": str(valid_from), "until": str(valid_until or "")}
    record_event(action="user.mandate_granted", by=by, at=at, subject=("user", user.pk), data=data)
    return row.pk


@transaction.atomic
def end_mandate(
    *, user: User, provider_id: int, scope: str, valid_until: date, why: str, by: str, at: datetime
) -> None:
    """End a mandate; ``valid_until`` is the first day without it. Raises MandateNotHeld."""
    found = Mandate.objects.filter(
        user=user, provider_id=provider_id, scope=scope, valid_from__lte=valid_until
    )
    still = found.filter(valid_until__isnull=True) | found.filter(valid_until__gt=valid_until)
    if not still.update(valid_until=valid_until):
        raise MandateNotHeld(f"{MandateNotHeld.__doc__}")
    data = {"provider": provider_id, "scope": scope, "until": str(valid_until)}
    record_event(action="user.mandate_ended", by=by, at=at, subject=("user", user.pk), data=data, why=why)


@transaction.atomic
def reset_second_factor(*, user: User, why: str, by: str, at: datetime) -> int:
    """Take away every second factor, the password too, and end every session; how many factors there were.

    For somebody who lost his telephone and his recovery codes, once a person has made sure who asks. Were the
    password to stay, whoever knows it could set up a factor of his own.
    """
    from allauth.mfa.models import Authenticator  # noqa: PLC0415 - a model of another app

    removed, _ = Authenticator.objects.filter(user_id=user.pk).delete()
    user.set_unusable_password()
    user.save(update_fields=["password"])
    end_sessions(user)
    record_event(
        action="user.second_factor_reset", by=by, at=at, subject=("user", user.pk), why=why,
        data={"factors": removed},
    )  # fmt: skip
    return removed


def end_sessions(user: User) -> None:
    """Sign ``user`` out everywhere."""
    for session in Session.objects.iterator():
        content = session.get_decoded()
        if content.get(SESSION_KEY) == str(user.pk) and BACKEND_SESSION_KEY in content:
            session.delete()


def forget_sessions() -> int:
    """Take away sessions that have run out, a daily chore; how many there were."""
    return Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]
