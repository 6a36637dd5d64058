"""A register file (CSV) as a typed table, every fault named with its line; and which columns it may have."""

import csv
import io
from dataclasses import dataclass

import polars as pl
from stdnum import iban

from caisse.fund.registry.register_faults import LINE, Fault, faults_where, refuse

PROVIDERS, INSURED = "providers", "insured"

#: kind of value -> the expression it must match. None: whatever is checked where it is compared.
_SHAPES = {
    "national_number": r"^[1-9][0-9]{12}$",
    "provider_code": r"^[1-9][0-9]{7}$",
    "date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "name": r"^[^\x00-\x1f]{1,120}$",
    "profession": r"^[a-z][a-z_]{1,29}$",
    "iban": r"^[A-Za-z]{2}[0-9]{2}[0-9A-Za-z ]{4,30}$",
    "fund": r"^[^\x00-\x1f]{1,8}$",
}
_TYPES = {"national_number": pl.Int64(), "provider_code": pl.Int32(), "date": pl.Date()}
#: Kinds that people write with spaces, hyphens or full stops between the digits.
_GROUPED = ("national_number", "provider_code")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a register file."""

    name: str
    kind: str
    required: bool
    meaning: str


COLUMNS: dict[str, tuple[Column, ...]] = {
    INSURED: (
        Column("insured_person", "national_number", True, "national number, 13 digits"),
        Column("fund", "fund", True, "institution the person is insured with: CNS, CMFEP, CMFEC, EMCFL"),
        Column("insured_from", "date", True, "first day of the insurance"),
        Column("insured_until", "date", False, "first day that is no longer insured; empty: no end known"),
        Column("name", "name", False, "name of the person; empty: as it is registered"),
    ),
    PROVIDERS: (
        Column("provider", "provider_code", True, "provider code, 8 digits"),
        Column("name", "name", True, "name of the provider"),
        Column("profession", "profession", True, "such as laboratories, doctors, physiotherapists"),
        Column("valid_from", "date", True, "first day the code holds"),
        Column("valid_until", "date", False, "first day it no longer holds; empty: no end known"),
        Column("iban", "iban", False, "account payments go to; empty: as it is registered"),
    ),
}


def schema(register: str) -> pl.Schema:
    """The frame `read_register` gives, and the loaders take: the columns, typed, and `line`."""
    columns = {column.name: _TYPES.get(column.kind, pl.String()) for column in COLUMNS[register]}
    return pl.Schema({LINE: pl.UInt32(), **columns})


def read_register(register: str, content: bytes) -> pl.DataFrame:
    """The rows of a CSV file as `schema`; comma or semicolon, UTF-8. Raises RegisterRefused."""
    columns = COLUMNS[register]
    text = _read_csv(content)
    _check_header(text, columns)
    absent = [pl.lit(None, pl.String).alias(one.name) for one in columns if one.name not in text.columns]
    text = text.with_columns(absent).with_columns(_trimmed(one) for one in columns)
    text = text.filter(~pl.all_horizontal(pl.exclude(LINE).is_null()))
    if text.is_empty():
        refuse([Fault(0, "", "no_rows")])
    typed = text.select(LINE, *[_typed(one) for one in columns])
    faults = [fault for one in columns for fault in _faults(text, typed, one)]
    if faults and b'"' in content:
        faults = _at_physical_lines(faults, content)
    refuse(faults)
    return typed


def _separator(content: bytes) -> str:
    header = content.split(b"\n", 1)[0]
    return ";" if header.count(b";") > header.count(b",") else ","


def _read_csv(content: bytes) -> pl.DataFrame:
    try:
        content.decode()
        frame = pl.read_csv(io.BytesIO(content), separator=_separator(content), infer_schema=False)
    except (pl.exceptions.PolarsError, UnicodeDecodeError):
        refuse(_why_unreadable(content))
        raise
    return frame.rename(lambda name: name.strip()).with_row_index(LINE, offset=2)


def _why_unreadable(content: bytes) -> list[Fault]:
    """The lines with too many values; if there are none, the file is no CSV in UTF-8 at all."""
    try:
        rows = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=_separator(content))
        header = next(rows, [])
        faults = [
            Fault(rows.line_num, "", "fields", str(len(row)), {"count": str(len(header))})
            for row in rows
            if len(row) > len(header)
        ]
    except (UnicodeDecodeError, csv.Error):
        faults = []
    return faults or [Fault(0, "", "not_csv")]


def _check_header(text: pl.DataFrame, columns: tuple[Column, ...]) -> None:
    present = set(text.columns) - {LINE}
    allowed = ", ".join(one.name for one in columns)
    faults = [
        Fault(1, one.name, "missing_column") for one in columns if one.required and one.name not in present
    ]
    faults += [
        Fault(1, name, "unknown_column", name, {"allowed": allowed})
        for name in sorted(present - {one.name for one in columns})
    ]
    refuse(faults)


def _trimmed(column: Column) -> pl.Expr:
    value = pl.col(column.name).str.strip_chars()
    if column.kind in _GROUPED:
        value = value.str.replace_all(r"[ .-]", "")
    return value.replace("", None)


def _typed(column: Column) -> pl.Expr:
    value = pl.col(column.name)
    if column.kind == "date":
        return value.str.to_date("%Y-%m-%d", strict=False)
    if column.kind == "iban":
        return value.str.replace_all(" ", "").str.to_uppercase()
    return value.cast(_TYPES.get(column.kind, pl.String()), strict=False)


def _faults(text: pl.DataFrame, typed: pl.DataFrame, column: Column) -> list[Fault]:
    value = pl.col(column.name)
    wrong = value.is_not_null() & ~value.str.contains(_SHAPES[column.kind])
    if column.kind == "date":
        wrong |= value.is_not_null() & typed[column.name].is_null()
    if column.kind == "iban":
        ibans = typed[column.name].unique().drop_nulls()
        wrong |= typed[column.name].is_in([one for one in ibans if not iban.is_valid(one)])
    faults = faults_where(text, wrong, column.kind, column.name)
    if column.required:
        faults += faults_where(text, value.is_null(), "empty", column.name)
    return faults


def _at_physical_lines(faults: list[Fault], content: bytes) -> list[Fault]:
    """The same faults where a value between quotes spans lines: counted as an editor counts them."""
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=_separator(content))
    wanted = {fault.line for fault in faults}
    start, lines = 1, {}
    for number, _row in enumerate(rows, start=1):
        if number in wanted:
            lines[number] = start
        start = rows.line_num + 1
    return [
        Fault(lines.get(fault.line, fault.line), fault.column, fault.kind, fault.found, fault.words)
        for fault in faults
    ]
