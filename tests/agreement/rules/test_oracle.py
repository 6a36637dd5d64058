"""Whole columns and the plain loop come to the same decisions and findings, whatever is wrong with a file."""

from datetime import date
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caisse.agreement.rules import Adjudication, Batch, Facts, adjudicate, check_file
from caisse.agreement.tables import load_tables
from tests.agreement.rules import batches as b
from tests.agreement.rules.oracle import Judged, Mark, Oracle

TABLES = load_tables()

#: Acts that exclude one another, have maxima, are in groups, sections and text rules, or are not for laboratories.
ACTS = [
    "BC001", "BC002", "BC003", "BC004", "BC005", "BC042", "BC045", "BC048", "BC052", "BC072", "BC073", "BC074",
    "BC194", "BC195", "BC196", "BC211", "BH102", "BH113",
    "BD103", "BD401", "BD405", "BE112", "BE117", "BF101", "BF103", "BF104", "BF105",
    "BF106", "BF107", "BF119", "BH101", "BH112", "BH801", "BH802", "BH806", "BH832", "BH836", "BH905", "BH979",
    "BJ008", "BJ009", "BJ010", "BJ022", "BJ023", "BJ024", "BJ025", "BJ026", "BY001", "BY004",
    "BC701", "BC999", "", "LDE0001", "LEE0001", "LFE0001", "LGE0001",
]  # fmt: skip
SERVED = [
    date(2024, 3, 12),
    date(2024, 3, 13),
    date(2024, 5, 2),
    date(2024, 9, 10),
    date(2019, 12, 31),
    date(2020, 1, 1),
    date(2021, 6, 1),
    date(2023, 5, 4),
    date(2025, 2, 3),
]
PLAIN_DAYS = [b.SERVED_ON, date(2024, 3, 11)]
PERSONS = [
    b.PERSON, b.LEFT, b.ARRIVED, b.RENUMBERED, b.OLD_NUMBER, 1980010100188, 1980010100177, 1955022912380,
    2000123199900, 123, 9999999999999,
]  # fmt: skip
PROVIDERS = [b.LABORATORY, b.OTHER_LABORATORY, b.PRESCRIBER, 30012305, 52001701, 12345672]


def mostly(usual: Any, others: list[Any]) -> st.SearchStrategy[Any]:
    """The usual value far more often than not, so that most lines reach the rules over several lines."""
    return st.sampled_from([usual] * 8 * len(others) + others)


LINES = st.fixed_dictionaries(
    {"act": st.sampled_from(ACTS), "date_of_service": mostly(b.SERVED_ON, SERVED)},
    optional={
        "quantity": mostly(1, [0, -1, 2, 3, 5, 13, 20]),
        "complements": mostly(None, ["", "T", "T D"]),
        "sampled_on": mostly(b.SERVED_ON, SERVED),
        "executing_provider": mostly(b.LABORATORY, PROVIDERS),
        "authorisation_reference": st.sampled_from(["A1", "A2", "A3", "A4", None, ""]),
    },
)
#: Amounts that are not the tariff, and nets that are not the gross: on few lines.
WRONG_AMOUNTS = st.fixed_dictionaries(
    {"act": st.sampled_from(ACTS)},
    optional={
        "gross_cents": st.sampled_from([-5, 0, 1, 229, 230, 5000, 100_000]),
        "net_cents": st.sampled_from([-5, 0, 229, 230, 5000]),
    },
)
#: Acts that a laboratory may bill; the last two have no rule over several lines.
PLAIN_ACTS = [*ACTS[:49], "BC009", "BC012"]
#: Lines that are right by themselves: only the rules over several lines can object.
PLAIN_LINES = st.fixed_dictionaries(
    {"act": st.sampled_from(PLAIN_ACTS)},
    optional={"quantity": st.sampled_from([1, 1, 2, 3, 6]), "sampled_on": st.sampled_from(PLAIN_DAYS)},
)
INVOICES = st.fixed_dictionaries(
    {"lines": st.lists(LINES | LINES | LINES | WRONG_AMOUNTS, min_size=1, max_size=8), "insured_person": mostly(b.PERSON, PERSONS)},
    optional={
        "prescribed_on": mostly(b.PRESCRIBED_ON, [None, date(2023, 9, 1), date(2024, 1, 12), date(2024, 1, 11), date(2019, 12, 1)]),
        "prescriber": mostly(b.PRESCRIBER, [None, *PROVIDERS]),
        "prescription_reference": mostly("P", [None, "", "Q"]),
        "prescription_valid_until": mostly(None, [date(2024, 3, 12), date(2024, 12, 1)]),
        "first_pregnancy_check": st.sampled_from([None, False, True]),
        "accident_number": mostly(None, ["U123456789", "L000000001", "X123456789", "U12345678", "u123456789"]),
        "accident_on": mostly(None, [date(2024, 3, 1), date(2023, 12, 28), date(2023, 12, 27)]),
        "issued_on": mostly(date(2024, 3, 28), [date(2024, 3, 27), date(2024, 3, 29)]),
    },
)  # fmt: skip
PLAIN_INVOICES = st.fixed_dictionaries(
    {"lines": st.lists(PLAIN_LINES, min_size=1, max_size=25)},
    optional={
        "insured_person": st.sampled_from([b.PERSON, b.RENUMBERED, b.OLD_NUMBER]),
        "prescription_reference": st.sampled_from(["P", "Q"]),
        "first_pregnancy_check": st.booleans(),
    },
)
GRANTED = [
    ("A1", b.LABORATORY, b.PERSON, "LDE0001", 4000, date(2024, 3, 20), date(2025, 1, 1), "granted"),
    ("A1", b.LABORATORY, b.PERSON, "LGE0001", 900, date(2024, 3, 1), None, "granted"),
    ("A2", b.LABORATORY, b.PERSON, "LFE0001", 229, date(2024, 1, 1), None, "partly granted"),
    ("A2", b.LABORATORY, b.PERSON, "LGE0001", 5000, date(2024, 1, 1), None, "granted"),
    ("A3", b.OTHER_LABORATORY, b.PERSON, "LDE0001", 229, date(2024, 1, 1), None, "granted"),
    ("A3", b.LABORATORY, b.RENUMBERED, "LFE0001", 229, date(2024, 3, 13), date(2024, 4, 1), "granted"),
    ("A3", b.LABORATORY, b.OLD_NUMBER, "LEE0001", 4000, date(2024, 1, 1), None, "granted"),
    ("A4", b.LABORATORY, b.PERSON, "LDE0001", 229, date(2024, 1, 1), None, "refused"),
    ("A4", b.LABORATORY, b.PERSON, "LEE0001", 4000, date(2024, 1, 1), None, "granted", "invoice E line 1"),
]
PAID = [
    {"person": 1, "act": "BC001"},
    {"person": 1, "act": "BC002", "billing_provider": b.OTHER_LABORATORY},
    {"person": 4, "act": "BC042"},
    {"person": 1, "act": "LDE0001"},
]
#: Lines paid before that meet those of `PLAIN_INVOICES`: in a sampling, in a prescription, or in neither.
EARLIER = st.fixed_dictionaries(
    {
        "person": mostly(1, [4]),
        "act": st.sampled_from(PLAIN_ACTS),
        "sampled_on": mostly(b.SERVED_ON, [date(2024, 3, 11), date(2024, 1, 8)]),
    },
    optional={
        "quantity": st.sampled_from([1, 1, 2, 5]),
        # Not the day of service of the new lines: those would be paid before, each by itself.
        "date_of_service": mostly(date(2024, 3, 13), [b.SERVED_ON, date(2019, 12, 31), date(2020, 1, 1)]),
        "prescriber": st.sampled_from([b.PRESCRIBER, b.LABORATORY]),
        "prescribed_on": st.sampled_from([b.PRESCRIBED_ON, date(2024, 2, 1)]),
        "prescription_reference": st.sampled_from(["P", "Q"]),
        "billing_provider": mostly(b.LABORATORY, [b.OTHER_LABORATORY]),
    },
)


@st.composite
def all_facts(draw: st.DrawFn) -> Facts:
    """All registers, with now and then one that was not looked up."""
    given_facts: dict[str, Any] = {
        "authorisations": b.register(b.AUTHORISATIONS_SCHEMA, GRANTED),
        "history": b.history_of(PAID),
    }
    for name in draw(
        st.sets(st.sampled_from(["insured", "providers", "executing", "authorisations", "history"]))
    ):
        if draw(st.booleans()):
            given_facts[name] = None
    return b.usual_facts(**given_facts)


def marks_of(adjudication: Adjudication) -> set[Mark]:
    """The findings as the oracle writes them."""
    columns = ("level", "invoice", "line", "code", "follows")
    return set(adjudication.findings.select(columns).iter_rows())


def decisions_of(adjudication: Adjudication) -> list[tuple[Any, ...]]:
    """The decisions as plain rows."""
    columns = ("quantity_paid", "asked_cents", "paid_cents", "patient_cents", "refused_cents", "outcome")
    return list(adjudication.lines.select(columns).iter_rows())


def oracle_decisions(judged: Judged) -> list[tuple[Any, ...]]:
    """The oracle's decisions as plain rows."""
    return [
        (line.quantity, line.asked, line.paid, line.patient, line.refused, line.outcome)
        for line in judged.lines
    ]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(INVOICES, min_size=1, max_size=6), all_facts(), st.sampled_from([b.SENT_ON, date(2024, 3, 12)])
)
def test_columns_and_loop_agree(invoices: list[dict[str, Any]], facts: Facts, sent_on: date) -> None:
    batch = b.batch_of(invoices, sent_on=sent_on)
    adjudication = adjudicate(batch, facts, TABLES)
    judged = Oracle(facts, TABLES).judge(batch)
    assert decisions_of(adjudication) == oracle_decisions(judged)
    assert marks_of(adjudication) == judged.marks


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PLAIN_INVOICES, min_size=1, max_size=4))
def test_columns_and_loop_agree_on_cumulation(invoices: list[dict[str, Any]]) -> None:
    batch, facts = b.batch_of(invoices), b.usual_facts()
    adjudication = adjudicate(batch, facts, TABLES)
    judged = Oracle(facts, TABLES).judge(batch)
    assert decisions_of(adjudication) == oracle_decisions(judged)
    assert marks_of(adjudication) == judged.marks


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PLAIN_INVOICES, min_size=1, max_size=4), st.lists(EARLIER, min_size=1, max_size=20))
def test_columns_and_loop_agree_on_what_was_paid_before(
    invoices: list[dict[str, Any]], earlier: list[dict[str, Any]]
) -> None:
    batch, facts = b.batch_of(invoices), b.usual_facts(history=b.history_of(earlier))
    adjudication = adjudicate(batch, facts, TABLES)
    judged = Oracle(facts, TABLES).judge(batch)
    assert decisions_of(adjudication) == oracle_decisions(judged)
    assert marks_of(adjudication) == judged.marks


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(INVOICES, min_size=1, max_size=5), all_facts())
def test_amounts_add_up(invoices: list[dict[str, Any]], facts: Facts) -> None:
    batch = b.batch_of(invoices)
    adjudication = adjudicate(batch, facts, TABLES)
    parts = pl.col("paid_cents") + pl.col("patient_cents") + pl.col("refused_cents")
    for frame in (adjudication.lines, adjudication.invoices):
        assert frame.select((pl.col("asked_cents") == parts).all()).item()
    amounts = ("asked_cents", "paid_cents", "patient_cents", "refused_cents")
    of_lines = adjudication.lines.group_by("invoice").agg(pl.col(amounts).sum()).sort("invoice")
    assert of_lines.equals(adjudication.invoices.select("invoice", *amounts))
    assert adjudication.invoices["asked_cents"].sum() == batch.header["gross_cents"]
    paid = adjudication.lines.filter(pl.col("asked_cents") >= 0)
    assert paid.select((pl.col("paid_cents") <= pl.col("asked_cents")).all()).item()
    assert (adjudication.lines["paid_cents"] >= 0).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(INVOICES, min_size=1, max_size=4))
def test_files_that_tie_are_conform(invoices: list[dict[str, Any]]) -> None:
    assert check_file(b.batch_of(invoices)).is_empty()


def test_an_empty_file_is_decided() -> None:
    batch = b.batch_of([{"lines": [{}]}])
    empty = Batch(batch.header, batch.invoices.clear(), batch.lines.clear())
    adjudication = adjudicate(empty, b.usual_facts(), TABLES)
    assert (adjudication.lines.height, adjudication.invoices.height, adjudication.findings.height) == (
        0,
        0,
        0,
    )
