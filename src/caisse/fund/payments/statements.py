"""Annual statements of associations: each (association, member, year) once, corrected by a new version.

What a statement says is written down with its letter in one transaction; a worker makes the PDF afterwards
and mails it. Killed anywhere, the same call goes on where it stopped.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from caisse.agreement.errors import WrongUse
from caisse.fund.audit.actions import record_event
from caisse.fund.casework.actions.letters import order_letter
from caisse.fund.casework.letter_contents import Addressee, Content, head
from caisse.fund.casework.sheet_reading import lines_of
from caisse.fund.faults import reach
from caisse.fund.payments.models import AnnualStatement
from caisse.fund.payments.statement_figures import (
    Figures,
    basis_of,
    charged,
    figures,
    inside_year,
    totals,
    year_days,
)
from caisse.fund.registry import queries as register
from caisse.fund.registry.models import Association, Provider

KIND = "annual_statement"


@dataclass(frozen=True, slots=True)
class Issued:
    """How many statements were written for the first time, corrected, or left as they stand."""

    new: int = 0
    corrected: int = 0
    unchanged: int = 0

    def __add__(self, other: "Issued") -> "Issued":
        return Issued(
            self.new + other.new, self.corrected + other.corrected, self.unchanged + other.unchanged
        )


def issue_statements(
    *,
    year: int,
    association_id: int | None = None,
    correct: bool = False,
    by: str,
    at: datetime,
    watch: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
) -> Issued:
    """Write the year's statement of every member of every association (or of one), once.

    With ``correct`` a statement whose figures are others by now is followed by a new version that names it.
    One transaction an association. Raises WrongUse while the year is not over.
    """
    today = timezone.localdate(at)
    if today < year_days(year)[1]:
        raise WrongUse(f"The year {year} is not over; its statements can be issued from {year + 1} on.")
    found = Association.objects.filter(founded_on__lt=year_days(year)[1]).order_by("pk")
    if association_id is not None:
        found = found.filter(pk=association_id)
        if not found:
            raise WrongUse(f"There was no association {association_id} in {year}.")
    ids = list(found.values_list("pk", flat=True))
    issued = Issued()
    for done, one in enumerate(ids, 1):
        issued += _issue(one, year, correct=correct, by=by, at=at)
        reach("statements.after_commit")
        watch("statements", done, len(ids))
    return issued


@transaction.atomic
def _issue(association_id: int, year: int, *, correct: bool, by: str, at: datetime) -> Issued:
    """The statements of one association; whoever else issues them waits here and finds them done."""
    association = Association.objects.select_for_update(of=("self",)).select_related("provider").get(
        pk=association_id
    )  # fmt: skip
    standing = {
        one.member_id: one
        for one in AnnualStatement.objects.filter(
            association=association.provider, year=year, replaced_by__isnull=True
        )
    }
    issued = Issued()
    for member, figured in _members(association.provider, year, known=set(standing) if correct else set()):
        before = standing.get(member.provider.pk)
        if before is None and not figured.periods:
            continue
        if before is not None and (not correct or before.figures == figured.as_data()):
            issued = replace(issued, unchanged=issued.unchanged + 1)
            continue
        _write(association.provider, member, figured, year=year, before=before, by=by, at=at)
        if before is None:
            issued = replace(issued, new=issued.new + 1)
        else:
            issued = replace(issued, corrected=issued.corrected + 1)
    if issued.new or issued.corrected:
        data = {"year": year, "new": issued.new, "corrected": issued.corrected}
        subject = ("provider", association_id)
        record_event(action="payments.issue_statements", subject=subject, by=by, at=at, data=data)
    reach("statements.before_commit")
    return issued


@dataclass(frozen=True, slots=True)
class _Member:
    provider: Provider
    codes: tuple[int, ...]


def _members(association: Provider, year: int, known: set[int]) -> Iterator[tuple[_Member, Figures]]:
    """Everyone who belonged in the year, and of ``known`` those who, as is known now, did not.

    Nobody while an association has no common code: nothing can be charged to it.
    """
    codes_charged = _codes(association.pk)
    if not codes_charged:
        return
    memberships = register.members_of(association.pk)
    rows = charged(codes_charged, year, basis_of(year))
    providers = Provider.objects.in_bulk({one.provider_id for one in memberships} | known)
    for key, provider in sorted(providers.items()):
        mine = [one for one in memberships if one.provider_id == key]
        periods = inside_year(((one.valid_from, one.valid_until) for one in mine), year)
        codes = tuple(
            dict.fromkeys(one.code for one in mine if inside_year([(one.valid_from, one.valid_until)], year))
        )
        yield _Member(provider, codes), figures(rows, periods, codes)


def _codes(association_id: int) -> list[int]:
    return [row.code for row in register.codes_of(association_id)]


def _write(
    association: Provider, member: _Member, figured: Figures, *, year: int,
    before: AnnualStatement | None, by: str, at: datetime,
) -> None:  # fmt: skip
    """One statement and its letter."""
    version = before.version + 1 if before else 1
    reference = f"R{year}-{association.pk}-{member.provider.pk}" + (f"-{version}" if before else "")
    day = timezone.localdate(at)
    addressee = _addressee(member, day)
    codes = member.codes or tuple(before.member_codes if before else ())
    data = {
        "head": head(addressee, day, reference),
        "year": year,
        "association": association.name,
        "code": _codes(association.pk)[-1],
        "member": member.provider.name,
        "member_codes": list(codes),
        **figured.as_data(),
        "basis": basis_of(year),
        "decided_on": str(day),
    }
    if before is not None:
        data["replaces"] = {"reference": before.reference, "on": str(timezone.localdate(before.issued_at))}
    letter = order_letter(addressee, Content(KIND, data), later=True, by=by, at=at)
    AnnualStatement.objects.create(
        association=association, member=member.provider, year=year, version=version, reference=reference,
        replaces=before, member_codes=list(codes), figures=figured.as_data(), letter_id=letter, issued_at=at,
        **totals(figured.months),
    )  # fmt: skip


def _addressee(member: _Member, on: date) -> Addressee:
    """The member where the register has it on that day, in its language."""
    provider = member.provider
    sites = (register.standing(code, on).site_id for code in reversed(member.codes))
    addresses = (register.address_on(site, on) for site in sites if site)
    address = next((one for one in addresses if one), None)
    lines = lines_of(address) if address else ()
    return Addressee((provider.name, *lines), provider.language, provider.email, provider.pk)
