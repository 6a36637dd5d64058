"""A laboratory's large month and a fund's registers, made up, as arrays: the same size and shape as the real ones."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.rules import Batch, Facts
from caisse.agreement.rules.fingerprints import hash_words, mix_keys
from caisse.agreement.tables import Tables
from tests.agreement.rules.batches import (
    AUTHORISATIONS_SCHEMA,
    EXECUTING_SCHEMA,
    HISTORY_SCHEMA,
    INVOICES_SCHEMA,
    LABORATORY,
    LINES_SCHEMA,
    OTHER_LABORATORY,
    tariff_on,
)

MONTH = date(2024, 3, 1)
SENT_ON = date(2024, 4, 2)
LINES_AN_INVOICE = 5
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class MappedHistory:
    """Historic lines as a sorted array of fingerprints; the few hits are confirmed against the full keys."""

    fingerprints: NDArray[np.uint64]
    unit_marks: NDArray[np.uint64]
    rows: pl.DataFrame

    def confirm(self, candidates: pl.DataFrame) -> pl.DataFrame:
        """The candidates that are among the rows."""
        found = candidates.join(self.rows, on=["person", "act", "date_of_service"], how="inner")
        return found.select("line", "paid_on", "deposit").unique("line")

    def paid_in(self, marks: NDArray[np.uint64]) -> pl.DataFrame:
        """No line behind a mark that is met by chance."""
        return self.rows


def national_numbers(count: int, chance: np.random.Generator) -> NDArray[np.int64]:
    """So many different numbers with right check digits, in ascending order."""
    from caisse.agreement.identifiers import national_number

    year, month = chance.integers(1930, 2024, 2 * count), chance.integers(1, 13, 2 * count)
    day, sequence = chance.integers(1, 29, 2 * count), chance.integers(0, 1000, 2 * count)
    stems = np.unique(((year * 100 + month) * 100 + day) * 1000 + sequence)
    stems = np.sort(chance.choice(stems, count, replace=False))
    # Of the hundred numbers of a stem one has both check digits right.
    numbers = np.zeros(count, np.int64)
    for digits in range(100):
        tried = stems * 100 + digits
        right = national_number.check_column(pl.Series(tried))
        hit = (right["luhn_ok"] & right["verhoeff_ok"]).to_numpy()
        numbers[hit] = tried[hit]
    return numbers


def registers(
    tables: Tables, *, persons: int, historic: int, chance: np.random.Generator
) -> tuple[Facts, NDArray[np.int64]]:
    """A fund's registers, and the printed numbers of its insured persons."""
    numbers = national_numbers(persons, chance)
    began = chance.integers(15_000, 19_000, persons).astype(np.int32)
    # Two in a hundred are no longer insured.
    ended = pl.Series(began + 400).cast(pl.Date).set(pl.Series(chance.random(persons) >= 0.02), None)
    insured = pl.DataFrame(
        {
            "insured_person": numbers,
            "person": np.arange(1, persons + 1),
            "fund": pl.repeat("CNS", persons, eager=True),
            "insured_from": pl.Series(began).cast(pl.Date),
            "insured_until": ended,
        }
    )
    codes = np.array([six * 100 + six % 97 for six in range(900_000, 904_000)])
    providers = pl.DataFrame(
        {
            "provider": pl.Series(np.append(codes, [LABORATORY, OTHER_LABORATORY]), dtype=pl.Int32),
            "profession": pl.repeat("doctor", len(codes) + 2, eager=True),
            "valid_from": pl.repeat(date(2010, 1, 1), len(codes) + 2, eager=True),
            "valid_until": pl.repeat(None, len(codes) + 2, dtype=pl.Date, eager=True),
        }
    )
    executing = pl.DataFrame(
        [(LABORATORY, OTHER_LABORATORY, date(2020, 1, 1), None)], schema=EXECUTING_SCHEMA, orient="row"
    )
    facts = Facts(
        insured=insured,
        providers=providers,
        executing=executing,
        authorisations=pl.DataFrame(schema=AUTHORISATIONS_SCHEMA),
        history=paid_history(tables, persons, historic, chance),
    )
    return facts, numbers


def paid_history(tables: Tables, persons: int, lines: int, chance: np.random.Generator) -> MappedHistory:
    """``lines`` lines paid before the month, five a sampling and prescription; what a new line meets is no hit."""
    acts = tables.acts["act"].unique().sort()
    hashes = hash_words(acts.to_list())
    marks = mix_keys(
        chance.integers(1, persons + 1, lines),
        hashes[chance.integers(0, len(acts), lines)],
        chance.integers((date(2023, 1, 1) - _EPOCH).days, (MONTH - _EPOCH).days, lines).astype(np.int32),
        np.array([LABORATORY]),
    )
    units = chance.integers(0, 2**64, 2 * lines // LINES_AN_INVOICE, dtype=np.uint64)
    return MappedHistory(np.sort(marks), np.sort(units), pl.DataFrame(schema=HISTORY_SCHEMA))


def month_of(
    tables: Tables, numbers: NDArray[np.int64], *, invoices: int, chance: np.random.Generator
) -> Batch:
    """``invoices`` invoices of five lines: a sampling and four analyses; about three lines in a hundred wrong."""
    lines = invoices * LINES_AN_INVOICE
    analyses = [
        act
        for act in tables.acts.filter(~pl.col("doctors_only"))["act"].unique().sort()
        if not act.startswith(("BY", "BZ"))
    ]
    tariffs = np.array([tariff_on(tables, act, MONTH) for act in ("BY001", *analyses)], np.int64)
    drawn = np.zeros((invoices, LINES_AN_INVOICE), np.int64)
    drawn[:, 1:] = 1 + chance.integers(0, len(analyses), (invoices, LINES_AN_INVOICE - 1))
    act = drawn.ravel()
    sampled = chance.integers((MONTH - _EPOCH).days, (MONTH - _EPOCH).days + 28, invoices)
    prescribed = sampled - chance.integers(0, 26, invoices)
    prescribed[chance.random(invoices) < 0.01] -= 90
    gross = tariffs[act].copy()
    gross[chance.random(lines) < 0.01] += 137
    names = np.array(["BY001", *analyses, "BC999"])
    act[chance.random(lines) < 0.003] = len(names) - 1
    day = pl.Series(np.repeat(sampled, LINES_AN_INVOICE).astype(np.int32)).cast(pl.Date)
    invoice = np.repeat(np.arange(invoices), LINES_AN_INVOICE)
    wrong = np.zeros(invoices, np.int64)
    wrong[chance.random(invoices) < 0.005] = 1
    invoice_totals = np.add.reduceat(gross, np.arange(0, lines, LINES_AN_INVOICE))
    prescribers = np.array([six * 100 + six % 97 for six in range(900_000, 904_000)])
    issued = pl.repeat(SENT_ON, invoices, eager=True)
    return Batch(
        {
            "billing_provider": LABORATORY,
            "sent_on": SENT_ON,
            "count": invoices,
            "currency": "EUR",
            "gross_cents": int(gross.sum()),
            "net_cents": int(gross.sum()),
        },
        _frame(
            INVOICES_SCHEMA,
            invoices,
            invoice=np.arange(invoices),
            xml_line=np.arange(invoices) * 60,
            invoice_reference=pl.Series([f"2024-03-{number:06d}" for number in range(invoices)]),
            insured_person=chance.choice(numbers, invoices) + wrong,
            issued_on=issued,
            prescription_reference=pl.Series([f"ORD{number:07d}" for number in range(invoices)]),
            prescribed_on=pl.Series(prescribed.astype(np.int32)).cast(pl.Date),
            prescriber=chance.choice(prescribers, invoices),
            count=np.full(invoices, LINES_AN_INVOICE),
            currency=pl.repeat("EUR", invoices, eager=True),
            gross_cents=invoice_totals,
            net_cents=invoice_totals,
        ),
        _frame(
            LINES_SCHEMA,
            lines,
            line=np.arange(lines),
            invoice=invoice,
            xml_line=np.arange(lines) * 12,
            line_reference=pl.Series([str(number) for number in range(1, 6)] * invoices),
            act=pl.Series(names)[act],
            date_of_service=day,
            sampled_on=day,
            quantity=np.ones(lines),
            currency=pl.repeat("EUR", lines, eager=True),
            gross_cents=gross,
            net_cents=gross,
            executing_provider=np.where(chance.random(lines) < 0.02, OTHER_LABORATORY, LABORATORY),
        ),
    )


def _frame(schema: pl.Schema, rows: int, **columns: object) -> pl.DataFrame:
    empty = pl.repeat(None, rows, eager=True)
    return pl.DataFrame(
        {name: pl.Series(columns.get(name, empty)).cast(kind) for name, kind in schema.items()}
    )
