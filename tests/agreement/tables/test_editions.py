"""The official files are what their cards say, and nothing is lost on the way into the tables."""

import csv
import hashlib
import tomllib
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

import caisse.agreement.tables as package
from caisse.agreement.errors import BrokenSystem
from caisse.agreement.money import tariff_cents_expr
from caisse.agreement.tables import load_tables
from caisse.agreement.tables.editions import hundredths, professions, read_editions
from caisse.agreement.tables.published import Note, hundred_thousandths, periods_of

FOLDER = Path(package.__file__).parent
NOMENCLATURE = FOLDER / "nomenclature"
CARDS = sorted(NOMENCLATURE.glob("*/*/edition.toml"))
DOCTORS_ONLY = {"BC701", "BC702", "BD701", "BH991", "BH993", "BH994", "BH995", "BH996"}


def named(card: Path) -> str:
    return card.parent.relative_to(NOMENCLATURE).as_posix()


@pytest.mark.parametrize("card", CARDS, ids=named)
def test_files_are_those_the_card_describes(card: Path) -> None:
    content = tomllib.loads(card.read_text(encoding="utf-8"))
    assert named(card) == f"{content['profession']}/{content['edition']}"
    assert content["edition"] == content["valid_from"].isoformat()
    assert set(content["files"]) == {path.name for path in card.parent.iterdir()} - {"edition.toml"}
    for name, described in content["files"].items():
        raw = (card.parent / name).read_bytes()
        assert hashlib.sha256(raw).hexdigest() == described["sha256"]
        assert len(list(csv.DictReader(raw.decode("utf-8").splitlines()))) == described["rows"]


def test_files_beside_the_editions_are_those_published() -> None:
    checksums = tomllib.loads((NOMENCLATURE / "checksums.toml").read_text(encoding="utf-8"))
    assert set(checksums) == {path.name for path in NOMENCLATURE.glob("*.csv")}
    for name, described in checksums.items():
        assert hashlib.sha256((NOMENCLATURE / name).read_bytes()).hexdigest() == described["sha256"]


def test_attribution_travels_with_the_files() -> None:
    text = (NOMENCLATURE / "ATTRIBUTION.md").read_text(encoding="utf-8")
    assert "CC-BY-4.0" in text
    assert "Ministère d'État – Service central de législation" in text


def test_what_is_our_own_decision_says_so() -> None:
    ours = sorted((FOLDER / "ours").iterdir())
    assert ours
    for path in ours:
        assert path.read_text(encoding="utf-8").startswith("# OURS, NOT PUBLISHED LAW."), path.name


@pytest.mark.parametrize(
    ("profession", "counts"),
    [
        ("laboratories", {"2018-09-01": 828, "2020-01-01": 828}),
        ("physiotherapists", {"2026-09-01": 12}),
        ("dieticians", {"2020-11-30": 4}),
        ("midwives", {"2020-03-16": 16, "2020-11-30": 16, "2022-02-01": 32, "2026-09-01": 34}),
    ],
)
def test_every_act_is_in_the_tables(profession: str, counts: dict[str, int]) -> None:
    published = load_tables(profession).acts.filter(~pl.col("carried_forward"))
    assert dict(published.group_by("edition").len().iter_rows()) == counts
    assert not published.select("act", "edition").is_duplicated().any()


@pytest.mark.parametrize("profession", professions())
def test_coefficients_are_exact(profession: str) -> None:
    printed = {
        (path.parent.name, row["code"]): Decimal(row["coefficient"])
        for path in NOMENCLATURE.glob(f"{profession}/*/acts.csv")
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    }
    acts = load_tables(profession).acts.select("edition", "act", "coefficient_hundredths")
    held = {(edition, act): Decimal(value) / 100 for edition, act, value in acts.iter_rows()}
    assert held == printed


@pytest.mark.parametrize("profession", professions())
def test_editions_tile_without_overlap(profession: str) -> None:
    periods = load_tables(profession).editions.select("valid_from", "valid_until").rows()
    for (_, until), (following, _) in pairwise(periods):
        assert until == following
    assert all(until is None or start < until for start, until in periods)


@pytest.mark.parametrize("text", ["12.5", "12", "12.505", "-1.00", "1e2", "12,50", ""])
def test_a_coefficient_that_is_not_exact_is_a_broken_table(text: str) -> None:
    with pytest.raises(BrokenSystem):
        hundredths(text)


def test_a_key_letter_finer_than_a_hundred_thousandth_is_a_broken_table() -> None:
    with pytest.raises(BrokenSystem):
        hundred_thousandths("0.327061")


def test_unknown_profession() -> None:
    with pytest.raises(BrokenSystem, match="astrologers"):
        load_tables("astrologers")


def test_acts_carry_chapter_and_who_may_bill_them() -> None:
    acts = load_tables().acts.filter(edition="2020-01-01", carried_forward=False)
    assert set(acts.filter("doctors_only")["act"]) == DOCTORS_ONLY
    chapters = acts.group_by(pl.col("act").str.head(2)).agg(
        pl.col("chapter").n_unique(), pl.col("chapter").null_count().alias("none")
    )
    in_chapters = chapters.filter(~pl.col("act").is_in(["BY", "BZ"]))
    assert in_chapters["chapter"].to_list() == [1] * 7
    assert in_chapters["none"].sum() == 0


def test_newest_laboratory_edition_is_carried_forward_and_says_so() -> None:
    tables = load_tables()
    carried = tables.acts.filter("carried_forward")
    assert carried.select("valid_from", "valid_until").unique().rows() == [
        (date(2020, 3, 16), date(2025, 1, 1))
    ]
    same = ["act", "edition", "coefficient_hundredths", "label_fr", "section", "chapter", "doctors_only"]
    original = tables.acts.filter(edition="2020-01-01", carried_forward=False)
    assert carried.select(same).equals(original.select(same))
    (note,) = tables.notes
    assert (note.edition, note.valid_from, note.valid_until) == (
        "2020-01-01",
        date(2020, 3, 16),
        date(2025, 1, 1),
    )
    for lang, word in {"fr": "prolongation", "de": "fortgeschrieben", "en": "carried forward"}.items():
        assert word in note.text(lang)
        assert "1.1.2020" in note.text(lang)


def test_only_laboratories_are_carried_forward() -> None:
    for profession in set(professions()) - {"laboratories"}:
        assert load_tables(profession).notes == ()
        assert not load_tables(profession).acts["carried_forward"].any()


def test_published_editions_end_where_the_law_says() -> None:
    periods = {
        edition.name: (edition.valid_from, edition.valid_until) for edition in read_editions("laboratories")
    }
    assert periods == {
        "2018-09-01": (date(2018, 9, 1), date(2020, 1, 1)),
        "2020-01-01": (date(2020, 1, 1), date(2020, 3, 16)),
    }


def key_letter_on(day: date) -> int | None:
    held = load_tables().key_letters.filter((pl.col("valid_from") <= day) & (day < pl.col("valid_until")))
    return held["value_100000ths"].item() if len(held) else None


@pytest.mark.parametrize(
    ("day", "value"),
    [
        (date(2015, 12, 31), 28456),
        (date(2016, 1, 1), None),
        (date(2022, 12, 31), 31391),
        (date(2023, 1, 1), None),  # negotiated, never published as billed: nothing is invented
        (date(2023, 6, 30), None),
        (date(2023, 7, 1), 32706),
        (date(2024, 12, 31), 32706),
        (date(2025, 1, 1), None),
    ],
)
def test_key_letter_only_where_one_is_published(day: date, value: int | None) -> None:
    assert key_letter_on(day) == value


def test_other_professions_have_no_key_letter_in_euros() -> None:
    for profession in set(professions()) - {"laboratories"}:
        assert load_tables(profession).key_letters.is_empty()


def test_prices_of_a_day_come_from_one_join() -> None:
    tables = load_tables()
    day = date(2024, 3, 12)
    priced = (
        tables.acts.filter((pl.col("valid_from") <= day) & (pl.col("valid_until") > day))
        .join(
            tables.key_letters.filter((pl.col("valid_from") <= day) & (pl.col("valid_until") > day)),
            how="cross",
        )
        .select("act", cents=tariff_cents_expr(pl.col("coefficient_hundredths"), pl.col("value_100000ths")))
    )
    prices = dict(priced.iter_rows())
    assert len(prices) == 828
    assert (prices["BC001"], prices["BY001"], prices["BZ001"]) == (229, 654, 720)


def test_an_as_of_join_finds_the_edition_of_the_day() -> None:
    days = [date(2018, 9, 1), date(2019, 12, 31), date(2020, 1, 1), date(2020, 3, 16), date(2024, 12, 31)]
    lines = pl.DataFrame({"day": days})
    found = lines.join_asof(load_tables().editions, left_on="day", right_on="valid_from", strategy="backward")
    assert found["edition"].to_list() == [
        "2018-09-01",
        "2018-09-01",
        "2020-01-01",
        "2020-01-01",
        "2020-01-01",
    ]
    assert found["carried_forward"].to_list() == [False, False, False, True, True]
    assert load_tables().editions["valid_until"].max() == days[-1] + timedelta(days=1)


def test_collective_codes_say_who_decides() -> None:
    codes = load_tables().collective_codes.select("act", "letters", "prior", "decided_by").rows()
    assert codes == [
        ("LDE0001", "ACM", False, "CMSS"),
        ("LEE0001", "ACM", False, "CMSS"),
        ("LFE0001", "APCM", True, "CMSS"),
        ("LGE0001", "APCNS", True, "CNS"),
    ]
    assert load_tables("midwives").collective_codes.is_empty()


def test_deadlines_and_surcharges() -> None:
    assert load_tables().deadlines == {"prescription": 2, "split_prescription": 6, "accident_date": 3}
    assert load_tables().surcharges.is_empty()
    midwives = dict(load_tables("midwives").surcharges.select("suffix", "percent").iter_rows())
    assert midwives == {"T": 25, "D": 25, "F": 25, "G": 25, "N": 50}


def test_tables_are_read_once() -> None:
    assert load_tables() is load_tables("laboratories") is load_tables(profession="laboratories")


@pytest.mark.parametrize(
    ("edition", "start", "message"),
    [("2020-01-01", date(2020, 3, 15), "overlap"), ("2021-01-01", date(2021, 1, 1), "not held: 2021-01-01")],
)
def test_a_wrong_declaration_of_ours_is_a_broken_table(edition: str, start: date, message: str) -> None:
    with pytest.raises(BrokenSystem, match=message):
        periods_of(read_editions("laboratories"), [Note(edition, start, None, {})])
