"""Examination: name, layout, schema and file-level checks together, each wrong thing a finding."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from hashlib import sha256

import pytest

from caisse.agreement.examination import Examination, examine_file
from caisse.agreement.findings import Finding
from tests.bench.invoice_files import invoice_file

NAME = "F52001700202403_LAB_FAC_002_2024-03-A.xml"
ON = date(2026, 11, 2)


@pytest.fixture(scope="module")
def content() -> bytes:
    return invoice_file(20)


def codes(examined: Examination) -> list[str]:
    return [finding.code for finding in examined.findings]


def test_a_good_file(content: bytes) -> None:
    examined = examine_file(NAME, content, on=ON, provider=52001700)
    assert examined.conform
    assert examined.findings == ()
    assert examined.layout is not None
    assert examined.layout.label == "LAB_FAC_002"
    assert examined.document is not None
    assert examined.document.tables["lines"].height == 20
    assert (examined.sha256, examined.size) == (sha256(content).hexdigest(), len(content))


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview])
def test_any_buffer_will_do(content: bytes, wrap: type) -> None:
    assert examine_file(NAME, wrap(content), on=ON).conform


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("invoices.xml", ["NAM-001"]),
        (NAME.replace("F5", "D5", 1), ["NAM-002"]),
        (NAME.replace("52001700", "52001797"), ["NAM-003"]),
        (NAME.replace("202403", "202404"), ["NAM-003"]),
        (NAME.replace("202403", "202303"), ["NAM-003"]),
        (NAME.replace("_002_", "_001_"), ["NAM-003"]),
        (NAME.replace("_002_", "_009_"), ["NAM-003"]),
        (NAME.replace("_FAC_", "_DCL_"), ["NAM-003"]),
        (NAME.replace("_LAB_", "_INF_"), ["NAM-003"]),
    ],
)
def test_a_name_that_is_wrong_or_disagrees(content: bytes, name: str, expected: list[str]) -> None:
    examined = examine_file(name, content, on=ON)
    assert codes(examined) == expected
    assert not examined.conform
    assert examined.document is not None, "all that is wrong is told at once"


def test_the_account_s_provider_code_counts(content: bytes) -> None:
    assert codes(examine_file(NAME, content, on=ON, provider=12345672)) == ["PRO-003"]


@pytest.mark.parametrize(
    ("on", "conform"),
    [(date(2026, 9, 30), False), (date(2026, 10, 1), True), (date(2030, 1, 1), True)],
)
def test_a_layout_is_taken_from_its_first_day(content: bytes, on: date, conform: bool) -> None:
    examined = examine_file(NAME, content, on=on)
    assert examined.conform is conform
    assert codes(examined) == ([] if conform else ["LAY-002"])


@pytest.mark.parametrize(("on", "conform"), [(date(2026, 12, 31), True), (date(2027, 1, 1), False)])
def test_the_old_layout_is_taken_until_its_last_day(on: date, conform: bool) -> None:
    old = invoice_file(5, layout=1)
    assert examine_file(NAME.replace("_002_", "_001_"), old, on=on).conform is conform


def test_an_unknown_layout_ends_the_examination(content: bytes) -> None:
    foreign = content.replace(b"<layout>2", b"<layout>7")
    examined = examine_file(NAME.replace("_002_", "_007_"), foreign, on=ON)
    assert examined.findings == (
        Finding("LAY-001", found="LAB_FAC_007", expected="LAB_FAC_001, LAB_FAC_002"),
    )
    assert examined.document is None


def test_file_level_checks_are_part_of_it(content: bytes) -> None:
    head, body = content.split(b"</entete>", 1)
    wrong = head.replace(b"<nombre>4</nombre>", b"<nombre>5</nombre>") + b"</entete>" + body
    examined = examine_file(NAME, wrong, on=ON)
    assert codes(examined) == ["TOT-003"]
    assert not examined.conform


def test_an_answer_is_examined_without_the_checks_of_a_request() -> None:
    from tests.agreement.layouts.test_samples import ACCEPTED

    answers = [path for path in ACCEPTED if "_FAC_" not in path.name]
    assert answers
    for path in answers:
        assert examine_file(path.name, path.read_bytes(), on=ON).conform


def test_an_executor_changes_nothing() -> None:
    big = invoice_file(20_000)
    with ThreadPoolExecutor(2) as executor:
        one, other = examine_file(NAME, big, on=ON), examine_file(NAME, big, on=ON, executor=executor)
    assert one.conform
    assert other.conform
    assert one.document is not None
    assert other.document is not None
    for name, table in one.document.tables.items():
        assert table.equals(other.document.tables[name])


def test_a_known_hash_is_not_computed_again(content: bytes) -> None:
    assert examine_file(NAME, content, on=ON, known_sha256="ab").sha256 == "ab"


@pytest.mark.parametrize("content", [b"", b"<a/>", b"\x00", b"<decompteFacturation>"])
def test_rubbish_is_a_finding_for_any_name(content: bytes) -> None:
    for name in (NAME, "", "x"):
        examined = examine_file(name, content, on=ON)
        assert not examined.conform
        assert examined.document is None
        assert examined.findings
