"""The published tables of one profession, as frames ready to be joined to lines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import pairwise
from typing import Any

import polars as pl

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.tables import package_data
from caisse.agreement.tables.cumulation import Cumulation, cumulation_of
from caisse.agreement.tables.editions import Edition, read_editions

ACTS_SCHEMA = pl.Schema(
    {
        "act": pl.String(),
        "edition": pl.String(),
        "valid_from": pl.Date(),
        "valid_until": pl.Date(),
        "coefficient_hundredths": pl.Int64(),
        "label_fr": pl.String(),
        "section": pl.String(),
        "chapter": pl.String(),
        "doctors_only": pl.Boolean(),
        "carried_forward": pl.Boolean(),
    }
)
EDITIONS_SCHEMA = pl.Schema(
    {
        "edition": pl.String(),
        "valid_from": pl.Date(),
        "valid_until": pl.Date(),
        "carried_forward": pl.Boolean(),
        "source": pl.String(),
    }
)
KEY_LETTERS_SCHEMA = pl.Schema(
    {
        "valid_from": pl.Date(),
        "valid_until": pl.Date(),
        "value_100000ths": pl.Int64(),
        "source": pl.String(),
    }
)
SURCHARGES_SCHEMA = pl.Schema(
    {"suffix": pl.String(), "percent": pl.Int64(), "condition": pl.String(), "source": pl.String()}
)
COLLECTIVE_CODES_SCHEMA = pl.Schema(
    {
        "act": pl.String(),
        "letters": pl.String(),
        "prior": pl.Boolean(),
        "decided_by": pl.String(),
        "legal_basis": pl.String(),
        "tariff": pl.String(),
        "text_fr": pl.String(),
        "text_de": pl.String(),
        "text_en": pl.String(),
    }
)


@dataclass(frozen=True, slots=True)
class Note:
    """Something every page and answer that uses an edition on these days has to say."""

    edition: str
    valid_from: date
    valid_until: date | None
    texts: Mapping[str, str]

    def text(self, lang: str) -> str:
        """The note in ``fr``, ``de`` or ``en``."""
        return self.texts[lang]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """The published tables of one profession. Frames are shared: never change them in place.

    ``editions``: edition, valid_from, valid_until, carried_forward, source; sorted, without overlap.
    ``acts``: one row an act and period, sorted by act and valid_from, ready for an as-of join.
    ``key_letters``: value_100000ths per period, sorted; days without a row have no published value.
    ``surcharges``: suffix letters that raise a tariff. ``collective_codes``: acts outside the nomenclature,
    with who authorises them. ``deadlines``: months by name. ``cumulation``: see ``Cumulation``, whose
    frames are also reached directly.
    """

    profession: str
    editions: pl.DataFrame
    acts: pl.DataFrame
    key_letters: pl.DataFrame
    surcharges: pl.DataFrame
    collective_codes: pl.DataFrame
    deadlines: Mapping[str, int]
    notes: tuple[Note, ...]
    cumulation: Cumulation

    @property
    def incompatible(self) -> pl.DataFrame:
        """Acts that exclude one another, both directions: edition, act, other, stated."""
        return self.cumulation.incompatible

    @property
    def act_maxima(self) -> pl.DataFrame:
        """How often one act counts: edition, act, maximum, counted."""
        return self.cumulation.act_maxima

    @property
    def group_maxima(self) -> pl.DataFrame:
        """How often acts count together: edition, group, maximum, counts, per, text."""
        return self.cumulation.group_maxima

    @property
    def section_maxima(self) -> pl.DataFrame:
        """The same for a chapter: edition, group, section, maximum, pregnancy_maximum, per, text."""
        return self.cumulation.section_maxima

    @property
    def group_members(self) -> pl.DataFrame:
        """The acts of groups and sections: edition, group, act, stated."""
        return self.cumulation.group_members

    @property
    def text_rules(self) -> pl.DataFrame:
        """Clauses kept as text: edition, act, text, why, others, above."""
        return self.cumulation.text_rules


@dataclass(frozen=True, slots=True)
class _Period:
    edition: Edition
    valid_from: date
    valid_until: date | None
    carried_forward: bool


def periods_of(editions: Iterable[Edition], carried: Sequence[Note]) -> list[_Period]:
    """When each edition is used; raises BrokenSystem when two overlap or one carried forward is not held."""
    by_name = {edition.name: edition for edition in editions}
    unknown = {note.edition for note in carried} - set(by_name)
    if unknown:
        raise BrokenSystem(f"Carried forward but not held: {', '.join(sorted(unknown))}.")
    periods = [
        _Period(edition, edition.valid_from, edition.valid_until, False) for edition in by_name.values()
    ]
    periods += [_Period(by_name[note.edition], note.valid_from, note.valid_until, True) for note in carried]
    periods.sort(key=lambda period: period.valid_from)
    for earlier, later in pairwise(periods):
        if earlier.valid_until is None or earlier.valid_until > later.valid_from:
            raise BrokenSystem(f"Editions {earlier.edition.name} and {later.edition.name} overlap.")
    return periods


def _acts(periods: Iterable[_Period]) -> pl.DataFrame:
    rows = [
        (
            act.code,
            period.edition.name,
            period.valid_from,
            period.valid_until,
            act.coefficient_hundredths,
            act.label_fr,
            act.section,
            act.chapter,
            act.doctors_only,
            period.carried_forward,
        )
        for period in periods
        for act in period.edition.acts
    ]
    return pl.DataFrame(rows, schema=ACTS_SCHEMA, orient="row").sort("act", "valid_from")


def _editions(periods: Iterable[_Period]) -> pl.DataFrame:
    rows = [
        (p.edition.name, p.valid_from, p.valid_until, p.carried_forward, p.edition.source) for p in periods
    ]
    return pl.DataFrame(rows, schema=EDITIONS_SCHEMA, orient="row").sort("valid_from")


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _key_letters(profession: str) -> pl.DataFrame:
    rows = [
        (
            _day(row["valid_from"]),
            _day(row["valid_until"]),
            hundred_thousandths(row["value_eur"]),
            row["source"],
        )
        for row in package_data.rows(package_data.folder("nomenclature", "key_letters.csv"))
        if row["profession"] == profession
    ]
    return pl.DataFrame(rows, schema=KEY_LETTERS_SCHEMA, orient="row").sort("valid_from")


def hundred_thousandths(value: str) -> int:
    """A key letter in hundred-thousandths of a euro, exactly: 0.32706 is 32706."""
    scaled = Decimal(value).scaleb(5)
    if scaled != scaled.to_integral_value():
        raise BrokenSystem(f"Key letter {value!r} has more than five decimals.")
    return int(scaled)


def _surcharges(profession: str) -> pl.DataFrame:
    rows = [
        (row["suffix"], int(row["percent"]), row["condition"], row["source"])
        for row in package_data.rows(package_data.folder("nomenclature", "surcharges.csv"))
        if row["profession"] == profession
    ]
    return pl.DataFrame(rows, schema=SURCHARGES_SCHEMA, orient="row")


def _collective_codes(profession: str) -> pl.DataFrame:
    # The convention that creates them is the laboratories' own.
    codes = (
        package_data.toml(package_data.folder("collective_codes.toml"))
        if profession == "laboratories"
        else {}
    )
    rows = [_collective_code(code, entry) for code, entry in codes.items()]
    return pl.DataFrame(rows, schema=COLLECTIVE_CODES_SCHEMA, orient="row").sort("act")


def _collective_code(code: str, entry: dict[str, Any]) -> tuple[Any, ...]:
    plain = (entry[name] for name in ("letters", "prior", "decided_by", "legal_basis", "tariff"))
    return (code, *plain, *(entry["text"][lang] for lang in ("fr", "de", "en")))


def _deadlines(profession: str) -> dict[str, int]:
    by_profession = package_data.toml(package_data.folder("deadlines.toml"))
    return {name: entry["months"] for name, entry in by_profession.get(profession, {}).items()}


def _carried_forward(profession: str) -> tuple[Note, ...]:
    declared = package_data.toml(package_data.folder("ours", "carried_forward.toml")).get(
        "carried_forward", []
    )
    return tuple(
        Note(entry["edition"], entry["valid_from"], entry["valid_until"], entry["note"])
        for entry in declared
        if entry["profession"] == profession
    )


def load_tables(profession: str = "laboratories") -> Tables:
    """The tables of laboratories, physiotherapists, dieticians or midwives, read once a process.

    Raises BrokenSystem when no nomenclature of the profession is held or the data contradict themselves.
    """
    return _load(profession)


@cache
def _load(profession: str) -> Tables:
    editions = read_editions(profession)
    notes = _carried_forward(profession)
    periods = periods_of(editions, notes)
    return Tables(
        profession=profession,
        editions=_editions(periods),
        acts=_acts(periods),
        key_letters=_key_letters(profession),
        surcharges=_surcharges(profession),
        collective_codes=_collective_codes(profession),
        deadlines=_deadlines(profession),
        notes=notes,
        cumulation=cumulation_of(editions),
    )
