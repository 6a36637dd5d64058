"""Associations with members, and adjudicated lines charged to them, written as the adjudication writes them."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from caisse.fund.claims.models import JudgedFile, LineDecision
from caisse.fund.exchange.models import Account, Deposit
from caisse.fund.registry import actions as registry
from caisse.fund.registry.actions.providers import Address

PHYSIO = "physiotherapists"
FIRST = date(2020, 1, 1)


@dataclass(frozen=True)
class Line:
    """One adjudicated line; cents."""

    day: date
    asked: int
    refused: int = 0
    patient: int = 0
    executing: int | None = None


def physio(name: str, at: datetime, **provider) -> int:
    """A physiotherapist with a practice; the code."""
    person = registry.register_provider(name=name, by="test", at=at, **provider)
    address = Address("rue du Parc", "3", "4321", "Esch-sur-Alzette")
    site = registry.open_site(provider_id=person, address=address, valid_from=FIRST, by="test", at=at)
    return registry.allot_code(
        provider_id=person, profession=PHYSIO, site_id=site, valid_from=FIRST, by="test", at=at
    )


def association(name: str, at: datetime, members: Iterable[tuple[int, date, date | None]]) -> tuple[int, int]:
    """An association with memberships; its id and its common code."""
    found = registry.found_association(name=name, profession=PHYSIO, valid_from=FIRST, by="test", at=at)
    code = registry.allot_code(provider_id=found, profession=PHYSIO, valid_from=FIRST, by="test", at=at)
    for member, start, end in members:
        registry.add_member(
            association_id=found, member=member, valid_from=start, valid_until=end, by="test", at=at
        )
    return found, code


def charge(code: int, lines: Sequence[Line], at: datetime, *, is_test: bool = False) -> JudgedFile:
    """One judged file of a biller with these lines."""
    account, _ = Account.objects.get_or_create(
        provider_code=code, frame="LAB", defaults={"user": f"{code}-lab", "created_at": at}
    )
    deposit = Deposit.objects.create(
        id=uuid.uuid4(), account=account, door="test", name=f"{uuid.uuid4()}.xml", sha256="0" * 64, size=0,
        received_at=at, stage="returned", stage_at=at, receipt="",
    )  # fmt: skip
    sums = {
        "asked_cents": sum(line.asked for line in lines),
        "paid_cents": sum(line.asked - line.patient - line.refused for line in lines),
        "patient_cents": sum(line.patient for line in lines),
        "refused_cents": sum(line.refused for line in lines),
    }
    file = JudgedFile.objects.create(
        deposit=deposit, provider_code=code, file_reference="x", processing_group=str(deposit.pk), layout="x",
        schema_sha256="", engine="x", table_editions={}, registry_revision=0, is_test=is_test, judged_at=at,
        invoices_count=0, lines_count=len(lines), **sums,
    )  # fmt: skip
    LineDecision.objects.bulk_create(
        LineDecision(
            file=file, line=number, invoice=0, line_reference=str(number), act="X", act_paid="X",
            date_of_service=line.day, executing_code=line.executing, quantity_paid=1, asked_cents=line.asked,
            paid_cents=line.asked - line.patient - line.refused, patient_cents=line.patient,
            refused_cents=line.refused, outcome="paid",
        )
        for number, line in enumerate(lines)
    )  # fmt: skip
    return file
