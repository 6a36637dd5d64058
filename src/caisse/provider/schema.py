"""The tables of the practice's database, and the numbered steps that make them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

metadata = sa.MetaData()

_Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_Reference = sa.String(50)
_Cents = sa.BigInteger


class Moment(sa.types.TypeDecorator[datetime]):
    """A moment in time: aware in Python, UTC in the database."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """To UTC without zone; refuses a moment without zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """From UTC without zone to an aware moment."""
        return None if value is None else value.replace(tzinfo=UTC)


schema_steps = sa.Table(
    "schema_steps",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("applied_at", Moment, nullable=False),
)

#: One row a file of records imported; its hash makes a repeat harmless.
imports = sa.Table(
    "imports",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("imported_at", Moment, nullable=False),
)

#: The practice's invoices as recorded, whether billed or not.
invoices = sa.Table(
    "invoices",
    metadata,
    sa.Column("reference", _Reference, primary_key=True),
    sa.Column("insured_person", sa.BigInteger, nullable=False),
    sa.Column("issued_on", sa.Date, nullable=False),
    sa.Column("prescription_reference", _Reference, nullable=False),
    sa.Column("prescribed_on", sa.Date, nullable=False),
    sa.Column("prescriber", sa.Integer, nullable=False),
    sa.Column("prescription_valid_until", sa.Date),
    sa.Column("first_pregnancy_check", sa.Boolean),
    sa.Column("accident_number", sa.String(50)),
    sa.Column("accident_on", sa.Date),
    sa.Column("record_hash", sa.String(64), nullable=False),
    sa.Column("import_id", sa.ForeignKey("imports.id"), nullable=False),
)

#: The services, one row a line.
lines = sa.Table(
    "lines",
    metadata,
    sa.Column("invoice_reference", sa.ForeignKey("invoices.reference"), primary_key=True),
    sa.Column("reference", _Reference, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("act", sa.String(20), nullable=False),
    sa.Column("complements", sa.String(50)),
    sa.Column("date_of_service", sa.Date, nullable=False),
    sa.Column("service_until", sa.Date),
    sa.Column("sampled_on", sa.Date, nullable=False),
    sa.Column("sampling_place", sa.String(50)),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("gross_cents", _Cents, nullable=False),
    sa.Column("net_cents", _Cents, nullable=False),
    sa.Column("executing_provider", sa.Integer, nullable=False),
    sa.Column("transmitting_laboratory", sa.Integer),
    sa.Column("authorisation_reference", _Reference),
)

#: The files built. ``active`` is 1 while the key is in use and null once the file is refused or discarded,
#: so that one unique constraint says "once at a time" on every database.
sendings = sa.Table(
    "sendings",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("provider", sa.Integer, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("frame", sa.String(3), nullable=False),
    sa.Column("type", sa.String(6), nullable=False),
    sa.Column("layout", sa.Integer, nullable=False),
    sa.Column("reference", _Reference, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("invoices", sa.Integer, nullable=False),
    sa.Column("lines", sa.Integer, nullable=False),
    sa.Column("gross_cents", _Cents, nullable=False),
    sa.Column("net_cents", _Cents, nullable=False),
    sa.Column("stage", sa.String(20), nullable=False),
    sa.Column("active", sa.SmallInteger),
    sa.Column("built_at", Moment, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # An attempt the fund did not refuse may have arrived, whatever this side heard of it.
    sa.Column("refusals", sa.Integer, nullable=False),
    sa.Column("attempted_at", Moment),
    sa.Column("upload_begun", sa.Boolean, nullable=False),
    sa.Column("sent_at", Moment),
    sa.Column("answered_at", Moment),
    sa.Column("deposit", sa.String(50)),
    sa.Column("problem", sa.Text),
    sa.UniqueConstraint("provider", "year", "number", "frame", "type", "reference", "active"),
)

#: Which line stands in which file, and under which references. ``active`` as for ``sendings``: a line is
#: billed at most once at a time.
billings = sa.Table(
    "billings",
    metadata,
    sa.Column("sending_id", sa.ForeignKey("sendings.id"), primary_key=True),
    sa.Column("billed_invoice", _Reference, primary_key=True),
    sa.Column("billed_line", _Reference, primary_key=True),
    sa.Column("invoice_reference", _Reference, nullable=False),
    sa.Column("line_reference", _Reference, nullable=False),
    sa.Column("gross_cents", _Cents, nullable=False),
    sa.Column("net_cents", _Cents, nullable=False),
    sa.Column("active", sa.SmallInteger),
    sa.ForeignKeyConstraint(
        ["invoice_reference", "line_reference"], ["lines.invoice_reference", "lines.reference"]
    ),
    sa.UniqueConstraint("invoice_reference", "line_reference", "active"),
)

#: Everything the fund ever answered, byte for byte. ``state``: booked, noted, unmatched or settled.
answers = sa.Table(
    "answers",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("deposit", sa.String(50), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("collected_at", Moment, nullable=False),
    sa.Column("sending_id", sa.ForeignKey("sendings.id")),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("problem", sa.Text),
    sa.Column("note", sa.Text),
    # What a person did about it, and why.
    sa.Column("by_hand", sa.Text),
    sa.UniqueConstraint("sha256", "deposit"),
)

#: The receipts whose signature and hash were found right.
receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("answer_id", sa.ForeignKey("answers.id"), primary_key=True, autoincrement=False),
    sa.Column("sending_id", sa.ForeignKey("sendings.id"), nullable=False),
    sa.Column("deposit", sa.String(50), nullable=False),
    sa.Column("key_id", sa.String(100), nullable=False),
    sa.Column("received_at", Moment, nullable=False),
)

#: The fund's decision on a line billed: asked = paid + patient's share + refused.
bookings = sa.Table(
    "bookings",
    metadata,
    sa.Column("sending_id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("billed_invoice", _Reference, primary_key=True),
    sa.Column("billed_line", _Reference, primary_key=True),
    sa.Column("answer_id", sa.ForeignKey("answers.id"), nullable=False),
    sa.Column("act_paid", sa.String(20)),
    sa.Column("quantity_paid", sa.Integer),
    sa.Column("asked_cents", _Cents, nullable=False),
    sa.Column("paid_cents", _Cents, nullable=False),
    sa.Column("patient_cents", _Cents, nullable=False),
    sa.Column("refused_cents", _Cents, nullable=False),
    sa.Column("outcome", sa.String(10), nullable=False),
    sa.ForeignKeyConstraint(
        ["sending_id", "billed_invoice", "billed_line"],
        ["billings.sending_id", "billings.billed_invoice", "billings.billed_line"],
    ),
    sa.CheckConstraint("asked_cents = paid_cents + patient_cents + refused_cents", name="sums_tie"),
)

#: The reasons an answer gives, at the level of the file, an invoice or a line.
reasons = sa.Table(
    "reasons",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("answer_id", sa.ForeignKey("answers.id"), nullable=False),
    sa.Column("sending_id", sa.ForeignKey("sendings.id"), nullable=False),
    sa.Column("level", sa.String(10), nullable=False),
    sa.Column("billed_invoice", sa.String(255)),
    sa.Column("billed_line", sa.String(255)),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("code", sa.String(20), nullable=False),
    # The code of the finding this one goes away with.
    sa.Column("follows", sa.String(20)),
    sa.Column("found", sa.Text),
    sa.Column("expected", sa.Text),
    sa.Column("text", sa.Text),
)

#: Lines an answer speaks of that this practice never billed in that file. Kept for a person to look at.
unmatched_lines = sa.Table(
    "unmatched_lines",
    metadata,
    sa.Column("id", _Id, primary_key=True),
    sa.Column("answer_id", sa.ForeignKey("answers.id"), nullable=False),
    sa.Column("billed_invoice", sa.Text, nullable=False),
    sa.Column("billed_line", sa.Text, nullable=False),
    sa.Column("asked_cents", _Cents, nullable=False),
    sa.Column("paid_cents", _Cents, nullable=False),
)

INDEXES = (
    sa.Index("sendings_by_sha256", sendings.c.sha256),
    sa.Index("reasons_by_line", reasons.c.sending_id, reasons.c.billed_invoice, reasons.c.billed_line),
    sa.Index("bookings_by_answer", bookings.c.answer_id),
)


def _create_tables(connection: sa.Connection) -> None:
    metadata.create_all(connection)


def _create_indexes(connection: sa.Connection) -> None:
    for index in INDEXES:
        index.create(connection, checkfirst=True)


def _add(connection: sa.Connection, column: sa.Column[Any]) -> None:
    """Add a column to a table that an earlier version made."""
    table = column.table.name
    if column.name not in {held["name"] for held in sa.inspect(connection).get_columns(table)}:
        kind = column.type.compile(connection.dialect)
        connection.execute(sa.text(f"ALTER TABLE {table} ADD COLUMN {column.name} {kind}"))


def _add_by_hand(connection: sa.Connection) -> None:
    _add(connection, answers.c.by_hand)


def _add_follows(connection: sa.Connection) -> None:
    _add(connection, reasons.c.follows)


#: Numbered from 1. Each step may run again without harm; a step once released is never changed.
STEPS: tuple[Callable[[sa.Connection], None], ...] = (
    _create_tables,
    _create_indexes,
    _add_by_hand,
    _add_follows,
)
