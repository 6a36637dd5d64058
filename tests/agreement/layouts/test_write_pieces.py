"""A long file is written piece by piece; where the pieces end must not show."""

from datetime import date

import polars as pl

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
