"""Pages are drawn outside the server's process, kept for the next look, and never fill the disk."""

import hashlib
import io
import os

import pytest
from PIL import Image

from caisse.agreement.errors import WrongUse
from caisse.fund.casework.documents import rendering
from caisse.fund.casework.documents.limits import DocumentLimits
from caisse.fund.casework.documents.rendering import CannotBeDrawn, Previews, page_count, page_png

from . import hostile


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "document.pdf"
    path.write_bytes(hostile.compressed())
    return path


def test_a_page_is_a_picture_of_the_width_asked_for(document):
    assert page_count(document) == 3
    picture = Image.open(io.BytesIO(page_png(document, 2, 900)))
    assert picture.format == "PNG"
    assert picture.size == (900, 1274)
    assert min(low for low, _ in picture.convert("RGB").getextrema()) < 60


def test_what_was_filled_into_a_form_is_seen(tmp_path):
    path = tmp_path / "form.pdf"
    path.write_bytes(hostile.filled_form())
    low, _ = Image.open(io.BytesIO(page_png(path, 1, 900))).convert("L").getextrema()
    assert low < 128


@pytest.mark.parametrize(("page", "width"), [(0, 900), (-1, 900), (1, 901), (1, 100_000)])
def test_only_pages_and_widths_that_there_are(document, page, width):
    with pytest.raises(WrongUse):
        page_png(document, page, width)


def test_a_page_that_is_not_there_or_cannot_be_drawn_is_said(document, tmp_path):
    with pytest.raises(CannotBeDrawn):
        page_png(document, 4, 900)
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7\nnothing")
    with pytest.raises(CannotBeDrawn):
        page_count(broken)


def test_a_page_that_never_ends_is_given_up(tmp_path):
    path = tmp_path / "endless.pdf"
    path.write_bytes(hostile.endless_forms())
    with pytest.raises(CannotBeDrawn):
        page_png(path, 1, 900, limits=DocumentLimits(cpu_seconds=1))


def test_a_page_a_mile_long_is_drawn_smaller(tmp_path):
    pdf = hostile.plain()
    pdf.pages[0].MediaBox = [0, 0, 10, 14_000]
    path = tmp_path / "long.pdf"
    path.write_bytes(hostile.saved(pdf))
    picture = Image.open(io.BytesIO(page_png(path, 1, 1600)))
    assert picture.width * picture.height <= 16_100_000


def test_a_page_is_drawn_once(document, tmp_path, monkeypatch):
    previews = Previews(tmp_path / "previews")
    sha256 = hashlib.sha256(document.read_bytes()).hexdigest()
    first = previews.page_png(document, sha256, page=1, width=240)
    monkeypatch.setattr(rendering.children, "work", None)
    assert previews.page_png(document, sha256, page=1, width=240) == first
    previews.forget(sha256)
    assert [path for path in previews.folder.rglob("*") if path.is_file()] == []


def test_the_longest_unused_pictures_make_room(document, tmp_path):
    previews = Previews(tmp_path / "previews")
    sizes = [len(previews.page_png(document, "a" * 64, page=page, width=240)) for page in (1, 2)]
    kept = sorted(previews.folder.rglob("*.png"))
    for age, path in enumerate(kept):
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    previews.page_png(document, "a" * 64, page=1, width=240)  # looked at again: page 2 is older now
    previews.most_bytes = sum(sizes) + 1
    previews.page_png(document, "a" * 64, page=3, width=240)
    assert sorted(path.name for path in previews.folder.rglob("*.png")) == [
        kept[0].name,
        kept[1].name.replace("-2-", "-3-"),
    ]
