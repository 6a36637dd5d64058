"""The samples beside each layout: accepted ones round-trip, refused ones give exactly the findings listed."""

import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
from lxml import etree
from polars.testing import assert_frame_equal

from caisse.agreement import examination, layouts
from caisse.agreement.layouts import catalogue, names
from caisse.agreement.layouts.reading import read
from caisse.agreement.layouts.writing import write

FOLDER = Path(layouts.__path__[0])
VERSIONS = sorted(path.parent for path in FOLDER.glob("*/*/layout.toml"))
ACCEPTED = sorted(FOLDER.glob("*/*/samples/accepted/*.xml"))
REFUSED = sorted(FOLDER.glob("*/*/samples/refused/*.xml"))


def examine(path: Path) -> examination.Examination:
    name = names.parse(path.name)
    on = catalogue.find(name.frame, name.type, name.layout).accepted_from
    return examination.examine_file(path.name, path.read_bytes(), on=on)


@pytest.mark.parametrize("folder", VERSIONS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_version_has_samples_of_both_kinds(folder: Path) -> None:
    assert list(folder.glob("samples/accepted/*.xml"))
    refused = {path.stem for path in folder.glob("samples/refused/*.xml")}
    assert refused
    assert {path.stem for path in folder.glob("samples/refused/*.toml")} == refused


@pytest.mark.parametrize("path", ACCEPTED, ids=lambda path: path.stem)
def test_accepted_samples_are_conform_and_round_trip(path: Path) -> None:
    examined = examine(path)
    assert examined.findings == ()
    assert examined.conform
    document = examined.document
    assert document is not None
    written = write(document.layout, document.header, document.tables)
    again = read(written, document.layout).document
    assert again is not None
    assert again.header == document.header
    for name, table in document.tables.items():
        assert_frame_equal(
            again.tables[name].drop("xml_line", strict=False), table.drop("xml_line", strict=False)
        )
    one, other = (
        etree.canonicalize(etree.fromstring(file), strip_text=True) for file in (written, path.read_bytes())
    )
    assert one == other


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_refused_samples_give_exactly_the_findings_listed(path: Path) -> None:
    examined = examine(path)
    assert not examined.conform
    listed = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))["findings"]
    found = [
        {key: value for key, value in asdict(finding).items() if value is not None}
        for finding in examined.findings
    ]
    assert found == listed
