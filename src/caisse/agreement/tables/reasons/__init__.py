"""Reasons: every code a finding can carry, its texts in three languages and what to do about it.

Each ``*.toml`` file of this folder holds some of them::

    [ACT-001]
    level = "line"                 # file, invoice, line, field (of a sheet) or document
    kind = "nomenclature"          # the family of reasons it belongs to
    severity = "error"             # error or warning
    article = "A1010 art. 1"       # or the section of our own agreement
    follow_up = "correct"          # correct, final, appeal or wait
    text.fr = "..."                # what is wrong
    text.de = "..."
    text.en = "..."
    remedy.fr = "..."              # how to go on
    remedy.de = "..."
    remedy.en = "..."
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from caisse.agreement.errors import BrokenSystem, WrongUse
from caisse.agreement.tables import package_data

LANGUAGES = ("fr", "de", "en")
LEVELS = ("file", "invoice", "line", "field", "document")
SEVERITIES = ("error", "warning")

#: What the sender does next, in words.
FOLLOW_UPS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "correct": {
            "fr": "Corriger et renvoyer",
            "de": "Berichtigen und erneut senden",
            "en": "Correct and send again",
        },
        "final": {
            "fr": "Définitif",
            "de": "Endgültig",
            "en": "Final",
        },
        "appeal": {
            "fr": "Contester auprès de la caisse",
            "de": "Bei der Kasse beanstanden",
            "en": "Appeal to the fund",
        },
        "wait": {
            "fr": "Attendre, puis renvoyer sans changement",
            "de": "Abwarten, dann unverändert erneut senden",
            "en": "Wait, then send again unchanged",
        },
    }
)

_CODE = re.compile(r"[A-Z]{3}-[0-9]{3}")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason code. ``follow_up`` is a key of ``FOLLOW_UPS``."""

    code: str
    level: str
    kind: str
    severity: str
    article: str
    follow_up: str
    texts: Mapping[str, str]
    remedies: Mapping[str, str]

    def text(self, lang: str) -> str:
        """What is wrong, in ``fr``, ``de`` or ``en``."""
        return self.texts[lang]

    def remedy(self, lang: str) -> str:
        """How to go on, in ``fr``, ``de`` or ``en``."""
        return self.remedies[lang]

    def follow_up_text(self, lang: str) -> str:
        """The follow-up in words, in ``fr``, ``de`` or ``en``."""
        return FOLLOW_UPS[self.follow_up][lang]


def _one_of(code: str, entry: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = entry.get(name)
    if value not in allowed:
        raise BrokenSystem(f"Reason {code}: {name} is {value!r}, not one of {', '.join(allowed)}.")
    return str(value)


def _words(code: str, entry: Mapping[str, Any], name: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BrokenSystem(f"Reason {code}: {name} is missing.")
    return value


def _translations(code: str, entry: Mapping[str, Any], name: str) -> Mapping[str, str]:
    texts = entry.get(name)
    if not isinstance(texts, Mapping):
        raise BrokenSystem(f"Reason {code}: {name} is missing.")
    return MappingProxyType({lang: _words(code, texts, lang) for lang in LANGUAGES})


def parse_reason(code: str, entry: Mapping[str, Any]) -> Reason:
    """A reason from its TOML entry; raises BrokenSystem when something is missing or not allowed."""
    if not _CODE.fullmatch(code):
        raise BrokenSystem(f"Reason code {code!r} is not three capitals, a hyphen and three digits.")
    return Reason(
        code=code,
        level=_one_of(code, entry, "level", LEVELS),
        kind=_words(code, entry, "kind"),
        severity=_one_of(code, entry, "severity", SEVERITIES),
        article=_words(code, entry, "article"),
        follow_up=_one_of(code, entry, "follow_up", tuple(FOLLOW_UPS)),
        texts=_translations(code, entry, "text"),
        remedies=_translations(code, entry, "remedy"),
    )


def collect_reasons(files: Mapping[str, Mapping[str, Any]]) -> dict[str, Reason]:
    """The reasons of all files (name to content), by code; raises BrokenSystem when a code stands in two."""
    reasons: dict[str, Reason] = {}
    for name, content in files.items():
        for code, entry in content.items():
            if code in reasons:
                raise BrokenSystem(f"Reason {code} stands twice, the second time in {name}.")
            reasons[code] = parse_reason(code, entry)
    return dict(sorted(reasons.items()))


@cache
def all_reasons() -> Mapping[str, Reason]:
    """Every reason by its code, in order of code; read once a process."""
    folder = package_data.folder("reasons")
    sources = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda e: e.name
    )
    return MappingProxyType(collect_reasons({source.name: package_data.toml(source) for source in sources}))


def reason(code: str) -> Reason:
    """The reason of a code; raises WrongUse when there is none."""
    try:
        return all_reasons()[code]
    except KeyError:
        raise WrongUse(f"There is no reason code {code!r}.") from None
