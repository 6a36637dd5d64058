"""Who somebody is: roles on a day, providers he may act for, and how he is named in the record."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from caisse.fund.access.models import Mandate, StaffRole, User


@dataclass(frozen=True, slots=True)
class Member:
    """A user with the roles he has on a day; none for somebody outside the staff."""

    id: int
    email: str
    name: str
    language: str
    is_active: bool
    roles: tuple[str, ...]


def _holds(on: date) -> Q:
    return Q(valid_from__lte=on) & (Q(valid_until__isnull=True) | Q(valid_until__gt=on))


def actor(user: User) -> str:
    """How ``user`` is named in the record; never by name or address."""
    return f"user {user.pk}"


def names_of(ids: Iterable[int]) -> dict[int, str]:
    """The names of users, by id; for pages of the staff, never for the record."""
    return dict(User.objects.filter(pk__in=set(ids)).values_list("pk", "name"))


def user_of(user_id: int) -> User | None:
    """The user with this id."""
    return User.objects.filter(pk=user_id).first()


def staff_ever() -> list[User]:
    """Everybody who has, had or will have a role, by name."""
    return list(User.objects.filter(pk__in=StaffRole.objects.values("user_id")).order_by("name", "pk"))


def role_periods(user: User) -> list[StaffRole]:
    """Every role a user has, had or will have, the latest first."""
    return list(StaffRole.objects.filter(user=user).order_by("-valid_from", "role"))


def find_user(email: str) -> User | None:
    """The user with this e-mail address, whatever its case."""
    return User.objects.filter(email__iexact=email.strip()).first()


def roles_of(user: User, on: date) -> frozenset[str]:
    """The roles ``user`` has on that day; none when he may not sign in any more."""
    if not user.is_active:
        return frozenset()
    return frozenset(StaffRole.objects.filter(_holds(on), user_id=user.pk).values_list("role", flat=True))


def has_role(user: User, role: str, on: date) -> bool:
    """Whether ``user`` has that role on that day."""
    return role in roles_of(user, on)


def holders_of(role: str, on: date) -> QuerySet[User]:
    """The active users with ``role`` on that day, by name: those a case can be given to."""
    holding = StaffRole.objects.filter(_holds(on), role=role).values("user_id")
    return User.objects.filter(pk__in=holding, is_active=True).order_by("name", "pk")


def members(on: date, *, staff_only: bool = True) -> list[Member]:
    """The users with their roles on that day, oldest first; all users unless ``staff_only``."""
    roles: dict[int, list[str]] = {}
    for user_id, role in StaffRole.objects.filter(_holds(on)).order_by("role").values_list("user_id", "role"):
        roles.setdefault(user_id, []).append(role)
    users = User.objects.filter(pk__in=roles) if staff_only else User.objects.all()
    return [
        Member(user.pk, user.email, user.name, user.language, user.is_active, tuple(roles.get(user.pk, ())))
        for user in users.order_by("pk")
    ]


def _mandates(user: User, on: date, scope: str | None) -> QuerySet[Mandate]:
    if not user.is_active:
        return Mandate.objects.none()
    found = Mandate.objects.filter(_holds(on), user_id=user.pk)
    return found.filter(scope__in=("owner", scope)) if scope else found


def providers_of(user: User, on: date, scope: str | None = None) -> tuple[int, ...]:
    """The ids of the providers ``user`` may act for on that day; within ``scope``, if one is given."""
    found = _mandates(user, on, scope).order_by("provider_id").values_list("provider_id", flat=True)
    return tuple(found.distinct())


def may_act_for(user: User, provider_id: int, scope: str, on: date) -> bool:
    """Whether ``user`` may act for that provider within ``scope`` on that day."""
    return _mandates(user, on, scope).filter(provider_id=provider_id).exists()


def persons_of(provider_id: int, on: date) -> list[tuple[User, str]]:
    """Who may act for a provider on that day, with the scope, oldest mandate first."""
    found = Mandate.objects.filter(_holds(on), provider_id=provider_id, user__is_active=True)
    return [(mandate.user, mandate.scope) for mandate in found.select_related("user").order_by("pk")]
