"""Checks of a line by itself: the days, who executed, the act, the amount."""

import polars as pl

from caisse.agreement.rules.check import Check, before, euros, text

_col = pl.col
_NOMENCLATURE = "A1010 (regulation of 30.11.2017)"

PERSON_INSURED_THAT_DAY = Check(
    name="the person is insured on the day of this service",
    code="PER-004",
    level="line",
    article="CSS art. 1-7 and 17",
    broken=_col("is_insured_some_day") & ~_col("is_insured"),
    found=text("date_of_service"),
    expected=pl.lit("a day on which the person is insured"),
    needs=("insured",),
)
PRESCRIBED_BEFORE = Check(
    name="the prescription is not later than the sampling",
    code="PRE-004",
    level="line",
    article="CNS, laboratories, prescription: before the analysis",
    broken=_col("prescribed_on") > _col("sampled_on"),
    found=text("prescribed_on"),
    expected=pl.concat_str(pl.lit("not after "), text("sampled_on")),
)
SPREAD_IN_TIME = Check(
    name="the last of spread analyses is sampled within six months of the prescription",
    code="PRE-006",
    level="line",
    article="CNS, laboratories, prescription: 6 months when analyses are spread",
    broken=_col("sampled_on") >= _col("spread_until"),
    found=text("sampled_on"),
    expected=before("spread_until"),
)
SERVED_BEFORE_SENT = Check(
    name="the service was rendered before the file was sent",
    code="DAT-001",
    level="line",
    article="Agreement, request file: date of service",
    broken=_col("date_of_service") > _col("sent_on"),
    found=text("date_of_service"),
    expected=pl.concat_str(pl.lit("not after "), text("sent_on")),
)
SAMPLED_BEFORE_SERVED = Check(
    name="the sample was taken before or on the day of service",
    code="DAT-002",
    level="line",
    article="Agreement, request file: date of sampling",
    broken=_col("sampled_on") > _col("date_of_service"),
    found=text("sampled_on"),
    expected=pl.concat_str(pl.lit("not after "), text("date_of_service")),
)
EXECUTING_DIGITS = Check(
    name="the executing provider's code has the right check digits",
    code="EXE-001",
    level="line",
    article="Reference file of providers",
    broken=~_col("is_executing_shaped"),
    found=text("executing_provider"),
    expected=pl.lit("six digits and their remainder modulo 97"),
)
EXECUTING_VALID = Check(
    name="the executing provider's code is valid on the day of service",
    code="EXE-002",
    level="line",
    article="CNS, provider codes",
    broken=~_col("is_executing_valid"),
    found=text("executing_provider"),
    expected=pl.concat_str(pl.lit("a code valid on "), text("date_of_service")),
    needs=("providers",),
    follows=("EXE-001",),
)
EXECUTING_ALLOWED = Check(
    name="the executing provider may execute for the one that bills",
    code="EXE-003",
    level="line",
    article="CNS, provider codes: executing under another's code",
    broken=~_col("is_executing_allowed"),
    found=text("executing_provider"),
    expected=pl.lit("the provider that bills, or one declared under it that day"),
    needs=("executing",),
    follows=("EXE-001", "EXE-002"),
)
ACT_LISTED = Check(
    name="the act is in the nomenclature on the day of service",
    code="ACT-001",
    level="line",
    article=f"{_NOMENCLATURE} art. 1",
    broken=~_col("is_listed") & ~_col("is_collective"),
    found=_col("act"),
    expected=pl.concat_str(pl.lit("an act in force on "), text("date_of_service")),
)
SUFFIX_ALLOWED = Check(
    name="the act carries no suffix",
    code="ACT-002",
    level="line",
    article=f"{_NOMENCLATURE}: no suffix is provided for",
    broken=_col("complements").fill_null("") != "",
    found=_col("complements"),
    expected=pl.lit("no suffix"),
)
ACT_FOR_LABORATORIES = Check(
    name="the act is not reserved to doctors in their own practice",
    code="ACT-003",
    level="line",
    article=f"{_NOMENCLATURE} art. 2",
    broken=_col("is_doctors_only"),
    found=_col("act"),
    expected=pl.lit("an act for laboratories"),
)
QUANTITY_POSITIVE = Check(
    name="the quantity is at least one",
    code="QTY-001",
    level="line",
    article="Agreement, request file: quantity",
    broken=_col("quantity") < 1,
    found=text("quantity"),
    expected=pl.lit("at least 1"),
)
KEY_LETTER_PUBLISHED = Check(
    name="a key letter is published for the day of service",
    code="PRI-002",
    level="line",
    article=f"{_NOMENCLATURE} art. 4; CSS art. 65",
    broken=_col("is_listed") & ~_col("is_priced"),
    found=text("date_of_service"),
    expected=pl.lit("a day with a published key letter"),
)
AMOUNT_POSITIVE = Check(
    name="no amount is negative",
    code="PRI-005",
    level="line",
    article="Agreement, request file: amounts",
    broken=(_col("gross_cents") < 0) | (_col("net_cents") < 0),
    found=euros(pl.min_horizontal("gross_cents", "net_cents")),
    expected=pl.lit("at least 0.00 EUR"),
)
NET_IS_GROSS_LESS_SHARE = Check(
    name="the net amount is the gross amount less the patient's share",
    code="PRI-003",
    level="line",
    article="Agreement, request file: amounts",
    broken=_col("net_cents") != _col("expected_net_cents"),
    found=euros(_col("net_cents")),
    expected=euros(_col("expected_net_cents")),
)
NOT_ABOVE_TARIFF = Check(
    name="the amount asked is not above the tariff",
    code="PRI-001",
    level="line",
    article=f"{_NOMENCLATURE} art. 4",
    broken=_col("gross_cents") > _col("tariff_cents"),
    found=euros(_col("gross_cents")),
    expected=euros(_col("tariff_cents")),
    effect="reduce",
)
NOT_BELOW_TARIFF = Check(
    name="the amount asked is not below the tariff",
    code="PRI-004",
    level="line",
    article=f"{_NOMENCLATURE} art. 4",
    broken=(_col("gross_cents") < _col("tariff_cents")) & ~_col("is_collective"),
    found=euros(_col("gross_cents")),
    expected=euros(_col("tariff_cents")),
    effect="warn",
)
AUTHORISATION_NAMED = Check(
    name="a collective code names its authorisation",
    code="AUT-001",
    level="line",
    article="Convention of 10.6.2015 art. 22",
    broken=_col("is_collective") & (_col("authorisation_reference").fill_null("") == ""),
    expected=pl.lit("the reference of a granted authorisation"),
)

LINE_CHECKS: tuple[Check, ...] = (
    PERSON_INSURED_THAT_DAY,
    PRESCRIBED_BEFORE,
    SPREAD_IN_TIME,
    SERVED_BEFORE_SENT,
    SAMPLED_BEFORE_SERVED,
    EXECUTING_DIGITS,
    EXECUTING_VALID,
    EXECUTING_ALLOWED,
    ACT_LISTED,
    SUFFIX_ALLOWED,
    ACT_FOR_LABORATORIES,
    QUANTITY_POSITIVE,
    KEY_LETTER_PUBLISHED,
    AMOUNT_POSITIVE,
    NET_IS_GROSS_LESS_SHARE,
    NOT_ABOVE_TARIFF,
    NOT_BELOW_TARIFF,
    AUTHORISATION_NAMED,
)
