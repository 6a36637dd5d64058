"""The answer to a mail: what was kept, what was not and how to send it, what is missing, how to go on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from caisse.fund.notices.texts import LANGUAGES, text

TEXTS = Path(__file__).with_name("answers.toml")
_MOST_LINES = 60
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{3,240}>")


@dataclass(frozen=True, slots=True)
class Refused:
    """An attachment that was not kept: why, and how to send it, in three languages."""

    name: str
    code: str
    why: Mapping[str, str]
    remedy: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """What an answer says; ``kind`` is a text of answers.toml, ``missing`` labels in three languages."""

    kind: str
    number: str = ""
    link: str = ""
    kept: Sequence[str] = ()
    refused: Sequence[Refused] = ()
    missing: Sequence[Mapping[str, str]] = field(default_factory=list)


def subject(told: Told, language: str | None) -> str:
    """One line without personal data, in one language or (None) in all three."""
    name = "subject_case" if told.number else "subject"
    holes = {"number": told.number, "fund": settings.FUND.name}
    return " / ".join(text(TEXTS, name, one, **holes) for one in _languages(language))[:250]


def body(told: Told, language: str | None) -> str:
    """The answer in one language, or (None) in all three, one after the other."""
    return "\n\n----------\n\n".join(_body(told, one) for one in _languages(language)) + "\n"


def thread(message_id: str) -> dict[str, str]:
    """The headers that make mail programs show the answer below the mail it answers (RFC 3834)."""
    headers = {"Auto-Submitted": "auto-replied"}
    if _MESSAGE_ID.fullmatch(message_id):
        headers |= {"In-Reply-To": message_id, "References": message_id}
    return headers


def _languages(language: str | None) -> tuple[str, ...]:
    return (language,) if language else LANGUAGES


def _body(told: Told, language: str) -> str:
    def words(name: str) -> str:
        return text(TEXTS, name, language)

    holes = {"number": told.number, "link": told.link, "portal": settings.FUND.pages.url}
    parts = [text(TEXTS, told.kind, language, **holes)]
    if told.kept:
        parts.append("\n".join([words("kept"), *(f"- {name}" for name in told.kept[:_MOST_LINES])]))
    if told.refused:
        lines = [
            f"- {one.name}\n  {one.why[language]}\n  {one.remedy[language]}"
            for one in told.refused[:_MOST_LINES]
        ]
        parts.append("\n".join([words("refused"), *lines]))
    if told.missing:
        lines = [f"- {label[language]}" for label in told.missing[:_MOST_LINES]]
        parts.append("\n".join([words("missing"), *lines]))
        parts.append(words("sorting"))
    return "\n\n".join([*parts, f"{words('automatic')}\n{settings.FUND.name}"])
