"""What can be said no to in the registry. The docstring is the message; it says how to go on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from caisse.agreement.errors import ContentRefused, WrongUse

if TYPE_CHECKING:
    from caisse.fund.registry.register_faults import Fault


class PeriodsOverlap(WrongUse):
    """The period overlaps one that is already registered. End the earlier one first."""


class RegisterRefused(ContentRefused):
    """The register file is refused and nothing of it was entered. Correct what is named and load it again."""

    def __init__(self, faults: Sequence["Fault"], more: int = 0) -> None:
        """``faults`` in the order of the file; ``more`` were found beyond those."""
        self.faults, self.more = tuple(faults), more
        super().__init__(faults[0].sentence("en") if faults else "")
