"""Lines judged together with what earlier files were paid for the same sampling or the same prescription.

Few lines of a file have such company. They are set aside with it: the lines paid before come first, count,
and stay as they are; the rules over several lines then take from the new ones alone.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.rules.batch import EARLIER_SCHEMA, Batch, History
from caisse.agreement.rules.cumulation import group_rows
from caisse.agreement.rules.fingerprints import Fingerprints, among, prescription_marks, sampling_marks
from caisse.agreement.rules.hits import Hits
from caisse.agreement.rules.standing import Numbers, Standing
from caisse.agreement.tables import Tables

#: What the history can be asked by. A unit must name all of the one or of the other.
_SAMPLING = ("person", "sampled_on")
_PRESCRIPTION = ("person", "prescribed_on", "prescriber")
_OF_LINES = {
    "act": pl.String(),
    "line_reference": pl.String(),
    "date_of_service": pl.Date(),
    "sampled_on": pl.Date(),
    "quantity": pl.Int32(),
}
_OF_INVOICES = {
    "invoice_reference": pl.String(),
    "prescriber": pl.Int32(),
    "prescribed_on": pl.Date(),
    "prescription_reference": pl.String(),
    "first_pregnancy_check": pl.Boolean(),
}


@dataclass(frozen=True, slots=True)
class Aside:
    """Lines of the file (``rows``) behind the earlier ones that they are judged with."""

    standing: Standing
    rows: Numbers

    def in_file(self, hits: Iterable[Hits]) -> Iterator[Hits]:
        """Findings on lines set aside, as findings on lines of the file."""
        for hit in hits:
            yield replace(hit, rows=self.rows[hit.rows - self.standing.settled])

    def put_back(self, standing: Standing) -> None:
        """What the rules left of these lines holds for the file."""
        settled = self.standing.settled
        standing.payable[self.rows] = self.standing.payable[settled:]
        standing.quantity[self.rows] = self.standing.quantity[settled:]


def set_aside(standing: Standing, history: History, tables: Tables) -> Aside | None:
    """Take the lines of every person who was paid for the same unit before out of what stands; None: none."""
    earlier = _paid_beside(standing, history)
    if earlier.is_empty():
        return None
    persons = standing.joined.person
    concerned = np.isin(persons, earlier["person"].unique().to_numpy())
    rows = np.flatnonzero(standing.payable & concerned[standing.joined.invoice_of])
    aside = Aside(_together(standing, earlier, rows, tables), rows)
    standing.payable[rows] = False
    return aside


def _paid_beside(standing: Standing, history: History) -> pl.DataFrame:
    """Lines paid before in a sampling or a prescription of a payable line, as `EARLIER_SCHEMA`.

    Equal marks are no proof, but need no confirmation either: the rules compare the units themselves.
    """
    biller = int(str(standing.batch.header["billing_provider"]))
    asked = np.unique(np.concatenate(list(_asked(standing, np.array([biller])))))
    marks = asked[among(history.unit_marks, asked)]
    if not len(marks):
        return pl.DataFrame(schema=EARLIER_SCHEMA)
    return history.paid_in(marks).filter(billing_provider=biller)


def _asked(standing: Standing, biller: Numbers) -> Iterator[Fingerprints]:
    """The marks of the units the history is asked for.

    Acts without any rule over several lines can only be repeated: on the same day of service that is found by
    the line's own fingerprint, so that only units with another day of service are asked for.
    """
    standing_rows = np.flatnonzero(standing.payable)
    ruled = standing.held(standing.rules.is_ruled, standing_rows) | _served_later(standing, standing_rows)
    _require(standing.rules.unit, _SAMPLING)
    for rows, served_later in ((standing_rows[ruled], False), (standing_rows[~ruled], True)):
        first = _first_of_runs(rows, standing.unit)
        person, day = _person_and_day(standing, "sampled_on", first)
        yield sampling_marks(person, day, biller, served_later=served_later)
    first = _first_of_runs(_counted_otherwise(standing), standing.joined.invoice_of)
    person, day = _person_and_day(standing, "prescribed_on", first)
    yield prescription_marks(person, day, _values(standing, "prescriber", first))


def _served_later(standing: Standing, rows: Numbers) -> NDArray[np.bool_]:
    lines = standing.batch.lines
    later = lines["sampled_on"].to_physical().to_numpy() != lines["date_of_service"].to_physical().to_numpy()
    of_rows: NDArray[np.bool_] = later[rows]
    return of_rows


def _counted_otherwise(standing: Standing) -> Numbers:
    """The payable lines that count within a unit other than the sampling."""
    rules = standing.rules
    grouped = np.flatnonzero(standing.payable & standing.held(rules.grouped))
    counted = [np.zeros(0, np.int64)]
    for group in rules.groups:
        if group.per != rules.unit:
            _require(group.per, _PRESCRIPTION)
            counted.append(group_rows(standing, group, grouped))
    return np.unique(np.concatenate(counted))


def _require(unit: tuple[str, ...], columns: tuple[str, ...]) -> None:
    if not set(columns) <= set(unit):
        raise BrokenSystem(f"The tables count within {unit}; what was paid before cannot be found by that.")


def _first_of_runs(rows: Numbers, unit: Numbers) -> Numbers:
    """The first of each run of ``rows`` with the same unit."""
    if not len(rows):
        return rows
    of_rows = unit[rows]
    first: Numbers = rows[np.append(True, of_rows[1:] != of_rows[:-1])]
    return first


def _values(standing: Standing, column: str, rows: Numbers) -> Numbers:
    """A column of the key at ``rows`` as integers, -1 where it is null; days count from 1970-01-01."""
    invoice = standing.joined.invoice_of[rows]
    if column == "person":
        return standing.joined.person[invoice]
    of_line = column == "sampled_on"
    table = standing.batch.lines if of_line else standing.batch.invoices
    values = table[column].gather(rows if of_line else invoice)
    return values.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()


def _person_and_day(standing: Standing, day: str, rows: Numbers) -> tuple[Numbers, NDArray[np.int32]]:
    return _values(standing, "person", rows), _values(standing, day, rows).astype(np.int32)


def _together(standing: Standing, earlier: pl.DataFrame, rows: Numbers, tables: Tables) -> Standing:
    """The earlier lines, each as an invoice of its own, and behind them the file's lines at ``rows``."""
    batch, joined, settled = standing.batch, standing.joined, earlier.height
    invoices, of_invoice = np.unique(joined.invoice_of[rows], return_inverse=True)
    lines = pl.concat([_columns(earlier, _OF_LINES), _columns(batch.lines, _OF_LINES, rows)])
    whole = Batch(
        batch.header,
        pl.concat([_columns(earlier, _OF_INVOICES), _columns(batch.invoices, _OF_INVOICES, invoices)]),
        lines,
    )
    acts = standing.index.act_codes(lines["act"])
    served = lines["date_of_service"].to_physical().to_numpy()
    paid = earlier.select(
        pl.format(
            "{} of invoice {} line {} (paid on {}, deposit {})",
            "act",
            "invoice_reference", "line_reference", "paid_on", "deposit",
        )
    ).to_series()  # fmt: skip
    # The rules over several lines read the arrays of what is joined, never its tables.
    return Standing.of(
        whole,
        replace(
            joined,
            invoice_of=np.concatenate([np.arange(settled), settled + of_invoice]),
            person=np.concatenate([earlier["person"].to_numpy(), joined.person[invoices]]),
            act_codes=acts,
            places=standing.index.places(acts, served),
            collective=joined.collective.clear(),
        ),
        tables,
        np.ones(lines.height, bool),
        paid,
    )


def _columns(
    frame: pl.DataFrame, schema: dict[str, pl.DataType], rows: Numbers | None = None
) -> pl.DataFrame:
    """The columns of ``schema`` at ``rows``; one the frame does not have is null."""
    here = frame.select(name for name in schema if name in frame.columns)
    chosen = here if rows is None else here[rows]
    return chosen.select(
        (pl.col(name) if name in chosen.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in schema.items()
    )
