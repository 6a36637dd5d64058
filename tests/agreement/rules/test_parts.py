"""The parts the rules are made of: look-ups, fingerprints, units, checks of a file, what is deferred."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from caisse.agreement.errors import BrokenSystem
from caisse.agreement.findings import FINDINGS_SCHEMA
from caisse.agreement.rules import CHECKS, Batch, Facts, adjudicate, check_file, fingerprint
from caisse.agreement.rules.joined import join_facts
from caisse.agreement.rules.lookups import PeriodIndex
from caisse.agreement.rules.policies import all_policies
from caisse.agreement.rules.units import Units
from caisse.agreement.tables import load_tables
from tests.agreement.rules import batches as b
from tests.agreement.rules.test_oracle import PLAIN_INVOICES, decisions_of

GOLDEN = [11375366983172070281, 6117271211205647531, 12447654844019439244]

DAYS = st.dates(date(2024, 1, 1), date(2024, 1, 12))
PERIODS = st.lists(st.tuples(st.integers(1, 4), DAYS, st.none() | DAYS), max_size=8)


@given(PERIODS, st.lists(st.tuples(st.integers(0, 5), DAYS), min_size=1, max_size=8), st.booleans())
def test_periods_are_found_as_by_looking_at_each(
    periods: list[tuple[int, date, date | None]], asked: list[tuple[int, date]], is_sorted: bool
) -> None:
    schema = {"number": pl.Int64, "start": pl.Date, "end": pl.Date}
    frame = pl.DataFrame(
        sorted(periods, key=lambda row: row[0]) if is_sorted else periods, schema, orient="row"
    )
    index = PeriodIndex.build(frame, "number", "start", "end", is_sorted=is_sorted)
    matches = index.find(np.array([number for number, _ in asked]))
    days = pl.Series([day for _, day in asked]).to_physical().to_numpy()
    expected = [
        any(number == held and start <= day and (end is None or day < end) for held, start, end in periods)
        for number, day in asked
    ]
    assert index.holds_on(matches, days).tolist() == expected
    assert index.holds_on(matches, days, np.arange(len(asked))).tolist() == expected
    assert matches.known.tolist() == [number in {held for held, *_ in periods} for number, _ in asked]


def test_fingerprints_stay_what_they_were() -> None:
    """Stored histories hold these numbers: a change of the mixing would hide what was paid."""
    marks = fingerprint(
        pl.Series([1, 1, 2]),
        pl.Series(["BC001", "BC002", "BC001"]),
        pl.Series([date(2024, 3, 12)] * 3),
        pl.Series([52001700] * 3, dtype=pl.Int32),
    )
    assert marks.tolist() == GOLDEN


@given(
    st.lists(st.tuples(st.integers(1, 9), st.sampled_from(["BC001", "BC002", "LDE0001"]), DAYS), min_size=1)
)
def test_fingerprints_follow_the_key_alone(keys: list[tuple[int, str, date]]) -> None:
    def marks_of(rows: list[tuple[int, str, date]]) -> list[int]:
        frame = pl.DataFrame(rows, {"person": pl.Int64, "act": pl.String, "day": pl.Date}, orient="row")
        biller = pl.repeat(b.LABORATORY, len(rows), eager=True)
        return list(fingerprint(frame["person"], frame["act"], frame["day"], biller).tolist())

    together = marks_of(keys)
    assert together == [marks_of([key])[0] for key in keys]
    assert len(set(together)) == len(set(keys))


def test_a_unit_of_unknown_columns_is_a_broken_table() -> None:
    batch = b.batch_of([{"lines": [{}]}])
    units = Units(batch, join_facts(batch, b.usual_facts(), load_tables()))
    with pytest.raises(BrokenSystem, match="sample"):
        units.of(("person", "sample"), np.zeros(1, np.int64))


def test_units_with_wide_values_are_told_apart() -> None:
    """Persons and days whose combined range exceeds 64 bits are numbered first."""
    invoices = [{"insured_person": number, "lines": [{}, {"act": "BC009"}]} for number in (1, 9 * 10**12, 1)]
    batch = b.batch_of(invoices)
    units = Units(batch, join_facts(batch, Facts(), load_tables()))
    columns = (
        "person",
        "prescription_reference",
        "prescriber",
        "prescribed_on",
        "sampled_on",
        "date_of_service",
    )
    assert units.of(("person",), np.arange(6)).tolist() == [0, 0, 1, 1, 0, 0]
    assert units.of((*columns, "person", "person"), np.arange(6)).tolist() == [0, 0, 1, 1, 2, 2]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(PLAIN_INVOICES, min_size=1, max_size=4),
    st.sampled_from(["gross_cents", "net_cents", "count"]),
    st.sampled_from(["header", "invoices", "lines"]),
    st.integers(1, 500),
    st.randoms(use_true_random=False),
)
def test_every_wrong_total_is_found(
    invoices: list[dict[str, Any]], column: str, where: str, by: int, chance: Any
) -> None:
    batch = b.batch_of(invoices)
    if where == "header":
        batch = Batch({**batch.header, column: batch.header[column] + by}, batch.invoices, batch.lines)
    elif where == "invoices" or column == "count":
        batch = Batch(batch.header, _raised(batch.invoices, column, by, chance), batch.lines)
    else:
        batch = Batch(batch.header, batch.invoices, _raised(batch.lines, column, by, chance))
    codes = set(check_file(batch)["code"])
    assert codes and codes <= {"TOT-001", "TOT-002", "TOT-003"}


def _raised(table: pl.DataFrame, column: str, by: int, chance: Any) -> pl.DataFrame:
    row = chance.randrange(table.height)
    return table.with_columns(
        pl.when(pl.int_range(pl.len()) == row).then(pl.col(column) + by).otherwise(column)
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        PLAIN_INVOICES, min_size=1, max_size=4, unique_by=lambda one: one.get("insured_person", b.PERSON)
    )
)
def test_persons_do_not_touch_one_another(invoices: list[dict[str, Any]]) -> None:
    """Several persons in one file are decided as each alone; two numbers of one person are one person."""
    people = {one.get("insured_person", b.PERSON) for one in invoices}
    if {b.RENUMBERED, b.OLD_NUMBER} <= people:
        invoices = [one for one in invoices if one.get("insured_person") != b.OLD_NUMBER]
    facts, tables = b.usual_facts(), load_tables()
    alone = [row for one in invoices for row in decisions_of(adjudicate(b.batch_of([one]), facts, tables))]
    assert decisions_of(adjudicate(b.batch_of(invoices), facts, tables)) == alone


def test_nothing_given_is_changed() -> None:
    batch = b.batch_of([{"lines": [{"act": "BC002", "quantity": 6}, {"act": "BC001"}, {"act": "BC999"}]}])
    invoices, lines = batch.invoices.clone(), batch.lines.clone()
    first = adjudicate(batch, b.usual_facts(), load_tables())
    assert batch.invoices.equals(invoices)
    assert batch.lines.equals(lines)
    again = adjudicate(batch, b.usual_facts(), load_tables())
    assert first.lines.equals(again.lines)
    assert first.findings.equals(again.findings)


def test_findings_say_where_what_and_why() -> None:
    batch = b.batch_of([{"lines": [{}, {"act": "BC009", "gross_cents": 900, "net_cents": 900}]}])
    findings = adjudicate(batch, b.usual_facts(), load_tables()).findings
    assert findings.schema == FINDINGS_SCHEMA
    assert findings.row(0, named=True) == {
        "code": "PRI-001", "severity": "error", "level": "line", "invoice": 0, "line": 1,
        "invoice_reference": "INV-1", "line_reference": "2", "xml_line": 1001,
        "found": "9.00 EUR", "expected": "8.18 EUR", "follows": None,
    }  # fmt: skip


def test_an_equal_fingerprint_is_no_proof() -> None:
    """Only what the history confirms on the full keys was paid."""
    paid = b.history_of([{"person": 1, "act": "BC001"}])
    batch = b.batch_of([{"lines": [{"act": "BC001"}]}])

    class Doubtful:
        fingerprints, unit_marks, paid_in = paid.fingerprints, np.zeros(0, np.uint64), paid.paid_in

        def confirm(self, candidates: pl.DataFrame) -> pl.DataFrame:
            return paid.confirm(candidates).clear()

    for history, outcome in ((paid, "refused"), (Doubtful(), "paid")):
        decided = adjudicate(batch, b.usual_facts(history=history), load_tables())
        assert decided.lines["outcome"].to_list() == [outcome]


def test_what_was_paid_stands_whatever_it_was_paid_beside() -> None:
    """BC001, BC003 and BC211: the middle one excludes both others. Were it refused, BC211 could be paid."""
    history = b.history_of([{"person": 1, "act": "BC001"}, {"person": 1, "act": "BC003"}])
    batch = b.batch_of([{"lines": [{"act": "BC211"}]}])
    decided = adjudicate(batch, b.usual_facts(history=history), load_tables())
    assert decided.findings["code"].to_list() == ["CUM-001"]
    assert decided.findings["expected"].to_list() == [
        "not with BC003 of invoice E-1 line 2 (paid on 2024-03-01, deposit D-EARLIER)"
    ]


def test_a_maximum_names_the_line_that_was_counted_with_it() -> None:
    history = b.history_of([{"person": 1, "act": "BC042"}, {"person": 1, "act": "BC045"}])
    batch = b.batch_of([{"lines": [{"act": "BC048"}]}])
    (expected,) = adjudicate(batch, b.usual_facts(history=history), load_tables()).findings["expected"]
    assert expected.startswith("at most 2: ")
    assert expected.endswith(
        "; counted with BC045 of invoice E-1 line 2 (paid on 2024-03-01, deposit D-EARLIER)"
    )


def test_a_unit_the_history_cannot_be_asked_by_is_a_broken_table() -> None:
    tables = load_tables()
    other = replace(tables, cumulation=replace(tables.cumulation, unit=("person", "date_of_service")))
    with pytest.raises(BrokenSystem, match="cannot be found"):
        adjudicate(b.batch_of([{"lines": [{}]}]), b.usual_facts(), other)


def test_only_the_missing_facts_defer() -> None:
    batch, tables = b.batch_of([{"lines": [{}]}]), load_tables()
    assert adjudicate(batch, b.usual_facts(), tables).deferred == ()
    assert adjudicate(batch, b.usual_facts(history=None), tables).deferred == (
        "CUM-001", "CUM-002", "CUM-003", "CUM-004", "DUP-001", "DUP-002",
    )  # fmt: skip
    assert adjudicate(batch, b.usual_facts(insured=None), tables).deferred == ("PER-004", "PER-005")
    everything = adjudicate(batch, Facts(), tables).deferred
    assert {check.code for check in CHECKS if check.needs} < set(everything)
    assert {"PRO-002", "DUP-001", "AUT-001", "AUT-002", "AUT-003"} < set(everything)


def test_days_far_apart_have_their_deadlines() -> None:
    """A file whose days span centuries is no reason to lay out a calendar of all of them."""
    far = [date(1900, 1, 31), b.PRESCRIBED_ON, date(2999, 12, 31), None]
    batch = b.batch_of([{"prescribed_on": day, "lines": [{}]} for day in far])
    joined = join_facts(batch, b.usual_facts(), load_tables())
    assert joined.invoices["prescription_until"].to_list() == [
        date(1900, 4, 1),
        date(2024, 5, 2),
        date(3000, 3, 1),
        None,
    ]
    near = b.batch_of(
        [{"prescribed_on": b.PRESCRIBED_ON + timedelta(days=at), "lines": [{}]} for at in (0, 1)]
    )
    joined = join_facts(near, b.usual_facts(), load_tables())
    assert joined.invoices["prescription_until"].to_list() == [date(2024, 5, 2), date(2024, 5, 3)]


def test_policies_say_what_they_are_and_rest_on() -> None:
    for name, policy in all_policies().items():
        assert policy.text.endswith(".") and policy.basis.endswith("."), name
