"""One month of a laboratory's services, with deliberate mistakes of each kind. Synthetic persons only."""

import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from caisse.agreement.tables import load_tables

COLUMNS = (
    "invoice_reference", "insured_person", "issued_on", "prescription_reference", "prescribed_on", "prescriber",
    "line_reference", "act", "date_of_service", "sampled_on", "sampling_place", "quantity", "amount", "executing_provider",
    "authorisation_reference",
)  # fmt: skip
YEAR, MONTH = 2024, 3
BLOOD_SAMPLE = "BY001"
#: Chemistry, hormones, immunology, haematology: what most prescriptions ask for.
CHAPTERS = ("BC", "BD", "BE", "BG")


@dataclass
class Invoice:
    """One person's analyses on one prescription; amounts stay empty unless a mistake sets one."""

    reference: str
    insured_person: str
    prescriber: str
    prescribed_on: date
    sampled_on: date
    acts: list[str]
    amounts: dict[int, str] = field(default_factory=dict)
    authorisations: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class People:
    """What the demonstration fund wrote down for its practices: who is insured, whose cover ended, who prescribes.

    ``granted``: the laboratory's authorisations, one row an act: number, insured_person, act, amount.
    """

    insured: Sequence[str]
    no_longer_insured: Sequence[str]
    prescribers: Sequence[str]
    granted: Sequence[Mapping[str, str]]

    @classmethod
    def read(cls, folder: Path) -> "People":
        """Read `insured.csv` and `prescribers.csv` as `caisse fund load-demo` writes them."""
        with (folder / "insured.csv").open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        with (folder / "prescribers.csv").open(encoding="utf-8", newline="") as lines:
            prescribers = [row["provider"] for row in csv.DictReader(lines) if not row["valid_until"]]
        with (folder / "authorisations.csv").open(encoding="utf-8", newline="") as lines:
            granted = list(csv.DictReader(lines))
        return cls(
            insured=[row["insured_person"] for row in rows if not row["insured_until"]],
            no_longer_insured=[row["insured_person"] for row in rows if row["insured_until"]],
            prescribers=prescribers,
            granted=granted,
        )


def plain_acts() -> list[str]:
    """Analyses of the month that no cumulation rule mentions: what is found wrong later is what we put there."""
    tables = load_tables("laboratories")
    day = date(YEAR, MONTH, 1)
    ruled: set[str] = set()
    for frame in (tables.incompatible, tables.act_maxima, tables.group_members, tables.text_rules):
        ruled |= set(frame.get_column("act").to_list())
    in_force = tables.acts.filter(
        (pl.col("valid_from") <= day) & (pl.col("valid_until").is_null() | (pl.col("valid_until") > day))
    )
    plain = in_force.filter(
        pl.col("act").str.slice(0, 2).is_in(CHAPTERS)
        & ~pl.col("doctors_only")
        & ~pl.col("act").is_in(sorted(ruled))
    )
    return sorted(plain.get_column("act"))


def invoices(people: People, count: int, chance: random.Random) -> Iterator[Invoice]:
    """``count`` correct invoices, spread over the working days of the month."""
    analyses = plain_acts()
    days = [day for day in (date(YEAR, MONTH, number) for number in range(1, 29)) if day.weekday() < 6]
    authorised = {row["insured_person"] for row in people.granted}
    patients = chance.sample([person for person in people.insured if person not in authorised], count)
    for number, patient in enumerate(patients, start=1):
        sampled = chance.choice(days)
        yield Invoice(
            reference=f"{YEAR}{MONTH:02d}-{number:05d}",
            insured_person=patient,
            prescriber=chance.choice(people.prescribers),
            prescribed_on=sampled - timedelta(days=chance.randint(0, 25)),
            sampled_on=sampled,
            acts=[BLOOD_SAMPLE, *chance.sample(analyses, chance.choice((3, 4, 4, 5)))],
        )


def with_authorisations(month: list[Invoice], people: People, chance: random.Random) -> set[str]:
    """Bill what was granted: each person's analyses of a collective code, on one invoice; which invoices."""
    numbers = dict.fromkeys(row["number"] for row in people.granted)
    for number, invoice in zip(numbers, chance.sample(month, len(numbers)), strict=True):
        for row in people.granted:
            if row["number"] == number:
                invoice.insured_person = row["insured_person"]
                collective_code(invoice, row["act"], row["amount"], number)
        numbers[number] = invoice.reference
    return {reference for reference in numbers.values() if reference}


def collective_code(invoice: Invoice, act: str, amount: str, number: str) -> None:
    """Add a line of a collective code, under the authorisation's number if there is one."""
    invoice.amounts[len(invoice.acts)] = amount
    invoice.authorisations[len(invoice.acts)] = number
    invoice.acts.append(act)


def with_mistakes(month: list[Invoice], people: People, chance: random.Random) -> dict[str, int]:
    """Spoil some invoices of ``month`` in place, each with one kind of mistake; how many of each were made."""
    spoil = {
        "prescription expired": (40, lambda one: setattr(one, "prescribed_on", one.sampled_on - timedelta(days=100))),
        "prescribed after the service": (15, lambda one: setattr(one, "prescribed_on", one.sampled_on + timedelta(days=2))),
        "act unknown": (30, unknown_act),
        "amount too high": (50, lambda one: one.amounts.__setitem__(1, "99.90")),
        "acts not cumulable": (40, lambda one: one.acts.extend(["BC001", "BC003"])),
        "more than the maximum": (20, lambda one: one.acts.extend(["BC002"] * 5)),
        "line repeated": (30, lambda one: one.acts.append(one.acts[1])),
        "person no longer insured": (
            35, lambda one: setattr(one, "insured_person", chance.choice(people.no_longer_insured))
        ),
        "collective code not authorised": (1, lambda one: collective_code(one, "LDE0001", "42.50", "")),
        "wrong check digit": (25, lambda one: setattr(one, "insured_person", wrong_check_digit(one.insured_person))),
    }  # fmt: skip
    chosen = iter(chance.sample(month, sum(count for count, _ in spoil.values())))
    for count, change in spoil.values():
        for _ in range(count):
            change(next(chosen))
    return {kind: count for kind, (count, _) in spoil.items()}


def unknown_act(invoice: Invoice) -> None:
    """Put in an act no edition knows; its amount cannot be priced, so one is given."""
    invoice.acts[1] = "BC999"
    invoice.amounts[1] = "6.54"


def wrong_check_digit(number: str) -> str:
    """The same national number with its last digit mistyped."""
    return number[:-1] + str((int(number[-1]) + 1) % 10)


def write_month(path: Path, people: People, laboratory: str, count: int) -> dict[str, int]:
    """Write the month's records as the practice's software would export them; returns the mistakes made, by kind."""
    chance = random.Random(20240301)
    month = list(invoices(people, count, chance))
    authorised = with_authorisations(month, people, chance)
    mistakes = with_mistakes([one for one in month if one.reference not in authorised], people, chance)
    with path.open("w", encoding="utf-8", newline="") as target:
        rows = csv.writer(target)
        rows.writerow(COLUMNS)
        for invoice in month:
            rows.writerows(lines_of(invoice, laboratory))
    return mistakes


def lines_of(invoice: Invoice, laboratory: str) -> Iterator[tuple[object, ...]]:
    """The invoice's lines in the order of ``COLUMNS``."""
    issued_on = date(YEAR, MONTH, 31)
    for number, act in enumerate(invoice.acts):
        yield (
            invoice.reference, invoice.insured_person, issued_on, f"P-{invoice.reference}", invoice.prescribed_on,
            invoice.prescriber, number + 1, act, invoice.sampled_on, invoice.sampled_on, "LAB", 1,
            invoice.amounts.get(number, ""), laboratory, invoice.authorisations.get(number, ""),
        )  # fmt: skip
