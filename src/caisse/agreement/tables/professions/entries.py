"""Reading one entry of the catalogue's files: what is missing, misspelt or left over is refused by name."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.tables.professions.model import STANDINGS, Texts
from caisse.agreement.tables.reasons import LANGUAGES

NO_TEXTS: Texts = MappingProxyType(dict.fromkeys(LANGUAGES, ""))


class Entry:
    """One TOML table; ``place`` names it in messages. Every ``take`` marks its key as known."""

    def __init__(self, place: str, content: object, sources: Mapping[str, str]) -> None:
        if not isinstance(content, Mapping):
            raise BrokenSystem(f"{place} is not a table.")
        self.place = place
        self._content: Mapping[str, Any] = content
        self._sources = sources
        self._left = set(content)

    def _take(self, name: str) -> Any:
        self._left.discard(name)
        return self._content.get(name)

    def broken(self, why: str) -> BrokenSystem:
        """The error that says what is wrong with this entry."""
        return BrokenSystem(f"{self.place}: {why}")

    def word(self, name: str, allowed: Iterable[str], default: str | None = None) -> str:
        """One of the allowed words."""
        value = self._take(name)
        value = default if value is None else value
        if value not in tuple(allowed):
            raise self.broken(f"{name} is {value!r}, not one of {', '.join(map(repr, allowed))}.")
        return str(value)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; required unless there is a default."""
        value = self._take(name)
        value = default if value is None else value
        if not isinstance(value, str) or (default is None and not value.strip()):
            raise self.broken(f"{name} is missing.")
        return value

    def texts(self, name: str, *, optional: bool = False) -> Texts:
        """A text in every language; without one at all the empty texts, when it is optional."""
        value = self._take(name)
        if value is None and optional:
            return NO_TEXTS
        if not isinstance(value, Mapping):
            raise self.broken(f"{name} is missing.")
        return translations(f"{self.place}: {name}", value)

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self._take(name)
        value = default if value is None else value
        if not isinstance(value, bool):
            raise self.broken(f"{name} is {value!r}, neither true nor false.")
        return value

    def number(self, name: str, default: int | None = None) -> int:
        """A whole number, not negative; required unless there is a default."""
        found = self.number_or_none(name)
        if found is None:
            found = default
        if found is None:
            raise self.broken(f"{name} is missing.")
        return found

    def number_or_none(self, name: str) -> int | None:
        """A whole number, not negative, or None."""
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.broken(f"{name} is {value!r}, not a whole number.")
        return value

    def numbers(self, name: str) -> tuple[int, ...]:
        """One or more whole numbers."""
        value = self._take(name)
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(one, int) and not isinstance(one, bool) for one in values):
            raise self.broken(f"{name} is {value!r}, not whole numbers.")
        return tuple(values)

    def names(self, name: str) -> tuple[str, ...] | None:
        """A list of keys, or None when it is not given."""
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
            raise self.broken(f"{name} is {value!r}, not a list of names.")
        if len(set(value)) < len(value):
            raise self.broken(f"{name} names something twice.")
        return tuple(value)

    def day(self, name: str) -> date | None:
        """A day, or None when it is not given."""
        value = self._take(name)
        if value is not None and (not isinstance(value, date) or isinstance(value, datetime)):
            raise self.broken(f"{name} is {value!r}, not a day.")
        return value

    def table(self, name: str) -> Mapping[str, Any]:
        """A table inside the entry; empty when it is not given."""
        value = self._take(name)
        if value is not None and not isinstance(value, Mapping):
            raise self.broken(f"{name} is not a table.")
        return value or {}

    def entries(self, name: str) -> tuple["Entry", ...]:
        """The tables of a list inside the entry."""
        value = self._take(name)
        if value is not None and not isinstance(value, list):
            raise self.broken(f"{name} is not a list.")
        return tuple(
            Entry(f"{self.place}: {name} {n}", one, self._sources) for n, one in enumerate(value or [], 1)
        )

    def origin(self) -> tuple[str, str]:
        """Source and standing; ``source`` is a key of the edition's sources."""
        standing = self.word("standing", STANDINGS, "sourced")
        key = self.text("source", "")
        if not key and standing != "ours":
            raise self.broken(f"source is missing, and it is {standing}.")
        if key and key not in self._sources:
            raise self.broken(f"source {key!r} is not in edition.toml.")
        return self._sources.get(key, ""), standing

    def done(self) -> None:
        """Refuses the entry when it holds a key nobody asked for."""
        if self._left:
            raise self.broken(f"unknown key {', '.join(sorted(self._left))}.")


def translations(place: str, texts: Mapping[str, Any]) -> Texts:
    """Texts in exactly the three languages; raises BrokenSystem."""
    for lang in LANGUAGES:
        value = texts.get(lang)
        if not isinstance(value, str) or not value.strip():
            raise BrokenSystem(f"{place}.{lang} is missing.")
    if extra := set(texts) - set(LANGUAGES):
        raise BrokenSystem(f"{place}: unknown language {', '.join(sorted(extra))}.")
    return MappingProxyType({lang: str(texts[lang]) for lang in LANGUAGES})
