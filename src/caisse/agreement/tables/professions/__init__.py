"""The catalogue of professions: what is asked of whom, in dated editions of data.

An edition is a folder named by its first day and is never edited; the newest that has begun holds.
``Catalogue`` answers what a case of some kind and profession requires; ``docs/professions.md`` is printed
from it.
"""

from caisse.agreement.tables.professions.catalogue import (
    Catalogue,
    catalogue_of,
    catalogue_on,
    read_catalogue,
)
from caisse.agreement.tables.professions.conditions import Condition
from caisse.agreement.tables.professions.model import (
    CaseKind,
    DocumentType,
    Fact,
    Field,
    LicenceKind,
    Part,
    Period,
    Profession,
    Range,
    Requirement,
    Sheet,
    SheetFault,
    Speciality,
    Texts,
)

__all__ = [
    "CaseKind",
    "Catalogue",
    "Condition",
    "DocumentType",
    "Fact",
    "Field",
    "LicenceKind",
    "Part",
    "Period",
    "Profession",
    "Range",
    "Requirement",
    "Sheet",
    "SheetFault",
    "Speciality",
    "Texts",
    "catalogue_of",
    "catalogue_on",
    "read_catalogue",
]
