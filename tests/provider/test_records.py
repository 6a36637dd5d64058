"""Importing the practice's own records: all or nothing, every fault named, repeats harmless."""

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from caisse.agreement.errors import WrongUse
from caisse.provider import Practice, schema
from caisse.provider.errors import RecordRefused
from caisse.provider.record_columns import COLUMNS as KNOWN_COLUMNS
from caisse.provider.record_reading import read_records
from tests.provider.months import COLUMNS, rows_of, write_month


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[Practice]:
    """A practice that needs no fund."""
    with Practice.create(tmp_path / "practice", fund="memory://records", code=52001700) as made:
        yield made


def counted(practice: Practice) -> tuple[int, int]:
    """How many invoices and lines are recorded."""
    with practice.store.read() as connection:
        return tuple(
            connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in (schema.invoices, schema.lines)
        )  # type: ignore[return-value]


def changed(path: Path, row: int, column: str, value: str) -> Path:
    """Change one cell; ``row`` counts as an editor counts lines."""
    lines = [line.split(",") for line in path.read_text("utf-8").splitlines()]
    lines[row - 1][COLUMNS.index(column)] = value
    path.write_text("\n".join(",".join(line) for line in lines), "utf-8")
    return path


def refused(practice: Practice, path: Path) -> str:
    """Record a file that must be refused; returns what was said."""
    with pytest.raises(RecordRefused) as error:
        practice.record(path)
    assert counted(practice) == (0, 0)
    return str(error.value)


def test_prices_come_from_the_tables_to_the_cent(practice: Practice, month: Path) -> None:
    recorded = practice.record(month)
    with practice.store.read() as connection:
        query = sa.select(schema.lines.c.act, schema.lines.c.gross_cents, schema.lines.c.net_cents)
        found = {tuple(row) for row in connection.execute(query)}
    # coefficients 20.00 and 7.00 at the key letter 0.32706, and the amount that was given
    assert found == {("BY001", 654, 654), ("BC001", 229, 229), ("BY001", 9990, 9990)}
    assert recorded.gross_cents == 9 * 654 + 10 * 229 + 9990
    assert recorded.notes


def test_the_same_file_again_changes_nothing(practice: Practice, month: Path) -> None:
    practice.record(month)
    assert practice.record(month).repeated
    assert counted(practice) == (10, 20)


def test_the_same_invoices_in_another_file_are_known(practice: Practice, month: Path, tmp_path: Path) -> None:
    practice.record(month)
    again = practice.record(write_month(tmp_path / "more.csv", 12, too_dear=(3,)))
    assert (again.known, again.invoices) == (10, 2)
    assert counted(practice) == (12, 24)


def test_json_lines_flat_or_nested_are_the_same_records(month: Path, tmp_path: Path) -> None:
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in rows_of(10, too_dear=(3,))]
    flat = "\n".join(json.dumps(row) for row in rows)
    nested: dict[str, dict[str, object]] = {}
    own = [column.name for column in KNOWN_COLUMNS if column.of_invoice]
    for row in rows:
        invoice = nested.setdefault(
            row["invoice_reference"], {k: v for k, v in row.items() if k in own} | {"lines": []}
        )
        line = {k: v for k, v in row.items() if k not in own}
        invoice["lines"].append(line | {"quantity": int(line["quantity"])})  # type: ignore[attr-defined]
    whole = "\n".join(json.dumps(invoice) for invoice in nested.values())
    expected = read_records("a.csv", month.read_bytes(), code=52001700).drop("row")
    for text in (flat, whole):
        found = read_records("a.jsonl", text.encode(), code=52001700).drop("row")
        assert found.equals(expected)


@pytest.mark.parametrize(
    ("row", "column", "value", "words"),
    [
        (
            2,
            "insured_person",
            "198001010018",
            "row 2: `insured_person` should be 13 digits, found '198001010018'",
        ),
        (
            3,
            "date_of_service",
            "2024-02-30",
            "row 3: `date_of_service` is no day of the calendar, found '2024-02-30'",
        ),
        (3, "date_of_service", "05.03.2024", "row 3: `date_of_service` should be a date"),
        (4, "quantity", "0", "row 4: `quantity` should be a number from 1"),
        (4, "amount", "8.333", "row 4: `amount` should be euros and cents"),
        (5, "act", "", "row 5: `act` is empty"),
        (5, "line_reference", "1", "row 5: line 1 of invoice INV-1 stands in the file already"),
        (7, "prescriber", "90000299", "row 7: `prescriber` of invoice INV-2 differs from row 6"),
        (
            6,
            "act",
            "BC999",
            "row 6: cannot be priced: act BC999 is not in the tables of 2024-03-05; give `amount`",
        ),
        (6, "date_of_service", "2026-03-05", "row 6: cannot be priced"),
    ],
)
def test_a_fault_is_named_with_its_row_and_nothing_is_kept(
    practice: Practice, month: Path, row: int, column: str, value: str, words: str
) -> None:
    assert words in refused(practice, changed(month, row, column, value))


def test_every_fault_is_told_at_once(practice: Practice, month: Path) -> None:
    changed(changed(month, 2, "quantity", "x"), 9, "prescriber", "12")
    said = refused(practice, month)
    assert "row 2" in said
    assert "row 9" in said


def test_many_faults_are_counted(practice: Practice, tmp_path: Path) -> None:
    path = write_month(tmp_path / "many.csv", 50)
    path.write_text(path.read_text("utf-8").replace(",LAB,1,", ",LAB,x,"), "utf-8")
    assert "… and 80 more" in refused(practice, path)


def test_a_wrong_header_is_explained(practice: Practice, month: Path) -> None:
    month.write_text(month.read_text("utf-8").replace("prescriber,", "doctor,"), "utf-8")
    said = refused(practice, month)
    assert "column `prescriber` is missing: code of the prescriber" in said
    assert "column `doctor` is not known" in said


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00", b"a,b\n", b"\x89PNG\r\n\x1a\n\x00\x00", b'{"a": 1}']
)
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_what_is_no_file_of_records_is_refused(
    practice: Practice, tmp_path: Path, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    refused(practice, path)


def test_a_missing_file_is_wrong_use(practice: Practice, tmp_path: Path) -> None:
    with pytest.raises(WrongUse):
        practice.record(tmp_path / "nothing.csv")


def test_semicolons_decimal_commas_and_a_byte_order_mark(practice: Practice, month: Path) -> None:
    text = month.read_text("utf-8").replace("99.90", "99;90").replace(",", ";").replace("99;90", "99,90")
    month.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert practice.record(month).gross_cents == 9 * 654 + 10 * 229 + 9990


def test_changed_content_needs_to_be_asked_for(practice: Practice, month: Path, tmp_path: Path) -> None:
    practice.record(month)
    other = changed(write_month(tmp_path / "b.csv", 10, too_dear=(3,)), 4, "amount", "6.50")
    with pytest.raises(RecordRefused, match="row 4: invoice INV-1 is recorded already with other content"):
        practice.record(other)
    assert practice.record(other, correct=True).corrected == 1
    practice.build_invoices(year=2024, number=3)
    third = changed(write_month(tmp_path / "c.csv", 10, too_dear=(3,)), 4, "amount", "6.53")
    with pytest.raises(RecordRefused, match="INV-1 is billed in F52001700202403_LAB_FAC_002"):
        practice.record(third, correct=True)


def test_twenty_five_thousand_lines_are_read_with_their_types(tmp_path: Path) -> None:
    path = write_month(tmp_path / "big.csv", 12_500)
    rows = read_records("big.csv", path.read_bytes(), code=52001700)
    assert rows.height == 25_000
    assert rows.schema["insured_person"] == pl.Int64
    assert rows.schema["prescribed_on"] == pl.Date
