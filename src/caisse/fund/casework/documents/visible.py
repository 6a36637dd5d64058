"""Does a document show anything? Its pages are drawn small; a page of one colour shows nothing."""

import pypdfium2

#: Width of the drawn page in pixels: a single small word still leaves a grey trace.
_WIDTH = 480
#: Widest spread of a colour channel (0 to 255) that is still called one colour.
_SAME = 6


def first_visible(content: bytes, *, max_pages: int) -> int | None:
    """How many pages from the beginning show nothing before one does; None when no page shows anything."""
    document = pypdfium2.PdfDocument(content)
    if document.get_formtype():
        document.init_forms()
    for number in range(min(len(document), max_pages)):
        page = document[number]
        width, height = page.get_size()
        scale = _WIDTH / max(width, height, 1.0)
        picture = page.render(scale=scale).to_pil()
        if max(high - low for low, high in picture.convert("RGB").getextrema()) > _SAME:
            return number
        page.close()
    return None
