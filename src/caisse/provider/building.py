"""From recorded lines to a conforming request file: every line is billed once at a time."""

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import sqlalchemy as sa

from caisse.agreement.errors import ContentRefused, WrongUse
from caisse.agreement.examination import examine_file
from caisse.agreement.findings import ERROR
from caisse.agreement.layouts import catalogue, names, writing
from caisse.agreement.layouts.catalogue import Layout
from caisse.agreement.tables import reasons
from caisse.provider import faults, schema
from caisse.provider.balance import FOLLOWS_ITS_INVOICE
from caisse.provider.errors import AlreadyBuilt, UnknownSending
from caisse.provider.home import Home, Settings, write_durably
from caisse.provider.store import Store, insert_many, move_sending, now

TYPE = "FAC"

#: What a line in a file is known by.
_BILLED = ("sending_id", "billed_invoice", "billed_line")


@dataclass(frozen=True, slots=True)
class Built:
    """A file that lies in the outbox, ready to be checked and sent."""

    name: str
    path: str
    layout: int
    invoices: int
    lines: int
    gross_cents: int
    net_cents: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Order:
    """What to build: year and number of the statement, the day of sending, and what else was asked for."""

    year: int
    number: int
    on: date
    layout: int | None = None
    reference: str | None = None
    rebill: bool = False


def build_invoices(store: Store, home: Home, settings: Settings, order: Order) -> Built | None:
    """Bill every line not billed yet (with ``rebill`` the refused ones instead); None when there is none.

    The day of sending picks the newest layout in force. A line billed again carries a new reference that
    quotes the earlier: ``INV-1`` becomes ``INV-1-R2``.
    """
    chosen = choose_layout(settings.frame, order.layout, order.on)
    with store.write() as connection:
        lines = _refused_lines(connection) if order.rebill else _unbilled_lines(connection)
        if lines.is_empty():
            return None
        lines = _with_references(connection, lines)
        name = _file_name(connection, settings, chosen, order)
        header, tables = _document(settings, chosen, name, lines, order.on)
        faults.reach("build.before_file")
        content = writing.write(chosen, header, tables)
        _assert_conform(name.format(), content, order.on, settings.code)
        built = _built(home, name, header, lines, content)
        _set_aside(home, built)
        write_durably(home.outbox / built.name, content)
        _note(connection, name, built, lines)
        faults.reach("build.before_commit")
    faults.reach("build.after_commit")
    return built


def choose_layout(frame: str, number: int | None, on: date) -> Layout:
    """The layout asked for, if it is in force on that day, else the newest in force; raises WrongUse."""
    in_force = catalogue.in_force(frame, TYPE, on)
    if not in_force:
        raise WrongUse(f"No layout of {frame} {TYPE} is in force on {on}.")
    if number is None:
        return max(in_force, key=lambda layout: layout.number)
    for layout in in_force:
        if layout.number == number:
            return layout
    held = ", ".join(str(layout.number) for layout in in_force)
    raise WrongUse(f"--layout {number} of {frame} {TYPE} is not in force on {on}; in force: {held}.")


def discard(store: Store, name: str) -> None:
    """Give up a file never sent, or refused at the fund's door; its lines can be billed again."""
    table = schema.sendings
    with store.write() as connection:
        sending = connection.execute(
            sa.select(table).where(table.c.name == name, table.c.active == 1)
        ).first()
        if sending is None:
            raise UnknownSending(name)
        if sending.stage != "built" or sending.attempts > sending.refusals:
            raise WrongUse(f"{name} is sent, or may have arrived: send it again or wait for the answer.")
        move_sending(connection, sending.id, "discarded")


def _frame(rows: sa.CursorResult[Any]) -> pl.DataFrame:
    names_ = list(rows.keys())
    schema_ = {name: _TYPES.get(name, pl.String()) for name in names_}
    return pl.DataFrame([tuple(row) for row in rows], schema=schema_, orient="row")


_TYPES: dict[str, pl.DataType] = {
    **dict.fromkeys(
        ("insured_person", "gross_cents", "net_cents", "position", "sending_id", "corrected"), pl.Int64()),
    **dict.fromkeys(("prescriber", "quantity", "executing_provider", "transmitting_laboratory"), pl.Int32()),
    **dict.fromkeys(
        ("issued_on", "prescribed_on", "prescription_valid_until", "accident_on", "date_of_service",
         "service_until", "sampled_on"), pl.Date()),
    "first_pregnancy_check": pl.Boolean(),
}  # fmt: skip


def _recorded() -> sa.Select[Any]:
    invoices, lines = schema.invoices, schema.lines
    kept = [c for c in invoices.c if c.name not in {"reference", "record_hash", "import_id"}]
    return sa.select(lines.c.invoice_reference, lines.c.reference.label("line_reference"), *kept, *[
        c for c in lines.c if c.name not in {"invoice_reference", "reference"}
    ]).order_by(lines.c.invoice_reference, lines.c.position)  # fmt: skip


def _same_line(table: sa.Table) -> sa.ColumnElement[bool]:
    lines = schema.lines
    return sa.and_(
        table.c.invoice_reference == lines.c.invoice_reference, table.c.line_reference == lines.c.reference
    )


def _unbilled_lines(connection: sa.Connection) -> pl.DataFrame:
    invoices, lines, billings = schema.invoices, schema.lines, schema.billings
    joined = lines.join(invoices, invoices.c.reference == lines.c.invoice_reference)
    joined = joined.outerjoin(billings, sa.and_(_same_line(billings), billings.c.active == 1))
    query = _recorded().select_from(joined).where(billings.c.sending_id.is_(None))
    return _frame(connection.execute(query))


def _refused_lines(connection: sa.Connection) -> pl.DataFrame:
    """Lines wholly refused that can be billed again; frees their earlier billing.

    A refusal that is final, or open to appeal only, stays. One to be corrected is billed again once the
    invoice was recorded anew (`record --correct`); one to be waited out needs nothing.
    """
    invoices, lines, imports = schema.invoices, schema.lines, schema.imports
    billings, bookings, sendings = schema.billings, schema.bookings, schema.sendings
    joined = lines.join(invoices, invoices.c.reference == lines.c.invoice_reference)
    joined = joined.join(imports, imports.c.id == invoices.c.import_id)
    joined = joined.join(billings, sa.and_(_same_line(billings), billings.c.active == 1))
    joined = joined.join(sendings, sendings.c.id == billings.c.sending_id)
    joined = joined.join(bookings, sa.and_(*[bookings.c[key] == billings.c[key] for key in _BILLED]))
    corrected = sa.cast(imports.c.imported_at > sendings.c.built_at, sa.Integer).label("corrected")
    query = _recorded().add_columns(*[billings.c[key] for key in _BILLED], corrected).select_from(joined)
    found = _frame(connection.execute(query.where(bookings.c.outcome == "refused")))
    found = found.join(_follow_ups(connection, found), on=list(_BILLED), how="left", maintain_order="left")
    asked = pl.col("follow_ups").fill_null([])
    hopeless = asked.list.contains("final") | asked.list.contains("appeal")
    found = found.filter(~hopeless & (~asked.list.contains("correct") | (pl.col("corrected") == 1)))
    for keys in found.select(_BILLED).iter_rows():
        mine = sa.and_(*[billings.c[name] == key for name, key in zip(_BILLED, keys, strict=True)])
        connection.execute(billings.update().where(mine).values(active=None))
    return found.drop(*_BILLED, "corrected", "follow_ups")


def _follow_ups(connection: sa.Connection, lines: pl.DataFrame) -> pl.DataFrame:
    """What the reasons given for each line, or for its whole invoice, ask the practice to do."""
    table = schema.reasons
    query = sa.select(*[table.c[key] for key in _BILLED], table.c.code)
    sendings = lines["sending_id"].unique().to_list()
    given = _frame(connection.execute(query.where(table.c.sending_id.in_(sendings))))
    known = {one.code: one.follow_up for one in reasons.all_reasons().values() if one.severity == ERROR}
    warnings = [one.code for one in reasons.all_reasons().values() if one.severity != ERROR]
    given = given.filter(~pl.col("code").is_in([*warnings, FOLLOWS_ITS_INVOICE])).with_columns(
        pl.col("code").replace_strict(known, default="correct", return_dtype=pl.String).alias("follow_up")
    )
    of_line = lines.select(_BILLED).join(given, on=list(_BILLED))
    of_invoice = lines.select(_BILLED).join(
        given.filter(pl.col("billed_line").is_null()).drop("billed_line"), on=list(_BILLED[:2])
    )
    both = pl.concat([frame.select(*_BILLED, "follow_up") for frame in (of_line, of_invoice)])
    return both.group_by(_BILLED).agg(pl.col("follow_up").unique().alias("follow_ups"))


def _with_references(connection: sa.Connection, lines: pl.DataFrame) -> pl.DataFrame:
    """Add the references the lines are billed under: their own the first time, then one that counts."""
    billings, sendings = schema.billings, schema.sendings
    count = sa.func.count(sa.distinct(billings.c.billed_invoice))
    query = sa.select(billings.c.invoice_reference, count.label("earlier")).join(
        sendings, sendings.c.id == billings.c.sending_id
    )
    query = query.where(sendings.c.active == 1).group_by(billings.c.invoice_reference)
    rows = [tuple(row) for row in connection.execute(query)]
    earlier = pl.DataFrame(rows, schema={"invoice_reference": pl.String, "earlier": pl.Int64}, orient="row")
    joined = lines.join(earlier, on="invoice_reference", how="left", maintain_order="left")
    again = pl.concat_str(pl.lit("-R"), (pl.col("earlier") + 1).cast(pl.String)).fill_null("")
    joined = joined.with_columns(
        pl.concat_str("invoice_reference", again).alias("billed_invoice"),
        pl.concat_str("line_reference", again).alias("billed_line"),
    )
    long = joined.filter(pl.max_horizontal(pl.col("billed_invoice", "billed_line").str.len_chars()) > 50)
    if long.height:
        raise ContentRefused(f"The reference {long['billed_invoice'][0]} would be longer than 50 characters.")
    return joined.drop("earlier")


def _file_name(connection: sa.Connection, settings: Settings, layout: Layout, order: Order) -> names.FileName:
    """The name of the new file; raises AlreadyBuilt when its key is in use."""
    table = schema.sendings
    same = (table.c.provider == settings.code, table.c.year == order.year, table.c.number == order.number,
            table.c.frame == settings.frame, table.c.type == TYPE)  # fmt: skip
    reference = order.reference
    if reference is None:
        made = connection.scalar(sa.select(sa.func.count()).select_from(table).where(*same)) or 0
        reference = f"{order.year}-{order.number:02d}-{made + 1}"
    taken = sa.select(table.c.name).where(*same, table.c.reference == reference, table.c.active == 1)
    if (name := connection.scalar(taken)) is not None:
        raise AlreadyBuilt(str(name))
    made_of = names.FileName(
        prefix=names.prefix_of(settings.frame), provider=settings.code, year=order.year, number=order.number,
        frame=settings.frame, type=TYPE, layout=layout.number, reference=reference,
    )  # fmt: skip
    return names.parse(made_of.format())


def _document(
    settings: Settings, layout: Layout, name: names.FileName, lines: pl.DataFrame, on: date
) -> tuple[dict[str, Any], dict[str, pl.DataFrame]]:
    """Header and tables in the canonical columns of the layouts."""
    first = [pl.col(column).first() for column in (
        "insured_person", "issued_on", "prescription_reference", "prescribed_on", "prescriber",
        "prescription_valid_until", "first_pregnancy_check", "accident_number", "accident_on")]  # fmt: skip
    invoices = (
        lines.group_by("billed_invoice", maintain_order=True)
        .agg(*first, pl.len().cast(pl.Int32).alias("count"), pl.col("gross_cents", "net_cents").sum())
        .rename({"billed_invoice": "invoice_reference"})
        .with_row_index("invoice")
        .with_columns(pl.lit("EUR").alias("currency"), pl.lit(None, pl.Int32).alias("invoice_rank"))
    )
    numbers = invoices.select("invoice", pl.col("invoice_reference").alias("billed_invoice"))
    rows = (
        lines.join(numbers, on="billed_invoice", maintain_order="left")
        .with_row_index("line")
        .drop("invoice_reference", "line_reference")
        .rename({"billed_line": "line_reference"})
        .with_columns(pl.lit("EUR").alias("currency"), pl.lit(None, pl.Int32).alias("line_rank"))
    )
    header = {
        "frame": settings.frame, "layout": layout.number, "type": TYPE, "billing_provider": settings.code,
        "organisation": settings.organisation, "sent_on": on, "file_reference": name.reference,
        "year": name.year, "number": name.number, "count": invoices.height, "currency": "EUR",
        "gross_cents": int(lines["gross_cents"].sum()), "net_cents": int(lines["net_cents"].sum()),
    }  # fmt: skip
    return header, {"invoices": invoices, "lines": rows}


def _assert_conform(name: str, content: bytes, on: date, code: int) -> None:
    """A file the fund would send back whole is never built."""
    examination = examine_file(name, content, on=on, provider=code)
    if not examination.conform:
        first = next(finding for finding in examination.findings if finding.severity == "error")
        where = " ".join(filter(None, (first.invoice_reference, first.line_reference)))
        raise ContentRefused(
            f"{first.code} {where} {reasons.reason(first.code).text('en')} {first.found or ''}"
        )


def _built(
    home: Home, name: names.FileName, header: dict[str, Any], lines: pl.DataFrame, content: bytes
) -> Built:
    return Built(
        name=name.format(),
        path=str(home.outbox / name.format()),
        layout=name.layout,
        invoices=header["count"],
        lines=lines.height,
        gross_cents=header["gross_cents"],
        net_cents=header["net_cents"],
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _set_aside(home: Home, built: Built) -> None:
    """Keep the bytes of a refused or discarded file of the same name under their hash."""
    path = home.outbox / built.name
    if path.exists():
        held = hashlib.sha256(path.read_bytes()).hexdigest()
        path.replace(path.with_name(f"{built.name}.{held[:12]}.old"))


def _note(connection: sa.Connection, name: names.FileName, built: Built, lines: pl.DataFrame) -> None:
    values = {
        "name": built.name, "provider": name.provider, "year": name.year, "number": name.number,
        "frame": name.frame, "type": name.type, "layout": name.layout, "reference": name.reference,
        "sha256": built.sha256, "size": built.size, "invoices": built.invoices, "lines": built.lines,
        "gross_cents": built.gross_cents, "net_cents": built.net_cents, "stage": "built", "active": 1,
        "built_at": now(), "attempts": 0, "refusals": 0, "upload_begun": False,
    }  # fmt: skip
    done = connection.execute(schema.sendings.insert().values(values))
    assert done.inserted_primary_key is not None
    sending = int(done.inserted_primary_key[0])
    kept = (
        "billed_invoice",
        "billed_line",
        "invoice_reference",
        "line_reference",
        "gross_cents",
        "net_cents",
    )
    rows = lines.select(*kept, pl.lit(sending).alias("sending_id"), pl.lit(1).alias("active"))
    insert_many(connection, schema.billings, rows.to_dicts())
