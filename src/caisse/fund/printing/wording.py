"""Sentences, dates, amounts and codes in French, German and English."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from caisse.agreement.errors import BrokenSystem

LANGUAGES = ("fr", "de", "en")

_MONTHS = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "en": "January February March April May June July August September October November December",
}
_NARROW, _FIXED = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"
_QUOTES = re.compile(r"« | »")
_BEFORE_SIGN = re.compile(r" (?=[:;?!])")


@cache
def phrases() -> Mapping[str, str]:
    """Every sentence by `topic.name.language`; raises BrokenSystem when a language is missing."""
    found: dict[str, str] = {}
    folder = files(__package__) / "phrases"
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        for topic, sentences in tomllib.loads(path.read_text(encoding="utf-8")).items():
            for name, texts in sentences.items():
                _require_all(path.name, topic, name, texts)
                found |= {f"{topic}.{name}.{lang}": _set(text, lang) for lang, text in texts.items()}
    return MappingProxyType(found)


def _require_all(file: str, topic: str, name: str, texts: Mapping[str, str]) -> None:
    if not isinstance(texts, dict) or set(texts) != set(LANGUAGES) or not all(texts.values()):
        raise BrokenSystem(f"{file}: {topic}.{name} is not there in French, German and English")


def _set(text: str, language: str) -> str:
    """A sentence as a typesetter sets it: true apostrophes and, in French, fixed spaces at double signs."""
    text = text.replace("'", "’")
    if language == "fr":
        text = _QUOTES.sub(lambda found: found[0].replace(" ", _FIXED), text)
        text = _BEFORE_SIGN.sub(_FIXED, text)
    return text


class Wording:
    """The sentences of one language."""

    def __init__(self, language: str) -> None:
        if language not in LANGUAGES:
            raise ValueError(f"letters are written in {', '.join(LANGUAGES)}, not in {language!r}")
        self.language = language

    def __call__(self, name: str, /, **values: Any) -> str:
        """The sentence `topic.name` with its values; raises KeyError for one that does not exist."""
        text = phrases()[f"{name}.{self.language}"]
        return text.format(**{key: self.word(value) for key, value in values.items()})

    def word(self, value: Any) -> str:
        """A value as it stands in a sentence: a day in words, the rest as text."""
        return self.day(value) if isinstance(value, date) else str(value)

    def day(self, day: date) -> str:
        """A day in words: 1er mars 2026, 1. März 2026, 1 March 2026."""
        number = {"fr": "1er" if day.day == 1 else str(day.day), "de": f"{day.day}."}
        shown = number.get(self.language, str(day.day))
        return f"{shown}{_FIXED}{self.month(day.month)}{_FIXED}{day.year}"

    def last_day(self, until: date) -> str:
        """The last day of a period that ends before ``until``, in words."""
        return self.day(until - timedelta(days=1))

    def euros(self, cents: int) -> str:
        """An amount in euros: 1 234,56 € or 1.234,56 € or €1,234.56."""
        plain = f"{abs(cents) // 100:,}.{abs(cents) % 100:02}"
        sign = "−" if cents < 0 else ""
        if self.language == "en":
            return f"{sign}€{plain}"
        thousands = _NARROW if self.language == "fr" else "."
        return sign + plain.replace(".", "#").replace(",", thousands).replace("#", ",") + f"{_FIXED}€"

    def amount(self, cents: int) -> str:
        """An amount in euros without its sign, for tables that say so: 1 234,56."""
        return self.euros(cents).strip(f"€{_FIXED}").replace("−€", "−")

    def month(self, number: int) -> str:
        """The name of a month, 1 to 12."""
        return _MONTHS[self.language].split()[number - 1]

    def count(self, number: int) -> str:
        """A whole number with its thousands set apart."""
        return f"{number:,}".replace(",", {"fr": _NARROW, "de": ".", "en": ","}[self.language])


def code_text(code: int) -> str:
    """A provider code as it is printed: NNNNNN-CC."""
    digits = f"{code:08}"
    return f"{digits[:6]}-{digits[6:]}"
