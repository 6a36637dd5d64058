"""What findings say was found and expected, in the reader's language.

>>> translate("not after 2024-03-12", "fr")
'pas après le 2024-03-12'
>>> translate("BC999", "de")  # a value is a value in every language
'BC999'
>>> translate("<dateEnvoi> or <dateEntree> before </entete>", "fr")
'<dateEnvoi> ou <dateEntree> avant </entete>'
"""

import re
from functools import cache

from caisse.agreement.tables import package_data

_HOLE = "{}"

#: Values joined by words: "O or N", "<a> or <b> before </c>".
_JOINED = re.compile(r"\S+(?: or \S+)+|\S+(?: or \S+)* before </\S+>")


@cache
def _forms(lang: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each English form as a pattern, with the same form in ``lang``; in the order of the data."""
    listed = package_data.toml(package_data.folder("phrases.toml"))["phrases"]
    return tuple(
        (re.compile("(.+)".join(map(re.escape, phrase["en"].split(_HOLE))), re.DOTALL), phrase[lang])
        for phrase in listed
    )


@cache
def _words() -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = package_data.toml(package_data.folder("phrases.toml"))["words"]
    return words


def translate(text: str | None, lang: str) -> str | None:
    """``text`` as a finding carries it, in ``fr``, ``de`` or ``en``; as it is where no form fits."""
    if text is None or lang == "en":
        return text
    for pattern, form in _forms(lang):
        found = pattern.fullmatch(text)
        if found is not None:
            return form.format(*found.groups())
    if _JOINED.fullmatch(text):
        words = _words()
        return " ".join(words[part][lang] if part in words else part for part in text.split(" "))
    return text
