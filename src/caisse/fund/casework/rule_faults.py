"""What speaks against a change although its sheet is filled in well; the texts are in change_faults.toml."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from caisse.agreement.identifiers import provider_code
from caisse.fund.notices.texts import LANGUAGES, text

_TEXTS = Path(__file__).with_name("change_faults.toml")


@dataclass(frozen=True, slots=True)
class RuleFault:
    """A field of the sheet and, in three languages, why the register does not allow what it says."""

    field: str
    key: str
    texts: Mapping[str, str]


def rule_fault(
    field: str, key: str, *, code: int | str = "", day: date | None = None, words: object = ""
) -> RuleFault:
    """The fault ``key`` of change_faults.toml at a field."""
    holes = {
        "code": provider_code.format(str(code)) if code else "",
        "day": f"{day:%d.%m.%Y}" if day else "",
        "words": words,
    }
    return RuleFault(field, key, {lang: text(_TEXTS, key, lang, **holes) for lang in LANGUAGES})
