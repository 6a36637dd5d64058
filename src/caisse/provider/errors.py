"""Every error only the practice's side can meet; the rest stands in `caisse.agreement.errors`."""

from collections.abc import Sequence

from caisse.agreement.errors import BrokenSystem, ContentRefused, Unreachable, WrongUse


class NoPractice(WrongUse):
    """There is no practice in this folder. Create one with `caisse provider init`, or name its --home."""


class PracticeExists(WrongUse):
    """This folder holds a practice already. Choose another --home; nothing was changed."""


class Busy(WrongUse):
    """Another command is at work on this practice. Wait until it has ended and try again."""


class AlreadyBuilt(WrongUse):
    """A file with this year, number and reference was built already. Choose another --reference."""


class UnknownSending(WrongUse):
    """This practice has built no such file. See `caisse provider status` for the files it knows."""


class LoginRefused(WrongUse):
    """The fund refused the login. Check the user name, and the password or key, with the fund."""


class HostKeyChanged(Unreachable):
    """The fund's server shows another key than the one pinned; nothing was sent to it. Ask the fund why.

    If it gives you the new key's fingerprint: caisse provider trust --host-key SHA256:….
    """


class CertificateRefused(Unreachable):
    """The fund's server shows a certificate nobody vouches for; nothing was sent. Pin its authority."""


class DepositRefused(ContentRefused):
    """The fund refused the deposit. Nothing of it was kept there."""


class UnknownAnswer(WrongUse):
    """No answer of this number waits for a person. See `caisse provider status`."""


class CannotAssign(ContentRefused):
    """The answer does not fit that file; nothing was booked. Ask the fund, then settle it with a note."""


class FileChanged(ContentRefused):
    """The file is not the one that was built: its hash differs. Discard it and build it again."""


class ReceiptRefused(ContentRefused):
    """The receipt does not prove that this file was received."""


class SchemaTooNew(BrokenSystem):
    """The practice's database was made by a newer version of Caisse. Update this installation."""


class RecordRefused(ContentRefused):
    """The file of records was not imported; nothing of it was kept."""

    def __init__(self, problems: Sequence[str], more: int = 0) -> None:
        """``problems`` name row, column and what is expected; ``more`` counts those left out."""
        self.problems = tuple(problems)
        self.more = more
        rest = [f"… and {more} more"] if more else []
        super().__init__("\n  " + "\n  ".join([*self.problems, *rest]))
