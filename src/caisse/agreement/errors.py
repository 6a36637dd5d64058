"""Every error a user can meet. The docstring is the message; it says how to go on.

Exit codes of the command line follow the kind of error:
0 done, 1 the content is refused, 2 wrong use, 3 the other side cannot be reached, 4 a broken system.
"""

from typing import ClassVar


class CaisseError(Exception):
    """Something went wrong; the details follow."""

    exit_code: ClassVar[int] = 4

    def __init__(self, detail: str = "") -> None:
        """``detail`` names the thing concerned; the class's docstring says what happened and what to do."""
        self.detail = detail
        message = (type(self).__doc__ or "").strip()
        super().__init__(f"{message} {detail}".strip())


class ContentRefused(CaisseError):
    """The content is refused. Correct what the findings name and send it again."""

    exit_code = 1


class WrongUse(CaisseError):
    """The command cannot be carried out as given. See --help for the expected form."""

    exit_code = 2


class Unreachable(CaisseError):
    """The other side cannot be reached. Nothing was lost; try again later."""

    exit_code = 3


class BrokenSystem(CaisseError):
    """The system itself is broken. Nothing was decided; an administrator has to look at it."""

    exit_code = 4


class InvalidIdentifier(ContentRefused):
    """This is not a valid identifier. Compare it with the original document."""


class InvalidFormat(InvalidIdentifier):
    """The identifier has the wrong shape. Compare its length and characters with the original document."""


class InvalidDate(InvalidIdentifier):
    """The date inside the identifier does not exist. Compare the number with the original document."""


class InvalidCheckDigit(InvalidIdentifier):
    """The check digits do not match. A digit was probably mistyped; compare it with the original document."""


class InvalidFileName(ContentRefused):
    """The file name does not follow the naming rule. Rename the file as the rule says."""


class UnknownLayout(ContentRefused):
    """No such layout is published. See `caisse explain LAY-001` for the layouts in force."""
