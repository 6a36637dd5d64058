"""Providers themselves: names, numbers, sites, bank accounts, managers."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from stdnum import iban as iban_number
from stdnum.exceptions import ValidationError
from stdnum.lu import tva

from caisse.agreement.errors import InvalidFormat, InvalidIdentifier, WrongUse
from caisse.agreement.identifiers import legal_person_number, national_number
from caisse.fund.audit.actions import record_event
from caisse.fund.registry import history, revisions
from caisse.fund.registry.actions.saving import insert, refused_as, require_provider
from caisse.fund.registry.errors import NotRegistered, NumberTaken, PeriodRefused
from caisse.fund.registry.models import BankAccount, Manager, Provider, ProviderNumber, Site, SiteAddress
from caisse.fund.registry.models.providers import KINDS, LANGUAGES

#: The commercial register's section and number; the format is ours, no source gives it.
_RCS = re.compile(r"[A-Z][0-9]{1,7}")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a site is; ``country`` is the two-letter code, ``postcode`` without the country's prefix."""

    street: str
    house_number: str
    postcode: str
    locality: str
    country: str = "LU"


def _rcs(number: str) -> str:
    compact = "".join(number.upper().split())
    if not _RCS.fullmatch(compact):
        raise InvalidFormat(f"A number of the commercial register is a letter and digits: {number!r}.")
    return compact


def _vat(number: str) -> str:
    try:
        return str(tva.validate(number))
    except ValidationError:
        raise InvalidIdentifier(f"VAT number {number!r}.") from None


def clean_iban(number: str) -> str:
    """The IBAN without spaces; raises InvalidIdentifier. Foreign accounts are possible."""
    try:
        return str(iban_number.validate(number))
    except ValidationError:
        raise InvalidIdentifier("The account number (IBAN) is wrong.") from None


_CLEAN: Mapping[str, Callable[[str], str]] = {
    "national": national_number.validate,
    "legal": legal_person_number.validate,
    "rcs": _rcs,
    "vat": _vat,
}


@transaction.atomic
def register_provider(
    *, name: str, kind: str = "person", iban: str = "", language: str = "fr", email: str = "", by: str,
    at: datetime,
) -> int:  # fmt: skip
    """Enter a provider; the id returned stays with it whatever code it bills under.

    ``iban``: the account its payments go to from today on; see `record_bank_account`.
    """
    if kind not in KINDS or language not in LANGUAGES:
        raise WrongUse(f"kind is one of {', '.join(KINDS)}; language one of {', '.join(LANGUAGES)}.")
    provider = Provider.objects.create(name=name, kind=kind, language=language, email=email)
    record_event(
        action="registry.register_provider", subject=("provider", provider.pk), by=by, at=at,
        data={"kind": kind},
    )  # fmt: skip
    if iban:
        today = timezone.localdate(at)
        record_bank_account(
            provider_id=provider.pk, iban=iban, holder=name, valid_from=today, by=by, at=at
        )  # fmt: skip
    return provider.pk


@transaction.atomic
def change_contact(
    *, provider_id: int, name: str | None = None, language: str | None = None, email: str | None = None,
    by: str, at: datetime,
) -> None:  # fmt: skip
    """Change how a provider is called and written to; None leaves what is registered."""
    given = {"name": name, "language": language, "email": email}
    changed = {column: value for column, value in given.items() if value is not None}
    if language is not None and language not in LANGUAGES:
        raise WrongUse(f"language is one of {', '.join(LANGUAGES)}.")
    require_provider(provider_id)
    if changed:
        Provider.objects.filter(pk=provider_id).update(**changed)
    record_event(
        action="registry.change_contact", subject=("provider", provider_id), by=by, at=at,
        data={"changed": sorted(changed)},
    )  # fmt: skip


def note_reading(*, provider_id: int, by: str, at: datetime, why: str = "") -> None:
    """Keep in the audit that somebody read what is registered of a provider."""
    record_event(action="registry.read", subject=("provider", provider_id), by=by, at=at, why=why)


@transaction.atomic
def record_number(*, provider_id: int, kind: str, number: str, by: str, at: datetime) -> None:
    """Enter or replace a provider's number; the one it replaces still leads to the provider.

    ``kind``: national (13 digits), legal (11 digits), rcs, vat. Raises InvalidIdentifier or NumberTaken.
    """
    if kind not in _CLEAN:
        raise WrongUse(f"kind is one of {', '.join(_CLEAN)}.")
    number = _CLEAN[kind](number)
    require_provider(provider_id)
    revision = revisions.take(action="registry.record_number", by=by, at=at)
    standing = ProviderNumber.objects.filter(provider_id=provider_id, kind=kind, superseded__isnull=True)
    if standing.filter(number=number).exists():
        return
    replaced = standing.update(superseded=revision)
    row = ProviderNumber(provider_id=provider_id, kind=kind, number=number, revision=revision)
    insert(row, f"kind {kind}", NumberTaken)
    data = {"kind": kind, "replaced": bool(replaced)}
    record_event(action="registry.record_number", subject=("provider", provider_id), by=by, at=at, data=data)


@transaction.atomic
def open_site(*, provider_id: int, address: Address, valid_from: date, by: str, at: datetime) -> int:
    """Open a practice site of a provider; the id returned stays when the site moves."""
    require_provider(provider_id)
    site = Site.objects.create(provider_id=provider_id)
    _address(site, address, valid_from, "registry.open_site", by=by, at=at)
    return site.pk


@transaction.atomic
def move_site(*, site_id: int, address: Address, valid_from: date, by: str, at: datetime) -> None:
    """Let a site be at another address from a day on; its codes stay with it."""
    site = _site(site_id)
    if not _open_after(site_id, valid_from):
        raise PeriodRefused(f"Site {site_id} is closed on {valid_from}; open a new one.")
    _address(site, address, valid_from, "registry.move_site", by=by, at=at)


def _address(site: Site, address: Address, valid_from: date, action: str, *, by: str, at: datetime) -> None:
    revision = revisions.take(action=action, by=by, at=at)
    history.put(SiteAddress, {"site_id": site.pk}, asdict(address), valid_from=valid_from, revision=revision)
    data = {"site": site.pk, "from": str(valid_from)}
    record_event(action=action, subject=("provider", site.provider_id), by=by, at=at, data=data)


@transaction.atomic
def close_site(*, site_id: int, valid_until: date, by: str, at: datetime) -> None:
    """Close a site from ``valid_until`` on; its codes must have ended by then."""
    site = _site(site_id)
    holding = site.codes.filter(Q(valid_until__isnull=True) | Q(valid_until__gt=valid_until))
    if holding.exists():
        code = holding.values_list("code", flat=True)[0]
        raise PeriodRefused(f"Code {code} holds at site {site_id} beyond that day; withdraw it first.")
    revision = revisions.take(action="registry.close_site", by=by, at=at)
    if not history.clear(SiteAddress, {"site_id": site_id}, valid_from=valid_until, revision=revision):
        raise PeriodRefused(f"Site {site_id} is closed by {valid_until} already.")
    data = {"site": site_id, "until": str(valid_until)}
    record_event(
        action="registry.close_site", subject=("provider", site.provider_id), by=by, at=at, data=data
    )


def _site(site_id: int) -> Site:
    site = Site.objects.filter(pk=site_id).first()
    if site is None:
        raise NotRegistered(f"There is no site {site_id}.")
    return site


def _open_after(site_id: int, day: date) -> bool:
    later = Q(valid_until__isnull=True) | Q(valid_until__gt=day)
    return SiteAddress.objects.filter(later, site_id=site_id, superseded__isnull=True).exists()


@transaction.atomic
def record_bank_account(
    *, provider_id: int, iban: str, holder: str, valid_from: date, by: str, at: datetime
) -> int:
    """Let payments go to ``iban`` from a day on, until another one is recorded; raises InvalidIdentifier."""
    require_provider(provider_id)
    values = {"iban": clean_iban(iban), "holder": holder}
    revision = revisions.take(action="registry.record_bank_account", by=by, at=at)
    key = {"provider_id": provider_id}
    row = history.put(BankAccount, key, values, valid_from=valid_from, revision=revision)
    subject = ("provider", provider_id)
    data = {"from": str(valid_from)}
    record_event(action="registry.record_bank_account", subject=subject, by=by, at=at, data=data)
    return row


@transaction.atomic
def record_manager(
    *, provider_id: int, name: str, number: str = "", valid_from: date, by: str, at: datetime
) -> int:
    """Let a person answer for an establishment from a day on; ``number`` is the person's national number."""
    require_provider(provider_id)
    values = {"name": name, "number": national_number.validate(number) if number else ""}
    revision = revisions.take(action="registry.record_manager", by=by, at=at)
    with refused_as(f"manager of provider {provider_id}"):
        key = {"provider_id": provider_id}
        row = history.put(Manager, key, values, valid_from=valid_from, revision=revision)
    subject = ("provider", provider_id)
    data = {"from": str(valid_from)}
    record_event(action="registry.record_manager", subject=subject, by=by, at=at, data=data)
    return row
