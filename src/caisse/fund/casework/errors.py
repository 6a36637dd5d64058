"""What casework says no to. The docstring is the English message; ``text`` is shown to whoever asked."""

from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from caisse.agreement.errors import WrongUse


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
    """This is your own case, or that of a provider you act for. Another officer has to work on it."""

    text = _("This is your own case, or that of a provider you act for. Another officer has to work on it.")


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


class NotSigned(CaseworkRefusal):
    """Not everybody has signed exactly this change. Ask for the signatures, then decide."""

    text = _("Not everybody has signed exactly this change. Ask for the signatures, then decide.")


class NotAllowed(CaseworkRefusal):
    """The register does not allow this now. Compare the sheet with the register, or ask back."""

    text = _("The register does not allow this now. Compare the sheet with the register, or ask back.")


class NotForYou(CaseworkRefusal):
    """Only the holder of the code can do this, signed in with a second factor in the last minutes."""

    text = _("Only the holder of the code can do this, signed in with a second factor in the last minutes.")


class SignatureInvalid(CaseworkRefusal):
    """This signature cannot be relied upon, or belongs to another member already."""

    text = _("This signature cannot be relied upon, or belongs to another member already.")


class NothingToCollect(CaseworkRefusal):
    """There is no password to collect: it was collected already, or the time for it is over."""

    text = _("There is no password to collect: it was collected already, or the time for it is over.")
