"""The part of drawing a page that opens the document: runs in the limited process only (`child`)."""

import io
import json
from typing import Any, BinaryIO

import PIL.Image
import PIL.PngImagePlugin
import pypdfium2

#: Answered before the picture of a page, or instead of it when the page cannot be drawn.
DRAWN, COUNTED, DAMAGED = b"P", b"N", b"D"


def prepare(options: dict[str, int]) -> dict[str, int]:
    """The order as it came; the writer of pictures is ready."""
    PIL.Image.preinit()
    return options


def answer(document: BinaryIO, options: dict[str, Any]) -> bytes:
    """``P`` and a PNG, ``N`` and the number of pages, or ``D``."""
    try:
        pdf = pypdfium2.PdfDocument(document.read())
        if options["page"] == 0:
            return COUNTED + json.dumps(len(pdf)).encode()
        return DRAWN + _draw(pdf, options["page"], options["width"], options["most_pixels"])
    except MemoryError:
        raise
    except Exception:  # damage makes the parser raise anything
        return DAMAGED


def _draw(pdf: pypdfium2.PdfDocument, number: int, width: int, most_pixels: int) -> bytes:
    if pdf.get_formtype():
        pdf.init_forms()
    page = pdf[number - 1]
    wide, high = page.get_size()
    scale = width / max(wide, 1.0)
    # A page a mile long is drawn smaller, not in full.
    if wide * high * scale * scale > most_pixels:
        scale = (most_pixels / (wide * high)) ** 0.5
    buffer = io.BytesIO()
    page.render(scale=scale).to_pil().save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
