"""A filled-in sheet, judged field by field and then date against date."""

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

from caisse.agreement.tables.professions.model import Field, SheetFault
from caisse.agreement.tables.professions.sheet_values import LONGEST_TAKEN, Refused, clean_text, clean_value
from caisse.agreement.tables.reasons import LANGUAGES, reason


def check_values(
    fields: Sequence[Field], values: Mapping[str, object], on: date
) -> tuple[dict[str, str], list[SheetFault]]:
    """Clean values and faults; see ``Catalogue.check_sheet``."""
    plain = {field.name: _plain(values.get(field.name)) for field in fields}
    clean: dict[str, str] = {}
    faults: list[SheetFault] = []
    for field in fields:
        if not field.asked_if.holds({}, frozenset(), plain):
            continue
        try:
            value = _one(field, values.get(field.name), plain, on)
        except Refused as refused:
            faults.append(fault(field.name, refused.code))
        else:
            if value:
                clean[field.name] = value
    faults += _order(fields, clean)
    for one in faults:
        clean.pop(one.field, None)
    order = {field.name: place for place, field in enumerate(fields)}
    return clean, sorted(faults, key=lambda one: order[one.field])


def _plain(value: object) -> str:
    """What conditions compare: never more than a word."""
    return value.strip() if isinstance(value, str) and len(value) <= 100 else ""


def _one(field: Field, given: object, plain: Mapping[str, str], on: date) -> str:
    if given is None:
        given = ""
    if not isinstance(given, str) or len(given) > LONGEST_TAKEN:
        raise Refused("SHE-002")
    text = clean_text(given, lines=field.type in {"long_text", "codes"})
    if text:
        return clean_value(field, text, plain, on)
    required = field.required
    if required if isinstance(required, bool) else required.holds({}, frozenset(), plain):
        raise Refused("SHE-001")
    return ""


def _order(fields: Sequence[Field], clean: Mapping[str, str]) -> list[SheetFault]:
    """Dates that precede a date they must not precede; both are clean, so their texts compare as days."""
    labels = {field.name: field.label for field in fields}
    return [
        fault(field.name, "SHE-009", labels[other])
        for field in fields
        for other in field.not_before
        if field.name in clean and other in clean and clean[field.name] < clean[other]
    ]


def fault(field: str, code: str, other: Mapping[str, str] | None = None) -> SheetFault:
    """A fault with what is wrong and what to do; ``other`` is the field or question it contradicts."""
    found = reason(code)
    texts = {}
    for lang in LANGUAGES:
        named = f" ({other[lang]})" if other else ""
        texts[lang] = f"{found.text(lang).removesuffix('.')}{named}. {found.remedy(lang)}"
    return SheetFault(field, code, MappingProxyType(texts))
