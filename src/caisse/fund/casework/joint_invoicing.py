"""What a case of the kind ``joint_invoicing`` declares or ends: one provider bills, the named codes execute.

Whoever is named has to consent by signature, and so has the biller; an end is only told (rules of ours: the
published pages say that the group is declared, not by whom).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from caisse.agreement.tables.professions import catalogue_on
from caisse.agreement.validity import add_months
from caisse.fund.casework.models import Case
from caisse.fund.casework.rule_faults import RuleFault, rule_fault
from caisse.fund.registry import queries as register

KIND = "joint_invoicing"


@dataclass(frozen=True, slots=True)
class Group:
    """Who bills and who executes from ``day`` on; ``ending``: no longer from that day on."""

    billing: int
    executing: tuple[int, ...]
    day: date
    ending: bool

    @property
    def signers(self) -> tuple[int, ...]:
        """Everybody whose signature it needs, by code."""
        return () if self.ending else tuple(sorted({self.billing, *self.executing}))

    def role_of(self, code: int) -> str:
        """What a signer is to the group."""
        return "billing" if code == self.billing else "executing"


def group_of(case: Case, values: Mapping[str, str], day: date | None = None) -> Group | None:
    """What the case declares; None while the sheet does not say. ``day``: another than the sheet asks for."""
    ending = case.facts.get("ending") is True
    text = values.get("last_day" if ending else "effective_from", "")
    if not values.get("provider_code") or not (day or text):
        return None
    if day is None:
        day = date.fromisoformat(text) + timedelta(days=1 if ending else 0)
    executing = tuple(sorted(int(code) for code in values.get("executing_codes", "").split()))
    return Group(int(values["provider_code"]), executing, day, ending)


def faults(case: Case, values: Mapping[str, str], on: date, day: date | None = None) -> list[RuleFault]:
    """Everything that speaks against it, told on the day ``on``; empty when it may be submitted."""
    group = group_of(case, values, day)
    if group is None:
        return []
    return [*_about_day(case, group, on), *_about_billing(case, group), *_about_executing(group)]


def _about_day(case: Case, group: Group, on: date) -> Iterator[RuleFault]:
    told = timezone.localdate(case.submitted_at) if case.submitted_at else on
    earliest = add_months(told, -catalogue_on(group.day).period("change_notice_months"))
    if group.day < earliest:
        yield rule_fault("last_day" if group.ending else "effective_from", "too_far_back", day=earliest)


def _about_billing(case: Case, group: Group) -> Iterator[RuleFault]:
    own = {row.code for row in register.codes_of(case.provider_id)} if case.provider_id else set()
    mine = {group.billing, *group.executing} if group.ending else {group.billing}
    if own.isdisjoint(mine):
        yield rule_fault("provider_code", "not_your_code", code=group.billing)
    elif not group.ending:
        yield from _usable("provider_code", group.billing, group.day)


def _usable(field: str, code: int, day: date) -> Iterator[RuleFault]:
    standing = register.standing(code, day)
    if standing.state == "unknown":
        yield rule_fault(field, "unknown_code", code=code)
    elif standing.state != "valid":
        yield rule_fault(field, "not_valid", code=code, day=day)
    elif not catalogue_on(day).professions[standing.profession].joint_invoicing:
        yield rule_fault(field, "no_joint_invoicing", code=code)


def _about_executing(group: Group) -> Iterator[RuleFault]:
    held = {
        one.executing: one
        for one in register.executions_of(group.billing)
        if one.billing == group.billing and (one.valid_until is None or one.valid_until > group.day)
    }
    profession = register.standing(group.billing, group.day).profession
    for code in group.executing:
        if code == group.billing:
            yield rule_fault("executing_codes", "bills_itself", code=code)
        elif group.ending:
            if code not in held or held[code].valid_from >= group.day:
                yield rule_fault("executing_codes", "executes_not", code=code, day=group.day)
        elif code in held:
            yield rule_fault("executing_codes", "executes_already", code=code)
        else:
            found = list(_usable("executing_codes", code, group.day))
            if not found and register.standing(code, group.day).profession != profession:
                found = [rule_fault("executing_codes", "other_group", code=code)]
            yield from found
