"""A long file is written piece by piece; where the pieces end must not show."""

import random
from datetime import date

import polars as pl
import pytest

from caisse.agreement.layouts import catalogue, reading, writing
from tests.bench.invoice_files import invoice_tables

HEADER = {
    "billing_provider": 52001700,
    "organisation": 99,
    "sent_on": date(2024, 4, 2),
    "file_reference": "2024-03-A",
    "year": 2024,
    "number": 3,
    "count": 2500,
    "gross_cents": 0,
    "net_cents": 0,
}


def test_rows_meet_their_parents_whatever_their_order_and_wherever_a_piece_ends() -> None:
    tables = invoice_tables(12_500)
    layout = catalogue.find("LAB", "FAC", 2)
    pieces = list(writing.write_pieces(layout, HEADER, tables))
    assert len(pieces) > 3
    assert b"".join(pieces) == writing.write(layout, HEADER, tables)
    document = reading.read(b"".join(pieces), layout).document
    assert document is not None
    assert document.tables["lines"]["act"].to_list() == tables["lines"]["act"].to_list()
    assert document.tables["lines"]["invoice"].to_list() == tables["lines"]["invoice"].to_list()

    shuffled = tables["lines"].sample(fraction=1, shuffle=True, seed=3)
    by_parent = shuffled.sort("invoice", maintain_order=True)
    assert writing.write(layout, HEADER, {**tables, "lines": shuffled}) == writing.write(
        layout, HEADER, {**tables, "lines": by_parent}
    )


def test_records_in_any_order_keep_their_rows() -> None:
    tables = invoice_tables(6_000)
    layout = catalogue.find("LAB", "FAC", 2)
    backwards = tables["invoices"].reverse()
    document = reading.read(writing.write(layout, HEADER, {**tables, "invoices": backwards}), layout).document
    assert document is not None
    expected = tables["lines"].sort("invoice", descending=True, maintain_order=True)
    assert document.tables["lines"]["act"].to_list() == expected["act"].to_list()
    assert document.tables["lines"].select(pl.len()).item() == 6_000


def returned(rng: random.Random, invoices: int) -> dict[str, pl.DataFrame]:
    """Tables of a return in which some neighbours repeat, others never do, and any may be missing."""
    odd = ["", " a  b ", "<&>", "é\U0001f600", "]]>", "x" * 300]
    lines = sorted(rng.choices(range(invoices), k=3 * invoices))
    told = sorted(rng.choices(range(len(lines)), k=invoices))
    return {
        "invoices": pl.DataFrame(
            {
                "invoice": range(invoices),
                "invoice_reference": [f"{rng.choice(odd)}R{n}" for n in range(invoices)],
                "invoice_id": [f"1-{n}" for n in range(invoices)],
                "received_on": [date(2024, 4, 2)] * invoices,
                "insured_person": [rng.choice([None, 1973051000204]) for _ in range(invoices)],
                "gross_cents": [rng.randrange(-5, 10**6) for _ in range(invoices)],
                "currency": [None] * invoices,
                "asked_cents": [rng.choice([None, 1, 100]) for _ in range(invoices)],
                "patient_cents": [rng.choice([None, 0]) for _ in range(invoices)],
            }
        ),
        "lines": pl.DataFrame(
            {
                "line": range(len(lines)),
                "invoice": lines,
                "line_reference": [rng.choice(odd) + str(n % 5) for n in range(len(lines))],
                "line_id": [f"1-{n}" for n in range(len(lines))],
                "act_paid": [rng.choice(["BG1", "BG2", None]) for _ in lines],
                "act_prescribed": [None] * len(lines),
                "quantity_paid": [rng.choice([1, 1, 2]) for _ in lines],
                "currency": [rng.choice([None, "EUR", "LUF"]) for _ in lines],
                "gross_cents": [rng.choice([1, 654, 3271]) for _ in lines],
            },
            schema_overrides={"act_prescribed": pl.String},
        ),
        "line_findings": pl.DataFrame(
            {
                "line": told,
                "kind": ["date"] * len(told),
                "code": [rng.choice(["DAT-001", "DAT-002"]) for _ in told],
                "reason": [rng.choice([None, *odd]) for _ in told],
            }
        ),
    }


@pytest.mark.parametrize("seed", range(8))
def test_what_repeats_is_written_as_if_each_record_stood_alone(seed: int) -> None:
    """Texts are made once for many rows; a record on its own has nothing to repeat."""
    layout = catalogue.find("LAB", "RETFAC", 1)
    tables = returned(random.Random(seed), 60)
    alone = []
    for n in range(60):
        one = writing.write(layout, {}, {**tables, "invoices": tables["invoices"][n : n + 1]})
        start, end = one.index(b"\n<facture>"), one.rindex(b"</facture>") + len(b"</facture>")
        alone.append(one[start:end])
    whole = writing.write(layout, {}, tables)
    start, end = whole.index(b"\n<facture>"), whole.rindex(b"</facture>") + len(b"</facture>")
    assert whole[start:end] == b"".join(alone)
    assert whole[start:end].count(b"<prestation>") == 180
    assert whole[start:end].count(b"<anomaliePrestation>") == 60
