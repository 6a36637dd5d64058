"""Answers and document dates that contradict the catalogue, or one another."""

from collections.abc import Iterator, Mapping
from datetime import date

from caisse.agreement.tables.professions.model import CaseKind, DocumentType, Fact, LicenceKind, SheetFault
from caisse.agreement.tables.professions.sheet_checking import fault
from caisse.agreement.validity import add_months


def fact_faults(kind: CaseKind, asked: Mapping[str, Fact], facts: Mapping[str, bool]) -> Iterator[SheetFault]:
    """Two answers that cannot both be yes, and a case in which nothing is asked for."""
    for fact in asked.values():
        for other in fact.excludes:
            if facts.get(fact.key) is True and facts.get(other) is True:
                yield fault(fact.key, "SHE-022", asked[other].question)
    if kind.one_of and not any(facts.get(key) is True for key in kind.one_of):
        yield fault(kind.one_of[0], "SHE-023")


def impossible_dates(issued_on: date | None, expires_on: date | None, on: date) -> Iterator[SheetFault]:
    """Days that no document of any kind can bear on the day ``on``: mistyped, whatever the paper says."""
    for name, day in (("issued_on", issued_on), ("expires_on", expires_on)):
        if day is not None and not 1900 <= day.year <= 2200:
            yield fault(name, "SHE-006")
            return
    if issued_on is not None and issued_on > on:
        yield fault("issued_on", "SHE-007")
    elif issued_on is not None and expires_on is not None and expires_on < issued_on:
        yield fault("expires_on", "SHE-009")


def date_faults(
    document: DocumentType,
    licence: LicenceKind | None,
    *,
    issued_on: date | None,
    expires_on: date | None,
    on: date,
) -> Iterator[SheetFault]:
    """What is wrong with the days a document bears; ``expires_on`` is the last day on which it holds."""
    if issued_on is None and document.issued == "required":
        yield fault("issued_on", "SHE-001")
    if expires_on is None and document.expires == "required":
        yield fault("expires_on", "SHE-001")
    if issued_on is not None:
        if issued_on > on:
            yield fault("issued_on", "SHE-007")
        elif document.max_age_months is not None and on >= add_months(issued_on, document.max_age_months):
            yield fault("issued_on", "SHE-025")
    if expires_on is not None:
        code = _expiry(licence, issued_on, expires_on, on)
        if code is not None:
            yield fault("expires_on", code)


def _expiry(licence: LicenceKind | None, issued_on: date | None, expires_on: date, on: date) -> str | None:
    if expires_on < on:
        return "SHE-024"
    if issued_on is None:
        return None
    if expires_on < issued_on:
        return "SHE-009"
    longest = licence.longest_months if licence else None
    if longest is not None and expires_on > add_months(issued_on, longest):
        return "SHE-026"
    return None
