"""Reasons for refusing a document that the desk offers, as dated data in three languages."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.validity import holds_on

_FILE = Path(__file__).with_name("refusal_reasons.toml")
_LANGUAGES = ("fr", "de", "en")


@dataclass(frozen=True, slots=True)
class RefusalReason:
    """The label an officer chooses by, the text the applicant reads; ``documents`` None: for all kinds."""

    key: str
    label: Mapping[str, str]
    text: Mapping[str, str]
    documents: tuple[str, ...] | None
    valid_from: date
    valid_until: date | None


@cache
def _all() -> tuple[RefusalReason, ...]:
    found = []
    for key, entry in tomllib.loads(_FILE.read_text(encoding="utf-8")).items():
        for part in ("label", "text"):
            if set(entry.get(part, {})) != set(_LANGUAGES):
                raise BrokenSystem(f"{_FILE.name}: {key} lacks its {part} in one of {', '.join(_LANGUAGES)}")
        documents = tuple(entry["documents"]) if "documents" in entry else None
        found.append(
            RefusalReason(
                key, entry["label"], entry["text"], documents, entry["valid_from"], entry.get("valid_until")
            )
        )
    return tuple(found)


def offered_reasons(document: str, on: date) -> tuple[RefusalReason, ...]:
    """The reasons offered for a kind of document on a day, in the order of the file."""
    return tuple(
        one
        for one in _all()
        if holds_on(on, one.valid_from, one.valid_until)
        and (one.documents is None or document in one.documents)
    )
