"""One party: the practice's client. Library, command line and own database."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from caisse.provider.client import Practice

__all__ = ["Practice"]


def __getattr__(name: str) -> Any:
    """``Practice``, imported when first asked for: `caisse check` starts without a database."""
    if name == "Practice":
        from caisse.provider.client import Practice  # noqa: PLC0415

        return Practice
    raise AttributeError(name)
