"""The types a sheet's field can have: each takes a text and gives it back as it is kept, or refuses it."""

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date

from stdnum import bic, iban
from stdnum.eu import vat
from stdnum.exceptions import ValidationError
from stdnum.lu import tva

from caisse.agreement.errors import InvalidIdentifier
from caisse.agreement.identifiers import legal_person_number, national_number, provider_code
from caisse.agreement.tables.countries import countries
from caisse.agreement.tables.professions.model import Field

#: Nothing longer is looked at at all, whatever the field allows (characters).
LONGEST_TAKEN = 20_000

#: Controls, formats (bidirectional overrides, zero width), surrogates, private use, unassigned.
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_PHONE = re.compile(r"\+?[0-9]{6,15}")
_DAY = re.compile(r"(?:(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[./](\d{1,2})[./](\d{4}))", re.ASCII)
#: Letter and digits: the form in which the register's numbers are seen; no source states it (ours).
_RCS = re.compile(r"[A-Z] ?[0-9]{1,7}")
_LUXEMBOURG_POST_CODE = re.compile(r"(?:L ?-? ?)?([1-9][0-9]{3})", re.IGNORECASE)
_POST_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{1,9}")
_INTEGER = re.compile(r"[0-9]{1,9}")


class Refused(Exception):
    """A value is refused, for the published reason ``code``."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(code)


def clean_text(given: str, *, lines: bool) -> str:
    """NFC, single spaces, nothing around; refuses characters that cannot be seen. Lines keep their breaks."""
    text = unicodedata.normalize("NFC", given.replace("\r\n", "\n").replace("\r", "\n"))
    rows = text.split("\n") if lines else [text.strip("\n")]
    rows = [" ".join(row.replace("\t", " ").split(" ")) for row in rows]
    if any(unicodedata.category(character) in _INVISIBLE for row in rows for character in row):
        raise Refused("SHE-003")
    rows = [" ".join(row.split()) for row in rows]
    return "\n".join(rows).strip()


def clean_value(field: Field, text: str, values: Mapping[str, str], on: date) -> str:
    """The value of a field that is not empty, as it is kept; raises Refused."""
    if len(text) > field.longest:
        raise Refused("SHE-002")
    if field.type == "date":
        return _date(field, text, on)
    if field.type == "choice":
        if text not in field.choices:
            raise Refused("SHE-017")
        return text
    if field.type == "codes":
        return _codes(field, text)
    if field.type == "postcode":
        return _post_code(text, values.get(field.country, ""))
    check = _CHECKS.get(field.type)
    return check(text) if check else text


def _date(field: Field, text: str, on: date) -> str:
    found = _DAY.fullmatch(text.replace(" ", ""))
    if found is None:
        raise Refused("SHE-006")
    year, month, day, day2, month2, year2 = (int(part or 0) for part in found.groups())
    try:
        given = date(year or year2, month or month2, day or day2)
    except ValueError:
        raise Refused("SHE-006") from None
    if not 1900 <= given.year <= 2200:
        raise Refused("SHE-006")
    if field.not_future and given > on:
        raise Refused("SHE-007")
    if field.not_past and given < on:
        raise Refused("SHE-008")
    return given.isoformat()


def _codes(field: Field, text: str) -> str:
    """Codes one after the other, divided by spaces, commas, semicolons or lines."""
    given = [part for part in re.split(r"[\s,;]+", text) if part]
    clean = [_identifier("SHE-018", provider_code.validate, code) for code in given]
    if len(set(clean)) < max(field.fewest, len(clean)):
        raise Refused("SHE-021")
    return " ".join(clean)


def _post_code(text: str, country: str) -> str:
    if country.upper() in {"", "LU"}:
        found = _LUXEMBOURG_POST_CODE.fullmatch(text)
        if found is None:
            raise Refused("SHE-015")
        return found[1]
    if not _POST_CODE.fullmatch(text):
        raise Refused("SHE-015")
    return text.upper()


def _identifier(code: str, validate: Callable[[str], str], text: str) -> str:
    try:
        return validate(text)
    except (InvalidIdentifier, ValidationError):
        raise Refused(code) from None


def _by(code: str, validate: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: _identifier(code, validate, text)


def _matching(code: str, shape: re.Pattern[str], clean: Callable[[str], str]) -> Callable[[str], str]:
    def check(text: str) -> str:
        bare = clean(text)
        if not shape.fullmatch(bare):
            raise Refused(code)
        return bare

    return check


def _country(text: str) -> str:
    if text.upper() not in countries():
        raise Refused("SHE-016")
    return text.upper()


def _vat(text: str) -> str:
    """With the two letters of its country; without any it is Luxembourg's."""
    bare = text.upper().replace(" ", "")
    return vat.validate(bare) if bare[:2].isalpha() else f"LU{tva.validate(bare)}"


def _email(text: str) -> str:
    local, _, domain = text.rpartition("@")
    if len(text) > 254 or len(local) > 64 or not _EMAIL.fullmatch(text):
        raise Refused("SHE-004")
    return f"{local}@{domain.lower()}"


def _digits_only(text: str) -> str:
    bare = text.replace("(0)", "").translate(str.maketrans("", "", " -./()"))
    return f"+{bare[2:]}" if bare.startswith("00") else bare


_CHECKS: Mapping[str, Callable[[str], str]] = {
    "email": _email,
    "phone": _matching("SHE-005", _PHONE, _digits_only),
    "iban": _by("SHE-010", iban.validate),
    "bic": _by("SHE-020", bic.validate),
    "national_number": _by("SHE-011", national_number.validate),
    "legal_number": _by("SHE-012", legal_person_number.validate),
    "vat": _by("SHE-013", _vat),
    "rcs": _matching("SHE-014", _RCS, lambda text: text.upper().replace(" ", "")),
    "country": _country,
    "code": _by("SHE-018", provider_code.validate),
    "integer": _matching("SHE-019", _INTEGER, lambda text: text),
}
