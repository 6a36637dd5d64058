"""What the office follows up without a case: licences near their end, and those past it."""

from dataclasses import dataclass
from datetime import date, timedelta

from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.casework.looking import open_renewals
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
