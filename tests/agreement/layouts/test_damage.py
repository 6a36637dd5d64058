"""Damaged files: never a crash, never a wrong "conform", never rows other than the tree's.

The oracle is libxml2 given the whole file in one piece.
"""

import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from polars.testing import assert_frame_equal

from caisse.agreement.layouts import catalogue, rows
from caisse.agreement.layouts.catalogue import Layout
from caisse.agreement.layouts.reading import Reading, read
from tests.agreement.layouts.documents import PLAIN_LETTERS, STYLES, contents, render
from tests.agreement.layouts.test_reading import by_columns

LAYOUTS = catalogue.all_layouts()
DAMAGED = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

#: Spellings worth throwing in anywhere.
SHARDS = [
    b"<", b">", b"</", b"/>", b"&", b"&amp;", b"&#0;", b"&#x41;", b"&x;", b"<!--", b"-->", b"<![CDATA[", b"]]>",
    b"<?x?>", b"<!DOCTYPE x>", b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xef\xbf\xbe", b" ", b"\n",
    b"\r", b"\t", b"=", b"'", b'"', b'a="b"', b' xsi:nil="true"', b' xmlns="urn:x"', b' xmlns:x="urn:x"', b"<facture>",
    b"</facture>", b"<facture/>", b"<prestation>", b"</prestation>", b"<facture", b"<factureX>", b"</decompteFacturation>",
    b"<decompteFacturation>", b"<nombre>", b"</nombre>", b"<nombre/>", b"0", b"9" * 30, b"-", b"+", b".", b",", b"e", b"O",
    b"2024-02-30", b"2024-01-01Z", b"EUR", "é".encode(), "\u00a0".encode(), "\u2028".encode(), b"!", b"?",
]  # fmt: skip


def flip(file: bytes, at: int, by: bytes) -> bytes:
    return file[:at] + bytes([file[at] ^ (by[0] or 1)]) + file[at + 1 :] if at < len(file) else file


def insert(file: bytes, at: int, by: bytes) -> bytes:
    return file[:at] + by + file[at:]


def overwrite(file: bytes, at: int, by: bytes) -> bytes:
    return file[:at] + by + file[at + len(by) :]


def cut(file: bytes, at: int, by: bytes) -> bytes:
    return file[:at] + file[at + len(by) * 7 :]


def end(file: bytes, at: int, by: bytes) -> bytes:
    return file[:at]


def elements(file: bytes) -> list[tuple[int, int]]:
    """Where elements lie that a simple look can find: from a start tag to the next end tag of the name."""
    found = []
    for match in re.finditer(rb"<([A-Za-z]+)>", file):
        closing = file.find(b"</%s>" % match[1], match.end())
        if closing >= 0:
            found.append((match.start(), closing + len(match[1]) + 3))
    return found


def drop_element(file: bytes, at: int, by: bytes) -> bytes:
    spans = elements(file)
    if not spans:
        return file
    start, stop = spans[at % len(spans)]
    return file[:start] + file[stop:]


def double_element(file: bytes, at: int, by: bytes) -> bytes:
    spans = elements(file)
    if not spans:
        return file
    start, stop = spans[at % len(spans)]
    return file[:stop] + file[start:stop] + file[stop:]


def move_element(file: bytes, at: int, by: bytes) -> bytes:
    spans = elements(file)
    if not spans:
        return file
    start, stop = spans[at % len(spans)]
    rest = file[:start] + file[stop:]
    places = [match.start() for match in re.finditer(b"<", rest)]
    place = places[(at * 31 + len(by)) % len(places)] if places else 0
    return rest[:place] + file[start:stop] + rest[place:]


def tag_for_tag(file: bytes, at: int, by: bytes) -> bytes:
    tags = re.findall(rb"</?[A-Za-z]+>", file)
    if not tags:
        return file
    return file.replace(tags[at % len(tags)], tags[(at * 31 + len(by)) % len(tags)], 1)


DAMAGES: list[Callable[[bytes, int, bytes], bytes]] = [
    flip, insert, overwrite, cut, end, drop_element, double_element, move_element, tag_for_tag,
]  # fmt: skip

damages = st.lists(
    st.tuples(st.sampled_from(DAMAGES), st.integers(0, 2**16), st.sampled_from(SHARDS)),
    min_size=1,
    max_size=3,
)


def oracle(file: bytes, layout: Layout) -> etree._Element | None:
    """The tree when libxml2 accepts the whole file, with the parser's safe settings, else None."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(file, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return root if etree.XMLSchema(etree.fromstring(layout.schema)).validate(root) else None


def is_allowed(file: bytes) -> bool:
    """Whether nothing in it is forbidden although XML would have it: other encodings, DOCTYPE, instructions."""
    try:
        text = file.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    declaration = re.match(r"<\?xml .*?\?>", text)
    if declaration is not None:
        text = text[declaration.end() :]
        encoding = re.search(r"encoding\s*=\s*.([A-Za-z0-9._-]+)", declaration[0])
        if (encoding and encoding[1].upper() != "UTF-8") or not re.search(
            r"version\s*=\s*.1\.0.", declaration[0]
        ):
            return False
    text = re.sub(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>", "", text, flags=re.DOTALL)
    return "<!" not in text and "<?" not in text


def assert_right(file: bytes, layout: Layout, reading: Reading) -> None:
    root = oracle(file, layout)
    if root is None or not is_allowed(file):
        assert reading.document is None
        assert reading.findings
        return
    assert reading.findings == ()
    assert reading.document is not None
    etree.strip_tags(root, etree.Comment)
    for name, table in rows.read_rows(root, layout).items():
        mine = reading.document.tables[name]
        assert_frame_equal(mine.drop("xml_line", strict=False), table.drop("xml_line", strict=False))
    assert reading.document.header == rows.read_header(root, layout)


@DAMAGED
@given(st.sampled_from(LAYOUTS), st.data())
def test_a_damaged_file_is_judged_as_libxml2_judges_it(layout: Layout, data: st.DataObject) -> None:
    letters = data.draw(st.sampled_from([PLAIN_LETTERS, None]))
    content = data.draw(contents(layout, most_rows=2, **({} if letters is None else {"letters": letters})))
    file = render(content, data.draw(STYLES), data.draw(st.integers(0, 2**31)))
    for damage, at, by in data.draw(damages):
        file = damage(file, at % (len(file) + 1), by)
    with by_columns(grain=data.draw(st.sampled_from([50, 1000]))):
        reading = read(file, layout, piece_size=data.draw(st.sampled_from([100, 800, 10**6])))
    assert_right(file, layout, reading)


BODY = (
    b"<facture><referenceFacture>A</referenceFacture>"
    b"<identifiantPersonneProtegee>1980010100187</identifiantPersonneProtegee>"
    b"<dateEtablissementFacture>2024-04-01</dateEtablissementFacture><prestation>"
    b"<referencePrestation>1</referencePrestation><acte><codeTarif>BC001</codeTarif></acte>"
    b"<periodePrestation><dateDebut>2024-03-12</dateDebut></periodePrestation>"
    b"<prelevement><datePrelevement>2024-03-12</datePrelevement></prelevement>"
    b"<demandePrestation><nombre>1</nombre><devise>EUR</devise><montantBrut>2.29</montantBrut>"
    b"<montantNet>2.29</montantNet></demandePrestation>"
    b"<identifiantExecutant>52001700</identifiantExecutant></prestation><demandeFacture><nombre>1</nombre>"
    b"<devise>EUR</devise><montantBrut>2.29</montantBrut><montantNet>2.29</montantNet></demandeFacture></facture>"
)
HEAD = (
    b"<decompteFacturation><typeDecompte><cadreLegal>LAB</cadreLegal><layout>1</layout><type>FAC</type></typeDecompte>"
    b"<entete><identifiantFacturier>52001700</identifiantFacturier><organisme>99</organisme>"
    b"<dateEnvoi>2024-04-02</dateEnvoi><referenceFichierFacturation>A</referenceFichierFacturation>"
    b"<periodeDecompte><exercice>2024</exercice><mois>3</mois></periodeDecompte><demandeDecompte><nombre>1</nombre>"
    b"<devise>EUR</devise><montantBrut>2.29</montantBrut><montantNet>2.29</montantNet></demandeDecompte></entete>"
)
TAIL = b"</decompteFacturation>"


@pytest.mark.parametrize("piece_size", [10, 1000, 10**6])
@pytest.mark.parametrize(
    ("file", "accepted"),
    [
        (HEAD + BODY * 5 + TAIL, True),
        (HEAD + TAIL, False),
        (HEAD + b"<!-- <facture> -->" + BODY * 5 + TAIL, True),
        (HEAD.replace(b"</entete>", b"<!-- </entete><facture> --></entete>") + BODY * 5 + TAIL, True),
        (HEAD + BODY * 2 + b"<!-- " + BODY + b" -->" + BODY + TAIL, True),
        (HEAD + BODY * 2 + b"<!-- " + BODY + BODY + TAIL, False),
        (HEAD + BODY * 2 + b"<![CDATA[" + BODY + b"]]>" + BODY + TAIL, False),
        (HEAD + BODY * 2 + b"text" + BODY + TAIL, False),
        (HEAD + BODY + TAIL + HEAD + BODY + TAIL, False),
        (HEAD + BODY + TAIL + BODY, False),
        (HEAD + BODY + b"<facture>" + BODY + b"</facture>" + BODY + TAIL, False),
        (HEAD + BODY.replace(b"</prestation>", b"</prestation>" + BODY, 1) + TAIL, False),
        (HEAD + BODY + b"<facture/>" + BODY + TAIL, False),
        (HEAD + BODY.replace(b"facture>", b"factureX>") + BODY + TAIL, False),
        (
            HEAD
            + BODY.replace(b"<facture>", b"<facture >").replace(b"</facture>", b"</facture\n>") * 4
            + TAIL,
            True,
        ),
        (HEAD + BODY * 3 + BODY.replace(b"</facture>", b"</facture >") + TAIL, True),
        (HEAD + BODY * 3 + BODY.replace(b"</facture>", b"</facture\n>") * 2 + TAIL, True),
        (HEAD + BODY * 3 + BODY.replace(b"facture>", b"facture >") + TAIL, True),
        (HEAD + BODY.replace(b">A<", b">A > B<") * 4 + TAIL, True),
        (HEAD + BODY.replace(b">A<", b">A = B ? C ! D<") * 4 + TAIL, True),
        (HEAD + BODY.replace(b">A<", b"><![CDATA[</facture>]]><") * 4 + TAIL, True),
        (HEAD + BODY.replace(b">A<", b">&lt;/facture&gt;<") * 4 + TAIL, True),
        (HEAD + BODY.replace(b">2.29<", b">+2.290<") * 2 + TAIL, True),
        (HEAD + BODY.replace(b">2.29<", b">02.29<").replace(b">1<", b"> 1 <") * 2 + TAIL, True),
        (HEAD + BODY.replace(b">2.29<", b">2.<").replace(b"52001700", b"052001700") * 2 + TAIL, True),
        (HEAD + BODY.replace(b">2.29<", b">.5<") * 2 + TAIL, True),
        (HEAD + BODY.replace(b">2.29<", b">1e2<") * 2 + TAIL, False),
        (HEAD + BODY.replace(b"2024-03-12", b"\n2024-03-12\t") * 2 + TAIL, True),
        (HEAD + BODY.replace(b">A<", b">\xc3\xa9\xe2\x82\xac<") * 2 + TAIL, True),
        (HEAD + BODY.replace(b">A<", b">\xc3\xa9\xe2\x82<") * 2 + TAIL, False),
        (HEAD + BODY.replace(b">A<", b" xmlns=''>A<") * 2 + TAIL, True),
        (HEAD + BODY * 2 + TAIL.replace(b">", b" >\n\n"), True),
        (HEAD + BODY * 2 + TAIL + b"<!-- end -->", True),
        (HEAD + BODY * 2 + TAIL + b"<?end?>", False),
    ],
)
def test_tempting_places_to_cut(file: bytes, accepted: bool, piece_size: int) -> None:
    layout = catalogue.find("LAB", "FAC", 1)
    with by_columns(grain=10):
        reading = read(file, layout, piece_size=piece_size)
    assert (reading.document is not None) is accepted
    assert_right(file, layout, reading)
    assert_right(file, layout, read(file, layout))
