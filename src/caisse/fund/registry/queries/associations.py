"""Who belongs to which association when, and who bills with whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.db.models import Q

from caisse.agreement.validity import holds_on
from caisse.fund.registry.models import ExecutingRelation, Membership
from caisse.fund.registry.queries.known import KNOWN, moment

_MEMBERS = f"""
    SELECT m.association_id, c.code, c.provider_id, m.valid_from, m.valid_until
    FROM registry_membership m JOIN registry_providercode c ON c.id = m.member_id
    WHERE {{which}} AND {KNOWN.format(t="m")}
        AND (%(on)s::date IS NULL
             OR m.valid_from <= %(on)s AND (m.valid_until IS NULL OR m.valid_until > %(on)s))
    ORDER BY m.association_id, c.code, m.valid_from
"""


@dataclass(frozen=True, slots=True)
class Member:
    """A provider's membership in an association: the member's individual code and the days."""

    association_id: int
    code: int
    provider_id: int
    valid_from: date
    valid_until: date | None


def _members(which: str, on: date | None, known_at: datetime | None, key: int) -> list[Member]:
    with connection.cursor() as cursor:
        values = {"key": key, "on": on, "known_at": moment(known_at)}
        cursor.execute(_MEMBERS.format(which=which), values)
        return [Member(*row) for row in cursor.fetchall()]


def members_of(association_id: int, on: date | None = None, known_at: datetime | None = None) -> list[Member]:
    """The members of an association on a day (None: every membership there was), as known at ``known_at``."""
    return _members("m.association_id = %(key)s", on, known_at, association_id)


def memberships_of(
    provider_id: int, on: date | None = None, known_at: datetime | None = None
) -> list[Member]:
    """The memberships of a provider on a day (None: all there were), as known at ``known_at``."""
    return _members("c.provider_id = %(key)s", on, known_at, provider_id)


def is_member_in(association_id: int, member_id: int, start: date, end: date | None) -> bool:
    """True when the code's row belongs to the association on any day of the period."""
    after = Q(valid_until__isnull=True) | Q(valid_until__gt=start)
    found = Membership.objects.filter(
        after, association_id=association_id, member_id=member_id, superseded__isnull=True
    )
    return (found if end is None else found.filter(valid_from__lt=end)).exists()


def first_fall(before: Sequence[Member], after: Sequence[Member], fewest: int) -> date | None:
    """The first day on which a change left fewer than ``fewest`` members where there were as many. Pure."""
    days = {one.valid_from for one in before} | {one.valid_until for one in after if one.valid_until}
    for day in sorted(days):
        if _count(after, day) < fewest <= _count(before, day):
            return day
    return None


def _count(members: Sequence[Member], day: date) -> int:
    return sum(holds_on(day, one.valid_from, one.valid_until) for one in members)


_TOO_SMALL = """
    SELECT a.provider_id FROM registry_association a
    WHERE EXISTS (
        SELECT 1 FROM registry_providercode c WHERE c.provider_id = a.provider_id
            AND c.valid_from <= %(on)s AND (c.valid_until IS NULL OR c.valid_until > %(on)s))
    AND (SELECT count(*) FROM registry_membership m
         WHERE m.association_id = a.provider_id AND m.superseded IS NULL
            AND m.valid_from <= %(on)s AND (m.valid_until IS NULL OR m.valid_until > %(on)s)) < %(fewest)s
    ORDER BY 1
"""


def associations_too_small(on: date, fewest: int) -> list[int]:
    """Associations whose common code has not ended on a day although fewer than ``fewest`` members belong."""
    with connection.cursor() as cursor:
        cursor.execute(_TOO_SMALL, {"on": on, "fewest": fewest})
        return [row[0] for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Execution:
    """A declared joint invoicing: who bills, who executes, in which days."""

    billing: int
    executing: int
    valid_from: date
    valid_until: date | None
    declared_on: date | None


def executions_of(code: int, on: date | None = None) -> list[Execution]:
    """The joint invoicing a code takes part in, as biller or executing; on a day or ever."""
    return executions_among([code], on)


def executions_among(codes: Sequence[int], on: date | None = None) -> list[Execution]:
    """The joint invoicing in which any of some codes takes part; on a day or ever."""
    found = ExecutingRelation.objects.filter(
        Q(billing__code__in=codes) | Q(executing__code__in=codes), superseded__isnull=True
    )
    if on is not None:
        found = found.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=on), valid_from__lte=on)
    columns = ("billing__code", "executing__code", "valid_from", "valid_until", "declared_on")
    return [Execution(*row) for row in found.order_by(*columns[:3]).values_list(*columns)]
