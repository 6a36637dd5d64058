"""Editions stand side by side and are picked by the day; one that is not whole is refused by name."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from caisse.agreement.errors import BrokenSystem, WrongUse
from caisse.agreement.tables import package_data
from caisse.agreement.tables.professions import catalogue_of, catalogue_on, read_catalogue
from caisse.agreement.tables.professions.catalogue import edition_on, editions_in

NEWEST = editions_in(package_data.folder("professions"))[-1]


@pytest.fixture
def edition(tmp_path: Path) -> Path:
    """A copy of the newest edition, as of 1.1.2027."""
    copy = tmp_path / "2027-01-01"
    shutil.copytree(Path(str(package_data.folder("professions", NEWEST))), copy)
    return copy


def change(file: Path, old: str, new: str, count: int = 1) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text, old
    file.write_text(text.replace(old, new, count), encoding="utf-8")


def test_two_editions_are_picked_by_the_day(edition: Path, tmp_path: Path) -> None:
    shutil.copytree(edition, tmp_path / "2026-11-01")
    (tmp_path / "notes").mkdir()
    with (edition / "requirements.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[requirements]]\nkinds = ["new_code"]\nprofessions = ["psychotherapists"]\n'
            'document = "mandate"\nstanding = "ours"\n'
        )
    editions = editions_in(tmp_path)
    assert editions == ("2026-11-01", "2027-01-01")

    def asked(day: date) -> list[str]:
        held = read_catalogue(tmp_path / edition_on(editions, day))
        return [one.document for one in held.requirements("new_code", "psychotherapists", {})]

    four = [
        "information_sheet_psychotherapist",
        "authorisation_to_practise",
        "identity_document",
        "bank_identity",
    ]
    assert asked(date(2026, 12, 31)) == four
    assert asked(date(2027, 1, 1)) == [*four, "mandate"]


def test_the_first_edition_serves_the_days_before_it() -> None:
    assert edition_on(("2026-11-01", "2027-01-01"), date(2024, 3, 1)) == "2026-11-01"
    assert edition_on(("2026-11-01", "2027-01-01"), date(2026, 11, 1)) == "2026-11-01"
    assert edition_on(("2026-11-01", "2027-01-01"), date(2050, 1, 1)) == "2027-01-01"
    with pytest.raises(BrokenSystem):
        edition_on((), date(2026, 11, 1))
    assert catalogue_on(date(2024, 3, 1)) is catalogue_of("2026-11-01")


@pytest.mark.parametrize("name", ["2020-01-01", "", "..", "__pycache__", "2026-11-01/../2026-11-01"])
def test_an_edition_that_is_not_held(name: str) -> None:
    with pytest.raises(WrongUse, match="no edition"):
        catalogue_of(name)


def test_professions_copied_as_they_are_load(edition: Path) -> None:
    assert read_catalogue(edition).edition == "2027-01-01"


BROKEN = [
    ("professions.toml", 'label.de = "Zahnarzt/Zahnärztin"\n', "", r"professions: dentists: label\.de is missing"),
    ("professions.toml", 'label.de = "Zahnarzt/Zahnärztin"\n', 'label.de = "  "\n', r"label\.de is missing"),
    ("professions.toml", 'road = "convention"', 'road = "shortcut"', r"doctors: road is 'shortcut', not one of"),
    ("professions.toml", 'road = "convention"', 'road = "convention"\nraod = "x"', "doctors: unknown key raod"),
    ("professions.toml", "joint_invoicing = true", 'joint_invoicing = "yes"', "neither true nor false"),
    ("professions.toml", 'range = "dieticians"', 'range = "dietitians"', "dieticians names 'dietitians', which is not defined"),
    ("professions.toml", 'source = "cns_midwives"', 'source = "hearsay"', r"'hearsay' is not in edition\.toml"),
    ("professions.toml", 'source = "cns_midwives"\n', "", "source is missing, and it is sourced"),
    ("professions.toml", 'label.fr = "Sage-femme"', 'label.fr = "Sage-femme"\nlabel.lb = "Hiewan"', "unknown language lb"),
    ("professions.toml", "valid_from = 2025-06-01", "valid_from = 2025-05-31", "conventions overlap"),
    ("professions.toml", 'licence = "ministerial_concession"\n', "", "pharmacists: licence is missing"),
    ("requirements.toml", 'document = "craft_register"', 'document = "craftregister"', "names 'craftregister', which"),
    ("requirements.toml", 'when = "radiation"', 'when = "radiatoin"', "names 'radiatoin', which is not defined"),
    ("requirements.toml", 'when = "radiation"', 'when = "radiation or not"', "is not a fact, @trait or field=value"),
    ("requirements.toml", 'when = "radiation"', 'when = "verb=activate"', "facts decide what is required"),
    ("requirements.toml", '"psychotherapists"', '"psychics"', "names 'psychics'"),
    ("requirements.toml", 'document = "deed_of_transfer"', 'document = "mandate"', "deed_of_transfer is never required"),
    ("documents.toml", 'per = "certifier"', 'per = "notary"', "names 'notary'"),
    ("documents.toml", "max_age_months = 3", 'max_age_months = "3"', "max_age_months is '3', not a whole number"),
    ("documents.toml", 'issued = "required"\nmax_age_months', "max_age_months", "has an age but no day of issue"),
    ("facts.toml", 'kinds = ["new_code", "licence_renewal"]', 'kinds = ["new_code", "new_site"]', "decides nothing there"),
    ("facts.toml", "[take_over]", "[takeover]", "names 'take_over', which is not defined"),
    ("sheets.toml", "licence_number", "licence_nr", "names 'licence_nr'|stands in no sheet|names 'licence_number'"),
    ("sheets.toml", '"employment"', '"family_name"', "asks a field twice"),
    ("sheets.toml", 'section = "declaration"', 'section = "declarations"', "section is 'declarations', not one of"),
    ("sheets.toml", 'type = "iban"', 'type = "ibam"', "type is 'ibam', not one of"),
    ("sheets.toml", "healthnet if verb=activate", "healthnet if channel=sftp and iban=x", "names 'iban', which is not defined"),
    ("case_kinds.toml", "answer_days = 30\n", "", "answer_days is missing"),
    ("case_kinds.toml", "four_eyes = true", "four_eyes = true\nkinds = []", "unknown key kinds"),
    ("case_kinds.toml", 'pharmacists = "pharmacist"', 'pharmacists = "chemist"', "names 'chemist'"),
    ("case_kinds.toml", 'sheets = { any = "new_site" }', 'sheets = { individual = "new_site" }', "new_site has no sheet for opticians"),
    ("specialities.toml", 'profession = "doctors"', 'profession = "sorcerers"', "names 'sorcerers'"),
    ("facts.toml", 'excludes = ["take_over"]', 'excludes = ["joining"]', "excludes joining, which is asked elsewhere"),
    ("facts.toml", 'only = "@pharmacists"', 'only = "@chemists"', "not made of @traits of professions"),
    ("facts.toml", 'only = "@pharmacists"', 'only = "@pharmacists and @dentists"', "only leaves no profession"),
    ("case_kinds.toml", 'one_of = ["founding", ', 'one_of = ["radiation", ', "names 'radiation', which is not defined"),
    ("ranges.toml", "last = 304999", "last = 305000", "nurses_and_midwives and home_care_networks overlap"),
    ("ranges.toml", "first = 300000", "first = 30000", "is no range of six digits"),
    ("periods.toml", "[appeal_days]", "[appealdays]", "names 'appeal_days', which is not defined"),
    ("periods.toml", "value = [90, 30, 7]", "value = []", "not whole numbers"),
    ("licences.toml", 'on_lapse = "suspends"', 'on_lapse = "explodes"', "on_lapse is 'explodes'"),
    ("parts.toml", 'question.de = "Wie viele Fahrzeuge melden Sie an?"\n', "", r"question\.de is missing"),
    ("edition.toml", "title.en =", "title.xx =", r"title\.en is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "said"), BROKEN, ids=[f"{one[0]} {one[3]}" for one in BROKEN])
def test_an_edition_that_is_not_whole_is_refused(
    edition: Path, name: str, old: str, new: str, said: str
) -> None:
    change(edition / name, old, new)
    with pytest.raises(BrokenSystem, match=said):
        read_catalogue(edition)


@pytest.mark.parametrize(
    "name", sorted(path.name for path in Path(str(package_data.folder("professions", NEWEST))).iterdir())
)
def test_every_file_is_needed(edition: Path, name: str) -> None:
    (edition / name).unlink()
    with pytest.raises(BrokenSystem, match=f"no {name}"):
        read_catalogue(edition)


def test_a_folder_is_named_by_its_first_day(edition: Path) -> None:
    with pytest.raises(BrokenSystem, match="not named by its first day"):
        read_catalogue(edition.rename(edition.parent / "2027-13-01"))
