"""Inspection of a document against `qpdf --check` and `pdfinfo` on the same file, in turn in the same run.

    python -m tests.bench.bench_documents [--pairs 20]

The inspection starts a process too: it hashes the file, walks every object, unpacks every stream and draws pages until
one shows something. `page` is one page as a picture 900 pixels wide, as the desk asks for it the first time.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pikepdf

from caisse.fund.casework.documents.inspection import inspect
from caisse.fund.casework.documents.rendering import page_png
from tests.fund.casework.documents import hostile


def scanned_pages(pages: int) -> bytes:
    """A scan of so many A4 pages at 200 dots per inch."""
    pdf = pikepdf.new()
    picture = hostile.picture(size=(1654, 2339))
    for _ in range(pages):
        pdf.add_blank_page(page_size=(595, 842))
        image = pdf.make_stream(
            picture, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image, Width=1654, Height=2339,
            ColorSpace=pikepdf.Name.DeviceRGB, BitsPerComponent=8, Filter=pikepdf.Name.DCTDecode,
        )  # fmt: skip
        pdf.pages[-1].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=image))
        pdf.pages[-1].Contents = pdf.make_stream(b"q 595 0 0 842 0 0 cm /Im0 Do Q")
    return hostile.saved(pdf)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def spawned(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)


def measure(path: Path, pairs: int) -> dict[str, float]:
    """Medians in seconds, and the inspection's ratio to each peer, pair by pair."""
    works: dict[str, Callable[[], object]] = {
        "inspect": lambda: inspect(path),
        "page": lambda: page_png(path, 1, 900),
        "python_start": lambda: spawned(sys.executable, "-I", "-c", "import pikepdf, pypdfium2"),
    }
    for tool, arguments in (("qpdf", ("--check",)), ("pdfinfo", ())):
        if shutil.which(tool):
            works[tool] = lambda tool=tool, arguments=arguments: spawned(tool, *arguments, path)
    assert inspect(path).ok
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(pairs):
        for name, work in works.items():
            times[name].append(timed(work))
    figures = {f"{name}_seconds": statistics.median(taken) for name, taken in times.items()}
    for peer in ("qpdf", "pdfinfo", "python_start"):
        if peer in times:
            ratios = [own / other for own, other in zip(times["inspect"], times[peer], strict=True)]
            figures[f"times_{peer}"] = statistics.median(ratios)
    return {name: round(value, 4) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=20)
    options = parser.parse_args()
    documents = {
        "one_page": hostile.good(),
        "fifty_pages": hostile.saved(hostile.plain(50)),
        "scan_of_ten": scanned_pages(10),
    }
    figures: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, content in documents.items():
            path = Path(folder) / f"{name}.pdf"
            path.write_bytes(content)
            figures[name] = {"bytes": len(content), **measure(path, options.pairs)}
    print(json.dumps({"documents": figures}, indent=2))


if __name__ == "__main__":
    main()
