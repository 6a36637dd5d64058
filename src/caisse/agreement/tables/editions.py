"""Dated editions of a nomenclature: one folder each, with its acts, its remarks and where they come from."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from importlib.resources.abc import Traversable

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.tables import package_data

#: Sections whose acts only doctors may bill, in their own practice (A1010 art. 2).
_DOCTORS_ONLY = "Les actes effectués personnellement par les médecins dans leur cabinet"
_EXACT_HUNDREDTHS = re.compile(r"[0-9]+\.[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Act:
    """One act as printed; the coefficient is in hundredths, a rule is empty where none is printed."""

    code: str
    section: str
    label_fr: str
    coefficient_hundredths: int
    cumulation_rule: str
    good_practice_rule: str
    remark: str

    @property
    def chapter(self) -> str | None:
        """The chapter of the act as printed, None in a nomenclature without chapters."""
        return next((part for part in self.section.split(" > ") if part.startswith("Chapitre")), None)

    @property
    def doctors_only(self) -> bool:
        """True for acts that a laboratory may not bill (A1010 art. 2)."""
        return _DOCTORS_ONLY in self.section


@dataclass(frozen=True, slots=True)
class SectionRemark:
    """A remark printed between the acts; it binds the whole section, or the acts it names."""

    section: str
    codes: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Edition:
    """A nomenclature as it held from ``valid_from`` to the day before ``valid_until`` (None = open)."""

    profession: str
    name: str
    valid_from: date
    valid_until: date | None
    source: str
    acts: tuple[Act, ...]
    remarks: tuple[SectionRemark, ...]


def hundredths(coefficient: str) -> int:
    """A printed coefficient in hundredths, exactly: 12.50 is 1250. Anything else is a broken table."""
    if not _EXACT_HUNDREDTHS.fullmatch(coefficient):
        raise BrokenSystem(f"Coefficient {coefficient!r} has not exactly two decimals.")
    return int(Decimal(coefficient).scaleb(2))


def _act(row: dict[str, str]) -> Act:
    return Act(
        code=row["code"],
        section=row["section"],
        label_fr=row["label_fr"],
        coefficient_hundredths=hundredths(row["coefficient"]),
        cumulation_rule=row["cumulation_rule"],
        good_practice_rule=row["good_practice_rule"],
        remark=row["remark"],
    )


def read_edition(source: Traversable) -> Edition:
    """The edition of one folder."""
    card = package_data.toml(source.joinpath("edition.toml"))
    return Edition(
        profession=card["profession"],
        name=card["edition"],
        valid_from=card["valid_from"],
        valid_until=card.get("valid_until"),
        source=card["source"],
        acts=tuple(_act(row) for row in package_data.rows(source.joinpath("acts.csv"))),
        remarks=tuple(
            SectionRemark(row["section"], tuple(row["codes"].split()), row["remark_fr"])
            for row in package_data.rows(source.joinpath("section_remarks.csv"))
        ),
    )


def read_editions(profession: str) -> tuple[Edition, ...]:
    """All editions held of one profession's nomenclature, oldest first."""
    folder = package_data.folder("nomenclature", profession)
    if not folder.is_dir():
        raise BrokenSystem(f"No nomenclature of {profession!r} is held.")
    found = [read_edition(entry) for entry in folder.iterdir() if entry.is_dir()]
    return tuple(sorted(found, key=lambda edition: edition.valid_from))


def professions() -> tuple[str, ...]:
    """The professions whose nomenclature is held, in alphabetical order."""
    entries = package_data.folder("nomenclature").iterdir()
    return tuple(sorted(entry.name for entry in entries if entry.is_dir()))
