"""The practice's own records, taken into its database: all of a file or nothing of it."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa

from caisse.agreement.errors import WrongUse
from caisse.agreement.rules.pricing import line_tariff_cents
from caisse.agreement.rules.tariffs import NONE, tariff_index
from caisse.agreement.tables import Tables, load_tables
from caisse.agreement.validity import holds_on
from caisse.provider import faults, schema
from caisse.provider.errors import RecordRefused
from caisse.provider.home import profession_of
from caisse.provider.record_columns import OF_INVOICE, OF_LINE
from caisse.provider.record_reading import FAULTS_SHOWN, ROW, read_records
from caisse.provider.store import Store, insert_many, now

#: Called with what is done and what there is to do.
Progress = Callable[[int, int], None]

_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an import did. ``known`` counts invoices that were there already with the same content."""

    file: str
    rows: int
    invoices: int
    lines: int
    known: int
    corrected: int
    priced: int
    gross_cents: int
    repeated: bool
    notes: tuple[str, ...] = ()


def record_file(
    store: Store,
    path: Path,
    *,
    code: int,
    frame: str,
    correct: bool = False,
    progress: Progress | None = None,
) -> Recorded:
    """Import a file of records; the same file, or the same invoice, again is harmless.

    ``correct`` replaces invoices whose content differs, as long as no file under way bills them. Raises
    RecordRefused naming every fault with its row; then nothing was imported.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WrongUse(f"{path}: {error.strerror}") from None
    sha256 = hashlib.sha256(content).hexdigest()
    if _is_imported(store, sha256) and not correct:
        return Recorded(path.name, 0, 0, 0, 0, 0, 0, 0, repeated=True)
    rows = read_records(path.name, content, code=code)
    rows, priced, notes = with_prices(rows, profession=profession_of(frame))
    hashes = _hashes(rows)
    with store.write() as connection:
        known = _known(connection, hashes)
        differing = {ref for ref, held in known.items() if held != hashes[ref]}
        _check_differing(connection, rows, differing, correct=correct)
        fresh = rows.filter(~pl.col("invoice_reference").is_in(list(known)))
        import_id = _note_import(connection, path.name, sha256, rows.height)
        _correct(connection, rows, differing, hashes, import_id)
        _insert(connection, fresh, hashes, import_id, progress)
        faults.reach("record.before_commit")
    faults.reach("record.after_commit")
    return Recorded(
        file=path.name,
        rows=rows.height,
        invoices=fresh["invoice_reference"].n_unique(),
        lines=fresh.height,
        known=len(known) - len(differing),
        corrected=len(differing),
        priced=priced,
        gross_cents=int(fresh["amount"].sum()),
        repeated=False,
        notes=notes,
    )


def with_prices(rows: pl.DataFrame, *, profession: str) -> tuple[pl.DataFrame, int, tuple[str, ...]]:
    """Fill empty amounts with quantity x tariff of the day of service; says how many, and the tables' notes.

    Raises RecordRefused where the tables hold no price: nothing is invented.
    """
    missing = rows.filter(pl.col("amount").is_null())
    notes: tuple[str, ...] = ()
    if missing.height:
        tables = load_tables(profession)
        priced = missing.select(
            ROW, line_tariff_cents(_tariffs(missing, tables), pl.col("quantity")).alias("priced")
        )
        rows = rows.join(priced, on=ROW, how="left", maintain_order="left")
        rows = rows.with_columns(pl.coalesce("amount", "priced").alias("amount")).drop("priced")
        days = missing["date_of_service"]
        notes = tuple(
            note.text("en")
            for note in tables.notes
            if any(holds_on(day, note.valid_from, note.valid_until) for day in days.unique())
        )
    return rows.with_columns(pl.coalesce("net_amount", "amount").alias("net_amount")), missing.height, notes


def _tariffs(rows: pl.DataFrame, tables: Tables) -> pl.Expr:
    """The tariff of each row's act on its day of service, in cents."""
    index = tariff_index(tables)
    at = index.places(index.act_codes(rows["act"]), rows["date_of_service"].to_physical().to_numpy())
    tariff = index.tariff[at]
    if (tariff == NONE).any():
        unpriced = rows.with_columns(pl.Series("listed", index.edition[at] != NONE)).filter(tariff == NONE)
        faults_found = []
        for row, act, day, listed in unpriced.select(ROW, "act", "date_of_service", "listed").iter_rows():
            why = f"no key letter of {day} is held" if listed else f"act {act} is not in the tables of {day}"
            faults_found.append(f"row {row}: cannot be priced: {why}; give `amount`")
        raise RecordRefused(faults_found[:FAULTS_SHOWN], more=max(0, len(faults_found) - FAULTS_SHOWN))
    return pl.lit(pl.Series(tariff))


def _is_imported(store: Store, sha256: str) -> bool:
    with store.read() as connection:
        return connection.scalar(sa.select(schema.imports.c.id).filter_by(sha256=sha256)) is not None


def _hashes(rows: pl.DataFrame) -> dict[str, str]:
    """One hash an invoice over all that was recorded of it, in the order of its lines."""
    names = [name for name in (*OF_INVOICE, *OF_LINE) if name != "invoice_reference"]
    row = pl.concat_str([pl.col(name).cast(pl.String).fill_null("\x00") for name in names], separator="\x1f")
    whole = rows.group_by("invoice_reference", maintain_order=True).agg(row.str.join("\x1e").alias("text"))
    return {reference: hashlib.sha256(text.encode()).hexdigest() for reference, text in whole.iter_rows()}


def _chunks(values: Iterable[str]) -> Iterator[list[str]]:
    everything = list(values)
    for start in range(0, len(everything), _CHUNK):
        yield everything[start : start + _CHUNK]


def _known(connection: sa.Connection, hashes: dict[str, str]) -> dict[str, str]:
    """Reference and hash of the invoices recorded before."""
    table = schema.invoices
    found: dict[str, str] = {}
    for chunk in _chunks(hashes):
        query = sa.select(table.c.reference, table.c.record_hash).where(table.c.reference.in_(chunk))
        found.update((reference, held) for reference, held in connection.execute(query))
    return found


def _check_differing(
    connection: sa.Connection, rows: pl.DataFrame, differing: set[str], *, correct: bool
) -> None:
    """Refuse changed invoices unless asked to correct them and no file under way bills their lines."""
    if not differing:
        return
    first = dict(
        rows.filter(pl.col("invoice_reference").is_in(list(differing)))
        .group_by("invoice_reference")
        .agg(pl.col(ROW).min())
        .iter_rows()
    )
    if correct:
        fixed = {
            reference: name for chunk in _chunks(differing) for reference, name in _fixed(connection, chunk)
        }
        problems = [f"row {first[ref]}: invoice {ref} is billed in {name}; its return is final or awaited"
                    for ref, name in fixed.items()]  # fmt: skip
    else:
        problems = [
            f"row {row}: invoice {ref} is recorded already with other content; use --correct to replace it"
            for ref, row in sorted(first.items(), key=lambda item: item[1])
        ]
    if problems:
        raise RecordRefused(problems[:FAULTS_SHOWN], more=max(0, len(problems) - FAULTS_SHOWN))


def _billed(references: list[str]) -> sa.Select[Any]:
    """The lines of these invoices that stand in a living file, its name and their outcome, if any."""
    billings, bookings, sendings = schema.billings, schema.bookings, schema.sendings
    keys = ("sending_id", "billed_invoice", "billed_line")
    joined = billings.join(sendings, sendings.c.id == billings.c.sending_id).outerjoin(
        bookings, sa.and_(*[bookings.c[key] == billings.c[key] for key in keys])
    )
    columns = (billings.c.invoice_reference, billings.c.line_reference, sendings.c.name, bookings.c.outcome)
    living = sa.select(*columns).select_from(joined).where(billings.c.active == 1)
    return living.where(billings.c.invoice_reference.in_(references))


def _fixed(connection: sa.Connection, references: list[str]) -> list[tuple[str, str]]:
    """Invoices that may not change now, and the file: an answer is awaited, or nothing was refused."""
    outcomes: dict[str, dict[str | None, str]] = {}
    for invoice, _, name, outcome in connection.execute(_billed(references)):
        outcomes.setdefault(invoice, {})[outcome] = name
    return [
        (invoice, next(iter(found.values())))
        for invoice, found in outcomes.items()
        if None in found or "refused" not in found
    ]


def _note_import(connection: sa.Connection, name: str, sha256: str, rows: int) -> int:
    table = schema.imports
    held = connection.scalar(sa.select(table.c.id).where(table.c.sha256 == sha256))
    if held is not None:
        return int(held)
    values = {"name": name[:255], "sha256": sha256, "rows": rows, "imported_at": now()}
    done = connection.execute(table.insert().values(values))
    assert done.inserted_primary_key is not None
    return int(done.inserted_primary_key[0])


def _invoice_rows(rows: pl.DataFrame, hashes: dict[str, str], import_id: int) -> list[dict[str, Any]]:
    invoices = rows.group_by("invoice_reference", maintain_order=True).first().select(OF_INVOICE)
    return [
        {**row, "record_hash": hashes[row["reference"]], "import_id": import_id}
        for row in invoices.rename({"invoice_reference": "reference"}).iter_rows(named=True)
    ]


def _line_rows(rows: pl.DataFrame) -> list[dict[str, Any]]:
    renamed = {"line_reference": "reference", "amount": "gross_cents", "net_amount": "net_cents"}
    position = pl.int_range(pl.len()).over("invoice_reference").alias("position")
    return rows.select("invoice_reference", *OF_LINE, position).rename(renamed).to_dicts()


def _insert(
    connection: sa.Connection,
    rows: pl.DataFrame,
    hashes: dict[str, str],
    import_id: int,
    progress: Progress | None,
) -> None:
    insert_many(connection, schema.invoices, _invoice_rows(rows, hashes, import_id))
    lines = _line_rows(rows)
    for start in range(0, len(lines), _CHUNK):
        insert_many(connection, schema.lines, lines[start : start + _CHUNK])
        if progress:
            progress(min(start + _CHUNK, len(lines)), len(lines))


def _correct(
    connection: sa.Connection, rows: pl.DataFrame, differing: set[str], hashes: dict[str, str], import_id: int
) -> None:
    """Put the new content of changed invoices in place; lines ever billed are changed, never removed."""
    changed = rows.filter(pl.col("invoice_reference").is_in(list(differing)))
    invoices, lines, billings = schema.invoices, schema.lines, schema.billings
    for values in _invoice_rows(changed, hashes, import_id):
        mine = invoices.c.reference == values["reference"]
        connection.execute(invoices.update().where(mine).values(values))
        ever = sa.select(billings.c.line_reference).where(billings.c.invoice_reference == values["reference"])
        mine = lines.c.invoice_reference == values["reference"]
        connection.execute(lines.delete().where(mine, lines.c.reference.not_in(ever)))
    held: dict[tuple[str, str], dict[str, Any]] = {}
    decided: set[tuple[str, str]] = set()
    for chunk in _chunks(differing):
        for row in connection.execute(sa.select(lines).where(lines.c.invoice_reference.in_(chunk))):
            held[row.invoice_reference, row.reference] = dict(row._mapping)
        living = connection.execute(_billed(chunk))
        decided |= {(invoice, line) for invoice, line, _, outcome in living if outcome != "refused"}
    _replace_lines(connection, _line_rows(changed), held, decided)


def _replace_lines(
    connection: sa.Connection,
    rows: list[dict[str, Any]],
    held: dict[tuple[str, str], dict[str, Any]],
    decided: set[tuple[str, str]],
) -> None:
    """Write the corrected lines; a line the fund decided stays as it was billed."""
    table = schema.lines
    for values in rows:
        key = (values["invoice_reference"], values["reference"])
        before = held.pop(key, None)
        if before is None:
            connection.execute(table.insert().values(values))
        elif key in decided:
            if before != values:
                raise RecordRefused(
                    [f"line {key[1]} of invoice {key[0]} is decided by the fund and may not change"]
                )
        else:
            mine = sa.and_(table.c.invoice_reference == key[0], table.c.reference == key[1])
            connection.execute(table.update().where(mine).values(values))
    if held:
        invoice, line = min(held)
        raise RecordRefused([f"line {line} of invoice {invoice} was billed before and may not be left out"])
