"""What the catalogue of professions holds. Texts are mappings from ``fr``, ``de`` and ``en``.

``standing`` says how far a value can be relied on: ``sourced`` (read in the source), ``inferred`` (concluded
from it) or ``ours`` (a decision of the fund, easy to replace).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from caisse.agreement.tables.professions.conditions import Condition
from caisse.agreement.validity import holds_on

type Texts = Mapping[str, str]

STANDINGS = ("sourced", "inferred", "ours")
ROADS = ("convention", "agreement", "none")
CODE_KINDS = ("individual", "establishment", "none")
DUTIES = ("compulsory", "optional", "not_offered")
ASSOCIATES = ("", "speciality", "profession")
DATE_RULES = ("required", "optional", "none")
FOR_WHOM = ("applicant", "provider")
BOARD = ("", "agreement", "always")
ON_LAPSE = ("suspends", "ends", "noted")
UNITS = ("days", "months", "years", "members", "sessions_a_month", "week_of_month", "day_of_week")
FIELD_TYPES = (
    "text", "long_text", "email", "phone", "date", "iban", "bic", "national_number", "legal_number", "vat",
    "rcs", "postcode", "country", "choice", "code", "codes", "integer",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dated:
    """A word that holds in a half-open period; None is open on that side."""

    value: str
    valid_from: date | None
    valid_until: date | None
    source: str
    standing: str


@dataclass(frozen=True, slots=True)
class Profession:
    """A profession. ``road`` convention, agreement or none; ``code_kind`` individual, establishment or none.

    ``offered`` False: the fund gives it no code, and ``unoffered`` says why and what to do. ``licence`` is a
    key of the catalogue's licences, ``range`` one of its ranges. Documents go to ``contact``, questions to
    ``questions``. ``associates`` None, speciality or profession.
    """

    key: str
    label: Texts
    road: str
    code_kind: str
    licence: str
    range: str
    associates: str | None
    joint_invoicing: bool
    offered: bool
    unoffered: Texts
    conditions: Texts
    contact: str
    questions: str
    conventions: tuple[Dated, ...]
    duties: tuple[Dated, ...]
    specialities: bool
    day: date
    source: str
    standing: str

    @property
    def exchange(self) -> str:
        """Compulsory, optional or not_offered on the edition's first day."""
        return self.exchange_on(self.day)

    def exchange_on(self, day: date) -> str:
        """Whether electronic exchange is compulsory, optional or not_offered on a day."""
        return _on(self.duties, day) or "not_offered"

    def convention_on(self, day: date) -> str:
        """How the profession is bound on a day: compulsory, regulation, agreement, none."""
        return _on(self.conventions, day) or "none"

    @property
    def traits(self) -> frozenset[str]:
        """The @words conditions may name: its key, road, kind of code and licence, and what it may do."""
        can = {
            "specialities": self.specialities,
            "associates": self.associates is not None,
            "joint_invoicing": self.joint_invoicing,
            "exchange": self.exchange != "not_offered",
        }
        return frozenset(
            {self.key, self.road, self.code_kind, self.licence} | {word for word, able in can.items() if able}
        )


def _on(periods: tuple[Dated, ...], day: date) -> str | None:
    return next((one.value for one in periods if holds_on(day, one.valid_from, one.valid_until)), None)


@dataclass(frozen=True, slots=True)
class CaseKind:
    """A kind of case. ``professions``: who can open one. ``sheets`` by profession, code kind or any.

    ``board``: the Board decides, always or where the profession is on the agreement road. ``effect`` names
    what a grant does to the register (the table of effects is casework's). ``one_of``: facts of which at
    least one is yes.
    """

    key: str
    label: Texts
    help: Texts
    for_whom: str
    four_eyes: bool
    board: str
    professions: tuple[str, ...]
    cooling_off_days: int
    answer_days: int
    sheets: Mapping[str, str]
    effect: str
    one_of: tuple[str, ...]
    source: str
    standing: str


@dataclass(frozen=True, slots=True)
class DocumentType:
    """A kind of document. ``issued`` and ``expires``: required, optional or none.

    ``per`` names a part of the catalogue (``vehicle``, ``certifier``): one document for each. ``online``: the
    sheet filled in on line stands for the paper. ``licence``: it is what a licence of that kind is proved by.
    """

    key: str
    label: Texts
    help: Texts
    why: Texts
    issued: str
    expires: str
    max_age_months: int | None
    per: str | None
    online: bool
    licence: str | None
    source: str
    standing: str


@dataclass(frozen=True, slots=True)
class Part:
    """What documents are counted by. ``members`` are fixed; without them the applicant says how many."""

    key: str
    label: Texts
    question: Texts
    members: Mapping[str, Texts]
    most: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A yes/no question, asked of some professions in some kinds of cases; ``excludes`` others' yes."""

    key: str
    question: Texts
    help: Texts
    kinds: tuple[str, ...]
    professions: tuple[str, ...]
    excludes: tuple[str, ...]
    source: str
    standing: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A document is required for these kinds and professions (None: all) when the condition holds."""

    kinds: tuple[str, ...]
    professions: tuple[str, ...] | None
    document: str
    when: Condition
    why: Texts
    source: str
    standing: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """A document to attach. ``part`` tells several of one type apart: ``ccss``, ``1``; else empty.

    ``online``: the sheet filled in on line stands for it.
    """

    document: str
    part: str
    label: Texts
    why: Texts
    online: bool
    source: str
    standing: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a sheet. ``required`` True, False or a condition on other fields; ``asked_if`` likewise.

    ``not_past`` and ``not_future`` compare a date with the day of the check; ``not_before`` names fields
    whose dates it may not precede; ``country`` the field a post code belongs to; ``fewest`` how many codes at
    least. A choice of one is a box to tick.
    """

    name: str
    label: Texts
    help: Texts
    type: str
    required: bool | Condition
    asked_if: Condition
    section: str
    section_label: Texts
    choices: Mapping[str, Texts]
    longest: int
    not_past: bool
    not_future: bool
    not_before: tuple[str, ...]
    country: str
    fewest: int


@dataclass(frozen=True, slots=True)
class FieldUse:
    """A field's place in a sheet: when it is asked, and when it is required.

    ``required`` None: never.
    """

    field: str
    required: Condition | None
    when: Condition
    section: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """An information sheet: fields in order, each under a section."""

    key: str
    label: Texts
    uses: tuple[FieldUse, ...]
    source: str
    standing: str


@dataclass(frozen=True, slots=True)
class Speciality:
    """A recognised speciality of one profession."""

    key: str
    label: Texts
    profession: str
    source: str
    standing: str


@dataclass(frozen=True, slots=True)
class LicenceKind:
    """A supporting authorisation. ``on_lapse``: what its end does to the code (suspends, ends, noted).

    ``longest_months`` is the most one can hold for, ``longest_total_months`` the most with its renewals.
    """

    key: str
    label: Texts
    on_lapse: str
    longest_months: int | None
    longest_total_months: int | None
    age_limit: int | None
    source: str
    standing: str


@dataclass(frozen=True, slots=True)
class Range:
    """First and last of the six leading digits of codes, both included."""

    key: str
    label: Texts
    first: int
    last: int
    source: str
    standing: str


@dataclass(frozen=True, slots=True)
class Period:
    """A number with its unit; several values only for the warnings."""

    key: str
    label: Texts
    values: tuple[int, ...]
    unit: str
    source: str
    standing: str

    @property
    def value(self) -> int:
        """The value; of several, the first."""
        return self.values[0]


@dataclass(frozen=True, slots=True)
class SheetFault:
    """What is wrong with a field, fact or date; ``texts`` say what to do. ``code`` is a published reason."""

    field: str
    code: str
    texts: Texts
