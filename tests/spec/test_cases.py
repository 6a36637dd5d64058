"""Every case on the pure rules; and every reason has a case, an article beside its check, and its words."""

import pytest

from caisse.agreement.findings import WARNING
from caisse.agreement.rules import CHECKS, adjudicate, check_file
from caisse.agreement.rules.checks import STAGED
from caisse.agreement.tables import load_tables, package_data
from caisse.agreement.tables.reasons import FOLLOW_UPS, LANGUAGES, reason
from tests.spec.case import place_of
from tests.spec.cases import CASES, Case

LABORATORY_CODES = tuple(package_data.toml(package_data.folder("reasons", "laboratory.toml")))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code} {case.title}")
def test_case(case: Case) -> None:
    batch = case.batch()
    findings = check_file(batch)
    assert findings.is_empty() is case.conform
    if case.conform:
        adjudication = adjudicate(batch, case.facts(), load_tables())
        findings = adjudication.findings
        lines = adjudication.lines.join(batch.invoices.select("invoice", "invoice_reference"), on="invoice")
        decided = {
            place_of(row["invoice_reference"], batch.lines["line_reference"][row["line"]]): (
                row["outcome"],
                row["paid_cents"],
            )
            for row in lines.iter_rows(named=True)
        }
        assert {place: decided[place] for place in case.decided} == dict(case.decided)
    found = [
        f"{row['code']} {place_of(row['invoice_reference'], row['line_reference'])}"
        + (f" < {row['follows']}" if row["follows"] else "")
        for row in findings.iter_rows(named=True)
    ]
    assert sorted(found) == sorted(case.found)


@pytest.mark.parametrize("code", LABORATORY_CODES)
def test_every_reason_has_a_case_that_finds_it(code: str) -> None:
    assert any(case.code == code and any(text.startswith(code) for text in case.found) for case in CASES)


@pytest.mark.parametrize("code", LABORATORY_CODES)
def test_every_reason_is_told_in_three_languages(code: str) -> None:
    entry = reason(code)
    assert entry.follow_up in FOLLOW_UPS
    for text in (entry.text, entry.remedy):
        words = {text(language) for language in LANGUAGES}
        assert len(words) == len(LANGUAGES)
        assert all(sentence.endswith(".") for sentence in words)


def test_a_check_and_its_reason_agree() -> None:
    for check in CHECKS:
        entry = reason(check.code)
        assert (entry.article, entry.severity == WARNING) == (check.article, check.effect == "warn"), (
            check.name
        )


def test_every_reason_is_raised_somewhere_and_every_check_has_a_reason() -> None:
    of_files = {case.code for case in CASES if not case.conform}
    raised = {check.code for check in CHECKS} | set(STAGED) | of_files
    assert raised == set(LABORATORY_CODES)
