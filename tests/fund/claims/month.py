"""Synthetic months of a laboratory: persons, prescribers, request files of any size, right to the cent."""

from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl

from caisse.agreement.identifiers import provider_code
from caisse.agreement.layouts import catalogue, writing
from caisse.agreement.money import tariff_cents
from caisse.agreement.tables import load_tables

LAB = 52001700
OTHER_LAB = int(provider_code.make(520018))
FIRST_DAY, SENT_ON = date(2024, 3, 1), date(2024, 4, 2)


def national_numbers(count: int) -> np.ndarray:
    """``count`` different valid national numbers, ascending (13 digits; both check digits over eleven)."""
    n = np.arange(count, dtype=np.int64)
    year, rest = 1930 + n % 80, n // 80
    month, rest = 1 + rest % 12, rest // 12
    day, rest = 1 + rest % 28, rest // 28
    eleven = ((year * 100 + month) * 100 + day) * 1000 + rest
    if int(rest.max(initial=0)) > 999:
        raise ValueError("not that many synthetic persons")
    return np.sort(eleven * 100 + luhn(eleven) * 10 + verhoeff(eleven))


def luhn(eleven: np.ndarray) -> np.ndarray:
    """Luhn's digit, written here a second time on purpose: tests should not borrow it from what they test."""
    total = np.zeros_like(eleven)
    for position in range(11):
        digit = eleven // 10**position % 10
        if position % 2 == 0:
            digit = digit * 2
            digit -= 9 * (digit > 9)
        total += digit
    return (10 - total % 10) % 10


def verhoeff(eleven: np.ndarray) -> np.ndarray:
    """Verhoeff's digit from its definition: the dihedral group of the pentagon."""
    flip = np.array([1, 5, 7, 6, 2, 8, 3, 0, 9, 4])

    def compose(a, b):
        turned = np.where(a < 5, (a + b % 5) % 5, (a - b % 5) % 5)
        reflected = (a < 5) ^ (b < 5)
        return turned + 5 * reflected

    check = np.zeros_like(eleven)
    for position in range(1, 12):
        digit = eleven // 10 ** (position - 1) % 10
        for _ in range(position % 8):
            digit = flip[digit]
        check = compose(check, digit)
    return np.where(check < 5, (5 - check) % 5, check)


def persons(count: int) -> pl.DataFrame:
    """Persons insured with the CNS since 2000, as `load_persons` takes them."""
    return pl.DataFrame({"insured_person": national_numbers(count)}).with_columns(
        name=pl.lit(""),
        fund=pl.lit("CNS"),
        insured_from=pl.lit(date(2000, 1, 1)),
        insured_until=pl.lit(None, pl.Date),
    )


def prescribers(count: int) -> pl.DataFrame:
    """Doctors with codes since 2000, as `load_providers` takes them."""
    codes = [int(provider_code.make(900_000 + n)) for n in range(count)]
    return pl.DataFrame({"provider": codes}, schema={"provider": pl.Int32()}).with_columns(
        name=pl.lit("Doctor"),
        profession=pl.lit("doctors"),
        valid_from=pl.lit(date(2000, 1, 1)),
        valid_until=pl.lit(None, pl.Date),
    )


@dataclass
class Month:
    """A request file as tables. Change the tables, then `bytes_of`; the totals are made to tie there."""

    invoices: pl.DataFrame
    lines: pl.DataFrame
    provider: int = LAB
    reference: str = "2024-03-A"
    number: int = 3
    layout: int = 2

    @property
    def name(self) -> str:
        return f"F{self.provider}2024{self.number:02d}_LAB_FAC_{self.layout:03d}_{self.reference}.xml"

    @property
    def asked_cents(self) -> int:
        return int(self.lines["gross_cents"].sum())

    def bytes_of(self) -> bytes:
        """The file, with control totals that tie."""
        sums = self.lines.group_by("invoice").agg(
            pl.col("gross_cents", "net_cents").sum(), pl.len().cast(pl.Int32).alias("count")
        )
        invoices = self.invoices.join(sums, on="invoice", maintain_order="left")
        header = {
            "billing_provider": self.provider,
            "organisation": 99,
            "sent_on": SENT_ON,
            "file_reference": self.reference,
            "year": 2024,
            "number": self.number,
            "count": invoices.height,
            "gross_cents": int(invoices["gross_cents"].sum()),
            "net_cents": int(invoices["net_cents"].sum()),
        }
        layout = catalogue.find("LAB", "FAC", self.layout)
        return writing.write(layout, header, {"invoices": invoices, "lines": self.lines})


def month(invoices: int, lines_each: int = 5, *, of_persons: np.ndarray, seed: int = 1, **changes) -> Month:
    """A month in which every line can be paid: acts without rules of cumulation, one person an invoice."""
    rng = np.random.default_rng(seed)
    acts = payable_acts()
    who = rng.choice(of_persons, invoices, replace=invoices > len(of_persons))
    day = rng.integers(0, 28, invoices)
    first = np.datetime64(FIRST_DAY) + day.astype("timedelta64[D]")
    one = np.timedelta64(1, "D")
    head = pl.DataFrame(
        {
            "invoice": np.arange(invoices, dtype=np.uint32),
            "insured_person": who,
            "prescriber": provider_codes(rng.integers(0, 50, invoices)),
            "issued_on": first + one,
            "prescribed_on": first - 3 * one,
        }
    ).with_columns(
        invoice_reference=pl.format("2024-{}", pl.col("invoice") + 100_000),
        prescription_reference=pl.format("ORD-{}", pl.col("invoice") + 500_000),
        prescriber=pl.col("prescriber").cast(pl.Int32),
        issued_on=pl.col("issued_on").cast(pl.Date),
        prescribed_on=pl.col("prescribed_on").cast(pl.Date),
    )
    starts = rng.integers(0, acts.height, invoices)
    picks = (starts[:, None] + np.arange(lines_each) * 7) % acts.height
    chosen = acts[picks.ravel().astype(np.uint32)]
    body = pl.DataFrame(
        {
            "line": np.arange(invoices * lines_each, dtype=np.uint32),
            "invoice": np.repeat(head["invoice"].to_numpy(), lines_each),
            "date_of_service": np.repeat(first, lines_each),
        }
    ).with_columns(
        pl.col("date_of_service").cast(pl.Date),
        line_reference=pl.format("{}", pl.int_range(pl.len()) % lines_each + 1),
        act=chosen["act"],
        quantity=pl.lit(1, pl.Int32),
        gross_cents=chosen["tariff"],
        net_cents=chosen["tariff"],
        executing_provider=pl.lit(changes.get("provider", LAB), pl.Int32),
        sampling_place=pl.lit("01"),
    )
    body = body.with_columns(sampled_on=pl.col("date_of_service"))
    return Month(head, body, **changes)


def provider_codes(numbers: np.ndarray) -> np.ndarray:
    """Codes of the first prescribers of `prescribers`."""
    six = 900_000 + numbers
    return six * 100 + six % 97


def payable_acts() -> pl.DataFrame:
    """Acts of biochemistry without a printed rule, with their tariff in March 2024 (key letter 0.32706)."""
    tables = load_tables()
    free = tables.acts.filter(
        pl.col("carried_forward") & ~pl.col("doctors_only") & pl.col("act").str.starts_with("BG")
    )
    tariffs = [tariff_cents(row, 32706) for row in free["coefficient_hundredths"]]
    return free.select("act").with_columns(tariff=pl.Series(tariffs, dtype=pl.Int64))


def received_at() -> datetime:
    """A moment of the sending day, with its time zone."""
    return datetime.fromisoformat("2026-11-02T09:30:00+01:00")
