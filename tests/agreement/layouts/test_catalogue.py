"""The cards agree with their schemas; versions overlap as the convention wants."""

import pickle
from datetime import date
from itertools import pairwise

import pytest

from caisse.agreement.errors import UnknownLayout
from caisse.agreement.layouts import catalogue, names
from caisse.agreement.layouts.catalogue import Layout, Table
from caisse.agreement.validity import add_months
from tests.agreement.layouts.schema_walk import Element, root_element

LAYOUTS = catalogue.all_layouts()
every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.label)

#: The base each column type may be read from.
BASES = {
    "text": {"xs:token"},
    "words": {"xs:token"},
    "yes_no": {"xs:token"},
    "int32": {"xs:int"},
    "int64": {"xs:long"},
    "cents": {"xs:decimal"},
    "date": {"xs:date"},
    "last_day": {"xs:date"},
}


def card_leaves(table: Table, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    leaves: list[tuple[tuple[str, ...], str]] = []
    for part in table.parts:
        if isinstance(part, Table):
            leaves += card_leaves(part, path + part.path)
        elif part.path:
            leaves.append((path + part.path, part.type))
    return leaves


@every_layout
def test_every_value_of_the_schema_is_a_column_in_the_same_order(layout: Layout) -> None:
    schema = [path for path, _ in root_element(layout).leaves()]
    assert [path for path, _ in card_leaves(layout.header)] == schema


@every_layout
def test_columns_have_types_the_schema_s_values_fit(layout: Layout) -> None:
    elements = dict(root_element(layout).leaves())
    for path, column_type in card_leaves(layout.header):
        element = elements[path]
        assert element.base in BASES[column_type], path
        if column_type == "cents":
            assert element.facets["fractionDigits"] == "2"
        if element.base == "xs:token" and not element.values and "pattern" not in element.facets:
            # Without it an empty element and an absent one would read alike.
            assert int(element.facets["minLength"]) >= 1, path
        if element.base == "xs:date":
            assert element.facets["pattern"] == "[0-9]{4}-[0-9]{2}-[0-9]{2}", path


@every_layout
def test_only_rows_and_words_are_repeated(layout: Layout) -> None:
    repeated = set()

    def walk(element: Element, path: tuple[str, ...]) -> None:
        for child in element.children:
            if child.repeated:
                repeated.add((*path, child.name))
            walk(child, (*path, child.name))

    walk(root_element(layout), ())
    words = {path for path, column_type in card_leaves(layout.header) if column_type == "words"}
    rows: set[tuple[str, ...]] = set()

    def tables(table: Table, path: tuple[str, ...]) -> None:
        for child in table.children:
            rows.add(path + child.path)
            tables(child, path + child.path)

    tables(layout.header, ())
    assert repeated == words | rows


@every_layout
def test_the_schema_declares_the_card_s_root_frame_type_and_number(layout: Layout) -> None:
    root = root_element(layout)
    assert root.name == layout.root
    kind = root.at(("typeDecompte",))
    assert [kind.at((name,)).values for name in ("cadreLegal", "layout", "type")] == [
        (layout.frame,),
        (str(layout.number),),
        (layout.type,),
    ]
    assert layout.prefix == names.prefix_of(layout.frame)
    assert set(layout.titles) == {"fr", "de", "en"}
    assert layout.announced < layout.accepted_from


SUCCESSIONS = [(old, new) for old, new in pairwise(LAYOUTS) if old.key[:2] == new.key[:2]]


@pytest.mark.parametrize(
    ("old", "new"), SUCCESSIONS, ids=[f"{old.label} to {new.number}" for old, new in SUCCESSIONS]
)
def test_a_new_version_leaves_three_months_to_change_over(old: Layout, new: Layout) -> None:
    assert new.number == old.number + 1
    assert old.accepted_until is not None
    assert old.accepted_until >= add_months(new.announced, 3)
    assert old.accepted_from < new.accepted_from < old.accepted_until


def test_both_versions_of_the_invoice_are_really_in_use() -> None:
    assert [old.label for old, _ in SUCCESSIONS][:1] == ["LAB_FAC_001"]


@pytest.mark.parametrize(
    ("on", "numbers"),
    [
        (date(2022, 12, 31), []),
        (date(2023, 1, 1), [1]),
        (date(2026, 9, 30), [1]),
        (date(2026, 10, 1), [1, 2]),
        (date(2026, 12, 31), [1, 2]),
        (date(2027, 1, 1), [2]),
    ],
)
def test_which_versions_are_in_force(on: date, numbers: list[int]) -> None:
    assert [layout.number for layout in catalogue.in_force("LAB", "FAC", on)] == numbers


def test_version_2_reads_into_the_columns_of_version_1() -> None:
    old, new = catalogue.find("LAB", "FAC", 1), catalogue.find("LAB", "FAC", 2)
    for before, after in zip(old.tables, new.tables, strict=True):
        assert before.schema == after.schema
    extra = {path[-1] for path, _ in root_element(new).leaves()} - {
        path[-1] for path, _ in root_element(old).leaves()
    }
    assert extra == {
        "dateFinValidite",
        "premierExamenGrossesse",
        "categorieLieuPrelevement",
        "identifiantLaboratoireTransmetteur",
    }


def test_an_unknown_layout_is_an_error_that_names_it() -> None:
    with pytest.raises(UnknownLayout, match="LAB_FAC_009"):
        catalogue.find("LAB", "FAC", 9)


@every_layout
def test_a_published_layout_travels_to_a_worker_as_its_name(layout: Layout) -> None:
    assert pickle.loads(pickle.dumps(layout)) is layout
    assert len(pickle.dumps(layout)) < 200


def test_a_layout_of_one_s_own_travels_whole() -> None:
    layout = catalogue.find("LAB", "FAC", 1)
    own = catalogue._rebuild(
        {name: getattr(layout, name) for name in layout.__slots__}
        | {"titles": dict(layout.titles), "number": 9}
    )
    copy = pickle.loads(pickle.dumps(own))
    assert (copy.number, copy.header.schema, copy.schema) == (9, own.header.schema, own.schema)
