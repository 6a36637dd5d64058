"""A small month for the tests: a handful of invoices, of which some are refused for a known reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tests.together.harness import FundServer

SERVICE = date(2024, 3, 12)
SMALL, LARGE = 6, 60
ANALYSES = ("BC012", "BC013", "BC020", "BC025")


@dataclass(frozen=True)
class SmallMonth:
    """Rows for `caisse provider record`, and how many of their invoices the fund must refuse."""

    rows: list[tuple[object, ...]]
    invoices: int
    expired: int


def small_month(
    fund: FundServer, laboratory: str, number: int, invoices: int = SMALL, expired: int = 1
) -> SmallMonth:
    """``invoices`` invoices of four analyses each, the last ``expired`` of them on an expired prescription.

    Months of different ``number`` (from 0) are about different persons, so none repeats a paid service. One of
    `LARGE` invoices makes a file too long for a database row; it takes its persons from the other end.
    """
    people = [row["insured_person"] for row in fund.insured() if not row["insured_until"]]
    if invoices != SMALL:
        people.reverse()
    mine = people[number * invoices : (number + 1) * invoices]
    prescriber = fund.prescribers()[0]
    rows: list[tuple[object, ...]] = []
    for place, person in enumerate(mine):
        age = 100 if place >= invoices - expired else 5
        rows += invoice_rows(f"m{number}-{place}", person, prescriber, SERVICE, age, laboratory, ANALYSES)
    return SmallMonth(rows, invoices, expired)


def invoice_rows(
    reference: str, person: str, prescriber: str, day: date, age: int, laboratory: str, acts: Sequence[str]
) -> list[tuple[object, ...]]:  # fmt: skip
    """One invoice in the order of `demo.month.COLUMNS`; the prescription is ``age`` days old."""
    return [
        (reference, person, date(2024, 4, 30), f"P-{reference}", day - timedelta(days=age), prescriber, number + 1, act,
         day, day, "LAB", 1, "", laboratory, "")
        for number, act in enumerate(acts)
    ]  # fmt: skip
