"""Persons who sign in. What they may do follows from roles (staff) and mandates (for a provider)."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from caisse.fund.registry.models import Days, Provider

#: Roles of the staff. An administrator keeps users and roles and reads no case.
ROLES = ("officer", "supervisor", "board_secretary", "editor", "auditor", "administrator")
#: What a person may do for a provider; an owner may do everything.
SCOPES = ("owner", "casework", "exchange")


class UserManager(BaseUserManager["User"]):
    """Users are known by their e-mail address, whatever its case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person who signs in, by e-mail address; ``language`` is fr, de or en."""

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120)
    language = models.CharField(max_length=2, default="fr")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="access_user_email")]


def _period(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        name=name, condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from"))
    )


def _once_at_a_time(name: str, *same: str) -> ExclusionConstraint:
    alike = [(column, RangeOperators.EQUAL) for column in same]
    period = (Days(F("valid_from"), F("valid_until")), RangeOperators.OVERLAPS)
    return ExclusionConstraint(name=name, expressions=[*alike, period])


class StaffRole(models.Model):
    """A role of a member of the staff, from the first day until (not including) the last."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="roles")
    role = models.CharField(max_length=20)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="access_known_role", condition=Q(role__in=ROLES)),
            _period("access_role_period"),
            _once_at_a_time("access_role_once", "user", "role"),
        ]


class Mandate(models.Model):
    """A person may act for a provider within ``scope``, from the first day until (not including) the last."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="mandates")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="mandates")
    scope = models.CharField(max_length=20)
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="access_known_scope", condition=Q(scope__in=SCOPES)),
            _period("access_mandate_period"),
            _once_at_a_time("access_mandate_once", "user", "provider", "scope"),
        ]
