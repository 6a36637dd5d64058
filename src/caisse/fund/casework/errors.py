"""What casework says no to. The docstring is the English message; ``text`` is shown to whoever asked."""

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from caisse.agreement.errors import WrongUse
from caisse.fund.registry.errors import (
    NotAssociable,
    NotRegistered,
    NumberTaken,
    PeriodRefused,
    PeriodsOverlap,
    RangeFull,
)


class CaseworkRefusal(WrongUse):
    """This cannot be done with the case now."""

    text: ClassVar[str | Promise] = _("This cannot be done with the case now.")


class UnknownCase(CaseworkRefusal):
    """There is no such case, or it is not yours. Compare the number with the fund's last letter."""

    text = _("There is no such case. Compare the number with the fund's last letter.")


class CaseMoved(CaseworkRefusal):
    """The case has moved on meanwhile. Look at it again; nothing was changed."""

    text = _("The case has moved on meanwhile. Look at it again; nothing was changed.")


class StillMissing(CaseworkRefusal):
    """The application is not complete yet. Add what is listed as missing, then submit it."""

    text = _("The application is not complete yet. Add what is listed as missing, then submit it.")


class NotJudged(CaseworkRefusal):
    """Not every document is accepted yet. Accept or refuse each one, or ask back, before granting."""

    text = _("Not every document is accepted yet. Accept or refuse each one, or ask back, before granting.")


class ReasonNeeded(CaseworkRefusal):
    """A reason is needed: the applicant reads it. Say what is wrong and what to do."""

    text = _("A reason is needed: the applicant reads it. Say what is wrong and what to do.")


class NotScanned(CaseworkRefusal):
    """The virus scanner has not found this document clean. Try again later, or refuse the document."""

    text = _("The virus scanner has not found this document clean. Try again later, or refuse the document.")


class SecondPersonNeeded(CaseworkRefusal):
    """Another officer has to confirm this: nobody confirms what he or she proposed."""

    text = _("Another officer has to confirm this: nobody confirms what he or she proposed.")


class OwnCase(CaseworkRefusal):
    """This is your own case. Another officer has to work on it."""

    text = _("This is your own case. Another officer has to work on it.")


class BoardNeeded(CaseworkRefusal):
    """The Board decides on this profession. Send the case to the next session."""

    text = _("The Board decides on this profession. Send the case to the next session.")


class NotOffered(CaseworkRefusal):
    """The fund offers no such procedure for this profession."""

    text = _("The fund offers no such procedure for this profession.")


class TooManyFiles(CaseworkRefusal):
    """The case holds as many files as it may. Join pages that belong together in one PDF."""

    text = _("The case holds as many files as it may. Join pages that belong together in one PDF.")


class WrongDay(CaseworkRefusal):
    """The day does not fit. Choose another one."""

    text = _("The day does not fit. Choose another one.")


class RegisterRefuses(CaseworkRefusal):
    """The register does not allow what was to be decided. Nothing was changed; the reason follows."""

    def __init__(self, error: Exception) -> None:
        """``error`` is what the registry raised."""
        known = (text for kind, text in _REGISTER_SAYS.items() if isinstance(error, kind))
        self.text = next(known, CaseworkRefusal.text)  # type: ignore[misc]
        super().__init__(str(error))


_REGISTER_SAYS: dict[type[Exception], Promise] = {
    PeriodsOverlap: _(
        "On these days the register already holds such an entry for this provider. End that one first, or"
        " choose another day."
    ),
    NumberTaken: _(
        "Another provider is registered under this number. Compare both, and correct the wrong one first."
    ),
    PeriodRefused: _("The days do not fit what is registered. Compare them and choose another day."),
    RangeFull: _("No code of this profession's range is left. A further range has to be published first."),
    NotAssociable: _(
        "A provider cannot belong to the association on that day: members need valid codes of the same"
        " profession and speciality."
    ),
    NotRegistered: _("The register does not hold a code or provider the case names. Compare the numbers."),
}
#: What the registry says no with: told to the officer, never a broken page.
REGISTER_REFUSALS = tuple(_REGISTER_SAYS)
