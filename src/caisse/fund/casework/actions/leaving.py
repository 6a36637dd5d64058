"""A member leaves an association because its own code ends; one left with too few ends, and all are told."""

from collections.abc import Iterable
from datetime import date, datetime

from django.utils import timezone

from caisse.fund.access.actions import end_mandate
from caisse.fund.access.models import User
from caisse.fund.access.queries import persons_of
from caisse.fund.casework.actions.letters import order_letter
from caisse.fund.casework.letters_to_several import association_ended
from caisse.fund.exchange.actions import set_active
from caisse.fund.exchange.queries import accounts_of_code
from caisse.fund.registry import actions as registry
from caisse.fund.registry import queries as register

#: The scope of the mandates that come with a membership.
OWNER = "owner"


def leave_with_code(*, code: int, until: date, why: str, by: str, at: datetime) -> list[int]:
    """End the memberships of a code that ends; the associations that end with it, for too few members."""
    provider = register.provider_by_code(code)
    memberships = register.memberships_of(provider.pk) if provider else []
    left = {
        one.association_id: max(until, one.valid_from)
        for one in reversed(memberships)
        if one.code == code and (one.valid_until is None or one.valid_until > until)
    }
    return [
        association
        for association, day in left.items()
        if leave_association(association_id=association, code=code, until=day, why=why, by=by, at=at)
    ]


def leave_association(
    *, association_id: int, code: int, until: date, why: str, by: str, at: datetime
) -> date | None:
    """Let a member leave with its code, and those who acted through it; ``until``: its first day outside.

    The first day without the association when too few remain (None: it goes on). Whoever belonged then is
    written to, for no case of their own tells them.
    """
    before, today = register.members_of(association_id), timezone.localdate(at)
    ends = registry.end_membership(
        association_id=association_id, member=code, valid_until=until, why=why, by=by, at=at
    )
    start = max(until, today)
    staying = [one.code for one in register.members_of(association_id, start)]
    end_mandates(association_id, [code], staying, start=start, by=by, at=at)
    if ends is None:
        return None
    last = {one.code: until if one.code == code else one.valid_until for one in before}
    members = [one for one, outside in last.items() if outside is None or outside >= ends]
    end_mandates(association_id, members, [], start=max(ends, today), by=by, at=at)
    for row in register.codes_of(association_id):
        close_accounts(row.code, row.valid_until or ends, why="too few members", by=by, at=at)
    for addressee, content in association_ended(association_id, ends, members, on=today):
        order_letter(addressee, content, later=True, by=by, at=at)
    return ends


def end_mandates(
    association_id: int, gone: Iterable[int], staying: Iterable[int], *, start: date, by: str, at: datetime
) -> None:
    """From ``start`` on nobody acts for an association who owns only members (codes) that have left it."""
    held = {user.pk for user, scope in persons_of(association_id, start) if scope == OWNER}
    today = timezone.localdate(at)
    remaining = owners_of(staying, today)
    for pk, user in owners_of(gone, today).items():
        if pk in held and pk not in remaining:
            end_mandate(
                user=user, provider_id=association_id, scope=OWNER, valid_until=start,
                why="membership ended", by=by, at=at,
            )  # fmt: skip


def owners_of(codes: Iterable[int], day: date) -> dict[int, User]:
    """Who owns the providers of some codes on a day, by id."""
    providers = {register.standing(code, day).provider_id for code in codes}
    found = [one for provider in providers if provider for one in persons_of(provider, day)]
    return {user.pk: user for user, scope in found if scope == OWNER}


def close_accounts(code: int, until: date, *, why: str, by: str, at: datetime) -> None:
    """Close the accounts of a code that has ended by now; until then the doors ask the register."""
    if until <= timezone.localdate(at):
        for account in accounts_of_code(code):
            if account.active:
                set_active(account_id=account.pk, active=False, by=by, at=at, why=why)
