"""What a case is: a small file in a known world, and what must be decided about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from caisse.agreement.rules import Batch, Facts
from tests.agreement.rules import batches

Row = Mapping[str, Any]

#: The registers of the world all cases live in, as rows of the frames `Facts` takes; no case adds persons to it.
WORLD = batches.WORLD


@dataclass(frozen=True)
class Case:
    """One readable case.

    ``invoices``: what differs from a right invoice of the world, with its ``lines``; ``header`` likewise.
    ``paid_before``: invoices of an earlier file of the same laboratory, written likewise, of which all was paid.
    ``not_known``: facts that are not looked up. ``decided``: outcome and paid cents of each line, by place
    (``INV-1/2`` is the second line of the first invoice). ``found``: every finding as ``CODE place`` or
    ``CODE place < root``; the place of a file's finding is ``file``. ``conform``: False when the file by itself is
    refused; then nothing is decided. ``by_schema``: the published schema already refuses such a file.
    """

    code: str
    title: str
    invoices: Sequence[Row]
    decided: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    found: Sequence[str] = ()
    header: Row = field(default_factory=dict)
    paid_before: Sequence[Row] = ()
    not_known: Sequence[str] = ()
    conform: bool = True
    by_schema: bool = False

    def batch(self) -> Batch:
        """The file as the tables a layout reads."""
        return batches.batch_of(self.invoices, **self.header)

    def facts(self) -> Facts:
        """The world's registers with what was paid before; less what this case does not know."""
        earlier = batches.batch_of(self.paid_before)
        known = {"history": batches.history_after(earlier), "authorisations": batches.used_by(earlier)}
        return batches.usual_facts(**{**known, **dict.fromkeys(self.not_known)})


def place_of(invoice_reference: str | None, line_reference: str | None) -> str:
    """Where a finding stands, as the cases write it."""
    if invoice_reference is None:
        return "file"
    return invoice_reference if line_reference is None else f"{invoice_reference}/{line_reference}"
