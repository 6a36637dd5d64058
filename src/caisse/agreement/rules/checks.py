"""The checks of an invoice and of a line: each a named expression over the joined table, with its article.

`CHECKS` is the whole list, in the order in which findings are listed. An expression is true where the rule is
broken. It may use the columns of the file's tables and those that `caisse.agreement.rules.joined` adds.
"""

from collections.abc import Iterable

from caisse.agreement.rules.check import Check
from caisse.agreement.rules.invoice_checks import INVOICE_CHECKS
from caisse.agreement.rules.line_checks import LINE_CHECKS

CHECKS: tuple[Check, ...] = (*INVOICE_CHECKS, *LINE_CHECKS)

#: Rules that look at several lines or at the history at once, and the facts they need.
#: They stand in `authorisations`, `history`, `repeats` and `cumulation`.
STAGED: dict[str, tuple[str, ...]] = {
    "PRO-002": ("providers",),
    "AUT-001": ("authorisations",),
    "AUT-002": ("authorisations",),
    "AUT-003": ("authorisations",),
    "DUP-001": ("history",),
    # Without the history these are judged within the file alone.
    "DUP-002": ("history",),
    "CUM-001": ("history",),
    "CUM-002": ("history",),
    "CUM-003": ("history",),
    "CUM-004": ("history",),
    "CUM-900": (),
    "INV-001": (),
}


def deferred_codes(missing: Iterable[str]) -> tuple[str, ...]:
    """The codes whose verdict needs at least one of the ``missing`` facts, in order."""
    gone = set(missing)
    codes = {check.code for check in CHECKS if gone & set(check.needs)}
    codes.update(code for code, needs in STAGED.items() if gone & set(needs))
    return tuple(sorted(codes))
