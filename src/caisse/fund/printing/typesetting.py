"""Typst, held on a short leash: it sees the templates' folder, the data as JSON text, and nothing else.

Data never becomes Typst source, so nothing in it can be a command. No system font, package or file outside
`templates/` is reachable. The same input gives the same bytes: PDF/A-2a and PDF/UA-1, fonts from the wheel.
"""

import json
import re
import threading
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from functools import cache, lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import typst

from caisse.agreement.errors import BrokenSystem

STANDARDS: list[Any] = ["a-2a", "ua-1"]
TEMPLATES = files(__package__) / "templates"

#: Stands for a character that the fonts lack. What a reader sees tells that something was there.
MISSING = "\N{REPLACEMENT CHARACTER}"
#: Controls, formatting characters (among them those that turn the direction of writing) and lone surrogates.
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Cn", "Co"}
_SPACE = re.compile(r"[\t\r\n\v\f\x85\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}]+")
#: A word longer than this may be broken anywhere, so that it cannot run out of its column.
_LONGEST_WORD = 28
_LONG_WORD = re.compile(rf"\S{{{_LONGEST_WORD + 1},}}")
_BREAK = "\N{ZERO WIDTH SPACE}"
#: Latin, its accents, punctuation and the euro: what the fonts are known to have.
_KNOWN = re.compile(r"[\x20-\x7e\xa0-\xac\xae-\u017f‘’“”„–—…€−\N{NARROW NO-BREAK SPACE}]*")

_lock = threading.Lock()


def typeset(template: str, data: Mapping[str, Any], *, on: date) -> bytes:
    """The PDF of a template with its data; ``on`` is the date that the file carries inside.

    Raises BrokenSystem when the template itself fails: data cannot make it fail.
    """
    source = json.dumps(printable(data), ensure_ascii=False)
    created = datetime.combine(on, time(), UTC)
    try:
        with _lock:
            return _compiler().compile(
                _source(template), sys_inputs={"data": source}, format="pdf", pdf_standards=STANDARDS,
                timestamp=created,
            )  # fmt: skip
    except typst.TypstError as error:
        raise BrokenSystem(f"template {template}: {error}") from error


def printable(data: Any) -> Any:
    """The same data with every text as it can be printed; numbers, keys and shapes stay."""
    if isinstance(data, str):
        return printable_text(data)
    if isinstance(data, Mapping):
        return {key: printable(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [printable(value) for value in data]
    return data


def printable_text(text: str) -> str:
    """A text of one line without invisible characters; what the fonts lack is `MISSING`."""
    if not _KNOWN.fullmatch(text):
        text = _SPACE.sub(" ", unicodedata.normalize("NFC", text))
        text = "".join(_visible(character) for character in text)
    return _LONG_WORD.sub(_breakable, text) if len(text) > _LONGEST_WORD else text


def _visible(character: str) -> str:
    if _KNOWN.fullmatch(character):
        return character
    category = unicodedata.category(character)
    if category in {"Cc", "Cf"}:
        return ""
    return character if category not in _UNPRINTABLE and _in_fonts(character) else MISSING


def _breakable(word: re.Match[str]) -> str:
    step = _LONGEST_WORD // 2
    return _BREAK.join(word[0][at : at + step] for at in range(0, len(word[0]), step))


@lru_cache(maxsize=20_000)
def _in_fonts(character: str) -> bool:
    """Whether every weight of the letters' fonts has the character, by trying it."""
    try:
        with _lock:
            _compiler().compile(
                _source("probe.typ"), sys_inputs={"data": json.dumps(character)}, format="pdf",
                pdf_standards=STANDARDS,
            )  # fmt: skip
    except typst.TypstError:
        return False
    return True


@cache
def _source(template: str) -> bytes:
    return (TEMPLATES / template).read_bytes()


@cache
def _compiler() -> typst.Compiler:
    """One for all documents of the process: its fonts and parsed templates are made once."""
    with as_file(TEMPLATES) as folder:
        nowhere = Path(folder) / "no-packages"
        return typst.Compiler(
            root=folder, font_paths=typst.Fonts(include_system_fonts=False), ignore_system_fonts=True,
            package_path=nowhere, package_cache_path=nowhere,
        )  # fmt: skip
