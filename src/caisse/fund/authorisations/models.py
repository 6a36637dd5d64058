"""What was granted, and what ended. Rows are only ever added; each carries the number of its change.

What a grant has been used for stands nowhere here: it follows from the lines that were paid.
"""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class Revision(models.Model):
    """One row: the number of the last change; the register can be read as it was at any earlier one."""

    number = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="authorisations_one_revision", condition=Q(id=1))
        ]


class Authorisation(models.Model):
    """An authorisation granted to a laboratory for one insured person, under the number that lines name.

    ``insured_person`` is the number it was granted under; a number replaced since still leads to the person.
    """

    number = models.CharField(max_length=50, unique=True)
    laboratory = models.ForeignKey("registry.ProviderCode", models.PROTECT, to_field="code", related_name="+")
    insured_person = models.ForeignKey("registry.PersonNumber", models.PROTECT, related_name="+")
    valid_from = models.DateField()
    valid_until = models.DateField(null=True)
    granted_on = models.DateField()
    revision = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="authorisations_numbered", condition=~Q(number="")),
            models.CheckConstraint(
                name="authorisations_period",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from")),
            ),
        ]


class GrantedAct(models.Model):
    """A collective code the authorisation covers, and the amount granted for it: it pays one line at most.

    ``letters`` say who decided and when it had to be asked (ACM, APCM, APCNS), as the tables had it then.
    """

    authorisation = models.ForeignKey(Authorisation, models.PROTECT, related_name="acts")
    act = models.CharField(max_length=10)
    letters = models.CharField(max_length=5)
    granted_cents = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="authorisations_act_once", fields=["authorisation", "act"]),
            models.CheckConstraint(name="authorisations_amount", condition=Q(granted_cents__gt=0)),
        ]


class Ending(models.Model):
    """An authorisation ends earlier than granted; without ``valid_until`` it is withdrawn altogether."""

    authorisation = models.ForeignKey(Authorisation, models.PROTECT, related_name="endings")
    valid_until = models.DateField(null=True)
    why = models.CharField(max_length=300)
    revision = models.BigIntegerField()
