"""A PDF opened by other tools than the one that made it."""

import shutil
import subprocess
import unicodedata
from pathlib import Path

import pypdfium2
import pytest

needs_poppler = pytest.mark.skipif(
    not (shutil.which("pdftotext") and shutil.which("qpdf")), reason="needs poppler-utils and qpdf"
)


def text_of(pdf: bytes) -> str:
    """All text as Chromium's engine reads it, on one line, ligatures and breaks undone."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()
    return flat(" ".join(pages))


def flat(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    for hidden in ("\u200b", "\u00ad", "\ufffe", "\u2060"):
        plain = plain.replace(hidden, "")
    return " ".join(plain.split())


def squeezed(text: str) -> str:
    """A text without what a line break may take away or add: spaces and hyphens."""
    return "".join(flat(text).replace("-", "").split())


def pages_of(pdf: bytes) -> int:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return len(document)
    finally:
        document.close()


def outside_the_paper(pdf: bytes) -> list[str]:
    """Characters whose box leaves the printable page (15 mm inside the paper's left and right edge)."""
    found, edge = [], 15 / 25.4 * 72
    document = pypdfium2.PdfDocument(pdf)
    try:
        for page in document:
            width, height = page.get_size()
            text = page.get_textpage()
            for index in range(text.count_chars()):
                left, bottom, right, top = text.get_charbox(index)
                inside = left >= edge and right <= width - edge and bottom >= 0 and top <= height
                if left != right and not inside:
                    found.append(text.get_text_range(index, 1))
    finally:
        document.close()
    return found


def poppler_text(path: Path) -> str:
    done = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, check=True)
    return flat(done.stdout.decode())


def qpdf_finds_no_fault(path: Path) -> bool:
    done = subprocess.run(["qpdf", "--check", str(path)], capture_output=True, check=False)
    return done.returncode == 0
