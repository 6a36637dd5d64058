"""The columns of a file of records: what the practice's own software exports, one row a line."""

from dataclasses import dataclass

import polars as pl

from caisse.agreement.money import cents_from_text_expr

REFERENCE, PERSON, PROVIDER, DATE = "reference", "person", "provider", "date"
COUNT, AMOUNT, TEXT, FLAG, ACT = "count", "amount", "text", "flag", "act"

#: kind -> (the expression a value must match, what to say to a person)
SHAPES: dict[str, tuple[str, str]] = {
    # The layouts collapse white space in a reference: without any, what comes back is what was sent.
    REFERENCE: (r"^[^\s\x00-\x1f]{1,50}$", "1 to 50 characters without spaces"),
    PERSON: (r"^[1-9][0-9]{12}$", "13 digits"),
    PROVIDER: (r"^[1-9][0-9]{7}$", "a provider code of 8 digits"),
    DATE: (r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "a date such as 2024-03-31"),
    COUNT: (r"^[1-9][0-9]{0,3}$", "a number from 1 to 9999"),
    AMOUNT: (r"^[0-9]{1,9}(?:[.,][0-9]{1,2})?$", "euros and cents such as 8.83"),
    TEXT: (r"^[^\x00-\x1f]{1,50}$", "at most 50 characters"),
    FLAG: (r"^(?i:yes|no|true|false|o|n|1|0)$", "yes or no"),
    ACT: (r"^[A-Z]{1,3}[0-9]{2,5}$", "an act code such as BC001"),
}

#: What in a flag's text means yes.
YES = ("yes", "true", "o", "1")


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where it belongs, what it may hold, and what it means."""

    name: str
    kind: str
    of_invoice: bool
    required: bool
    meaning: str


COLUMNS: tuple[Column, ...] = (
    Column("invoice_reference", REFERENCE, True, True, "the practice's own number of the invoice"),
    Column("insured_person", PERSON, True, True, "national number of the insured person"),
    Column("issued_on", DATE, True, True, "date of the invoice"),
    Column("prescription_reference", REFERENCE, True, True, "the practice's own number of the prescription"),
    Column("prescribed_on", DATE, True, True, "date of the prescription"),
    Column("prescriber", PROVIDER, True, True, "code of the prescriber"),
    Column("prescription_valid_until", DATE, True, False, "first day the prescription no longer holds"),
    Column("first_pregnancy_check", FLAG, True, False, "yes for the first check-up of a pregnancy"),
    Column("accident_number", TEXT, True, False, "number of the accident file"),
    Column("accident_on", DATE, True, False, "date of the accident while its number is not known"),
    Column(
        "line_reference",
        REFERENCE,
        False,
        True,
        "the practice's own number of the line, unique in the invoice",
    ),
    Column("act", ACT, False, True, "act code of the nomenclature"),
    Column("complements", TEXT, False, False, "suffixes of the act, separated by spaces"),
    Column("date_of_service", DATE, False, True, "day of the service"),
    Column("service_until", DATE, False, False, "last day, when the service took several"),
    Column("sampled_on", DATE, False, True, "day of the sampling"),
    Column("sampling_place", TEXT, False, False, "category of the place of sampling"),
    Column("quantity", COUNT, False, True, "how many"),
    Column(
        "amount", AMOUNT, False, False, "amount asked for the line in euros; empty: priced from the tables"
    ),
    Column("net_amount", AMOUNT, False, False, "amount after the patient's share; empty: the whole amount"),
    Column("executing_provider", PROVIDER, False, False, "code of who did it; empty: this practice"),
    Column(
        "transmitting_laboratory", PROVIDER, False, False, "code of the laboratory that sent the sample on"
    ),
    Column("authorisation_reference", REFERENCE, False, False, "number of the authorisation granted"),
)

NAMES = tuple(column.name for column in COLUMNS)
OF_INVOICE = tuple(column.name for column in COLUMNS if column.of_invoice)
OF_LINE = tuple(column.name for column in COLUMNS if not column.of_invoice)


def typed(column: Column) -> pl.Expr:
    """The column's text as its value: dates, whole numbers, cents; its shape has been checked before."""
    text = pl.col(column.name)
    if column.kind == DATE:
        return text.str.to_date("%Y-%m-%d", strict=False)
    if column.kind == PERSON:
        return text.cast(pl.Int64)
    if column.kind in {PROVIDER, COUNT}:
        return text.cast(pl.Int32)
    if column.kind == AMOUNT:
        return cents_from_text_expr(text.str.replace(",", ".", literal=True)).alias(column.name)
    if column.kind == FLAG:
        return text.str.to_lowercase().is_in(YES)
    return text
