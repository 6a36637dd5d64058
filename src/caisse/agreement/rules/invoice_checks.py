"""Checks of an invoice: the person, the prescription, the accident. An error refuses all its lines."""

import polars as pl

from caisse.agreement.rules.check import Check, before, text

_col = pl.col
_LAB_PAGE = "CNS, laboratories, prescription"

PERSON_NUMBER_DATE = Check(
    name="the person's number has 13 digits and begins with a date that exists",
    code="PER-001",
    level="invoice",
    article="Law of 19.6.2013 art. 2; regulation of 28.11.2013 art. 1",
    broken=~_col("is_number_dated"),
    found=text("insured_person"),
    expected=pl.lit("YYYYMMDD and 5 digits"),
)
PERSON_NUMBER_LUHN = Check(
    name="the twelfth digit of the person's number is its Luhn digit",
    code="PER-002",
    level="invoice",
    article="Regulation of 28.11.2013 art. 1",
    broken=_col("is_number_shaped") & ~_col("is_luhn_right"),
    found=text("insured_person"),
    follows=("PER-001",),
)
PERSON_NUMBER_VERHOEFF = Check(
    name="the thirteenth digit of the person's number is its Verhoeff digit",
    code="PER-003",
    level="invoice",
    article="Regulation of 28.11.2013 art. 1",
    broken=_col("is_number_shaped") & ~_col("is_verhoeff_right"),
    found=text("insured_person"),
    follows=("PER-001", "PER-002"),
)
PERSON_KNOWN = Check(
    name="the person is known to the fund",
    code="PER-005",
    level="invoice",
    article="CSS art. 1-7",
    broken=~_col("is_person_known"),
    found=text("insured_person"),
    needs=("insured",),
    follows=("PER-001", "PER-002", "PER-003"),
)
PERSON_INSURED = Check(
    name="the person is insured on at least one day of service of the invoice",
    code="PER-004",
    level="invoice",
    article="CSS art. 1-7 and 17",
    broken=_col("is_person_known") & ~_col("is_insured_some_day"),
    found=text("first_service_on"),
    expected=pl.lit("a day on which the person is insured"),
    needs=("insured",),
)
PRESCRIPTION_GIVEN = Check(
    name="a prescription is given with its reference, date and prescriber",
    code="PRE-001",
    level="invoice",
    article=_LAB_PAGE,
    broken=(
        _col("prescribed_on").is_null()
        | _col("prescriber").is_null()
        | (_col("prescription_reference").fill_null("") == "")
    ),
    expected=pl.lit("reference, date and prescriber"),
)
PRESCRIBER_DIGITS = Check(
    name="the prescriber's code has the right check digits",
    code="PRE-002",
    level="invoice",
    article="Reference file of prescribers",
    broken=_col("prescriber").is_not_null() & ~_col("is_prescriber_shaped"),
    found=text("prescriber"),
    expected=pl.lit("six digits and their remainder modulo 97"),
)
PRESCRIBER_VALID = Check(
    name="the prescriber's code is valid on the day of prescription",
    code="PRE-003",
    level="invoice",
    article="Reference file of prescribers",
    broken=_col("prescriber").is_not_null() & ~_col("is_prescriber_valid"),
    found=text("prescriber"),
    expected=pl.concat_str(pl.lit("a code valid on "), text("prescribed_on")),
    needs=("providers",),
    follows=("PRE-002",),
)
PRESCRIPTION_NOT_EXPIRED = Check(
    name="the first sampling lies within the validity of the prescription",
    code="PRE-005",
    level="invoice",
    article=_LAB_PAGE + ": 2 months unless the doctor states otherwise",
    broken=_col("begun_on") >= _col("prescription_until"),
    found=text("first_sampled_on"),
    expected=before("prescription_until"),
)
ACCIDENT_NUMBER = Check(
    name="an accident number is U or L and nine digits",
    code="ACC-001",
    level="invoice",
    article="AAA, statutes; layout of the accident",
    broken=_col("accident_number").is_not_null() & ~_col("is_accident_number_shaped"),
    found=_col("accident_number"),
    expected=pl.lit("U or L and nine digits"),
)
ACCIDENT_DATE = Check(
    name="the date of an accident stands in for its number for three months",
    code="ACC-002",
    level="invoice",
    article="AAA, statutes: date in place of the number for three months",
    broken=_col("accident_number").is_null() & (_col("issued_on") >= _col("accident_until")),
    found=text("accident_on"),
    expected=pl.concat_str(pl.lit("the accident number, or an invoice "), before("accident_until")),
)

INVOICE_CHECKS: tuple[Check, ...] = (
    PERSON_NUMBER_DATE,
    PERSON_NUMBER_LUHN,
    PERSON_NUMBER_VERHOEFF,
    PERSON_KNOWN,
    PERSON_INSURED,
    PRESCRIPTION_GIVEN,
    PRESCRIBER_DIGITS,
    PRESCRIBER_VALID,
    PRESCRIPTION_NOT_EXPIRED,
    ACCIDENT_NUMBER,
    ACCIDENT_DATE,
)
