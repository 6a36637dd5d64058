"""Every readable case through the server: deposited, judged by the job, read from the answers."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from caisse.fund.claims import facts
from tests.agreement.rules import batches
from tests.fund.claims.spec_fund import SpecFund
from tests.spec.cases import CASES, Case

_PRACTICE = "asks what is decided without a register the fund always has"

#: Cases that do not run here, by title, and why.
LEFT_OUT = {
    "The practice cannot know who is insured: the check is deferred and the line stands.": _PRACTICE,
}

#: Cases in which the fund answers sooner than the rules alone would, by title, and why.
REFUSED_WHOLE = {
    "The biller's code ended before the file was sent: nothing of the file is paid.": (
        "the fund knows its providers when a file arrives: not conform, nothing is adjudicated"
    ),
}

#: What a fund finds beside the case's findings, by title: it compares the file with its name and its registry.
ALSO_FOUND = {
    "The biller's code has a mistyped digit.": ("NAM-003 file", "PRO-002 file < PRO-001"),
}


@pytest.fixture(scope="module")
def world(module_db) -> Iterator[SpecFund]:
    def forget():
        facts.reference_keeper.cache_clear()
        facts.history_keeper.cache_clear()
        for path in module_db.snapshots.iterdir():
            if path.is_dir():
                shutil.rmtree(path)

    forget()
    fund = SpecFund(module_db, datetime(2026, 11, 22, 9, 30, tzinfo=UTC))
    fund.enter_world()
    yield fund
    forget()


@pytest.fixture
def fund(world) -> Iterator[SpecFund]:
    yield world
    world.forget_payments()


def case_name(case: Case) -> str:
    return f"{case.code} {case.title}"


def expected_of(case: Case) -> tuple[bool, list[str]]:
    """Whether the fund finds the file conform, and all it finds."""
    if case.title in REFUSED_WHOLE:
        return False, [found for found in case.found if found.endswith(" file")]
    return case.conform, sorted([*case.found, *ALSO_FOUND.get(case.title, ())])


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.by_schema and case.title not in LEFT_OUT], ids=case_name
)
def test_case(fund: SpecFund, case: Case) -> None:
    if case.paid_before:
        fund.pay_before(batches.batch_of(case.paid_before))
    told = fund.judged(case.batch())
    conform, found = expected_of(case)
    assert (told.conform, told.stage) == (conform, "returned" if conform else "refused")
    assert told.stored == found
    # The acknowledgement names no roots; a conform file's findings come with its return.
    assert told.acknowledged == ([] if conform else sorted(each.partition(" < ")[0] for each in found))
    assert told.returned == (found if conform else [])
    if conform:
        assert {place: told.decided[place] for place in case.decided} == dict(case.decided)
        assert told.agrees
    else:
        assert told.decided == {}


@pytest.mark.parametrize("case", [case for case in CASES if case.by_schema], ids=case_name)
def test_case_that_the_published_schema_refuses(fund: SpecFund, case: Case) -> None:
    told = fund.judged(case.batch())
    assert (told.conform, told.stage) == (False, "refused")
    assert {found.split()[0] for found in told.acknowledged} == {"XML-004"}
    assert told.stored == told.acknowledged
    assert (told.returned, told.decided) == ([], {})


def test_the_cases_left_out_are_those_that_cannot_run_here() -> None:
    practice = {case.title for case in CASES if case.not_known} - REFUSED_WHOLE.keys()
    assert dict.fromkeys(practice, _PRACTICE) == LEFT_OUT
