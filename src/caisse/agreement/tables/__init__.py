"""Published lists by dated edition, each value with its legal source."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caisse.agreement.tables.published import Note, Tables, load_tables

__all__ = ["Note", "Tables", "load_tables"]


def __getattr__(name: str) -> object:
    # Loaded when asked for: whoever only reads the catalogue of professions needs no frames.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from caisse.agreement.tables import published  # noqa: PLC0415

    return getattr(published, name)
