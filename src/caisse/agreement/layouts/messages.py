"""libxml2's complaints in words a vendor can use: what was found, what was expected."""

import re
from collections.abc import Callable
from typing import Final

Words = tuple[str, str | None]

#: Longest value repeated in a finding, in characters.
SHOWN: Final = 80

_TYPES: Final = {
    "T_Date": "a day written YYYY-MM-DD",
    "xs:date": "a day written YYYY-MM-DD",
    "xs:int": "a whole number",
    "xs:long": "a whole number",
    "xs:decimal": "a number with a decimal point",
    "T_CodePrestataire": "a provider code of 8 digits",
    "T_IdentifiantUnique": "a national number of 13 digits",
    "T_Montant": "an amount such as 8.83",
    "T_MontantPaye": "an amount such as 8.83",
    "T_Nombre": "a whole number from 1",
    "T_NombrePaye": "a whole number from 0",
}

_SUBJECT = re.compile(
    r"Element '(?P<element>[^']*)'(?:, attribute '(?P<attribute>[^']*)')?: (?P<rest>.*)", re.DOTALL
)
_FACET = re.compile(
    r"\[facet '(?P<facet>\w+)'\] The value(?: '(?P<value>.*?)')? (?P<words>(?:is|has) .*)", re.DOTALL
)
_ATOMIC = re.compile(
    r"'(?P<value>.*)' is not a valid value of the (?:local )?(?:atomic|union|list) type"
    r"(?: '(?P<type>[^']*)')?",
    re.DOTALL,
)
_EXPECTED = re.compile(r"Expected is (?:one of )?\( (?P<names>.*?) \)")
_LENGTH = re.compile(r"has a length of '(\d+)'")


def in_words(message: str, value: str | None = None) -> Words:
    """(found, expected) of one complaint about an element of that value, where it has one.

    Anything unknown is passed on as libxml2 said it.
    """
    message = message.strip()
    subject = _SUBJECT.fullmatch(message)
    if subject is None:
        return shorten(message), None
    rest = subject["rest"]
    if subject["attribute"] is not None:
        return (
            f"<{subject['element']} {shorten(subject['attribute'])}=…>",
            f"<{subject['element']}> without it",
        )
    for pattern, words in _FORMS:
        match = pattern.match(rest)
        if match is not None:
            found, expected = words(subject["element"], match)
            shown = f"<{subject['element']}> ("
            if value and found.startswith(shown):
                found = found.replace(shown, f"{element_with(subject['element'], value)} (", 1)
            return found, expected
    return shorten(f"<{subject['element']}>: {rest}"), None


def shorten(text: str) -> str:
    """The text cut to a length that can be shown, with an ellipsis."""
    return text if len(text) <= 2 * SHOWN else text[: 2 * SHOWN - 1] + "…"


def element_with(element: str, value: str) -> str:
    """An element with its value as it stands in the file, cut when long."""
    shown = value if len(value) <= SHOWN else value[: SHOWN - 1] + "…"
    return f"<{element}>{shown}</{element}>"


def _names(text: str) -> str | None:
    match = _EXPECTED.search(text)
    if match is None:
        return None
    return " or ".join(f"<{name.strip()}>" for name in match["names"].split(","))


def _unexpected(element: str, match: re.Match[str]) -> Words:
    return f"<{element}>", _names(match.string) or "no further element here"


def _missing(element: str, match: re.Match[str]) -> Words:
    return f"</{element}>", f"{_names(match.string) or 'a further element'} before </{element}>"


def _facet(element: str, match: re.Match[str]) -> Words:
    value, words = match["value"], match["words"]
    found = f"<{element}>" if value is None else element_with(element, value)
    length = _LENGTH.search(words)
    if length is not None:
        found = f"{found} ({length[1]} characters)"
    bound_form, template = _FACETS.get(match["facet"], (_IN_BRACKETS, "{}"))
    bound = bound_form.search(words)
    expected = words if bound is None else bound[1].replace("', '", " or ").strip("'")
    return found, template.format(expected)


def _atomic(element: str, match: re.Match[str]) -> Words:
    return element_with(element, match["value"]), _TYPES.get(match["type"] or "", match["type"])


def _text(element: str, _match: re.Match[str]) -> Words:
    return f"text directly inside <{element}>", "only elements there"


def _children(element: str, _match: re.Match[str]) -> Words:
    return f"elements inside <{element}>", "only a value there"


def _root(element: str, _match: re.Match[str]) -> Words:
    return f"<{element}>", "the root element of the layout"


_IN_BRACKETS: Final = re.compile(r"\('(.*)'\)\.?$", re.DOTALL)
_LAST_LENGTH: Final = re.compile(r"length of '(\d+)'\.?$")
_FACETS: Final = {
    "pattern": (re.compile(r"by the pattern '(.*)'\.?$", re.DOTALL), "a value of the form {}"),
    "enumeration": (re.compile(r"of the set \{(.*)\}\.?$", re.DOTALL), "{}"),
    "minLength": (_LAST_LENGTH, "at least {} character(s)"),
    "maxLength": (_LAST_LENGTH, "at most {} characters"),
    "minInclusive": (_IN_BRACKETS, "at least {}"),
    "maxInclusive": (_IN_BRACKETS, "at most {}"),
    "fractionDigits": (_IN_BRACKETS, "at most {} decimals"),
    "totalDigits": (_IN_BRACKETS, "at most {} digits"),
}

_FORMS: Final[tuple[tuple[re.Pattern[str], Callable[[str, re.Match[str]], Words]], ...]] = (
    (_FACET, _facet),
    (_ATOMIC, _atomic),
    (re.compile(r"This element is not expected"), _unexpected),
    (re.compile(r"Missing child element"), _missing),
    (re.compile(r"Character content other than whitespace is not allowed"), _text),
    (re.compile(r"Element content is not allowed"), _children),
    (re.compile(r"No matching global declaration"), _root),
)
