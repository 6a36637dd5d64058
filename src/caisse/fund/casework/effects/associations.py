"""What a granted change of an association, or of a joint-invoicing group, does to the register."""

from datetime import date, datetime
from typing import Any

from django.utils import timezone

from caisse.fund.access import actions as access
from caisse.fund.access.queries import persons_of
from caisse.fund.casework import associations, consents, joint_invoicing, queries
from caisse.fund.casework.actions.leaving import OWNER, close_accounts, end_mandates, owners_of
from caisse.fund.casework.associations import Change
from caisse.fund.casework.errors import NotAllowed, NotSigned
from caisse.fund.casework.models import Case, Decision
from caisse.fund.registry import actions as registry
from caisse.fund.registry import published, revisions
from caisse.fund.registry import queries as register


def change_association(*, case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    """Found, change or end the association, when everybody has signed exactly that; what the letters tell."""
    # From here on nobody else changes the register: what is compared now is what is written.
    revisions.hold()
    values, day = queries.sheet_values(case), decision.effective_from
    change = associations.change_of(case, values, day)
    found = associations.faults(case, values, timezone.localdate(at), day)
    if change is None or found:
        raise NotAllowed("; ".join(fault.texts["en"] for fault in found))
    if consents.lacking(case, change.day):
        raise NotSigned
    # Of a change back in time: letters go to whoever belonged before, too.
    before = [_member(code, change.day) for code in change.signers]
    if change.founding:
        association, code = _found(case, change, values, by, at)
        ends = None
    else:
        association, code = change.association_id or 0, change.common_code or 0
        ends = _change(case, change, by, at)
        if case.facts.get("other_account") is True and not change.dissolving:
            registry.record_bank_account(
                provider_id=association, iban=values["new_iban"], holder=values["new_account_holder"],
                valid_from=max(change.day, timezone.localdate(at)), by=by, at=at,
            )  # fmt: skip
    _settle_mandates(association, change, ends, by, at)
    if ends is not None:
        close_accounts(code, ends, why=f"case {case.number}", by=by, at=at)
    return {
        "association": association, "code": code, "name": change.name, "valid_from": str(change.day),
        "joined": list(change.joining) if not change.founding else [], "left": list(change.leaving),
        "founded": change.founding, "ended_from": str(ends) if ends else None,
        "why": "dissolved" if change.dissolving else "too_few",
        "members": [_member(one.code, change.day) for one in register.members_of(association, change.day)],
        "concerned": before,
    }  # fmt: skip


def _member(code: int, day: date) -> dict[str, Any]:
    standing = register.standing(code, day)
    own = [one for one in register.memberships_of(standing.provider_id or 0, day) if one.code == code]
    since = own[0].valid_from if own else day
    return {
        "code": code, "name": associations.name_of(code, day), "provider": standing.provider_id,
        "member_from": str(since),
    }  # fmt: skip


def _found(case: Case, change: Change, values: dict[str, str], by: str, at: datetime) -> tuple[int, int]:
    association = registry.found_association(
        name=change.name, profession=change.profession, speciality=change.speciality, valid_from=change.day,
        language=case.language, email="", by=by, at=at,
    )  # fmt: skip
    code = registry.allot_code(
        provider_id=association, profession=change.profession, speciality=change.speciality,
        valid_from=change.day, by=by, at=at,
    )  # fmt: skip
    for member in change.joining:
        registry.add_member(association_id=association, member=member, valid_from=change.day, by=by, at=at)
    registry.record_bank_account(
        provider_id=association, iban=values["iban"], holder=values["account_holder"], valid_from=change.day,
        by=by, at=at,
    )  # fmt: skip
    return association, code


def _change(case: Case, change: Change, by: str, at: datetime) -> date | None:
    """Enter who joins, then who leaves; the first day the association no longer exists, if it ends."""
    association, why = change.association_id or 0, f"case {case.number}"
    if change.dissolving or len(change.after) < published.fewest_members(change.day):
        why = why if change.dissolving else "too few members"
        registry.dissolve_association(
            association_id=association, valid_until=change.day, why=why, by=by, at=at
        )
        return change.day
    # Nobody belongs longer than an association whose end is known already.
    until = register.standing(change.common_code or 0, change.day).valid_until
    for member in change.joining:
        registry.add_member(
            association_id=association, member=member, valid_from=change.day, valid_until=until, by=by, at=at
        )
    for member in change.leaving:
        registry.end_membership(
            association_id=association, member=member, valid_until=change.day, why=why, by=by, at=at
        )
    return register.standing(change.common_code or 0, change.day).valid_until


def _settle_mandates(association: int, change: Change, ends: date | None, by: str, at: datetime) -> None:
    """Whoever owns a member's provider acts for the association while the member belongs to it."""
    today = timezone.localdate(at)
    start = max(change.day, today)
    staying = () if ends is not None and ends <= change.day else change.after
    held = {user.pk for user, scope in persons_of(association, start) if scope == OWNER}
    for pk, user in owners_of(staying, today).items():
        if pk not in held:
            access.grant_mandate(
                user=user, provider_id=association, scope=OWNER, valid_from=start, by=by, at=at
            )
    end_mandates(association, (*change.members, *change.later), staying, start=start, by=by, at=at)


def change_joint_invoicing(*, case: Case, decision: Decision, by: str, at: datetime) -> dict[str, Any]:
    """Declare who executes for whom from a day on, or end it; each one named has signed a declaration."""
    revisions.hold()
    values, day = queries.sheet_values(case), decision.effective_from
    group = joint_invoicing.group_of(case, values, day)
    found = joint_invoicing.faults(case, values, timezone.localdate(at), day)
    if group is None or found:
        raise NotAllowed("; ".join(fault.texts["en"] for fault in found))
    if consents.lacking(case, group.day):
        raise NotSigned
    declared = timezone.localdate(case.submitted_at or at)
    for code in group.executing:
        if group.ending:
            registry.end_execution(billing=group.billing, executing=code, valid_until=group.day, by=by, at=at)
        else:
            registry.allow_execution(
                billing=group.billing,
                executing=code,
                valid_from=group.day,
                declared_on=declared,
                by=by,
                at=at,
            )
    return {
        "code": group.billing, "executing": list(group.executing), "valid_from": str(group.day),
        "ended": group.ending,
    }  # fmt: skip
