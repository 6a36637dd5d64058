"""The file-naming rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisse.agreement.errors import InvalidFileName
from caisse.agreement.layouts import names
from caisse.agreement.layouts.names import FileName

NAMES = st.builds(
    FileName,
    prefix=st.sampled_from("FD"),
    provider=st.integers(10_000_000, 99_999_999),
    year=st.integers(1000, 2999),
    number=st.integers(1, 99),
    frame=st.from_regex("[A-Z]{3}", fullmatch=True),
    type=st.from_regex("[A-Z]{3,6}", fullmatch=True),
    layout=st.integers(1, 999),
    reference=st.from_regex("[A-Za-z0-9-]{1,50}", fullmatch=True),
    extension=st.sampled_from(["", "xml", "XML", "pdf", "txt"]),
)


@given(NAMES)
def test_a_name_is_read_as_it_was_written(name: FileName) -> None:
    assert names.parse(name.format()) == name


@given(st.text())
def test_any_other_text_is_refused_not_a_crash(text: str) -> None:
    try:
        assert names.parse(text).format() == text
    except InvalidFileName as refusal:
        assert repr(text) in str(refusal)


def test_examples_of_the_rule() -> None:
    name = names.parse("D30012305202303_ASD_FAC_002_2023032917.XML")
    assert name == FileName("D", 30012305, 2023, 3, "ASD", "FAC", 2, "2023032917", "XML")
    assert names.parse("F30012305202303_INF_PREFAC_001_0012001").type == "PREFAC"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "F52001700202403_LAB_FAC_002_A.xml\n",
        "f52001700202403_LAB_FAC_002_A.xml",
        "F02001700202403_LAB_FAC_002_A.xml",
        "F52001700202400_LAB_FAC_002_A.xml",
        "F52001700202403_LAB_FAC_000_A.xml",
        "F52001700202403_LAB_FAC_002_.xml",
        "F52001700202403_LAB_FAC_002_A_B.xml",
        "F52001700202403_LAB_FAC_002_../A.xml",
        "F52001700202403_LAB_FAC_002_A.zip",
        "F52001700202403_LAB_FAC_02_A.xml",
        "F٥2001700202403_LAB_FAC_002_A.xml",
        "F52001700202403_LAB_FAC_002_" + "A" * 51 + ".xml",
    ],
)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(InvalidFileName):
        names.parse(name)


def test_the_key_leaves_out_layout_and_extension() -> None:
    one = names.parse("F52001700202403_LAB_FAC_001_A.xml")
    other = names.parse("F52001700202403_LAB_FAC_002_A.XML")
    assert one.key == other.key == (52001700, 2024, 3, "LAB", "FAC", "A")


def test_an_answer_keeps_the_request_s_name_but_for_type_and_layout() -> None:
    request = names.parse("F52001700202403_LAB_FAC_002_2024-03-A.XML")
    assert names.answer_name(request, "RETFAC", 1).format() == "F52001700202403_LAB_RETFAC_001_2024-03-A.xml"


def test_the_prefix_follows_the_frame() -> None:
    assert (names.prefix_of("ASD"), names.prefix_of("LAB"), names.prefix_of("INF")) == ("D", "F", "F")
