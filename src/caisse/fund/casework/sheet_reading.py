"""What a sheet and the accepted documents say, in the register's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from caisse.fund.casework import queries
from caisse.fund.casework.models import Case
from caisse.fund.registry.actions.providers import Address
from caisse.fund.registry.models import SiteAddress


@dataclass(frozen=True, slots=True)
class LicenceShown:
    """A supporting authorisation as sheet and accepted document show it; ``main``: codes rest on it."""

    kind: str
    main: bool
    number: str
    issued_on: date | None
    valid_from: date
    valid_until: date | None
    document_sha256: str


def name_of(sheet: Mapping[str, str]) -> str:
    """The name under which the provider is entered: the business's, else the person's."""
    person = " ".join(sheet[part] for part in ("given_name", "family_name") if sheet.get(part))
    return sheet.get("business_name") or person


def manager_of(sheet: Mapping[str, str]) -> str:
    """Who answers for an establishment, or an empty text."""
    parts = ("manager_given_name", "manager_family_name")
    return " ".join(sheet[part] for part in parts if sheet.get(part))


def address_of(sheet: Mapping[str, str], prefix: str = "site_") -> Address:
    """The practice site's address."""
    street, number, postcode, locality, country = (
        sheet.get(prefix + part, "") for part in ("street", "house_number", "postcode", "locality", "country")
    )
    return Address(street, number, postcode, locality, country or "LU")


def lines_of(address: Address | SiteAddress) -> tuple[str, ...]:
    """An address as it stands on a letter."""
    street = ", ".join(part for part in (address.house_number, address.street) if part)
    postcode = address.postcode.removeprefix(f"{address.country}-")
    place = f"{address.country}-{postcode} {address.locality}" if address.locality else ""
    return tuple(line for line in (street, place) if line)


def licences_of(case: Case) -> list[LicenceShown]:
    """The licences the case rests on, the main one first; empty where the profession needs none."""
    catalogue, sheet = queries.catalogue_of(case), queries.sheet_values(case)
    mains = (catalogue.professions[case.profession].licence, *ALTERNATIVES)
    found = []
    for document in case.documents.filter(state="accepted").order_by("pk"):
        kind = catalogue.documents[document.kind].licence if document.kind in catalogue.documents else None
        if kind is None:
            continue
        main = kind in mains and not any(one.main for one in found)
        on_sheet = sheet if main else {}
        issued = day_of(on_sheet.get("licence_issued_on")) or document.issued_on
        last = day_of(on_sheet.get("licence_last_day")) or document.expires_on
        found.append(
            LicenceShown(
                kind=kind, main=main, number=on_sheet.get("licence_number", ""), issued_on=issued,
                valid_from=issued or timezone.localdate(document.received_at),
                valid_until=last + timedelta(days=1) if last else None,
                document_sha256=document.sha256,
            )
        )  # fmt: skip
    return sorted(found, key=lambda one: not one.main)


#: Licences that stand in for the profession's own (regulation of 14.1.2013; of 30.5.1996).
ALTERNATIVES = ("service_declaration", "replacement_authorisation")


def day_of(text: str | None) -> date | None:
    """A day of a sheet."""
    return date.fromisoformat(text) if text else None
