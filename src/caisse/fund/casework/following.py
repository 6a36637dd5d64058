"""What the office follows up without a case: licences near their end, and who is not connected yet."""

from dataclasses import dataclass
from datetime import date, timedelta

from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework.looking import open_renewals
from caisse.fund.exchange.queries import codes_with_access
from caisse.fund.registry import queries as register

#: How far back a lapse is shown.
LAPSED_DAYS = 365


@dataclass(frozen=True, slots=True)
class EndingLicence:
    """A licence that ends soon or ended, the provider's name, and the case by which it is renewed, if any.

    ``days``: until its end on the day asked for; 0 or less once it has ended.
    """

    licence: register.LicenceHeld
    provider: str
    days: int
    renewal: str

    @property
    def last_day(self) -> date | None:
        """The last day on which it holds or held."""
        until = self.licence.valid_until
        return until - timedelta(days=1) if until else None


@dataclass(frozen=True, slots=True)
class NotConnected:
    """A code whose holder has to exchange electronically and cannot yet; ``days`` since it was given."""

    code: int
    provider_id: int
    provider: str
    profession: str
    valid_from: date
    days: int


def ending_licences(on: date) -> list[EndingLicence]:
    """Licences that end within the first warning's days, the first to end first."""
    return _with_names(register.expiring_licences(on, catalogue_on(on).warnings[0]), on)


def lapsed_licences(on: date) -> list[EndingLicence]:
    """Licences that lapsed in the last year and that nothing continues, the latest first."""
    return _with_names(register.ended_licences(on, LAPSED_DAYS), on)


def _with_names(licences: list[register.LicenceHeld], on: date) -> list[EndingLicence]:
    ids = {one.provider_id for one in licences}
    names, renewals = register.names_of(ids), open_renewals(ids)
    return [
        EndingLicence(
            one, names[one.provider_id], (one.valid_until - on).days, renewals.get(one.provider_id, "")
        )
        for one in licences
        if one.valid_until is not None
    ]


def not_connected(on: date) -> list[NotConnected]:
    """Codes that hold on a day and have to exchange electronically, but have no access; the oldest first."""
    catalogue = catalogue_on(on)
    bound = {key for key, one in catalogue.professions.items() if one.exchange_on(on) == "compulsory"}
    connected = codes_with_access()
    rows = [
        row
        for row in register.codes_valid_on(on).iter_rows(named=True)
        if row["profession"] in bound and row["code"] not in connected
    ]
    names = register.names_of(row["provider_id"] for row in rows)
    found = [
        NotConnected(
            row["code"], row["provider_id"], names[row["provider_id"]], row["profession"], row["valid_from"],
            (on - row["valid_from"]).days,
        )
        for row in rows
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.valid_from, one.code))
