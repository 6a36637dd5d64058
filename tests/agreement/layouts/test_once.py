"""Judged once is judged whole: what is accepted by structures and values, libxml2 accepts in one piece.

The damages aim at what the quick way relies on: exact tags, their order, blank gaps, one judgement a value.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from polars.testing import assert_frame_equal

from caisse.agreement.layouts import catalogue, chunks, once, rows
from caisse.agreement.layouts.catalogue import Layout
from caisse.agreement.layouts.reading import Reading, read
from caisse.agreement.layouts.structure import structure
from tests.agreement.layouts.documents import PLAIN_LETTERS, PLAIN_STYLES, contents, render
from tests.agreement.layouts.test_damage import BODY, HEAD, TAIL
from tests.agreement.layouts.test_reading import by_columns
from tests.bench.invoice_files import invoice_file

LAYOUTS = catalogue.all_layouts()
FAC1, FAC2 = catalogue.find("LAB", "FAC", 1), catalogue.find("LAB", "FAC", 2)
LETTERS = st.characters(
    codec="utf-8",
    exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp"),
    exclude_characters=" &<>=!?",
)
#: Thrown in between, into values, into tags.
SHARDS = [
    b"", b" ", b"\n", b"\r", b"\t", b"\r\n  ", b" " * 9, b"x", b"0", b"-1", b"00000001", b"A" * 9, b"1" * 17, b"L" * 51,
    b"\x00", b"\x01", b"\x1f", b"\x7f", b"\x80", b"\xc3", b"\xff", b"\xef\xbb\xbf", "é".encode(), "\u00a0".encode(),
    "\u0085".encode(), "\u2028".encode(), b"\xef\xbf\xbf", b">", b"]]>", b"/", b"EUR", b"eur", b"2024-02-30", b"2024-02-29",
    b"2024-03-01Z", b"1.234", b".5", b"+1", b"O", b":", b".", b"_",
]  # fmt: skip
Damage = Callable[[list[bytes], int, int, bytes], None]


def exchange(parts: list[bytes], one: int, other: int, _by: bytes) -> None:
    """Two tags, or two texts, change places."""
    other += (one - other) % 2
    other %= len(parts) - len(parts) % 2 or 1
    parts[one], parts[other] = parts[other], parts[one]


def put(parts: list[bytes], one: int, other: int, _by: bytes) -> None:
    """One tag or text also stands in another's place."""
    parts[other - (other - one) % 2] = parts[one]


def swap_neighbours(parts: list[bytes], one: int, _other: int, _by: bytes) -> None:
    """Two tags next to each other change places."""
    if one + 2 < len(parts):
        parts[one], parts[one + 2] = parts[one + 2], parts[one]


def drop(parts: list[bytes], one: int, other: int, _by: bytes) -> None:
    """A few tags are lost with their texts."""
    del parts[one : one + 2 * (other % 4 + 1)]


def splice(parts: list[bytes], one: int, other: int, _by: bytes) -> None:
    """What stands from one tag to another is repeated somewhere."""
    length = other % 40 * 2
    parts[other:other] = parts[one : one + length]


def lead(parts: list[bytes], one: int, _other: int, by: bytes) -> None:
    """Something stands before a tag or text."""
    parts[one] = by + parts[one]


def replace_text(parts: list[bytes], one: int, _other: int, by: bytes) -> None:
    """Something stands instead of a tag or text."""
    parts[one] = by


def inside(parts: list[bytes], one: int, other: int, by: bytes) -> None:
    """Something stands within a tag or text, or instead of some of its letters."""
    part = parts[one]
    at = other % (len(part) + 1)
    parts[one] = part[:at] + by + part[at + (other % 3) * len(by) :]


def shorten(parts: list[bytes], one: int, other: int, _by: bytes) -> None:
    """A tag or text loses letters."""
    part = parts[one]
    parts[one] = part[: other % (len(part) + 1)] + part[other % (len(part) + 1) + 1 :]


DAMAGES: list[Damage] = [
    exchange, put, swap_neighbours, drop, splice, lead, replace_text, inside, shorten,
]  # fmt: skip


def damaged(file: bytes, damage: Damage, one: int, other: int, by: bytes) -> bytes:
    """The file as a list of texts and tags in turn, with one damage."""
    parts = re.split(rb"(<[^<>]*>)", file)
    damage(parts, one % len(parts), other % len(parts), by)
    return b"".join(parts)


@cache
def compiled(schema: bytes) -> etree.XMLSchema:
    return etree.XMLSchema(etree.fromstring(schema))


def oracle(file: bytes, layout: Layout) -> etree._Element | None:
    """The tree when libxml2 accepts the file in one piece."""
    try:
        root = etree.fromstring(file, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
        return None
    return root if compiled(layout.schema).validate(root) else None


@contextmanager
def counted() -> Iterator[list[bool]]:
    """Whether each piece was accepted the quick way."""
    answers: list[bool] = []

    def judge_once(*arguments: object) -> object:
        root = once.judge_once(*arguments)
        answers.append(root is not None)
        return root

    with patch.object(chunks, "judge_once", judge_once):
        yield answers


def assert_as_in_one_piece(file: bytes, layout: Layout, reading: Reading) -> None:
    root = oracle(file, layout)
    if root is None:
        assert reading.document is None
        assert reading.findings
        return
    if reading.document is None:
        # The gate forbids more than libxml2 does.
        assert reading.findings[0].code in {"XML-001", "XML-002", "XML-003", "XML-005"}
        return
    assert reading.document.header == rows.read_header(root, layout)
    for name, table in rows.read_rows(root, layout).items():
        assert_frame_equal(reading.document.tables[name], table)


def check(layout: Layout, data: st.DataObject) -> None:
    """A random file accepted once, then damaged."""
    letters = data.draw(st.sampled_from([PLAIN_LETTERS, LETTERS]))
    content = data.draw(contents(layout, most_rows=3, letters=letters))
    file = render(content, data.draw(PLAIN_STYLES), data.draw(st.integers(0, 2**31)))
    piece_size = data.draw(st.sampled_from([600, 3000, 10**6]))
    places = st.integers(0, 2**20)
    with by_columns(grain=1000):
        assert_as_in_one_piece(file, layout, read(file, layout, piece_size=piece_size))
        for damage, one, other, by in data.draw(
            st.lists(
                st.tuples(st.sampled_from(DAMAGES), places, places, st.sampled_from(SHARDS)),
                min_size=1,
                max_size=3,
            )
        ):
            file = damaged(file, damage, one, other, by)
            assert_as_in_one_piece(file, layout, read(file, layout, piece_size=piece_size))


@settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.sampled_from(LAYOUTS), st.data())
def test_accepted_once_is_accepted_in_one_piece(layout: Layout, data: st.DataObject) -> None:
    check(layout, data)


@pytest.mark.parametrize("by", [b"x", b" ", b"7", b"\xe9"])
def test_every_byte_of_a_record_counts(by: bytes) -> None:
    """The second of three records with one letter changed, wherever it is; the others make all its parts known."""
    with by_columns():
        for at in range(len(BODY)):
            file = HEAD + BODY + BODY[:at] + by + BODY[at + 1 :] + BODY + TAIL
            assert_as_in_one_piece(file, FAC1, read(file, FAC1))


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.label)
def test_published_schemas_can_be_taken_apart(layout: Layout) -> None:
    parts = structure(layout)
    assert parts is not None
    compiled(parts.values)
    published = {node.get("name"): node for node in etree.fromstring(layout.schema) if node.get("name")}
    derived = [node for node in etree.fromstring(parts.values) if node.tag.endswith("simpleType")]
    assert derived
    for node in derived:
        assert etree.tostring(node, method="c14n") == etree.tostring(
            published[node.get("name")], method="c14n"
        )


def test_big_plain_files_are_accepted_once() -> None:
    with counted() as answers:
        reading = read(invoice_file(2000), FAC2, piece_size=300_000)
    assert reading.document is not None
    assert len(answers) > 2
    assert all(answers)


@pytest.mark.parametrize(
    ("spelled", "otherwise"),
    [
        (b">1<", b"> 1 <"),
        (b">1<", b">\r\n\t1<"),
        (b"<prestation>", b"\r\n\t <prestation>"),
        (b"</acte>", b"</acte>" + b" " * 21),
        (b">A<", b">A<"),
        (b">A<", ">Ä\u00a0é<".encode()),
        (b">A<", b">a value of more than sixteen letters<"),
    ],
)
def test_spellings_accepted_once(spelled: bytes, otherwise: bytes) -> None:
    file = HEAD + BODY.replace(spelled, otherwise) * 3 + TAIL
    with by_columns(), counted() as answers:
        assert_as_in_one_piece(file, FAC1, read(file, FAC1))
    assert answers == [True]


@pytest.mark.parametrize(
    ("spelled", "otherwise", "valid"),
    [
        (b"<acte>", b"x<acte>", False),
        (b"</acte>", b"</acte>\xc2\xa0", False),
        (b"</acte>", b"</acte>" + b" " * 20 + b"x", False),
        (b"</acte>", b"</acte>x" + b" " * 20, False),
        (b"<nombre>", b"<nombrf>", False),
        (b"</nombre>", b"</nombrf>", False),
        (b"</nombre>", b"</devise>", False),
        (b"<codeTarif>BC001</codeTarif>", b"<codeTarif></codeTarif>", False),
        (b"<codeTarif>BC001</codeTarif>", b"<codeTarif> </codeTarif>", False),
        (b"<codeTarif>BC001</codeTarif>", b"<codeTarif>BC001\x00</codeTarif>", False),
        (b"<codeTarif>BC001</codeTarif>", b"<codeTarif>\x00BC001</codeTarif>", False),
        (b"<codeTarif>BC001</codeTarif>", b"<codeTarif>BC001]]></codeTarif>", False),
        (b"<codeTarif>BC001</codeTarif>", b"<codeTarif><codeTarif>BC001</codeTarif></codeTarif>", False),
        (b"<codeTarif>BC001</codeTarif>", b"<acte></acte>", False),
        (b"2024-03-12<", b"2024-02-30<", False),
        (b"<facture>", b"<facture></facture><facture>", False),
        (b"</facture>", b"</facture></facture>", False),
        (b"</facture>", b"</facture></>", False),
        (b"</facture>", b"</facture></f>", False),
        (b"<acte>", b"<>", False),
        (b"</acte>", b"</>", False),
        (b"</nombre>", b"</>", False),
        (b"</facture>", b"</facture></decompteFacturation><decompteFacturation>", False),
        (b"</facture>", b"</facture><entete></entete>", False),
        (b"</prestation>", b"</prestation ></prestation>", False),
        (b"<nombre>", b"<nombre >", True),
        (b"<facture>", b"<facture xmlns=''>", True),
        (b">A<", b">A&amp;B<", True),
        (b"<acte>", b"<!-- --><acte>", True),
    ],
)
@pytest.mark.parametrize("piece_size", [500, 10**6])
def test_spellings_judged_as_they_stand(
    spelled: bytes, otherwise: bytes, valid: bool, piece_size: int
) -> None:
    odd = BODY.replace(spelled, otherwise, 1)
    assert odd != BODY
    file = HEAD + BODY * 2 + odd + BODY * 2 + TAIL
    with by_columns():
        with counted() as answers:
            assert read(HEAD + BODY * 5 + TAIL, FAC1, piece_size=piece_size).document is not None
        assert all(answers)
        with counted() as answers:
            reading = read(file, FAC1, piece_size=piece_size)
    if piece_size > len(file):
        assert True not in answers
    assert (reading.document is not None) is valid
    assert_as_in_one_piece(file, FAC1, reading)


NOMBRE = b'<xs:element name="nombre" type="T_Nombre"/>'
DEMANDE = b'<xs:complexType name="T_Demande">'


@pytest.mark.parametrize(
    ("published", "changed"),
    [
        (NOMBRE, NOMBRE.replace(b"/>", b' nillable="true"/>')),
        (NOMBRE, NOMBRE.replace(b"/>", b' default="1"/>')),
        (NOMBRE, NOMBRE.replace(b"/>", b' fixed="1"/>')),
        (NOMBRE, NOMBRE.replace(b"T_Nombre", b"xs:ID")),
        (NOMBRE, NOMBRE.replace(b"T_Nombre", b"xs:IDREF")),
        (NOMBRE, NOMBRE.replace(b"T_Nombre", b"xs:QName")),
        (NOMBRE, NOMBRE.replace(b"T_Nombre", b"xs:anyType")),
        (NOMBRE, b'<xs:element name="nombre"/>'),
        (NOMBRE, b"<xs:any/>" + NOMBRE),
        (NOMBRE, b'<xs:choice><xs:element name="autre" type="xs:int"/></xs:choice>' + NOMBRE),
        (NOMBRE, NOMBRE + b'<xs:element name="prestation" type="T_Montant"/>'),
        (NOMBRE, NOMBRE + b'<xs:element name="codeTarif" type="T_Montant"/>'),
        (NOMBRE, NOMBRE + b'<xs:element name="facture" type="T_Facture" minOccurs="0"/>'),
        (DEMANDE, DEMANDE.replace(b">", b' mixed="true">')),
        (DEMANDE, DEMANDE.replace(b">", b' abstract="true">')),
        (b"</xs:sequence>\n  </xs:complexType>", b'</xs:sequence><xs:attribute name="a"/></xs:complexType>'),
        (b"<xs:sequence>", b'<xs:sequence maxOccurs="2">'),
        (b"<xs:sequence>", b"<xs:all>"),
        (b'elementFormDefault="qualified"', b'targetNamespace="urn:x"'),
        (b'elementFormDefault="qualified"', b'xmlns="urn:x"'),
        (b"</xs:schema>", b'<xs:element name="autre" type="xs:int"/></xs:schema>'),
        (b"</xs:schema>", b'<xs:group name="g"/></xs:schema>'),
        (b"</xs:schema>", b'<xs:import namespace="urn:x"/></xs:schema>'),
        (b'type="T_DecompteFacturation"/>', b'type="T_DecompteFacturation"><xs:key name="k"/></xs:element>'),
        (b'type="T_Facture" maxOccurs="unbounded"', b'type="T_Facture" maxOccurs="9"'),
        (b'type="T_Facture" maxOccurs="unbounded"', b'type="T_Facture" minOccurs="2" maxOccurs="unbounded"'),
        (b'base="xs:date"', b'base="xs:NOTATION"'),
    ],
)
def test_what_forbids_taking_a_schema_apart(published: bytes, changed: bytes) -> None:
    schema = FAC2.schema.replace(published, changed, 1)
    if changed == b"<xs:all>":
        schema = schema.replace(b"</xs:sequence>", b"</xs:all>", 1)
    assert schema != FAC2.schema
    layout = replace(FAC2, schema=schema)
    assert structure(layout) is None


def test_a_schema_that_cannot_be_taken_apart_is_read_all_the_same() -> None:
    changed = DEMANDE.replace(b">", b' mixed="true">')
    layout = replace(FAC2, schema=FAC2.schema.replace(DEMANDE, changed, 1))
    file = invoice_file(500)
    with counted() as answers:
        reading = read(file, layout)
    assert answers == [False]
    assert_as_in_one_piece(file, layout, reading)
    assert reading.document is not None


@pytest.mark.parametrize(
    "tail", [b"", b"</>", b"</f>", b"<>", TAIL + b"</>", b"x" + TAIL, TAIL + b"x", TAIL * 2]
)
def test_other_ends(tail: bytes) -> None:
    file = HEAD + BODY * 3 + tail
    with by_columns():
        assert read(HEAD + BODY * 3 + TAIL, FAC1).document is not None
        reading = read(file, FAC1)
    assert reading.document is None
    assert reading.findings


def test_an_empty_container_is_judged_as_it_stands() -> None:
    file = HEAD + BODY.replace(b"<prestation>", b"<accident></accident><prestation>") * 2 + TAIL
    with by_columns(), counted() as answers:
        assert_as_in_one_piece(file, FAC1, read(file, FAC1))
    assert answers == [False]


def test_many_structures_are_judged_as_they_stand() -> None:
    line = re.search(rb"<prestation>.*</prestation>", BODY)
    assert line is not None
    words = b"<complementTarif>X</complementTarif>"
    bodies = b""
    for number in range(60):
        odd = [
            line[0].replace(b"</codeTarif>", b"</codeTarif>" + words * (number >> bit & 7)) for bit in (0, 3)
        ]
        bodies += BODY.replace(line[0], b"".join(odd))
    file = HEAD + bodies + TAIL
    with by_columns(), patch.object(once, "_SAMPLES", 3), counted() as answers:
        once._plan.cache_clear()
        reading = read(file, FAC1)
    assert answers == [False]
    assert_as_in_one_piece(file, FAC1, reading)
    with by_columns(), counted() as answers:
        once._plan.cache_clear()
        assert_as_in_one_piece(file, FAC1, read(file, FAC1))
    assert answers == [True]


def test_what_is_remembered_is_bounded() -> None:
    with by_columns(), patch.object(once, "_REMEMBERED", 100):
        once._plan.cache_clear()
        for copies in (1, 2, 3):
            file = HEAD + BODY * copies + TAIL
            assert_as_in_one_piece(file, FAC1, read(file, FAC1))
        plan = once._plan(FAC1, chunks.columns.tokenize(b"", FAC1, 1).plan.names)
        assert sum(map(len, plan.known)) <= 100
    once._plan.cache_clear()
