"""What can be said no to in the registry. The docstring is the message; it says how to go on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from caisse.agreement.errors import ContentRefused, WrongUse

if TYPE_CHECKING:
    from caisse.fund.registry.register_faults import Fault


class PeriodsOverlap(WrongUse):
    """The period overlaps one that is already registered. End the earlier one first."""


class NotRegistered(WrongUse):
    """The register does not hold this. Compare the code or number, or enter it first."""


class NumberTaken(WrongUse):
    """Another provider is registered under this number. Compare both, and correct the wrong one first."""


class PeriodRefused(WrongUse):
    """The period does not fit what is registered. Compare its days and enter it again."""


class RangeFull(WrongUse):
    """No code of this profession's range is left. Publish a further range in the catalogue of professions."""


class NotAssociable(WrongUse):
    """The provider cannot belong to the association. Members need valid codes of what it joins."""


class RegisterRefused(ContentRefused):
    """The register file is refused and nothing of it was entered. Correct what is named and load it again."""

    def __init__(self, faults: Sequence["Fault"], more: int = 0) -> None:
        """``faults`` in the order of the file; ``more`` were found beyond those."""
        self.faults, self.more = tuple(faults), more
        super().__init__(faults[0].sentence("en") if faults else "")
