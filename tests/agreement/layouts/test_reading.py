"""Reading: equal to what was written, however it is spelled, whichever way it is read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from polars.testing import assert_frame_equal

from caisse.agreement.layouts import catalogue, chunks, columns, rows
from caisse.agreement.layouts.catalogue import Layout
from caisse.agreement.layouts.chunks import is_plain
from caisse.agreement.layouts.reading import Reading, read
from caisse.agreement.layouts.validation import LIMITS
from caisse.agreement.layouts.writing import write
from caisse.agreement.tables.phrases import translate
from tests.agreement.layouts.documents import PLAIN_LETTERS, PLAIN_STYLES, STYLES, Content, contents, render

LAYOUTS = catalogue.all_layouts()
SLOW = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def any_content(**options: object) -> st.SearchStrategy[Content]:
    return st.sampled_from(LAYOUTS).flatmap(lambda layout: contents(layout, **options))


@contextmanager
def by_columns(grain: int = 300) -> Iterator[None]:
    """Reads even small files by columns, judged in small parts, as big ones are."""
    with patch.object(chunks, "FEW", 0), patch.object(chunks, "GRAIN", grain):
        yield


def without_lines(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.drop("xml_line", strict=False)


def assert_reads_as(content: Content, reading: Reading) -> None:
    assert reading.findings == ()
    assert reading.document is not None
    tables = content.tables()
    assert list(reading.document.tables) == list(tables)
    for name, table in tables.items():
        assert_frame_equal(without_lines(reading.document.tables[name]), without_lines(table))
    layout = content.layout
    expected = dict.fromkeys(column.name for column in layout.header.columns)
    assert reading.document.header == expected | content.header


def assert_same(one: Reading, other: Reading) -> None:
    assert one.findings == other.findings
    assert (one.document is None) == (other.document is None)
    if one.document is not None and other.document is not None:
        assert one.document.header == other.document.header
        for name, table in one.document.tables.items():
            assert_frame_equal(table, other.document.tables[name])


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "a JPEG picture"),
        (b"PK\x03\x04\x14", "a ZIP archive"),
        (b"\x1f\x8b\x08", "a gzip archive"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_name(start: bytes, kind: str) -> None:
    for content in (start, start + bytes(100_000)):
        reading = read(content, catalogue.find("LAB", "FAC", 2))
        assert reading.document is None
        assert [(finding.code, finding.found) for finding in reading.findings] == [("XML-003", kind)]
        assert translate(kind, "fr") != kind


@SLOW
@given(any_content(), STYLES, st.integers(0, 2**31))
def test_every_spelling_of_a_content_reads_the_same(content: Content, style, seed: int) -> None:
    assert_reads_as(content, read(render(content, style, seed), content.layout))


@SLOW
@given(any_content(most_rows=4), STYLES, st.integers(0, 2**31), st.sampled_from([1, 200, 1000, 5000]))
def test_a_file_in_pieces_reads_as_in_one(content: Content, style, seed: int, piece_size: int) -> None:
    file = render(content, style, seed)
    whole = read(file, content.layout)
    assert_same(whole, read(file, content.layout, piece_size=piece_size))
    with by_columns():
        assert_same(whole, read(file, content.layout))
        assert_same(whole, read(file, content.layout, piece_size=piece_size))


@SLOW
@given(any_content(letters=PLAIN_LETTERS, most_rows=4), PLAIN_STYLES, st.integers(0, 2**31))
def test_columns_and_tree_give_the_same_rows(content: Content, style, seed: int) -> None:
    file = render(content, replace(style, padding=style.padding and seed % 2 == 0), seed)
    layout = content.layout
    tag = f"<{layout.record.path[-1]}>".encode()
    start = file.find(tag)
    body = b"" if start < 0 else file[start:]
    tokens = columns.tokenize(body, layout, LIMITS.text)
    assert tokens is not None
    root = etree.fromstring(file)
    before = file[: len(file) - len(body)].count(b"\n")
    by_tree = rows.read_rows(root, layout, before)
    by_column, _ = columns.read_rows(tokens, layout)
    for name, table in by_tree.items():
        assert_frame_equal(by_column[name], table)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.label)
@SLOW
@given(st.data())
def test_written_tables_read_back(layout: Layout, data: st.DataObject) -> None:
    content = data.draw(contents(layout))
    file = write(layout, content.header, content.tables())
    assert_reads_as(content, read(file, layout))


@SLOW
@given(contents(catalogue.find("LAB", "FAC", 2), letters=PLAIN_LETTERS), PLAIN_STYLES, st.integers(0, 2**31))
def test_xml_lines_are_those_of_the_file(content: Content, style, seed: int) -> None:
    file = render(content, style, seed)
    with by_columns():
        document = read(file, content.layout, piece_size=300).document
    assert document is not None
    for table, tag in (("invoices", b"<facture>"), ("lines", b"<prestation>")):
        starts = [match.start() for match in re.finditer(tag, file)]
        assert document.tables[table]["xml_line"].to_list() == [file.count(b"\n", 0, at) + 1 for at in starts]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.label)
def test_every_layout_can_be_read_by_columns(layout: Layout) -> None:
    assert columns.tokenize(b"", layout, LIMITS.text) is not None


@pytest.mark.parametrize(
    ("body", "plain"),
    [
        (b"<a>b</a>", True),
        (b"<a>what? yes!</a>", True),
        (b"<a><!-- --></a>", False),
        (b"<a><?pi?></a>", False),
        (b"<a><![CDATA[]]></a>", False),
        (b"<a b='" + b"=" * 5000 + b"'/>", False),
    ],
)
def test_what_is_plain(body: bytes, plain: bool) -> None:
    assert is_plain(body, LIMITS) is plain
