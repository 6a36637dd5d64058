"""Small files and registers as tables, written as rows of words; what is not said is right."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from caisse.agreement.money import tariff_cents
from caisse.agreement.rules import EARLIER_SCHEMA, Batch, Facts, fingerprint
from caisse.agreement.rules.fingerprints import prescription_marks, sampling_marks
from caisse.agreement.rules.grants import AUTHORISATIONS_SCHEMA
from caisse.agreement.tables import Tables, load_tables

LABORATORY = 52001700
OTHER_LABORATORY = 70000048
PRESCRIBER = 90000135
#: A laboratory whose code ended with the year 2023.
ENDED_PROVIDER = 30012305
#: Insured all the time, in 2023 only, from March 2024 on, under an old and a new number.
PERSON, LEFT, ARRIVED, RENUMBERED = 1980010100187, 2000123199983, 1975000004218, 2024030541761
OLD_NUMBER = 1980010100269
SENT_ON = date(2024, 4, 2)
SERVED_ON = date(2024, 3, 12)
PRESCRIBED_ON = date(2024, 3, 1)

INVOICES_SCHEMA = pl.Schema(
    {
        "invoice": pl.UInt32(),
        "xml_line": pl.Int32(),
        "invoice_reference": pl.String(),
        "insured_person": pl.Int64(),
        "issued_on": pl.Date(),
        "prescription_reference": pl.String(),
        "prescribed_on": pl.Date(),
        "prescriber": pl.Int32(),
        "prescription_valid_until": pl.Date(),
        "first_pregnancy_check": pl.Boolean(),
        "accident_number": pl.String(),
        "accident_on": pl.Date(),
        "count": pl.Int32(),
        "currency": pl.String(),
        "gross_cents": pl.Int64(),
        "net_cents": pl.Int64(),
    }
)
LINES_SCHEMA = pl.Schema(
    {
        "line": pl.UInt32(),
        "invoice": pl.UInt32(),
        "xml_line": pl.Int32(),
        "line_reference": pl.String(),
        "act": pl.String(),
        "complements": pl.String(),
        "date_of_service": pl.Date(),
        "service_until": pl.Date(),
        "sampled_on": pl.Date(),
        "sampling_place": pl.String(),
        "quantity": pl.Int32(),
        "currency": pl.String(),
        "gross_cents": pl.Int64(),
        "net_cents": pl.Int64(),
        "executing_provider": pl.Int32(),
        "transmitting_laboratory": pl.Int32(),
        "authorisation_reference": pl.String(),
    }
)
INSURED_SCHEMA = pl.Schema(
    {
        "insured_person": pl.Int64(),
        "person": pl.Int64(),
        "fund": pl.String(),
        "insured_from": pl.Date(),
        "insured_until": pl.Date(),
    }
)
PROVIDERS_SCHEMA = pl.Schema(
    {"provider": pl.Int32(), "profession": pl.String(), "valid_from": pl.Date(), "valid_until": pl.Date()}
)
EXECUTING_SCHEMA = pl.Schema(
    {
        "billing_provider": pl.Int32(),
        "executing_provider": pl.Int32(),
        "valid_from": pl.Date(),
        "valid_until": pl.Date(),
    }
)
#: What the tests' history holds of a line that was paid: everything a history can be asked for.
HISTORY_SCHEMA = EARLIER_SCHEMA
_PAID_KEY = ("person", "act", "date_of_service", "billing_provider")


def batch_of(invoices: Iterable[Mapping[str, Any]], **header: Any) -> Batch:
    """A file of ``invoices``, each a mapping with ``lines``; totals and counts tie unless they are given."""
    invoice_rows: list[dict[str, Any]] = []
    line_rows: list[dict[str, Any]] = []
    for number, given in enumerate(invoices):
        lines = [_line(number, at, len(line_rows) + at, line) for at, line in enumerate(given["lines"])]
        line_rows += lines
        invoice_rows.append(_invoice(number, given, lines))
    head = {
        "billing_provider": LABORATORY,
        "sent_on": SENT_ON,
        "count": len(invoice_rows),
        "currency": "EUR",
        "gross_cents": sum(row["gross_cents"] for row in invoice_rows),
        "net_cents": sum(row["net_cents"] for row in invoice_rows),
        **header,
    }
    return Batch(
        head,
        pl.DataFrame(invoice_rows, schema=INVOICES_SCHEMA, orient="row"),
        pl.DataFrame(line_rows, schema=LINES_SCHEMA, orient="row"),
    )


def _invoice(number: int, given: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "invoice": number,
        "xml_line": 10 * number + 5,
        "invoice_reference": f"INV-{number + 1}",
        "insured_person": PERSON,
        "issued_on": date(2024, 3, 28),
        "prescription_reference": f"P-{number + 1}",
        "prescribed_on": PRESCRIBED_ON,
        "prescriber": PRESCRIBER,
        "count": len(lines),
        "currency": "EUR",
        "gross_cents": sum(line["gross_cents"] for line in lines),
        "net_cents": sum(line["net_cents"] for line in lines),
    }
    row.update({name: value for name, value in given.items() if name != "lines"})
    return {name: row.get(name) for name in INVOICES_SCHEMA}


def _line(invoice: int, at: int, number: int, given: Mapping[str, Any]) -> dict[str, Any]:
    act, quantity = given.get("act", "BC001"), given.get("quantity", 1)
    served = given.get("date_of_service", SERVED_ON)
    gross = given.get("gross_cents", max(quantity, 0) * tariff_on(load_tables(), act, served))
    row: dict[str, Any] = {
        "line": number,
        "invoice": invoice,
        "xml_line": 1000 + number,
        "line_reference": str(at + 1),
        "act": act,
        "date_of_service": served,
        "sampled_on": served,
        "quantity": quantity,
        "currency": "EUR",
        "gross_cents": gross,
        "net_cents": gross,
        "executing_provider": LABORATORY,
    }
    row.update(given)
    return {name: row.get(name) for name in LINES_SCHEMA}


@lru_cache(maxsize=20_000)
def tariff_on(tables: Tables, act: str, day: date) -> int:
    """The tariff of an act on a day in cents; 1.00 EUR where there is none, so that an amount can be asked."""
    coefficient = _on(tables.acts.filter(pl.col("act") == act), day, "coefficient_hundredths")
    letter = _on(tables.key_letters, day, "value_100000ths")
    return 100 if coefficient is None or letter is None else tariff_cents(coefficient, letter)


def _on(frame: pl.DataFrame, day: date, column: str) -> int | None:
    held = frame.filter(
        (pl.col("valid_from") <= day) & (pl.col("valid_until").is_null() | (pl.col("valid_until") > day))
    )
    return None if held.is_empty() else int(held[column][0])


@dataclass(frozen=True)
class PaidBefore:
    """A history held in memory; ``rows`` are of ``HISTORY_SCHEMA``."""

    rows: pl.DataFrame
    fingerprints: np.ndarray = field(init=False)
    unit_marks: np.ndarray = field(init=False)
    marks: pl.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        fingerprints = fingerprint(*(self.rows[name] for name in _PAID_KEY))
        object.__setattr__(self, "fingerprints", np.sort(fingerprints))
        person = self.rows["person"].to_numpy()
        sampled, served, prescribed, prescriber = (
            self.rows[name].to_physical().fill_null(-1).to_numpy()
            for name in ("sampled_on", "date_of_service", "prescribed_on", "prescriber")
        )
        biller = self.rows["billing_provider"].cast(pl.Int64).to_numpy()
        marks = pl.DataFrame(
            {
                "sampling": sampling_marks(person, sampled, biller),
                "later": np.where(
                    served != sampled,
                    sampling_marks(person, sampled, biller, served_later=True),
                    np.uint64(0),
                ),
                "prescription": prescription_marks(person, prescribed, prescriber.astype(np.int64)),
            }
        )
        object.__setattr__(self, "marks", marks)
        object.__setattr__(self, "unit_marks", np.sort(np.concatenate(marks.get_columns())))

    def confirm(self, candidates: pl.DataFrame) -> pl.DataFrame:
        """The candidates that are among the rows on their full keys."""
        rows = self.rows.unique(_PAID_KEY, keep="first", maintain_order=True)
        return candidates.join(rows, on=_PAID_KEY, how="inner").select("line", "paid_on", "deposit")

    def paid_in(self, marks: np.ndarray) -> pl.DataFrame:
        """The rows of these samplings and prescriptions."""
        wanted = pl.Series(marks).implode()
        return self.rows.filter(self.marks.select(pl.any_horizontal(pl.all().is_in(wanted))).to_series())


def history_of(rows: Iterable[Mapping[str, Any]] = ()) -> PaidBefore:
    """A history of rows; what one does not say is that of a right line, paid once."""
    whole = [
        {
            "billing_provider": LABORATORY, "quantity": 1, "date_of_service": SERVED_ON,
            "sampled_on": row.get("date_of_service", SERVED_ON), "paid_on": PRESCRIBED_ON,
            "deposit": "D-EARLIER", "invoice_reference": "E-1", "line_reference": str(at), **row,
        }
        for at, row in enumerate(rows, start=1)
    ]  # fmt: skip
    return PaidBefore(pl.DataFrame(whole, schema=HISTORY_SCHEMA, orient="row"))


def history_after(earlier: Batch) -> PaidBefore:
    """The history once every line of ``earlier`` was paid, told as of deposit D-EARLIER."""
    person = {number: stable for number, stable, *_ in WORLD["insured"]}
    lines = earlier.lines.join(earlier.invoices, on="invoice", maintain_order="left")
    rows = lines.with_columns(person=pl.col("insured_person").replace_strict(person, return_dtype=pl.Int64))
    names = [name for name in HISTORY_SCHEMA if name in rows.columns]
    return history_of(rows.select(names).iter_rows(named=True))


def used_by(earlier: Batch) -> pl.DataFrame:
    """The authorisations of ``WORLD`` once every line of ``earlier`` was paid."""
    lines = earlier.lines.join(earlier.invoices.select("invoice", "invoice_reference"), on="invoice")
    used = {
        (
            row["authorisation_reference"],
            row["act"],
        ): f"invoice {row['invoice_reference']} line {row['line_reference']}"
        for row in lines.iter_rows(named=True)
    }
    rows = ((*row, used.get((row[0], row[3]))) for row in WORLD["authorisations"])
    return register(AUTHORISATIONS_SCHEMA, rows)


def register(schema: pl.Schema, rows: Iterable[tuple[Any, ...]]) -> pl.DataFrame:
    """A register's frame from rows; columns a row leaves out at its end are null."""
    whole = [(*row, *[None] * (len(schema) - len(row))) for row in rows]
    return pl.DataFrame(whole, schema=schema, orient="row")


#: Registers in which the persons and providers named above stand, as rows of the frames `Facts` takes.
WORLD: dict[str, list[tuple[Any, ...]]] = {
    "insured": sorted(
        [
            (PERSON, 1, "CNS", date(2020, 1, 1), None),
            (LEFT, 2, "CNS", date(2020, 1, 1), date(2024, 1, 1)),
            (ARRIVED, 3, "CMFEP", date(2020, 1, 1), date(2021, 1, 1)),
            (ARRIVED, 3, "CNS", date(2024, 3, 10), None),
            (RENUMBERED, 4, "CNS", date(2020, 1, 1), None),
            (OLD_NUMBER, 4, "CNS", date(2020, 1, 1), None),
        ],
        key=lambda row: row[0],
    ),
    "providers": [
        (LABORATORY, "laboratory", date(2020, 1, 1), None),
        (PRESCRIBER, "doctor", date(2020, 1, 1), None),
        # Suspended for five days.
        (OTHER_LABORATORY, "laboratory", date(2020, 1, 1), date(2024, 3, 13)),
        (OTHER_LABORATORY, "laboratory", date(2024, 3, 18), None),
        # Ended, and opened again two years later.
        (ENDED_PROVIDER, "laboratory", date(2020, 1, 1), date(2024, 1, 1)),
        (ENDED_PROVIDER, "laboratory", date(2026, 1, 1), None),
    ],
    "executing": [(LABORATORY, OTHER_LABORATORY, date(2024, 1, 1), date(2024, 3, 20))],
    "authorisations": [
        ("A-100", LABORATORY, PERSON, "LDE0001", 4000, date(2024, 3, 20), date(2025, 1, 1), "granted"),
        ("A-110", LABORATORY, PERSON, "LDE0001", 5000, date(2024, 3, 20), date(2025, 1, 1), "granted"),
        ("A-200", LABORATORY, PERSON, "LFE0001", 25000, date(2024, 3, 1), date(2024, 6, 1), "granted"),
        ("A-200", LABORATORY, PERSON, "LGE0001", 6000, date(2024, 3, 1), date(2024, 6, 1), "granted"),
        ("A-300", LABORATORY, PERSON, "LGE0001", 6000, date(2024, 3, 1), date(2024, 6, 1), "granted"),
        ("A-500", LABORATORY, OLD_NUMBER, "LEE0001", 4000, date(2024, 3, 1), date(2024, 6, 1), "granted"),
        ("A-400", LABORATORY, PERSON, "LEE0001", 4000, date(2024, 3, 1), date(2024, 6, 1), "refused"),
    ],
}
_SCHEMAS = {
    "insured": INSURED_SCHEMA,
    "providers": PROVIDERS_SCHEMA,
    "executing": EXECUTING_SCHEMA,
    "authorisations": AUTHORISATIONS_SCHEMA,
}


def usual_facts(**changed: Any) -> Facts:
    """The registers of ``WORLD`` and an empty history; give a fact to replace it, None for not looked up."""
    facts: dict[str, Any] = {name: register(_SCHEMAS[name], rows) for name, rows in WORLD.items()}
    return Facts(**{**facts, "history": history_of(), **changed})
