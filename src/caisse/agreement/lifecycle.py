"""States and allowed transitions, as tables. Their diagrams in docs/lifecycle.md are printed from here."""

from collections.abc import Mapping
from types import MappingProxyType

#: The life of a deposit at the fund. `refused` means the whole file was found not conform.
DEPOSIT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "received": frozenset({"acknowledged", "refused"}),
        "acknowledged": frozenset({"returned"}),
        "returned": frozenset({"paid"}),
        "paid": frozenset(),
        "refused": frozenset(),
    }
)

#: The life of a deposit's idempotence key: a file found not conform does not use up its key.
DEPOSIT_KEY: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "held": frozenset({"used", "released"}),
        "used": frozenset(),
        "released": frozenset(),
    }
)

#: The life of a file the practice sends, as the practice sees it.
SENDING: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "built": frozenset({"sent", "discarded"}),
        "sent": frozenset({"acknowledged", "refused", "returned"}),
        "acknowledged": frozenset({"returned"}),
        "returned": frozenset(),
        "refused": frozenset(),
        "discarded": frozenset(),
    }
)

LIFECYCLES: Mapping[str, Mapping[str, frozenset[str]]] = MappingProxyType(
    {"deposit": DEPOSIT, "deposit_key": DEPOSIT_KEY, "sending": SENDING}
)


def may_move(lifecycle: Mapping[str, frozenset[str]], current: str, target: str) -> bool:
    """True when the table allows the step from ``current`` to ``target``."""
    return target in lifecycle[current]


def final_states(lifecycle: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The states nothing leads out of."""
    return frozenset(state for state, targets in lifecycle.items() if not targets)
