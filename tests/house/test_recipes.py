"""Whoever follows a recipe of CONTRIBUTING.md to the letter gets what it promises."""

from pathlib import Path

import pytest

from tests.house.recipes import Copy, recipes

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "caisse")


def test_every_recipe_is_followed_here() -> None:
    assert set(recipes()) == {
        "Add a layout version",
        "Add a reason code",
        "Add a check",
        "Add a table edition",
        "Add a profession",
    }
    assert all(recipes().values())


V3_IS_TAKEN = """
from datetime import date
from pathlib import Path

import polars as pl

from caisse.agreement.examination import examine_file
from caisse.agreement.layouts import catalogue, reading, writing

def numbers(on):
    return [layout.number for layout in catalogue.in_force("LAB", "FAC", on)]

assert numbers(date(2027, 6, 30)) == [2]
assert numbers(date(2027, 7, 1)) == numbers(date(2027, 9, 30)) == [2, 3]
assert numbers(date(2027, 10, 1)) == [3]

invoices = pl.DataFrame({
    "invoice": [0], "invoice_reference": ["A"], "insured_person": [1980010100187],
    "issued_on": [date(2024, 3, 28)], "count": [1], "gross_cents": [229], "net_cents": [229],
})
lines = pl.DataFrame({
    "invoice": [0], "line_reference": ["1"], "act": ["BC001"], "date_of_service": [date(2024, 3, 12)],
    "sampled_on": [date(2024, 3, 12)], "quantity": [1], "gross_cents": [229], "net_cents": [229],
    "executing_provider": [52001700], "urgent": [True],
})
header = {
    "billing_provider": 52001700, "organisation": 19, "sent_on": date(2024, 4, 2), "file_reference": "A",
    "year": 2024, "number": 3, "count": 1, "gross_cents": 229, "net_cents": 229,
}
files = {
    number: writing.write(catalogue.find("LAB", "FAC", number), header, {"invoices": invoices, "lines": lines})
    for number in (2, 3)
}
assert b"<urgence>O</urgence>" in files[3] and b"urgence" not in files[2]

def examined(number, on):
    found = examine_file(f"F52001700202403_LAB_FAC_{number:03d}_A.xml", files[number], on=on)
    return found, [finding.code for finding in found.findings]

third, codes = examined(3, date(2027, 7, 1))
assert third.conform and codes == [] and third.document.tables["lines"]["urgent"].to_list() == [True]
second, codes = examined(2, date(2027, 9, 30))
assert second.conform and codes == [] and second.document.tables["lines"]["urgent"].to_list() == [None]
assert examined(2, date(2027, 10, 1))[1] == examined(3, date(2027, 6, 30))[1] == ["LAY-002"]

samples = Path("src/caisse/agreement/layouts/lab_invoice/v3/samples")
for sample in sorted(samples.glob("accepted/*.xml")):
    read = reading.read(sample.read_bytes(), catalogue.find("LAB", "FAC", 3))
    assert read.findings == (), (sample.name, read.findings)
"""


def test_a_layout_version_is_a_folder_and_no_code(copy: Copy) -> None:
    copy.follow("Add a layout version")
    copy.python(V3_IS_TAKEN)
    changed = copy.changed()
    assert [name for name in changed if name.endswith(".py")] == []
    assert {name for name in changed if "/v3/" not in name and not name.startswith("docs/")} == {
        "src/caisse/agreement/layouts/lab_invoice/v1/layout.toml",
        "src/caisse/agreement/layouts/lab_invoice/v2/layout.toml",
    }
    assert "`LAB_FAC_003`" in (copy.folder / "docs/layouts.md").read_text(encoding="utf-8")


def test_a_reason_code_is_explained_at_once(copy: Copy) -> None:
    said = copy.follow("Add a reason code")
    assert "Die Rechnung wurde vor der Verordnung ausgestellt." in said
    assert copy.changed() == ["src/caisse/agreement/tables/reasons/laboratory.toml"]


CHECK_FINDS = """
from datetime import date

from caisse.agreement.rules import adjudicate
from caisse.agreement.tables import load_tables
from tests.agreement.rules.batches import batch_of, usual_facts

batch = batch_of([
    {"issued_on": date(2024, 2, 29), "prescribed_on": date(2024, 3, 1), "lines": [{}]},
    {"issued_on": date(2024, 3, 1), "prescribed_on": date(2024, 3, 1), "lines": [{"act": "BC006"}]},
])
found = adjudicate(batch, usual_facts(), load_tables())
told = found.findings.filter(code="DAT-003").select("level", "invoice", "found", "expected").rows()
assert told == [("invoice", 0, "2024-02-29", "not before 2024-03-01")], told
assert found.findings.filter(code="INV-001").select("line", "follows").rows() == [(0, "DAT-003")]
assert found.lines["outcome"].to_list() == ["refused", "paid"], found.findings
"""


def test_a_check_is_found_told_and_printed(copy: Copy) -> None:
    copy.follow("Add a reason code")
    copy.follow("Add a check")
    copy.run("PYTHONPATH=src:. python -c \"$(cat)\" <<'END'\n" + CHECK_FINDS + "\nEND")
    rules = (copy.folder / "docs/rules.md").read_text(encoding="utf-8")
    assert "| DAT-003 | the invoice is not older than its prescription |" in rules
    assert "### DAT-003" in rules


EDITION_PRICES = """
from datetime import date

import polars as pl

from caisse.agreement.money import tariff_cents
from caisse.agreement.tables import load_tables

tables = load_tables()
def on(day):
    held = (pl.col("valid_from") <= day) & (pl.col("valid_until").is_null() | (pl.col("valid_until") > day))
    act = tables.acts.filter(held, act="BC001")
    letter = tables.key_letters.filter(held)["value_100000ths"].item()
    return act["edition"].item(), act["carried_forward"].item(), tariff_cents(act["coefficient_hundredths"].item(), letter)

assert on(date(2024, 9, 23)) == ("2020-01-01", True, 229), on(date(2024, 9, 23))
assert on(date(2024, 9, 24)) == ("2024-09-24", False, 245), on(date(2024, 9, 24))
assert tables.acts.filter(edition="2024-09-24").height == 828
(note,) = tables.notes
assert note.valid_until == date(2024, 9, 24)
assert all("23.9.2024" in note.text(lang) for lang in ("fr", "de", "en"))
"""


def test_a_table_edition_prices_from_its_first_day(copy: Copy) -> None:
    copy.follow("Add a table edition")
    copy.python(EDITION_PRICES)
    folder = "src/caisse/agreement/tables"
    assert [name for name in copy.changed() if not name.startswith("docs/")] == [
        f"{folder}/nomenclature/laboratories/2024-09-24/acts.csv",
        f"{folder}/nomenclature/laboratories/2024-09-24/edition.toml",
        f"{folder}/nomenclature/laboratories/2024-09-24/section_remarks.csv",
        f"{folder}/ours/carried_forward.toml",
    ]
    page = (copy.folder / "docs/cumulation.md").read_text(encoding="utf-8")
    assert "| 2024-09-24 |" in page


PROFESSION_IS_OFFERED = """
from datetime import date

from caisse.agreement.errors import WrongUse
from caisse.agreement.tables.professions import catalogue_on

before, after = catalogue_on(date(2027, 3, 31)), catalogue_on(date(2027, 4, 1))
assert (before.edition, after.edition) == ("2026-11-01", "2027-04-01")
assert "genetic_counsellors" not in before.professions
try:
    before.requirements("new_code", "genetic_counsellors", {})
except WrongUse:
    pass
else:
    raise AssertionError("offered before its day")

def asked(**facts):
    return {one.document for one in after.requirements("new_code", "genetic_counsellors", facts)}

always = {"information_sheet", "identity_document", "bank_identity", "liability_insurance"}
assert asked() == always | {"authorisation_to_practise"}, asked()
assert asked(service_declaration=True) == always | {"service_declaration"}
kinds = {kind.key for kind in after.kinds_for("genetic_counsellors")}
assert {"new_code", "address_change", "exchange_access", "appeal"} <= kinds
assert not kinds & {"association", "joint_invoicing", "manager_change"}
faults = after.check_sheet("new_code", "genetic_counsellors", {}, {}, on=date(2027, 4, 1))[1]
assert {"national_number", "licence_number"} <= {fault.field for fault in faults}
assert before.requirements("new_code", "dentists", {}) == after.requirements("new_code", "dentists", {})
"""


def test_a_profession_is_an_edition_and_no_code(copy: Copy) -> None:
    copy.follow("Add a profession")
    copy.python(PROFESSION_IS_OFFERED)
    changed = copy.changed()
    assert [name for name in changed if "/2027-04-01/" not in name and not name.startswith("docs/")] == [
        "tests/agreement/tables/professions/answers.py"
    ]
    page = (copy.folder / "docs/professions.md").read_text(encoding="utf-8")
    assert "| [Genetic counsellor](#genetic-counsellors) |" in page
