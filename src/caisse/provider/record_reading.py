"""A file of records, CSV or JSON lines, as a checked table: every fault named with its row."""

import io
import json
from collections.abc import Iterator
from typing import Any

import polars as pl

from caisse.provider.errors import RecordRefused
from caisse.provider.record_columns import COLUMNS, NAMES, OF_INVOICE, SHAPES, typed

#: At most so many faults are written out; the rest are counted.
FAULTS_SHOWN = 20

ROW = "row"


def read_records(name: str, content: bytes, *, code: int) -> pl.DataFrame:
    """The rows of ``content`` with typed columns and ``row`` (as an editor counts lines, from 1).

    ``name`` ends in .csv or .jsonl; ``code`` stands in for an empty executing provider. Amounts are cents and
    may be null. Raises RecordRefused with every fault.
    """
    text = _read_jsonl(content) if name.lower().endswith((".jsonl", ".ndjson")) else _read_csv(content)
    _check_header(text.columns)
    absent = [pl.lit(None, pl.String).alias(column) for column in NAMES if column not in text.columns]
    trimmed = pl.col(*[column for column in NAMES if column in text.columns]).str.strip_chars()
    text = text.with_columns(trimmed.replace("", None)).with_columns(absent)
    text = text.with_columns(pl.col("executing_provider").fill_null(str(code)))
    _refuse(_shape_faults(text))
    rows = text.select(ROW, *[typed(column) for column in COLUMNS])
    _refuse([*_date_faults(text, rows), *_invoice_faults(rows), *_line_faults(rows), *_amount_faults(rows)])
    return rows


def _read_csv(content: bytes) -> pl.DataFrame:
    header = content.split(b"\n", 1)[0]
    separator = ";" if header.count(b";") > header.count(b",") else ","
    try:
        frame = pl.read_csv(io.BytesIO(content), separator=separator, infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise RecordRefused([f"not a CSV file in UTF-8: {str(error).splitlines()[0]}"]) from None
    if frame.is_empty():
        raise RecordRefused(["the file holds no row"])
    return frame.rename(str.strip).with_row_index(ROW, offset=2)


def _read_jsonl(content: bytes) -> pl.DataFrame:
    rows: list[dict[str, str | None]] = []
    try:
        for number, line in enumerate(content.decode("utf-8-sig").splitlines(), start=1):
            if line.strip():
                rows += [{ROW: str(number), **row} for row in _flat(json.loads(line, parse_float=str))]
    except UnicodeDecodeError:
        raise RecordRefused(["not in UTF-8"]) from None
    except (json.JSONDecodeError, TypeError) as error:
        raise RecordRefused([f"row {number}: not a JSON object: {error}"]) from None
    if not rows:
        raise RecordRefused(["the file holds no row"])
    columns = {column: pl.String for row in rows for column in row}
    return pl.DataFrame(rows, schema=columns, orient="row").with_columns(pl.col(ROW).cast(pl.UInt32))


def _flat(record: Any) -> Iterator[dict[str, str | None]]:
    """A flat row as it is; an invoice with ``lines`` as one row a line."""
    if not isinstance(record, dict):
        raise TypeError("an object is expected")
    lines = record.pop("lines", [{}])
    if not isinstance(lines, list) or not lines or not all(isinstance(line, dict) for line in lines):
        raise TypeError("`lines` must be a list of objects")
    for line in lines:
        yield {key: _text(value) for key, value in {**record, **line}.items()}


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)


def _check_header(columns: list[str]) -> None:
    present = set(columns) - {ROW}
    faults = [
        f"column `{column.name}` is missing: {column.meaning}"
        for column in COLUMNS
        if column.required and column.name not in present
    ]
    faults += [f"column `{name}` is not known" for name in sorted(present - set(NAMES))]
    _refuse(faults)


def _refuse(faults: list[str]) -> None:
    if faults:
        raise RecordRefused(faults[:FAULTS_SHOWN], more=max(0, len(faults) - FAULTS_SHOWN))


def _named(frame: pl.DataFrame, fault: pl.Expr, say: str, value: str | None = None) -> list[str]:
    """One sentence a row where ``fault`` holds."""
    bad = frame.filter(fault)
    if value is None:
        return [f"row {row}: {say}" for row in bad[ROW]]
    return [f"row {row}: {say}, found {found!r}" for row, found in bad.select(ROW, value).iter_rows()]


def _shape_faults(text: pl.DataFrame) -> list[str]:
    faults: list[str] = []
    for column in COLUMNS:
        expression, words = SHAPES[column.kind]
        value = pl.col(column.name)
        if column.required:
            faults += _named(text, value.is_null(), f"`{column.name}` is empty, expected {words}")
        wrong = value.is_not_null() & ~value.str.contains(expression)
        faults += _named(text, wrong, f"`{column.name}` should be {words}", column.name)
    return faults


def _date_faults(text: pl.DataFrame, rows: pl.DataFrame) -> list[str]:
    faults: list[str] = []
    for column in COLUMNS:
        if column.kind == "date":
            gone = text.filter(text[column.name].is_not_null() & rows[column.name].is_null())
            faults += _named(gone, pl.lit(True), f"`{column.name}` is no day of the calendar", column.name)
    return faults


def _invoice_faults(rows: pl.DataFrame) -> list[str]:
    """The rows of one invoice must agree on everything that belongs to the invoice."""
    faults: list[str] = []
    own = [name for name in OF_INVOICE if name != "invoice_reference"]
    first = (
        rows.group_by("invoice_reference", maintain_order=True).first().select("invoice_reference", *own, ROW)
    )
    joined = rows.join(first, on="invoice_reference", suffix="_first")
    for name in own:
        for row, reference, earlier in (
            joined.filter(~pl.col(name).eq_missing(pl.col(f"{name}_first")))
            .select(ROW, "invoice_reference", f"{ROW}_first")
            .iter_rows()
        ):
            faults.append(f"row {row}: `{name}` of invoice {reference} differs from row {earlier}")
    return faults


def _line_faults(rows: pl.DataFrame) -> list[str]:
    key = ("invoice_reference", "line_reference")
    again = rows.filter(~pl.struct(*key).is_first_distinct())
    return [
        f"row {row}: line {line} of invoice {invoice} stands in the file already"
        for row, invoice, line in again.select(ROW, *key).iter_rows()
    ]


def _amount_faults(rows: pl.DataFrame) -> list[str]:
    lonely = pl.col("net_amount").is_not_null() & pl.col("amount").is_null()
    above = pl.col("net_amount") > pl.col("amount")
    return [
        *_named(rows, lonely, "`net_amount` without `amount`"),
        *_named(rows, above, "`net_amount` is more than `amount`"),
    ]
