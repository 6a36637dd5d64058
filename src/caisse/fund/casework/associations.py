"""What a case of the kind ``association`` changes, who has to sign it, and what speaks against it.

An association is founded or changed by one form. A change holds from a day on, and only when everybody who is
a member on that day, or becomes one later, has signed, whoever joins or leaves included.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from django.utils import timezone

from caisse.agreement.tables.professions import Catalogue, catalogue_on
from caisse.agreement.validity import add_months, holds_on
from caisse.fund.casework.lifecycle import CLOSED
from caisse.fund.casework.models import Case
from caisse.fund.casework.rule_faults import RuleFault, rule_fault
from caisse.fund.registry import queries as register
from caisse.fund.registry.models import Association, Provider

KIND = "association"


@dataclass(frozen=True, slots=True)
class Change:
    """What changes from ``day`` on; ``association_id`` is None while the association is to be founded.

    ``members`` belong on that day as the register has it now, ``later`` begin after it. ``leaving`` no longer
    belong from that day on.
    """

    association_id: int | None
    common_code: int | None
    name: str
    profession: str
    speciality: str
    day: date
    members: tuple[int, ...]
    later: tuple[int, ...]
    joining: tuple[int, ...]
    leaving: tuple[int, ...]
    dissolving: bool

    @property
    def founding(self) -> bool:
        """True when the association does not exist yet."""
        return self.association_id is None

    @property
    def signers(self) -> tuple[int, ...]:
        """Everybody whose signature the change needs, by code."""
        return tuple(sorted({*self.members, *self.later, *self.joining}))

    @property
    def after(self) -> tuple[int, ...]:
        """Who belongs from the day on."""
        if self.dissolving:
            return ()
        return tuple(sorted({*self.members, *self.joining} - set(self.leaving)))

    def role_of(self, code: int) -> str:
        """What a signer is to the change: joining, leaving or member."""
        if code in self.joining:
            return "joining"
        return "leaving" if code in self.leaving else "member"


def change_of(case: Case, values: Mapping[str, str], day: date | None = None) -> Change | None:
    """What the case changes; None while the sheet does not say, or names no association.

    ``values``: the sheet as the catalogue cleans it. ``day``: another day than the sheet asks for.
    """
    text = values.get("effective_from", "")
    if not (day or text):
        return None
    day = day or date.fromisoformat(text)
    if case.facts.get("founding") is True:
        return Change(
            None, None, values.get("association_name", ""), case.profession, values.get("speciality", ""),
            day, (), (), _codes(values.get("members")), (), False,
        )  # fmt: skip
    association = _association_of(values.get("association_code", ""))
    if association is None:
        return None
    now = register.members_of(association.pk)
    return Change(
        association_id=association.pk,
        common_code=int(values["association_code"]),
        name=association.provider.name,
        profession=association.profession,
        speciality=association.speciality,
        day=day,
        members=tuple(sorted(one.code for one in now if holds_on(day, one.valid_from, one.valid_until))),
        later=tuple(sorted({one.code for one in now if one.valid_from > day})),
        joining=_codes(values.get("joining_members")),
        leaving=_codes(values.get("leaving_members")),
        dissolving=case.facts.get("dissolving") is True,
    )


def _codes(text: str | None) -> tuple[int, ...]:
    return tuple(sorted(int(code) for code in (text or "").split()))


def _association_of(code: str) -> Association | None:
    if not code:
        return None
    standing = register.standing(int(code), timezone.localdate())
    return Association.objects.select_related("provider").filter(pk=standing.provider_id).first()


def faults(case: Case, values: Mapping[str, str], on: date, day: date | None = None) -> list[RuleFault]:
    """Everything that speaks against the change, told on the day ``on``; empty when it may be submitted."""
    change = change_of(case, values, day)
    if change is None:
        code = values.get("association_code")
        return [rule_fault("association_code", "no_association", code=code, day=on)] if code else []
    told = timezone.localdate(case.submitted_at) if case.submitted_at else on
    rules = catalogue_on(change.day)
    return [
        *_about_day(change, rules, told),
        *_about_association(case, change, rules),
        *_about_joining(change, rules),
        *_about_leaving(change),
        *_about_applicant(case, change),
    ]


def _about_day(change: Change, rules: Catalogue, told: date) -> Iterator[RuleFault]:
    earliest = add_months(told, -rules.period("change_notice_months"))
    if change.day < earliest:
        yield rule_fault("effective_from", "too_far_back", day=earliest)


def _about_association(case: Case, change: Change, rules: Catalogue) -> Iterator[RuleFault]:
    fewest = rules.period("association_members")
    if change.founding:
        if len(change.joining) < fewest:
            yield rule_fault("members", "too_few", words=fewest)
        return
    standing = register.standing(change.common_code, change.day)
    if standing.state not in ("valid", "suspended") or change.profession != case.profession:
        yield rule_fault("association_code", "no_association", code=change.common_code, day=change.day)
    if is_under_way(case, change):
        yield rule_fault("association_code", "under_way")


def _about_joining(change: Change, rules: Catalogue) -> Iterator[RuleFault]:
    field = "members" if change.founding else "joining_members"
    by_speciality = rules.professions[change.profession].associates == "speciality"
    for code in change.joining:
        standing = register.standing(code, change.day)
        if standing.state == "unknown":
            yield rule_fault(field, "unknown_code", code=code)
        elif standing.state != "valid":
            yield rule_fault(field, "not_valid", code=code, day=change.day)
        elif Association.objects.filter(pk=standing.provider_id).exists():
            yield rule_fault(field, "common_code", code=code)
        elif standing.profession != change.profession:
            yield rule_fault(field, "other_profession", code=code)
        elif by_speciality and standing.speciality != change.speciality:
            yield rule_fault(field, "other_speciality", code=code)
        elif code in change.leaving:
            yield rule_fault(field, "joins_and_leaves", code=code)
        else:
            yield from _memberships(change, code, standing.provider_id or 0, field)


def _memberships(change: Change, code: int, provider_id: int, field: str) -> Iterator[RuleFault]:
    """A code belongs to one association at a time (a rule of ours: its fees are pooled once)."""
    for one in register.memberships_of(provider_id):
        if one.code == code and (one.valid_until is None or one.valid_until > change.day):
            same = one.association_id == change.association_id
            key = "member_already" if same else "member_elsewhere"
            yield rule_fault(field, key, code=code, day=change.day)
            return


def _about_leaving(change: Change) -> Iterator[RuleFault]:
    for code in change.leaving:
        if code not in change.members:
            yield rule_fault("leaving_members", "no_member", code=code, day=change.day)


def _about_applicant(case: Case, change: Change) -> Iterator[RuleFault]:
    own = {standing.code for standing in register.codes_of(case.provider_id)} if case.provider_id else set()
    if own.isdisjoint(change.signers) and case.provider_id != change.association_id:
        field = "members" if change.founding else "association_code"
        yield rule_fault(field, "not_yours")


def is_under_way(case: Case, change: Change) -> bool:
    """True when an earlier case about the same association is not decided yet: changes come one by one."""
    found = Case.objects.filter(kind=KIND, submitted_at__isnull=False).exclude(state__in=CLOSED)
    wanted = str(change.common_code)
    for other in found.exclude(pk=case.pk):
        is_earlier = case.submitted_at is None or (other.submitted_at, other.pk) < (
            case.submitted_at,
            case.pk,
        )
        named = "".join(filter(str.isdigit, str(other.sheet.get("association_code", ""))))
        if is_earlier and named == wanted and other.facts.get("founding") is not True:
            return True
    return False


def name_of(code: int, on: date) -> str:
    """The name of the provider a code belongs to."""
    standing = register.standing(code, on)
    return Provider.objects.filter(pk=standing.provider_id).values_list("name", flat=True).first() or ""
