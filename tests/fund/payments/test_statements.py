"""Annual statements: the right lines, each statement once, corrected by a version that names the old."""

import csv
import io
import itertools
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caisse import cli
from caisse.agreement.errors import WrongUse
from caisse.fund import faults
from caisse.fund.audit.models import AuditEvent
from caisse.fund.casework.actions.letters import make_letter
from caisse.fund.casework.models import Letter
from caisse.fund.exchange.store import Store
from caisse.fund.notices.models import Mail
from caisse.fund.payments import queries, statement_figures
from caisse.fund.payments.models import AnnualStatement
from caisse.fund.payments.statement_figures import Charged, figures, inside_year, totals
from caisse.fund.payments.statements import Issued, issue_statements
from caisse.fund.registry import actions as registry
from caisse.fund.registry import queries as register
from tests.fund.payments.charges import FIRST, PHYSIO, Line, association, charge, physio
from tests.fund.printing.opened import text_of

D = date
YEAR = (D(2025, 1, 1), D(2026, 1, 1))


@pytest.fixture
def at():
    return datetime(2026, 1, 20, 9, 30, tzinfo=UTC)


def issue(at, **options):
    return issue_statements(year=options.pop("year", 2025), by="test", at=at, **options)


def statement(member: int, association_id: int) -> AnnualStatement:
    return AnnualStatement.objects.get(
        member__codes__code=member, association_id=association_id, replaced_by__isnull=True
    )


def test_each_member_gets_what_was_charged_while_he_belonged(db, at):
    ann, ben, carl = (physio(name, at) for name in ("Ann", "Ben", "Carl"))
    found, code = association("A", at, [(ann, D(2020, 1, 1), None), (ben, D(2020, 1, 1), None),
                                        (carl, D(2025, 7, 1), None)])  # fmt: skip
    lines = [
        Line(D(2024, 12, 31), 10),
        Line(D(2025, 1, 1), 1_000, patient=120, executing=ann),
        Line(D(2025, 6, 30), 2_000, refused=2_000, executing=ben),
        Line(D(2025, 7, 1), 4_000, patient=480, refused=20, executing=carl),
        Line(D(2025, 12, 31), 8_000, executing=ann),
        Line(D(2026, 1, 1), 16_000),
    ]
    charge(code, lines, at)
    charge(code, [Line(D(2025, 3, 3), 77_777)], at, is_test=True)
    charge(ann, [Line(D(2025, 3, 3), 55_555)], at)
    assert issue(at) == Issued(new=3)
    sums = [statement(member, found).asked_cents for member in (ann, ben, carl)]
    assert sums == [15_000, 15_000, 12_000]
    mine = statement(ann, found)
    assert (mine.lines, mine.paid_cents, mine.patient_cents, mine.refused_cents) == (4, 12_380, 600, 2_020)
    assert [month["month"] for month in mine.figures["months"]] == [1, 6, 7, 12]
    assert totals(mine.figures["own"])["asked_cents"] == 9_000
    carls = statement(carl, found)
    assert carls.figures["periods"] == [{"valid_from": "2025-07-01", "valid_until": "2026-01-01"}]
    assert totals(carls.figures["own"])["asked_cents"] == 4_000


def test_who_left_and_came_back_is_charged_for_both_periods_only(db, at):
    ann, ben = physio("Ann", at), physio("Ben", at)
    carl = physio("Carl", at)
    stays = [(ann, D(2020, 1, 1), None), (ben, D(2020, 1, 1), None)]
    twice = [(carl, D(2025, 2, 1), D(2025, 4, 1)), (carl, D(2025, 10, 1), D(2025, 11, 1))]
    found, code = association("A", at, stays + twice)
    days = [D(2025, 1, 31), D(2025, 2, 1), D(2025, 3, 31), D(2025, 4, 1), D(2025, 10, 1), D(2025, 11, 1)]
    charge(code, [Line(day, 10**number) for number, day in enumerate(days)], at)
    issue(at)
    assert statement(carl, found).asked_cents == 10 + 100 + 10_000
    assert len(statement(carl, found).figures["periods"]) == 2


def test_a_member_of_two_associations_has_a_statement_of_each(db, at):
    ann, ben = physio("Ann", at), physio("Ben", at)
    both = [(ann, D(2020, 1, 1), None), (ben, D(2020, 1, 1), None)]
    first, one = association("A", at, both)
    second, two = association("B", at, both)
    charge(one, [Line(D(2025, 5, 5), 100)], at)
    charge(two, [Line(D(2025, 5, 5), 2_000)], at)
    assert issue(at) == Issued(new=4)
    assert statement(ann, first).asked_cents == 100
    assert statement(ann, second).asked_cents == 2_000
    assert {one.association_id for one in queries.statements_of(member_id=statement(ann, first).member_id)} == {
        first, second,
    }  # fmt: skip


def test_an_association_that_ended_in_the_year_is_told_to_its_last_day(db, at):
    ann, ben = physio("Ann", at), physio("Ben", at)
    found, code = association("A", at, [(ann, D(2020, 1, 1), None), (ben, D(2020, 1, 1), None)])
    charge(code, [Line(D(2025, 6, 30), 100), Line(D(2025, 7, 1), 2_000)], at)
    registry.dissolve_association(association_id=found, valid_until=D(2025, 7, 1), by="test", at=at)
    issue(at)
    assert statement(ann, found).asked_cents == 100
    assert statement(ann, found).figures["periods"][0]["valid_until"] == "2025-07-01"
    later = datetime(2027, 1, 5, tzinfo=UTC)
    assert issue(later, year=2026) == Issued()


def test_a_year_without_lines_is_told_too(db, at):
    ann, ben = physio("Ann", at), physio("Ben", at)
    found, _ = association("A", at, [(ann, D(2020, 1, 1), None), (ben, D(2020, 1, 1), None)])
    assert issue(at) == Issued(new=2)
    empty = statement(ann, found)
    assert (empty.lines, empty.figures["months"]) == (0, [])
    make_letter(letter_id=empty.letter_id, by="test", at=at)


def test_an_association_that_has_no_code_yet_has_no_statements(db, at):
    found = registry.found_association(name="A", profession=PHYSIO, valid_from=FIRST, by="test", at=at)
    registry.add_member(association_id=found, member=physio("Ann", at), valid_from=FIRST, by="test", at=at)
    assert issue(at) == Issued()


def test_a_year_that_is_not_over_is_refused(db, at):
    with pytest.raises(WrongUse, match="2026 is not over"):
        issue(at, year=2026)
    # New Year's Eve in UTC, New Year's Day where the fund is.
    assert issue(datetime(2025, 12, 31, 23, 30, tzinfo=UTC)) == Issued()
    with pytest.raises(WrongUse, match="no association 99"):
        issue(at, association_id=99)


def test_a_second_run_writes_nothing_and_a_correction_names_what_it_replaces(db, at):
    ann, ben = physio("Ann", at, email="ann@practice.example", language="de"), physio("Ben", at)
    found, code = association("A", at, [(ann, D(2020, 1, 1), None), (ben, D(2020, 1, 1), None)])
    charge(code, [Line(D(2025, 5, 5), 100, executing=ann)], at)
    issue(at)
    assert issue(at) == issue(at, correct=True) == Issued(unchanged=2)
    first = statement(ann, found)
    # Lines decided later do not change what was issued; a correction does.
    charge(code, [Line(D(2025, 5, 6), 2_000)], at)
    assert issue(at) == Issued(unchanged=2)
    later = at + timedelta(days=30)
    assert issue(later, correct=True) == Issued(corrected=2)
    second = statement(ann, found)
    assert (second.version, second.replaces, second.asked_cents) == (2, first, 2_100)
    first.refresh_from_db()
    assert first.asked_cents == 100
    assert Letter.objects.count() == 4
    make_letter(letter_id=second.letter_id, by="test", at=later)
    second.letter.refresh_from_db()
    text = text_of(bytes(Store(db.documents).content(second.letter.sha256)))
    assert f"{second.reference} ersetzt die Aufstellung {first.reference} vom 20. Januar 2026" in text
    assert "21,00" in text
    assert Mail.objects.get(pk=second.letter.mail_id).to == "ann@practice.example"
    events = AuditEvent.objects.filter(action="payments.issue_statements").order_by("pk")
    assert [event.data for event in events] == [
        {"year": 2025, "new": 2, "corrected": 0},
        {"year": 2025, "new": 0, "corrected": 2},
    ]


def test_a_membership_that_never_was_is_taken_back_by_a_correction(db, at):
    ann, ben, carl = (physio(name, at) for name in ("Ann", "Ben", "Carl"))
    found, code = association("A", at, [(one, D(2020, 1, 1), None) for one in (ann, ben)])
    registry.add_member(association_id=found, member=carl, valid_from=D(2025, 1, 1), by="test", at=at)
    charge(code, [Line(D(2025, 5, 5), 100)], at)
    issue(at)
    registry.end_membership(association_id=found, member=carl, valid_until=D(2025, 1, 1), by="test", at=at)
    assert issue(at, correct=True) == Issued(corrected=1, unchanged=2)
    taken_back = statement(carl, found)
    assert (taken_back.asked_cents, taken_back.figures["periods"]) == (0, [])
    make_letter(letter_id=taken_back.letter_id, by="test", at=at)


def test_the_database_refuses_a_second_statement_of_a_version(db, at):
    ann, ben = physio("Ann", at), physio("Ben", at)
    association("A", at, [(ann, D(2020, 1, 1), None), (ben, D(2020, 1, 1), None)])
    issue(at)
    copy = AnnualStatement.objects.first()
    copy.pk, copy.reference, copy.letter = None, "another", Letter.objects.create(
        kind="annual_statement", language="fr", content={}, ordered_at=at
    )  # fmt: skip
    with pytest.raises(IntegrityError, match="payments_statement_once"), transaction.atomic():
        copy.save(force_insert=True)


RUN = """
import sys, django
django.setup()
from datetime import datetime
from caisse.fund.payments.statements import issue_statements
issue_statements(year=2025, by="test", at=datetime.fromisoformat(sys.argv[1]))
"""


@pytest.mark.parametrize("point", ["statements.before_commit", "statements.after_commit"])
def test_each_statement_is_written_once_though_the_run_is_killed(db, at, tmp_path, point):
    codes = [physio(f"P{number}", at) for number in range(4)]
    for name, pair in (("A", codes[:2]), ("B", codes[2:])):
        _, code = association(name, at, [(one, D(2020, 1, 1), None) for one in pair])
        charge(code, [Line(D(2025, 5, 5), 100)], at)
    order = tmp_path / "order"
    order.write_text(point)
    done = subprocess.run(
        [sys.executable, "-c", RUN, at.isoformat()], env={**os.environ, faults.VARIABLE: str(order)},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    written = AnnualStatement.objects.count()
    assert written == (0 if point.endswith("before_commit") else 2)
    assert issue(at) == Issued(new=4 - written, unchanged=written)
    assert AnnualStatement.objects.count() == Letter.objects.count() == 4


def test_the_rule_says_which_day_counts(db, at, monkeypatch):
    assert statement_figures.basis_of(2025) == "service"
    ann, ben = physio("Ann", at), physio("Ben", at)
    found, code = association("A", at, [(one, D(2020, 1, 1), None) for one in (ann, ben)])
    # Half past eleven on New Year's Eve in UTC is New Year's Day where the fund is.
    charge(code, [Line(D(2024, 12, 30), 100)], datetime(2024, 12, 31, 23, 30, tzinfo=UTC))
    charge(code, [Line(D(2025, 12, 30), 2_000)], at)
    monkeypatch.setattr(
        statement_figures, "_rules", lambda: [{"valid_from": D(2000, 1, 1), "basis": "decision"}]
    )
    monkeypatch.setattr("caisse.fund.payments.statements.basis_of", statement_figures.basis_of)
    issue(at)
    assert statement(ann, found).asked_cents == 100
    assert statement(ann, found).letter.content["basis"] == "decision"


def test_figures_as_data_tie_with_the_statement_and_name_nobody(db, at):
    ann, ben = physio("Ann", at), physio("Ben", at)
    found, code = association("A", at, [(one, D(2020, 1, 1), None) for one in (ann, ben)])
    charge(
        code, [Line(D(2025, 5, 5), 100, patient=12, executing=ann), Line(D(2025, 8, 5), 50, refused=50)], at
    )
    issue(at)
    text = queries.statements_csv(queries.statements_of(year=2025))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert "Ann" not in text
    mine = [row for row in rows if row["member_codes"] == str(ann)]
    assert [(row["of"], row["month"], row["asked_cents"]) for row in mine] == [
        ("association", "5", "100"), ("association", "8", "50"), ("member", "5", "100"),
    ]  # fmt: skip
    data = queries.statement_data(statement(ann, found))
    assert (data["code"], data["member_codes"], data["replaces"]) == (code, [ann], None)
    assert sum(month["asked_cents"] for month in data["months"]) == statement(ann, found).asked_cents


def test_the_command_issues_lists_and_writes_the_figures(db, home, at, tmp_path, capsys):
    ann, ben = physio("Ann", at), physio("Ben", at)
    _, code = association("A", at, [(one, D(2020, 1, 1), None) for one in (ann, ben)])
    charge(code, [Line(D(2025, 5, 5), 100)], at)
    words = ["fund", "statements", "--year", "2025", "--home", str(home.path)]
    file = tmp_path / "figures.csv"
    assert cli.run([*words, "--association", str(code), "--csv", str(file)]) == 0
    assert "2025: 2 new, 0 corrected, 0 as they stood; 2 wait for a worker." in capsys.readouterr().out
    assert len(file.read_text().splitlines()) == 3
    assert file.stat().st_mode & 0o777 == 0o600
    assert cli.run([*words, "--list"]) == 0
    assert capsys.readouterr().out.count(" lines ") == 2
    assert cli.run([*words, "--association", str(ann)]) == 2
    assert "no association has or had this code" in capsys.readouterr().err


def test_a_member_who_left_is_stated_to_his_last_day_and_corrected_when_it_was_another(db, at):
    """The register hears after the issue that he had left two months before: the new version names the old."""
    ann, ben, carl = (physio(name, at) for name in ("Ann", "Ben", "Carl"))
    found, code = association("A", at, [(one, D(2020, 1, 1), None) for one in (ann, ben)])
    registry.add_member(association_id=found, member=carl, valid_from=D(2025, 3, 1), by="test", at=at)
    registry.end_membership(association_id=found, member=carl, valid_until=D(2025, 9, 1), by="test", at=at)
    days = [D(2025, 2, 28), D(2025, 3, 1), D(2025, 6, 30), D(2025, 7, 1), D(2025, 8, 31), D(2025, 9, 1)]
    charge(code, [Line(day, 10**number) for number, day in enumerate(days)], at)
    assert issue(at) == Issued(new=3)
    first = statement(carl, found)
    assert (first.asked_cents, first.lines) == (11_110, 4)
    registry.end_membership(
        association_id=found, member=carl, valid_until=D(2025, 7, 1), by="test", at=at + timedelta(days=5)
    )
    later = at + timedelta(days=6)
    assert issue(later, correct=True) == Issued(corrected=1, unchanged=2)
    second = statement(carl, found)
    assert (second.version, second.replaces, second.asked_cents) == (2, first, 110)
    assert second.figures["periods"] == [{"valid_from": "2025-03-01", "valid_until": "2025-07-01"}]
    # What was issued stays as it was, and the register still knows what it said then.
    first.refresh_from_db()
    assert first.figures["periods"][0]["valid_until"] == "2025-09-01"
    then = [one for one in register.members_of(found, known_at=at) if one.code == carl]
    assert [one.valid_until for one in then] == [D(2025, 9, 1)]
    # The year after he is no member: no statement, though the association has one for the others.
    assert issue(datetime(2027, 1, 5, tzinfo=UTC), year=2026) == Issued(new=2)


def test_the_command_corrects_tells_programs_and_refuses_what_it_cannot_do(db, home, at, tmp_path, capsys):
    ann, ben = physio("Ann", at), physio("Ben", at)
    _, code = association("A", at, [(one, D(2020, 1, 1), None) for one in (ann, ben)])
    charge(code, [Line(D(2025, 5, 5), 100)], at)
    words = ["fund", "statements", "--year", "2025", "--home", str(home.path), "--json"]

    def said(*more: str, code: int = 0) -> dict:
        assert cli.run([*words, *more]) == code
        return json.loads(capsys.readouterr().out.splitlines()[0])

    assert said("--list")["statements"] == []
    told = said()
    assert (told["new"], told["corrected"], told["unchanged"], told["waiting_for_worker"]) == (2, 0, 0, 2)
    charge(code, [Line(D(2025, 6, 5), 50)], at)
    assert said()["unchanged"] == 2
    assert (told := said("--correct"))["corrected"] == 2
    assert sorted(one["reference"][-2:] for one in told["statements"]).count("-2") == 2
    assert [one["asked_cents"] for one in said("--list")["statements"]].count(150) == 2
    # A folder that is not there: told before anything is issued.
    refused = said("--csv", str(tmp_path / "none" / "figures.csv"), code=2)
    assert "figures.csv" in refused["message"]
    words[3] = "2998"
    assert "2998 is not over" in said(code=2)["message"]


def charged_on(day: date, asked: int, executing: int) -> Charged:
    return Charged(day, executing, 1, asked, asked, 0, 0)


DAYS = st.dates(D(2025, 1, 1), D(2025, 12, 31))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    cuts=st.lists(DAYS, unique=True, max_size=6),
    lines=st.lists(st.tuples(DAYS, st.integers(0, 10**6), st.integers(1, 3)), max_size=40),
)
def test_members_that_follow_one_another_share_every_line_once(cuts, lines):
    """Where memberships do not overlap and cover the year, the sums of the members are those of all lines."""
    edges = [YEAR[0], *sorted(set(cuts) - {YEAR[0]}), YEAR[1]]
    rows = [charged_on(*line) for line in lines]
    shares = [
        figures(rows, inside_year([stretch], 2025), {number % 3 + 1})
        for number, stretch in enumerate(itertools.pairwise(edges))
    ]
    everything = figures(rows, inside_year([(D(2000, 1, 1), None)], 2025), {1, 2, 3})
    assert everything.months == everything.own
    for name, whole in totals(everything.months).items():
        assert sum(totals(share.months)[name] for share in shares) == whole
    assert totals(everything.months)["asked_cents"] == sum(asked for _, asked, _ in lines)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.dates(D(2023, 1, 1), D(2027, 1, 1)), st.none() | st.dates(D(2023, 1, 1), D(2027, 1, 1)))
    )
)
def test_periods_cut_to_a_year_hold_on_the_same_days(periods):
    periods = [(start, end) for start, end in periods if end is None or start <= end]
    cut = inside_year(periods, 2025)
    for number in range(365):
        day = YEAR[0] + timedelta(days=number)
        held = any(start <= day and (end is None or day < end) for start, end in periods)
        assert sum(start <= day < end for start, end in cut) == held
    assert all(before[1] < after[0] for before, after in itertools.pairwise(cut))
