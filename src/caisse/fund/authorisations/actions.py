"""Every change of the register of authorisations: one transaction, one audit event, one new revision number.

The revision row is locked first, so changes happen one after the other: whoever saw revision n sees every row
that carries n or less, now and for ever.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from caisse.agreement.errors import WrongUse
from caisse.agreement.tables import load_tables
from caisse.fund.audit.actions import record_event
from caisse.fund.authorisations.models import Authorisation, Ending, GrantedAct, Revision
from caisse.fund.registry.models import PersonNumber, ProviderCode


class NumberTaken(WrongUse):
    """An authorisation with this number was granted before. Give the new one a number of its own."""


class NoSuchAuthorisation(WrongUse):
    """No authorisation with this number was granted. See `caisse fund authorisation list`."""


class NotAuthorisable(WrongUse):
    """This cannot be authorised as given. Compare it with the decision."""


class NothingToEnd(WrongUse):
    """The authorisation has ended by then already. See `caisse fund authorisation list`."""


def _next_revision() -> int:
    """Take the next revision number and hold its lock until the transaction ends."""
    if not Revision.objects.filter(pk=1).update(number=F("number") + 1):
        Revision.objects.create(pk=1, number=1)
    return Revision.objects.get(pk=1).number


@dataclass(frozen=True, slots=True)
class Grant:
    """What a decision grants to a laboratory (its code) for an insured person (the number asked under).

    ``acts`` maps each collective code to the amount granted in cents. The period is half-open.
    """

    number: str
    laboratory: int
    insured_person: int
    acts: Mapping[str, int]
    granted_on: date
    valid_from: date
    valid_until: date | None = None


@transaction.atomic
def grant_authorisation(*, grant: Grant, by: str, at: datetime) -> int:
    """Record what was granted; the authorisation's id.

    Raises NumberTaken, or NotAuthorisable for an act that is no collective code, an amount that is not
    positive, an empty period, and a laboratory or an insured person the registry does not know.
    """
    letters = _letters(grant.acts)
    _check(grant)
    revision = _next_revision()
    try:
        with transaction.atomic():
            row = Authorisation.objects.create(
                number=grant.number,
                laboratory_id=grant.laboratory,
                insured_person_id=grant.insured_person,
                valid_from=grant.valid_from,
                valid_until=grant.valid_until,
                granted_on=grant.granted_on,
                revision=revision,
            )
    except IntegrityError as error:
        raise NumberTaken(grant.number) from error
    GrantedAct.objects.bulk_create(
        GrantedAct(authorisation=row, act=act, letters=letters[act], granted_cents=cents)
        for act, cents in grant.acts.items()
    )
    data = {
        "laboratory": grant.laboratory,
        "acts": dict(grant.acts),
        "granted_on": str(grant.granted_on),
        "from": str(grant.valid_from),
        "until": str(grant.valid_until or ""),
    }
    subject = ("authorisation", grant.number)
    record_event(action="authorisations.grant", subject=subject, by=by, at=at, data=data)
    return row.pk


@transaction.atomic
def end_authorisation(*, number: str, valid_until: date, why: str, by: str, at: datetime) -> None:
    """End an authorisation; ``valid_until`` is the first day it no longer holds. Paid lines stay paid."""
    revision = _next_revision()
    row = _granted(number)
    endings = list(row.endings.values_list("valid_until", flat=True))
    if None in endings or any(end and end <= valid_until for end in (row.valid_until, *endings)):
        raise NothingToEnd(number)
    Ending.objects.create(authorisation=row, valid_until=valid_until, why=why, revision=revision)
    subject, data = ("authorisation", number), {"until": str(valid_until)}
    record_event(action="authorisations.end", subject=subject, by=by, at=at, data=data, why=why)


@transaction.atomic
def withdraw_authorisation(*, number: str, why: str, by: str, at: datetime) -> None:
    """Withdraw an authorisation altogether, as if it had never been granted. Paid lines stay paid."""
    revision = _next_revision()
    row = _granted(number)
    if row.endings.filter(valid_until__isnull=True).exists():
        raise NothingToEnd(number)
    Ending.objects.create(authorisation=row, valid_until=None, why=why, revision=revision)
    subject = ("authorisation", number)
    record_event(action="authorisations.withdraw", subject=subject, by=by, at=at, why=why)


def _granted(number: str) -> Authorisation:
    row = Authorisation.objects.filter(number=number).first()
    if row is None:
        raise NoSuchAuthorisation(number)
    return row


def _letters(acts: Mapping[str, int]) -> dict[str, str]:
    """The letters of each act; every act is a collective code and every amount positive."""
    known = dict(load_tables().collective_codes.select("act", "letters").iter_rows())
    if not acts:
        raise NotAuthorisable("It names no collective code.")
    for act, cents in acts.items():
        if act not in known:
            raise NotAuthorisable(f"{act} is no collective code; those are {', '.join(sorted(known))}.")
        if cents <= 0:
            raise NotAuthorisable(f"The amount granted for {act} is not positive.")
    return {act: known[act] for act in acts}


def _check(grant: Grant) -> None:
    number, end = grant.number, grant.valid_until
    if not number or number != " ".join(number.split()) or len(number) > 50:
        raise NotAuthorisable(f"{number!r} is no number a request file could carry: 1 to 50 characters.")
    if end is not None and end <= grant.valid_from:
        raise NotAuthorisable(f"It would end on {end}, before its first day {grant.valid_from} is over.")
    if not ProviderCode.objects.filter(code=grant.laboratory).exists():
        raise NotAuthorisable(f"No provider has the code {grant.laboratory}.")
    if not PersonNumber.objects.filter(pk=grant.insured_person).exists():
        raise NotAuthorisable("The registry does not know the insured person's number.")
