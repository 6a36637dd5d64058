"""Liberal associations with their members, and who executes what another one bills."""

from datetime import date, datetime

from django.db import transaction

from caisse.agreement.errors import WrongUse
from caisse.fund.audit.actions import record_event
from caisse.fund.registry import history, published, revisions
from caisse.fund.registry.actions.codes import withdraw_code
from caisse.fund.registry.actions.saving import code_row, insert
from caisse.fund.registry.errors import NotAssociable, NotRegistered, PeriodRefused, PeriodsOverlap
from caisse.fund.registry.models import Association, ExecutingRelation, Membership, Provider, ProviderCode
from caisse.fund.registry.queries.associations import first_fall, is_member_in, members_of
from caisse.fund.registry.queries.standing import standing


@transaction.atomic
def found_association(
    *, name: str, profession: str, speciality: str = "", valid_from: date, language: str = "fr",
    email: str = "", by: str, at: datetime,
) -> int:  # fmt: skip
    """Found a liberal association of a profession and, where the catalogue asks it, of one speciality.

    The id returned is that of the provider it is; its common code comes from `allot_code`, its members from
    `add_member`. Raises NotAssociable when the profession does not associate.
    """
    rule = published.association_rule(profession, valid_from)
    if rule is None:
        raise NotAssociable(f"The catalogue lets nobody associate as {profession}.")
    revision = revisions.take(action="registry.found_association", by=by, at=at)
    provider = Provider.objects.create(name=name, kind="association", language=language, email=email)
    Association.objects.create(
        provider=provider, profession=profession, speciality=speciality, founded_on=valid_from,
        revision=revision,
    )  # fmt: skip
    data = {"profession": profession, "from": str(valid_from)}
    subject = ("provider", provider.pk)
    record_event(action="registry.found_association", subject=subject, by=by, at=at, data=data)
    return provider.pk


@transaction.atomic
def add_member(
    *, association_id: int, member: int, valid_from: date, valid_until: date | None = None, by: str,
    at: datetime,
) -> int:  # fmt: skip
    """Let a provider, named by its individual code, belong to an association; an id.

    Raises NotAssociable (other profession or speciality, code not valid that day), PeriodsOverlap (it belongs
    already).
    """
    association = _association(association_id)
    row = code_row(member)
    _check_associable(association, row, valid_from)
    revision = revisions.take(action="registry.add_member", by=by, at=at)
    if is_member_in(association_id, row.pk, valid_from, valid_until):
        raise PeriodsOverlap(f"code {member} in association {association_id}")
    key = {"association_id": association_id, "member_id": row.pk}
    membership = history.put(
        Membership, key, {}, valid_from=valid_from, valid_until=valid_until, revision=revision
    )
    data = {"member": member, "from": str(valid_from), "until": str(valid_until or "")}
    subject = ("provider", association_id)
    record_event(action="registry.add_member", subject=subject, by=by, at=at, data=data)
    return membership


def _check_associable(association: Association, row: ProviderCode, day: date) -> None:
    if day < association.founded_on:
        raise PeriodRefused(f"The association was founded on {association.founded_on}.")
    if row.provider_id == association.pk:
        raise NotAssociable(f"{row.code} is the association's own code.")
    if row.profession != association.profession:
        raise NotAssociable(f"Code {row.code} is one of {row.profession}, not of {association.profession}.")
    rule = published.association_rule(row.profession, day)
    if rule == "speciality" and row.speciality != association.speciality:
        raise NotAssociable(f"Code {row.code} is of another speciality than {association.speciality}.")
    if standing(row.code, day).state != "valid":
        raise NotAssociable(f"Code {row.code} is not valid on {day}.")


@transaction.atomic
def end_membership(
    *, association_id: int, member: int, valid_until: date, why: str = "", by: str, at: datetime
) -> date | None:
    """Let a member leave; ``valid_until`` is the first day it no longer belongs.

    The day from which fewer than the catalogue asks remain, and from which the association was therefore
    dissolved; None while it goes on. Who joins on the same day is to be added first.
    """
    _association(association_id)
    row = code_row(member)
    revision = revisions.take(action="registry.end_membership", by=by, at=at)
    key = {"association_id": association_id, "member_id": row.pk}
    before = members_of(association_id)
    if not history.clear(Membership, key, valid_from=valid_until, revision=revision):
        raise NotRegistered(f"Code {member} does not belong to association {association_id} on that day.")
    data = {"member": member, "until": str(valid_until)}
    subject = ("provider", association_id)
    record_event(action="registry.end_membership", subject=subject, by=by, at=at, data=data, why=why)
    ends = first_fall(before, members_of(association_id), published.fewest_members(valid_until))
    if ends is not None:
        why = "too few members"
        dissolve_association(association_id=association_id, valid_until=ends, why=why, by=by, at=at)
    return ends


@transaction.atomic
def dissolve_association(
    *, association_id: int, valid_until: date, why: str = "", by: str, at: datetime
) -> None:
    """End an association: its memberships and its common codes, all from ``valid_until`` on."""
    _association(association_id)
    revision = revisions.take(action="registry.dissolve_association", by=by, at=at)
    history.clear(Membership, {"association_id": association_id}, valid_from=valid_until, revision=revision)
    data = {"until": str(valid_until)}
    subject = ("provider", association_id)
    record_event(action="registry.dissolve_association", subject=subject, by=by, at=at, data=data, why=why)
    for row in ProviderCode.objects.filter(provider_id=association_id):
        if row.valid_until is None or row.valid_until > valid_until:
            day = max(valid_until, row.valid_from)
            withdraw_code(code=row.code, valid_until=day, why=why, by=by, at=at)


def _association(association_id: int) -> Association:
    association = Association.objects.filter(pk=association_id).first()
    if association is None:
        raise NotRegistered(f"There is no association {association_id}.")
    return association


@transaction.atomic
def allow_execution(
    *, billing: int, executing: int, valid_from: date, valid_until: date | None = None,
    declared_on: date | None = None, by: str, at: datetime,
) -> int:  # fmt: skip
    """Let provider code ``executing`` execute services that ``billing`` bills, in the period given.

    ``declared_on``: the day the joint invoicing was declared to the fund. Raises PeriodsOverlap.
    """
    rows = {code: code_row(code).pk for code in (billing, executing)}
    if billing == executing:
        raise WrongUse("A provider executes under its own code without a declaration.")
    history.check_period(valid_from, valid_until)
    revision = revisions.take(action="registry.allow_execution", by=by, at=at)
    row = ExecutingRelation(
        billing_id=rows[billing], executing_id=rows[executing], valid_from=valid_from,
        valid_until=valid_until, declared_on=declared_on, revision=revision,
    )  # fmt: skip
    insert(row, f"{executing} under {billing}")
    data = {"executing": executing, "from": str(valid_from)}
    record_event(action="registry.allow_execution", subject=("code", billing), by=by, at=at, data=data)
    return row.pk


@transaction.atomic
def end_execution(*, billing: int, executing: int, valid_until: date, by: str, at: datetime) -> None:
    """End a joint invoicing from ``valid_until`` on."""
    key = {"billing_id": code_row(billing).pk, "executing_id": code_row(executing).pk}
    revision = revisions.take(action="registry.end_execution", by=by, at=at)
    if not history.clear(ExecutingRelation, key, valid_from=valid_until, revision=revision):
        raise NotRegistered(f"{executing} does not execute for {billing} on {valid_until} or later.")
    data = {"executing": executing, "until": str(valid_until)}
    record_event(action="registry.end_execution", subject=("code", billing), by=by, at=at, data=data)
