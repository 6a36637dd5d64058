"""The cumulation rules of the held editions: golden counts, hand-checked acts, the oddities of the source."""

import subprocess
import sys

import polars as pl
import pytest

from caisse.agreement.tables import load_tables
from caisse.agreement.tables.cumulation import coverage, parse_edition
from caisse.agreement.tables.cumulation.grammar import clauses
from caisse.agreement.tables.cumulation.page import page
from caisse.agreement.tables.cumulation.reading import Coverage, report
from caisse.agreement.tables.editions import professions, read_editions

EDITIONS = {edition.name: edition for edition in read_editions("laboratories")}
NEWEST = "2020-01-01"


def others(act: str, edition: str = NEWEST) -> set[str]:
    return set(load_tables().incompatible.filter(edition=edition, act=act)["other"])


def groups(act: str, edition: str = NEWEST) -> set[tuple[str, int, str, str, bool]]:
    tables = load_tables()
    own = tables.group_members.filter(edition=edition, act=act).join(
        tables.group_maxima, on=["edition", "group"]
    )
    return {tuple(row) for row in own.select("group", "maximum", "counts", "per", "stated").iter_rows()}


def texts(act: str, edition: str = NEWEST) -> set[str]:
    return set(load_tables().text_rules.filter(edition=edition, act=act)["text"])


@pytest.mark.parametrize(
    ("edition", "cells", "full", "part", "text"),
    [("2018-09-01", 395, 286, 42, 67), ("2020-01-01", 396, 285, 43, 68)],
)
def test_share_of_the_printed_rules_that_is_structured(
    edition: str, cells: int, full: int, part: int, text: int
) -> None:
    found = coverage(parse_edition(EDITIONS[edition]))
    assert (found.cells, found.full, found.part, found.text) == (cells, full, part, text)
    assert full + part + text == cells
    assert "is in no form of the grammar" not in dict(found.kept_because)


def test_command_prints_the_share() -> None:
    command = [sys.executable, "-W", "error", "-m", "caisse.agreement.tables.cumulation"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed == report()
    assert "2020-01-01: 285 of 396 cells fully structured, 43 in part, 68 kept as text" in printed


def test_coverage_reads_as_a_sentence() -> None:
    assert str(Coverage("x", 3, 1, 1, 1, (("because", 2),))) == (
        "x: 1 of 3 cells fully structured, 1 in part, 1 kept as text\n       2 clauses kept: because"
    )


@pytest.mark.parametrize("edition", EDITIONS)
def test_incompatibilities_hold_both_ways(edition: str) -> None:
    pairs = load_tables().incompatible.filter(edition=edition)
    there = set(pairs.select("act", "other").iter_rows())
    assert len(there) == len(pairs) == 650
    assert there == {(other, act) for act, other in there}
    assert all(act != other for act, other in there)
    assert {act for act, _ in there} <= {act.code for act in EDITIONS[edition].acts}


@pytest.mark.parametrize("edition", EDITIONS)
def test_one_sided_incompatibilities_are_those_of_the_source(edition: str) -> None:
    unstated = load_tables().incompatible.filter(edition=edition, stated=False)
    stool = {f"BH{n}" for n in (*range(502, 510), *range(971, 979))}
    respiratory = {f"BH{n}" for n in range(845, 852)}
    assert set(unstated.select("act", "other").iter_rows()) == (
        {(act, "BH979") for act in stool}
        | {(act, "BH852") for act in respiratory}
        | {("BH910", "BH203"), ("BH910", "BH204")}
    )


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        ("BC002", {"BC001", "BC003", "BC004", "BC005"}),
        ("BF171", {f"BF{n}" for n in range(151, 163)}),
        ("BH806", {"BH706", "BH707", "BJ050"}),
        (
            "BH906",
            {"BJ112", "BJ113", *(f"BH{n}" for n in (112, 113, 114, 115, 116, 117, 201, 202, 203, 204, 905))},
        ),
        ("BH113", {"BH316", "BH906"}),  # BH112 only if the culture is negative
        ("BD401", set()),  # BD405 only if HCG is positive
        ("BD405", {"BC089"}),
        ("BH974", {"BH979"}),  # its own rule has an exception; the other names it outright
        ("BH953", set()),
        ("BE428", set()),  # BP180 and BP230 in its label are antigens
        ("BY001", {"BY004"}),
    ],
)
def test_incompatibilities_checked_by_hand(act: str, expected: set[str]) -> None:
    assert others(act) == expected


def test_a_condition_printed_on_one_act_counts_for_both() -> None:
    # BH501 excludes BH506 outright, BH506 excludes BH501 only when stools are searched.
    assert others("BH501") == {"BH971", "BH973"}
    assert "Non cumulable avec BH506" in texts("BH501")
    assert "Non cumulable avec la cotation BH501, s'il s'agit d'une recherche dans les selles" in texts(
        "BH506"
    )


def test_ranges_name_only_codes_of_the_edition() -> None:
    for edition in EDITIONS.values():
        known = {act.code for act in edition.acts}
        members = load_tables().group_members.filter(edition=edition.name)
        assert set(members["act"]) <= known
        assert set(load_tables().act_maxima.filter(edition=edition.name)["act"]) <= known


def test_maxima_of_an_act() -> None:
    maxima = load_tables().act_maxima.filter(edition=NEWEST)
    assert len(maxima) == maxima["act"].n_unique() == 37
    held = {act: (maximum, counted) for _, act, maximum, counted in maxima.iter_rows()}
    assert held["BC002"] == (4, None)
    assert held["BE004"] == (10, None)
    assert held["BH610"] == (5, "sites de prélèvement")
    assert held["BH931"] == (3, "sites")
    assert not {"BD201", "BD318", "BE413", "BF011", "BF119", "BH313"} & set(held)


def test_maxima_of_groups() -> None:
    assert len(load_tables().group_maxima.filter(edition="2018-09-01")) == 6
    assert len(load_tables().group_maxima.filter(edition=NEWEST)) == 8
    assert {row[1:] for row in groups("BC045")} == {(2, "quantity", "unit", True)}
    assert {row[1:] for row in groups("BJ010")} == {(3, "quantity", "prescription", True)}
    assert {row[1:] for row in groups("BH917")} == {(2, "acts", "unit", True)}
    assert groups("BC072") == set()  # "sauf néoplasies multiples"


def test_elements_of_the_metals_subsection_count_once_each() -> None:
    ((group, maximum, counts, _, stated),) = groups("BF101")
    members = load_tables().group_members.filter(edition=NEWEST, group=group)
    assert (maximum, counts, stated, len(members)) == (5, "acts", True, 18)
    # BF119 stands in the subsection but prints its own rule, which the chelation remark takes back.
    assert not members.filter(act="BF119")["stated"].item()
    assert "Maximum 5 éléments" in texts("BF119")


def test_group_printed_with_two_maxima_refuses_only_what_neither_allows() -> None:
    """Oddity 1 of the source: BH908 still says 3 where the seven others say 2."""
    assert {row[1]: row[4] for row in groups("BH908")} == {3: True}
    assert {row[1]: row[4] for row in groups("BH842")} == {2: True, 3: False}
    kept = load_tables().text_rules.filter(edition=NEWEST, act="BH908").row(0, named=True)
    assert (kept["above"], len(kept["others"])) == (2, 7)
    # In 2018 all eight agreed.
    assert {row[1]: row[4] for row in groups("BH908", "2018-09-01")} == {3: True}
    assert load_tables().text_rules.filter(edition="2018-09-01", act="BH908").is_empty()


def test_act_counted_in_a_group_its_own_cell_does_not_name() -> None:
    """Oddity 2 of the source: BH801 is in the group BH802 ... BH916 by their rules only."""
    first = load_tables().group_members.filter(edition=NEWEST, act="BH802")["group"].item()
    assert {row[0]: row[4] for row in groups("BH801")}[first] is False


@pytest.mark.parametrize("edition", EDITIONS)
def test_infectious_serology(edition: str) -> None:
    tables = load_tables()
    (section,) = tables.section_maxima.filter(edition=edition).iter_rows(named=True)
    assert (section["maximum"], section["pregnancy_maximum"], section["per"]) == (12, 16, "prescription")
    members = set(tables.group_members.filter(edition=edition, group=section["group"])["act"])
    chapter = {act.code for act in EDITIONS[edition].acts if act.code.startswith("BJ")}
    assert len(chapter) == 124
    assert members < chapter
    assert len(chapter - members) == 20
    labelled = {
        act.code
        for act in EDITIONS[edition].acts
        if act.code.startswith("BJ") and "confirmation" in act.label_fr
    }
    assert labelled <= chapter - members


def test_other_section_remarks_are_kept_as_text() -> None:
    kept = load_tables().cumulation.section_texts.filter(edition=NEWEST)
    assert len(kept) == len(EDITIONS[NEWEST].remarks) - 1
    assert kept["text"].str.contains("chélation").any()


def test_text_rules_say_when_they_matter() -> None:
    rules = load_tables().text_rules.filter(edition=NEWEST)
    culture = rules.filter(pl.col("act") == "BH113").row(0, named=True)
    assert (culture["others"], culture["above"]) == (["BH112"], None)
    tumour = rules.filter(pl.col("act") == "BC074").row(0, named=True)
    assert (len(tumour["others"]), tumour["above"]) == (14, 2)
    assert "BC074" not in tumour["others"]
    assert rules.filter(pl.col("why") == "")["act"].to_list() == []


def test_odd_clause_does_not_lose_the_others() -> None:
    assert {row[1] for row in groups("BH910", "2018-09-01")} == {3}
    assert {"BH307", "BJ125"} <= others("BH910", "2018-09-01")
    assert load_tables().act_maxima.filter(edition=NEWEST, act="BE117")["maximum"].item() == 2
    assert texts("BE117") == {"Uniquement si BE116 s'est révélé négatif"}


def test_no_remark_allows_what_is_refused() -> None:
    """Remarks "Cumulable avec ..." stand in another column than the rules; they must not contradict."""
    for edition in EDITIONS.values():
        for act in edition.acts:
            if act.remark.startswith("Cumulable avec"):
                allowed = {
                    code for code in others(act.code, edition.name) if code in act.remark.split(".")[0]
                }
                assert allowed == set(), act.code


def test_unit_of_cumulation_is_declared() -> None:
    assert load_tables().cumulation.unit == ("person", "sampled_on", "billing_provider")
    assert "prescriber" in load_tables().cumulation.prescription


def test_other_professions_print_no_such_rules() -> None:
    for profession in set(professions()) - {"laboratories"}:
        tables = load_tables(profession)
        assert tables.incompatible.is_empty()
        assert tables.group_members.is_empty()
        assert tables.text_rules.is_empty()


def test_page_tells_the_whole_story() -> None:
    text = page()
    assert text == page()
    assert "| 2020-01-01 | 396 | 285 | 43 | 68 |" in text
    assert "Non cumulable avec BH112 si la culture est négative" in text
    assert "person, sampled_on, billing_provider" in text
    # Every clause of every edition is counted in exactly one form.
    printed = sum(
        len(clauses(cell.text)) for edition in EDITIONS.values() for cell in parse_edition(edition).cells
    )
    rows = text.split("## The grammar")[1].split("## Kept")[0].splitlines()
    assert (
        sum(int(row.split("|")[2]) for row in rows if row.startswith("| ") and "Clauses" not in row)
        == printed
    )
