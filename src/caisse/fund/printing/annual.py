"""The annual statement of a member of an association: what it needs, and what it says."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from caisse.fund.printing.blocks import Block, heading, paragraphs, table, values
from caisse.fund.printing.composing import Composed
from caisse.fund.printing.letters import Letter
from caisse.fund.printing.wording import Wording, code_text

_SUMS = ("lines", "asked", "paid", "patient", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """What was charged in one month (1 to 12): lines, and cents that balance."""

    month: int
    lines: int
    asked_cents: int
    paid_cents: int
    patient_cents: int
    refused_cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days of membership inside the year; half-open."""

    valid_from: date
    valid_until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """The statement that a corrected one takes the place of."""

    reference: str
    on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnualStatement(Letter):
    """What was charged to an association while a member belonged to it, and of that what he performed."""

    kind = "annual_statement"
    year: int
    association: str
    code: int
    member: str
    member_codes: tuple[int, ...]
    periods: tuple[Period, ...]
    months: tuple[Amounts, ...]
    own: tuple[Amounts, ...]
    basis: Literal["service", "decision"]
    decided_on: date
    replaces: Replaced | None = None


def annual_statement(letter: AnnualStatement, say: Wording) -> Composed:
    periods = [
        say("annual_statement.period", first=one.valid_from, last=say.last_day(one.valid_until))
        for one in letter.periods
    ]
    subject = say("annual_statement.subject", year=letter.year)
    corrects = ""
    if letter.replaces:
        corrects = say(
            "annual_statement.corrects",
            reference=letter.head.reference,
            replaced=letter.replaces.reference,
            day=letter.replaces.on,
        )
    blocks = [
        *paragraphs(corrects, say("annual_statement.opening", year=letter.year)),
        values(
            [
                (say("annual_statement.association"), letter.association),
                (say("annual_statement.common_code"), code_text(letter.code)),
                (say("annual_statement.member"), letter.member),
                (say("annual_statement.member_code"), [code_text(code) for code in letter.member_codes]),
                (
                    say("annual_statement.periods", year=letter.year),
                    periods or say("annual_statement.no_period"),
                ),
            ]
        ),
        heading(say("annual_statement.of_association")),
        *_amounts(letter.months, "nothing", say),
        heading(say("annual_statement.of_member")),
        *_amounts(letter.own, "nothing_own", say),
        *paragraphs(
            say("annual_statement.sums"),
            say(f"annual_statement.basis_{letter.basis}", decided_on=letter.decided_on),
            say("annual_statement.errors"),
        ),
    ]
    return Composed(subject, blocks)


def _amounts(months: Iterable[Amounts], nothing: str, say: Wording) -> list[Block]:
    """One row a month and the total below."""
    rows = [(say.month(one.month), *_sums(one)) for one in months]
    if not rows:
        return paragraphs(say(f"annual_statement.{nothing}"))
    total = [sum(column) for column in zip(*(sums for _, *sums in rows), strict=True)]
    columns = [say("annual_statement.month"), *(say(f"annual_statement.{name}") for name in _SUMS)]
    cells = [_cells(name, sums, say) for name, *sums in [*rows, (say("annual_statement.total"), *total)]]
    return [table(columns, cells, widths=(9, 8, 10, 10, 10, 10), numbers_from=1, total=True)]


def _sums(one: Amounts) -> tuple[int, ...]:
    return (one.lines, one.asked_cents, one.paid_cents, one.patient_cents, one.refused_cents)


def _cells(name: str, sums: Iterable[int], say: Wording) -> list[str]:
    count, *cents = sums
    return [name, say.count(count), *(say.amount(one) for one in cents)]
