"""Answers matched to what was sent, and booked: once each, in any order, never by guessing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl
import sqlalchemy as sa

from caisse.agreement.lifecycle import SENDING, may_move
from caisse.provider import schema
from caisse.provider.answers import ACKNOWLEDGEMENT, RECEIPT, REFUSAL, RETURN, Answer, read_answer
from caisse.provider.store import Store, insert_many, move_sending, now

BOOKED, NOTED, UNMATCHED, REPEATED, SETTLED = "booked", "noted", "unmatched", "repeated", "settled"

KEYS = ("billed_invoice", "billed_line")
_AMOUNTS = ("asked_cents", "paid_cents", "patient_cents", "refused_cents")


@dataclass(frozen=True, slots=True)
class Booked:
    """What became of one answer. ``state``: booked, noted (nothing changed), unmatched or repeated."""

    name: str
    kind: str
    state: str
    sending: str | None = None
    stage: str | None = None
    deposit: str = ""
    problem: str | None = None


class Unmatched(Exception):
    """The answer cannot be booked; the message says why. It is kept for a person to look at."""


def book_answer(connection: sa.Connection, answer: Answer) -> Booked:
    """Keep the answer's bytes and book what it says, in the caller's transaction; only once."""
    held = _held(connection, answer)
    if held is not None and held.state != UNMATCHED:
        return Booked(answer.name, answer.kind, REPEATED, deposit=answer.deposit)
    answer_id = held.id if held is not None else _keep(connection, answer)
    # A savepoint: an answer found wrong half-way leaves nothing behind but its own bytes.
    part = connection.begin_nested()
    try:
        sending = _sending_of(connection, answer)
        state = apply_answer(connection, answer, answer_id, sending)
        part.commit()
    except Unmatched as reason:
        part.rollback()
        mark(connection, answer_id, state=UNMATCHED, problem=str(reason))
        return Booked(answer.name, answer.kind, UNMATCHED, deposit=answer.deposit, problem=str(reason))
    mark(connection, answer_id, state=state, sending_id=sending.id, deposit=answer.deposit, problem=None,
          note=answer.header.get("tables_note"))  # fmt: skip
    stage = connection.scalar(sa.select(schema.sendings.c.stage).where(schema.sendings.c.id == sending.id))
    return Booked(answer.name, answer.kind, state, sending.name, stage, answer.deposit)


def retry_unmatched(store: Store, keys: Mapping[str, Any]) -> list[Booked]:
    """Try the answers that could not be booked once more; those that now can."""
    table = schema.answers
    with store.read() as connection:
        rows = connection.execute(sa.select(table).where(table.c.state == UNMATCHED)).all()
    done = []
    for row in rows:
        with store.write() as connection:
            done.append(book_answer(connection, read_answer(row.name, row.content, keys)))
    return [booked for booked in done if booked.state in (BOOKED, NOTED)]


def _held(connection: sa.Connection, answer: Answer) -> Any:
    """The same bytes kept before; those kept without a deposit are the same answer, not understood then."""
    table = schema.answers
    same = sa.select(table.c.id, table.c.state).where(
        table.c.sha256 == answer.sha256, table.c.deposit.in_((answer.deposit, ""))
    )
    return connection.execute(same).first()


def _keep(connection: sa.Connection, answer: Answer) -> int:
    values = {
        "name": answer.name[:255], "kind": answer.kind, "deposit": answer.deposit, "sha256": answer.sha256,
        "size": len(answer.content), "content": answer.content, "collected_at": now(), "state": UNMATCHED,
    }  # fmt: skip
    done = connection.execute(schema.answers.insert().values(values))
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])


def mark(connection: sa.Connection, answer_id: int, **values: Any) -> None:
    """Write what became of a kept answer."""
    connection.execute(schema.answers.update().where(schema.answers.c.id == answer_id).values(values))


def _sending_of(connection: sa.Connection, answer: Answer) -> Any:
    """The file the answer speaks of, by its hash; among files of the same bytes by deposit."""
    if answer.problem:
        raise Unmatched(answer.problem)
    table = schema.sendings
    if answer.kind == REFUSAL:
        return _sending_named(connection, answer.about_name)
    rows = connection.execute(sa.select(table).where(table.c.sha256 == answer.about_sha256)).all()
    if not rows:
        raise Unmatched(_why_unknown(connection, answer))
    by_deposit = [row for row in rows if row.deposit == answer.deposit]
    free = [row for row in rows if row.deposit is None and row.stage != "discarded"]
    for candidates in (by_deposit, free):
        if candidates:
            return max(candidates, key=lambda row: (row.active or 0, row.id))
    if any(row.stage == "discarded" for row in rows):
        raise Unmatched(
            f"{rows[0].name} was discarded here, but the fund answers it. Ask it before billing again."
        )
    raise Unmatched(f"{rows[0].name} has the deposit id {rows[0].deposit}, this answer has {answer.deposit}.")


def _sending_named(connection: sa.Connection, name: str) -> Any:
    """The living file of that name, for notes that tell no hash; the mailbox may have numbered the name."""
    table = schema.sendings
    plain = re.sub(r"-[0-9]+(\.[a-z]+)?$", r"\1", name)
    query = sa.select(table).where(table.c.name.in_((name, plain)), table.c.active == 1)
    found = connection.execute(query.order_by(table.c.name == name)).all()
    if not found:
        raise Unmatched(f"It speaks of {name}, which this practice did not send.")
    return found[-1]


def _why_unknown(connection: sa.Connection, answer: Answer) -> str:
    same_name = sa.select(schema.sendings.c.id).where(schema.sendings.c.name == answer.about_name)
    if answer.about_name and connection.scalar(same_name) is not None:
        return f"It speaks of {answer.about_name} with other content than this practice sent."
    return "It speaks of a file this practice did not send."


def apply_answer(connection: sa.Connection, answer: Answer, answer_id: int, sending: Any) -> str:
    """Book what an answer says onto a file; raises Unmatched when it does not fit it."""
    if answer.kind == REFUSAL:
        return _note_refusal(connection, answer, sending)
    if sending.stage == "built":
        # An answer proves that the file arrived, although this side never heard the end of the upload.
        sent_at = answer.received_at or now()
        move_sending(connection, sending.id, "sent", sent_at=sent_at, problem=None)
    if answer.deposit and sending.deposit is None:
        table = schema.sendings
        connection.execute(table.update().where(table.c.id == sending.id).values(deposit=answer.deposit))
    apply = {RECEIPT: _book_receipt, ACKNOWLEDGEMENT: _book_acknowledgement, RETURN: _book_return}[
        answer.kind
    ]
    return apply(connection, answer, answer_id, sending)


def _note_refusal(connection: sa.Connection, answer: Answer, sending: Any) -> str:
    """Show the fund's words on a file that has not arrived yet; one that has is not touched by them."""
    if sending.stage == "built":
        table = schema.sendings
        words = answer.content.decode("utf-8", "replace").strip()
        connection.execute(table.update().where(table.c.id == sending.id).values(problem=words))
    return NOTED


def _book_receipt(connection: sa.Connection, answer: Answer, answer_id: int, sending: Any) -> str:
    receipt = answer.receipt
    assert receipt is not None
    if (receipt.name, receipt.size) != (sending.name, sending.size):
        raise Unmatched(
            f"It confirms {receipt.name} of {receipt.size} bytes; sent were {sending.size} as {sending.name}."
        )
    if receipt.provider != sending.provider:
        raise Unmatched(f"It was given to the provider {receipt.provider}.")
    connection.execute(schema.receipts.insert().values(
        answer_id=answer_id, sending_id=sending.id, deposit=receipt.deposit, key_id=receipt.key_id,
        received_at=receipt.received_at,
    ))  # fmt: skip
    return BOOKED


def _current_stage(connection: sa.Connection, sending: Any) -> str:
    table = schema.sendings
    return str(connection.execute(sa.select(table.c.stage).where(table.c.id == sending.id)).scalar_one())


def _book_acknowledgement(connection: sa.Connection, answer: Answer, answer_id: int, sending: Any) -> str:
    """Conform: the return is to be awaited. Not conform: its lines are free to be billed again."""
    target = "acknowledged" if answer.header["conform"] else "refused"
    stage = _current_stage(connection, sending)
    _insert_findings(connection, answer, answer_id, sending)
    if may_move(SENDING, stage, target):
        values: dict[str, Any] = {"answered_at": now()}
        if target == "refused":
            values["problem"] = _in_short(answer.tables["findings"])
        move_sending(connection, sending.id, target, **values)
        return BOOKED
    if target == "acknowledged" and stage in ("acknowledged", "returned"):
        return NOTED
    raise Unmatched(f"It says {target}, but the file is {stage}.")


def _in_short(findings: pl.DataFrame) -> str:
    """The codes of a file that is not conform, with how often each was found."""
    counts = findings.group_by("code", maintain_order=True).len()
    return "not conform: " + ", ".join(f"{code} × {number}" for code, number in counts.iter_rows())


def _insert_findings(connection: sa.Connection, answer: Answer, answer_id: int, sending: Any) -> None:
    findings = answer.tables.get("findings")
    if findings is None:
        return
    rows = [
        {
            "answer_id": answer_id, "sending_id": sending.id, "level": row["level"], "kind": row["kind"],
            "code": row["code"], "follows": row["follows"], "found": row["found_en"],
            "expected": row["expected_en"],
            "billed_invoice": (row.get("invoice_reference") or None) and row["invoice_reference"][:255],
            "billed_line": (row.get("line_reference") or None) and row["line_reference"][:255],
            "text": row.get("text_en"),
        }
        for row in findings.iter_rows(named=True)
    ]  # fmt: skip
    insert_many(connection, schema.reasons, rows)


def _book_return(connection: sa.Connection, answer: Answer, answer_id: int, sending: Any) -> str:
    stage = _current_stage(connection, sending)
    if not may_move(SENDING, stage, "returned"):
        raise Unmatched(
            f"The file is {stage} already and this return says something else; ask the fund which one holds."
        )
    lines = returned_lines(answer)
    _assert_sums_tie(answer, lines)
    mine = billed(connection, sending.id)
    matched = lines.join(mine, on=KEYS, how="inner", maintain_order="left")
    _assert_asked(matched)
    _insert_bookings(connection, answer_id, sending.id, matched)
    unknown = lines.join(mine, on=KEYS, how="anti", maintain_order="left")
    kept = unknown.select(*KEYS, "asked_cents", "paid_cents", pl.lit(answer_id).alias("answer_id"))
    insert_many(connection, schema.unmatched_lines, kept.to_dicts())
    insert_many(connection, schema.reasons, _return_reasons(answer, answer_id, sending.id))
    move_sending(connection, sending.id, "returned", answered_at=now())
    return BOOKED


def returned_lines(answer: Answer) -> pl.DataFrame:
    """The lines of a return with the references they were billed under."""
    invoices = answer.tables["invoices"].select(
        "invoice", pl.col("invoice_reference").alias("billed_invoice")
    )
    return (
        answer.tables["lines"]
        .join(invoices, on="invoice", maintain_order="left")
        .rename({"line_reference": "billed_line", "net_cents": "paid_cents"})
    )


def _assert_sums_tie(answer: Answer, lines: pl.DataFrame) -> None:
    """asked = paid + patient's share + refused, in every line and in the whole."""
    loose = lines.filter(pl.col("asked_cents") != pl.sum_horizontal(_AMOUNTS[1:]))
    if loose.height:
        row = loose.row(0, named=True)
        raise Unmatched(f"Line {row['billed_line']} of {row['billed_invoice']}: its amounts do not add up.")
    if lines.select(pl.struct(KEYS).is_duplicated().any()).item():
        raise Unmatched("It decides a line twice.")
    told = {name: answer.header[name] for name in ("asked_cents", "patient_cents", "refused_cents")}
    for name, value in told.items():
        if value != lines[name].sum():
            raise Unmatched(f"Its lines do not add up to its total of {name.removesuffix('_cents')}.")


def billed(connection: sa.Connection, sending_id: int) -> pl.DataFrame:
    """The lines of a file with the references they were billed under."""
    table = schema.billings
    query = sa.select(*[table.c[key] for key in KEYS], table.c.gross_cents, table.c.net_cents)
    rows = [tuple(row) for row in connection.execute(query.where(table.c.sending_id == sending_id))]
    columns = {**dict.fromkeys(KEYS, pl.String), "billed_gross": pl.Int64, "billed_net": pl.Int64}
    return pl.DataFrame(rows, schema=columns, orient="row")


def _assert_asked(matched: pl.DataFrame) -> None:
    other = matched.filter(~pl.col("asked_cents").is_in(pl.concat_list("billed_gross", "billed_net")))
    if other.height:
        row = other.row(0, named=True)
        raise Unmatched(
            f"Line {row['billed_line']} of {row['billed_invoice']}: it was asked for another amount."
        )


def outcome() -> pl.Expr:
    """paid: nothing refused; refused: nothing else; reduced: between them."""
    nothing = (pl.col("paid_cents") == 0) & (pl.col("patient_cents") == 0)
    word = pl.when(pl.col("refused_cents") == 0).then(pl.lit("paid"))
    return word.when(nothing).then(pl.lit("refused")).otherwise(pl.lit("reduced")).alias("outcome")


def _insert_bookings(
    connection: sa.Connection, answer_id: int, sending_id: int, matched: pl.DataFrame
) -> None:
    rows = matched.select(
        *KEYS, *_AMOUNTS, outcome(), "act_paid", "quantity_paid",
        pl.lit(answer_id).alias("answer_id"), pl.lit(sending_id).alias("sending_id"),
    )  # fmt: skip
    insert_many(connection, schema.bookings, rows.to_dicts())


def _return_reasons(answer: Answer, answer_id: int, sending_id: int) -> list[dict[str, Any]]:
    """The reasons of the lines, then those of the invoices, each as the answer gives them."""
    lines = returned_lines(answer).select("line", *KEYS)
    invoices = answer.tables["invoices"].select(
        "invoice", pl.col("invoice_reference").alias("billed_invoice")
    )
    of_lines = answer.tables["line_findings"].join(lines, on="line", maintain_order="left")
    of_invoices = answer.tables["invoice_findings"].join(invoices, on="invoice", maintain_order="left")
    plain = (pl.lit(answer_id).alias("answer_id"), pl.lit(sending_id).alias("sending_id"))
    told = (pl.col("kind"), pl.col("code"), pl.col("reason").alias("text"))
    return [
        *of_lines.select(*plain, *told, *KEYS, pl.lit("line").alias("level")).to_dicts(),
        *of_invoices.select(
            *plain,
            *told,
            "billed_invoice",
            pl.lit(None).alias("billed_line"),
            pl.lit("invoice").alias("level"),
        ).to_dicts(),
    ]
