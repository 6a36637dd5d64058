"""Providers for tests of associations, each with a code, a mail address and somebody who owns it."""

from datetime import date, datetime
from typing import Any

from caisse.fund.access.actions import grant_mandate
from caisse.fund.access.models import User
from caisse.fund.casework.actions import applications, examination
from caisse.fund.casework.actions import signatures as signing
from caisse.fund.casework.consents import standing_signatures
from caisse.fund.casework.models import Case, Signature
from caisse.fund.registry import actions as registry
from caisse.fund.registry import queries as register
from tests.fund.casework.office import Office

LONG_AGO = date(2020, 1, 1)


def member(
    office: Office, name: str, *, profession: str = "physiotherapists", speciality: str = "",
    language: str = "fr", email: str | None = None, valid_from: date = LONG_AGO,
) -> int:  # fmt: skip
    """A provider with an individual code and an owner; the code."""
    email = f"{name.lower()}@practice.example" if email is None else email
    provider = registry.register_provider(
        name=name, kind="person", language=language, email=email, by="test", at=office.tick()
    )
    code = registry.allot_code(
        provider_id=provider, profession=profession, speciality=speciality, valid_from=valid_from, by="test",
        at=office.tick(),
    )  # fmt: skip
    grant_mandate(
        user=owner_of(office, name), provider_id=provider, scope="owner", valid_from=LONG_AGO, by="test",
        at=office.tick(),
    )  # fmt: skip
    return code


def owner_of(office: Office, name: str) -> User:
    return User.objects.get(pk=office.user(f"owner-{name.lower()}"))


def owners_of_code(code: int) -> User:
    """Somebody who owns the provider of a code."""
    provider = register.provider_by_code(code)
    return User.objects.get(mandates__provider=provider, mandates__scope="owner")


def filed(
    office: Office, code: int, kind: str = "association", facts: dict[str, bool] | None = None, **sheet: str
) -> Case:
    """A case of the code's provider, complete but not handed in."""
    standing = register.standing(code, office.today)
    case = office.open(
        standing.profession, kind, provider_id=standing.provider_id, code=code,
        owner_id=owners_of_code(code).pk,
    )  # fmt: skip
    return office.complete(case, facts, **sheet)


def in_review(office: Office, case: Case) -> Case:
    """The case handed in, taken by an officer, with its documents accepted."""
    case = office.submit(case)
    examination.take_case(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    office.accept_all(case)
    case.refresh_from_db()
    return case


def asked(office: Office, case: Case) -> Case:
    """The case in review with everybody asked to sign."""
    case = in_review(office, case)
    signing.ask_signatures(case_id=case.pk, officer_id=office.user("officer"), at=office.tick())
    case.refresh_from_db()
    return case


def proof(at: datetime, age: int = 10) -> dict[str, Any]:
    """What a session tells of two factors proved ``age`` seconds ago."""
    return {"method": "totp", "at": int(at.timestamp()) - age}


def sign(office: Office, row: Signature, user: User | None = None) -> str:
    at = office.tick()
    user = user or owners_of_code(row.signer_code)
    return signing.give_signature(signature_id=row.pk, user=user, evidence=proof(at), at=at)


def all_sign(office: Office, case: Case) -> Case:
    for row in standing_signatures(case):
        if row.signed_at is None:
            sign(office, row)
    case.refresh_from_db()
    return case


def granted(office: Office, case: Case) -> Case:
    """The case signed by everybody and granted."""
    return office.grant(all_sign(office, asked(office, case)))


def founded(office: Office, codes: list[int], day: date | None = None, name: str = "Les Tilleuls") -> int:
    """An association of these codes, founded by a case; its common code."""
    day = day or office.today
    case = filed(
        office, codes[0], facts={"founding": True}, association_name=name,
        members="\n".join(map(str, codes)), effective_from=str(day),
        speciality=register.standing(codes[0], day).speciality,
    )  # fmt: skip
    return granted(office, case).decisions.get().result["code"]


def join(office: Office, common: int, code: int, day: date, by: int | None = None) -> Case:
    return filed(
        office, by or code, facts={"joining": True}, association_code=str(common), joining_members=str(code),
        effective_from=str(day),
    )  # fmt: skip


def leave(office: Office, common: int, code: int, day: date) -> Case:
    return filed(
        office, code, facts={"leaving": True}, association_code=str(common), leaving_members=str(code),
        effective_from=str(day),
    )  # fmt: skip


def answer_again(office: Office, case: Case, **sheet: str) -> Case:
    """What was asked back, changed and handed in again."""
    applications.fill_sheet(case_id=case.pk, values=sheet, by="applicant", at=office.tick())
    return office.submit(case)
