"""The file's tables with everything joined on that a check looks at: one row an invoice, one row a line."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from caisse.agreement.identifiers import accident_number, national_number, provider_code
from caisse.agreement.rules.batch import Batch, Facts
from caisse.agreement.rules.grants import collective_lines
from caisse.agreement.rules.lookups import Days, Mask, PeriodIndex
from caisse.agreement.rules.policies import policy
from caisse.agreement.rules.pricing import line_tariff_cents, patient_share_cents
from caisse.agreement.rules.spread import first_samplings
from caisse.agreement.rules.tariffs import NONE, Codes, tariff_index
from caisse.agreement.tables import Tables
from caisse.agreement.validity import deadline_until_expr

_MAX_DAY = np.int32(2**31 - 1)


@dataclass(frozen=True, slots=True)
class Joined:
    """The joined tables, and the plain arrays that the rules over several lines use.

    ``invoice_of``: each line's invoice. ``person``: each invoice's person, the stable id where it is known.
    ``act_codes``: acts by number; ``places``: where (act, day) stands in the arrays of `TariffIndex`.
    ``collective``: lines that name an authorisation, see `grants.collective_lines`.
    """

    invoices: pl.DataFrame
    lines: pl.DataFrame
    invoice_of: NDArray[np.int64]
    person: NDArray[np.int64]
    act_codes: Codes
    places: Codes
    collective: pl.DataFrame


def join_facts(batch: Batch, facts: Facts, tables: Tables) -> Joined:
    """Join facts and tables to the file's invoices and lines."""
    invoice_of = batch.lines["invoice"].cast(pl.Int64).to_numpy()
    served = batch.lines["date_of_service"].to_physical().to_numpy()
    index = tariff_index(tables)
    act_codes = index.act_codes(batch.lines["act"])
    places = index.places(act_codes, served)
    is_collective = index.is_collective[act_codes]
    collective = collective_lines(batch, facts, tables, is_collective)
    person, insured_columns, insured = _insurance(batch, facts, invoice_of, served)
    invoices = _joined_invoices(batch, facts, tables, invoice_of, served, person).with_columns(
        insured_columns
    )
    lines = batch.lines.select(
        "act",
        "complements",
        "date_of_service",
        "sampled_on",
        "quantity",
        "gross_cents",
        "net_cents",
        "executing_provider",
        "authorisation_reference",
        *(pl.Series(name, mask) for name, mask in insured.items()),
        *_executing(batch, facts, served),
        _tariff(batch, index.tariff[places], collective),
        pl.Series("is_listed", index.edition[places] != NONE),
        pl.Series("is_priced", index.is_priced[places]),
        pl.Series("is_doctors_only", index.is_doctors_only[places]),
        pl.Series("is_collective", is_collective),
        *_from_invoices(invoices, invoice_of),
    ).with_columns(
        (
            pl.col("gross_cents")
            - patient_share_cents(pl.col("gross_cents"), policy("patient_share_percent"))
        ).alias("expected_net_cents"),
        pl.lit(batch.header["sent_on"], pl.Date).alias("sent_on"),
    )
    return Joined(invoices, lines, invoice_of, person, act_codes, places, collective)


def _tariff(batch: Batch, act_tariff: Codes, collective: pl.DataFrame) -> pl.Series:
    """Each line's tariff: the act's times the quantity, or the amount granted; null where none is known."""
    table = pl.DataFrame({"tariff": act_tariff, "quantity": batch.lines["quantity"]})
    priced = pl.when(pl.col("tariff") != NONE).then(line_tariff_cents(pl.col("tariff"), pl.col("quantity")))
    tariff = table.select(priced.alias("tariff_cents")).to_series()
    covered = collective.filter(pl.col("is_granted") & pl.col("not_covered").is_null())
    if covered.is_empty():
        return tariff
    return tariff.scatter(covered["row"], covered["granted_cents"])


def _joined_invoices(
    batch: Batch,
    facts: Facts,
    tables: Tables,
    invoice_of: NDArray[np.int64],
    served: Days,
    person: NDArray[np.int64],
) -> pl.DataFrame:
    invoices = batch.invoices
    number = national_number.check_column(invoices["insured_person"])
    sampled = batch.lines["sampled_on"].to_physical().to_numpy()
    columns = [
        number["format_ok"].alias("is_number_shaped"),
        number["date_ok"].alias("is_number_dated"),
        number["luhn_ok"].alias("is_luhn_right"),
        number["verhoeff_ok"].alias("is_verhoeff_right"),
        provider_code.check_column(invoices["prescriber"])["check_ok"].alias("is_prescriber_shaped"),
        accident_number.check_column(invoices["accident_number"])["format_ok"].alias(
            "is_accident_number_shaped"
        ),
        _first_day(sampled, invoice_of, invoices.height).alias("first_sampled_on"),
        _first_day(served, invoice_of, invoices.height).alias("first_service_on"),
    ]
    if facts.provider_index is not None:
        columns.append(_prescriber_valid(facts.provider_index, invoices))
    months = tables.deadlines
    joined = invoices.select(
        "insured_person",
        "issued_on",
        "prescription_reference",
        "prescribed_on",
        "prescriber",
        "accident_number",
        "accident_on",
        *columns,
        pl.coalesce(
            "prescription_valid_until", _deadlines(invoices["prescribed_on"], months["prescription"])
        ).alias("prescription_until"),
        pl.max_horizontal(
            "prescription_valid_until", _deadlines(invoices["prescribed_on"], months["split_prescription"])
        ).alias("spread_until"),
        _deadlines(invoices["accident_on"], months["accident_date"]).alias("accident_until"),
    )
    biller = int(str(batch.header["billing_provider"]))
    return joined.with_columns(first_samplings(joined, person, facts.history, biller)).with_columns(
        # An invoice whose first sampling is too late is refused as a whole: its later ones say nothing more.
        pl.when(pl.col("begun_on") < pl.col("prescription_until")).then("spread_until")
    )


def _deadlines(starts: pl.Series, months: int) -> pl.Series:
    """The first day after the deadline that runs from each day; a file has few different days."""
    coded = starts.to_physical().to_frame("start")
    days = coded["start"].drop_nulls()
    if days.is_empty():
        return starts
    low, high = int(str(days.min())), int(str(days.max()))
    if high - low > len(starts):
        return starts.to_frame("start").select(deadline_until_expr(pl.col("start"), months)).to_series()
    calendar = pl.int_range(low, high + 1, dtype=pl.Int32, eager=True).cast(pl.Date).to_frame("start")
    ends = calendar.select(deadline_until_expr(pl.col("start"), months)).to_series()
    return coded.select(pl.lit(ends).gather(pl.col("start") - low)).to_series()


def _first_day(days: Days, invoice_of: NDArray[np.int64], invoices: int) -> pl.Series:
    """The earliest of the lines' days in each invoice, null for an invoice without lines."""
    first = np.full(invoices, _MAX_DAY, np.int32)
    np.minimum.at(first, invoice_of, days)
    return pl.Series(first).replace(int(_MAX_DAY), None).cast(pl.Date)


def _prescriber_valid(providers: PeriodIndex, invoices: pl.DataFrame) -> pl.Series:
    matches = providers.find(invoices["prescriber"].cast(pl.Int64).fill_null(0).to_numpy())
    days = invoices["prescribed_on"].to_physical().fill_null(int(_MAX_DAY)).to_numpy()
    valid = pl.Series("is_prescriber_valid", providers.holds_on(matches, days))
    # Without a date the day is unknown: PRE-001 says so already.
    return valid.set(invoices["prescribed_on"].is_null(), None)


def _insurance(
    batch: Batch, facts: Facts, invoice_of: NDArray[np.int64], served: Days
) -> tuple[NDArray[np.int64], list[pl.Series], dict[str, Mask]]:
    """Each invoice's person; what is known of it, by invoice and by line."""
    numbers = batch.invoices["insured_person"].cast(pl.Int64).to_numpy()
    index = facts.insured_index
    if index is None:
        return numbers, [], {}
    matches = index.find(numbers)
    insured = index.holds_on(matches, served, invoice_of)
    some_day = np.zeros(len(numbers), bool)
    some_day[invoice_of[insured]] = True
    by_invoice = [pl.Series("is_person_known", matches.known), pl.Series("is_insured_some_day", some_day)]
    by_line = {"is_insured": insured, "is_insured_some_day": some_day[invoice_of]}
    return index.identities(matches, numbers), by_invoice, by_line


def _executing(batch: Batch, facts: Facts, served: Days) -> list[pl.Series]:
    """What is known of each line's executing provider; the one that bills is looked up once."""
    billing = int(str(batch.header["billing_provider"]))
    codes = batch.lines["executing_provider"].cast(pl.Int64).to_numpy()
    other = np.flatnonzero(codes != billing)
    shaped = np.full(len(codes), provider_code.is_valid(str(billing)))
    shaped[other] = provider_code.check_column(pl.Series(codes[other]))["check_ok"].to_numpy()
    columns = [pl.Series("is_executing_shaped", shaped)]
    if (providers := facts.provider_index) is not None:
        once = providers.find(np.array([billing]))
        valid = providers.holds_on(once, served, np.zeros(len(codes), np.int64))
        valid[other] = providers.holds_on(providers.find(codes[other]), served[other])
        columns.append(pl.Series("is_executing_valid", valid))
    if (under := facts.executing_index(billing)) is not None:
        allowed = np.ones(len(codes), bool)
        allowed[other] = under.holds_on(under.find(codes[other]), served[other])
        columns.append(pl.Series("is_executing_allowed", allowed))
    return columns


def _from_invoices(invoices: pl.DataFrame, invoice_of: NDArray[np.int64]) -> list[pl.Series]:
    return [invoices[name].gather(invoice_of) for name in ("prescribed_on", "spread_until")]
