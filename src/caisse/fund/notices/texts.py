"""The sentences of our mails in French, German and English, from a TOML file beside the code."""

import tomllib
from functools import cache
from pathlib import Path

LANGUAGES = ("fr", "de", "en")


@cache
def read_texts(path: Path) -> dict[str, dict[str, str]]:
    """Every text of a file: name -> language -> text with {holes}; raises KeyError when a language lacks."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: {language: texts[language] for language in LANGUAGES} for name, texts in table.items()}


def text(path: Path, name: str, language: str, **holes: object) -> str:
    """One text in one language with its holes filled; what fills them is never looked at again."""
    return read_texts(path)[name][language].strip().format(**holes)
