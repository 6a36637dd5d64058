"""PDFs made for the tests, good and hostile ones, each by the name of what is wrong with it."""

import io
import zlib
from collections.abc import Callable, Iterator

import pikepdf
import typst
from pikepdf import Array, Dictionary, Name, String
from PIL import Image, ImageDraw

TEXT = b"BT /F1 18 Tf 72 720 Td (Autorisation d'exercer) Tj ET"


def saved(pdf: pikepdf.Pdf, **options: object) -> bytes:
    buffer = io.BytesIO()
    pdf.save(buffer, static_id=True, **options)
    return buffer.getvalue()


def plain(pages: int = 1, content: bytes = TEXT) -> pikepdf.Pdf:
    """A document of A4 pages that say something."""
    pdf = pikepdf.new()
    font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    for _ in range(pages):
        pdf.add_blank_page(page_size=(595, 842))
        pdf.pages[-1].Resources = Dictionary(Font=Dictionary(F1=font))
        pdf.pages[-1].Contents = pdf.make_stream(content)
    return pdf


def good() -> bytes:
    pdf = plain()
    pdf.docinfo["/Title"] = "Autorisation d'exercer"
    return saved(pdf)


def compressed() -> bytes:
    return saved(plain(3), object_stream_mode=pikepdf.ObjectStreamMode.generate)


def picture(form: str = "JPEG", *, marks: bool = True, size: tuple[int, int] = (800, 1100)) -> bytes:
    drawn = Image.new("RGB", size, "white")
    if marks:
        ImageDraw.Draw(drawn).text((100, 100), "Carte d'identité", fill="black")
    buffer = io.BytesIO()
    drawn.save(buffer, form)
    return buffer.getvalue()


def scan(*, marks: bool = True) -> bytes:
    """Nothing but a photograph on each page, as a scanner makes it."""
    pdf = pikepdf.new()
    for _ in range(2):
        pdf.add_blank_page(page_size=(595, 842))
        image = pdf.make_stream(
            picture(marks=marks), Type=Name.XObject, Subtype=Name.Image, Width=800, Height=1100,
            ColorSpace=Name.DeviceRGB, BitsPerComponent=8, Filter=Name.DCTDecode,
        )  # fmt: skip
        pdf.pages[-1].Resources = Dictionary(XObject=Dictionary(Im0=image))
        pdf.pages[-1].Contents = pdf.make_stream(b"q 595 0 0 842 0 0 cm /Im0 Do Q")
    return saved(pdf)


def linked() -> bytes:
    """Links that a reader may click on, bookmarks, and an opening action that turns to a page."""
    pdf = plain(2)
    pdf.pages[0].Annots = Array([
        pdf.make_indirect(annotation("Link", A=Dictionary(S=Name.URI, URI=String(uri))))
        for uri in ("https://example.org/a", "mailto:a@example.org", "page.html", "https://example.org/été€")
    ])  # fmt: skip
    pdf.Root.OpenAction = Dictionary(S=Name.GoTo, D=Array([pdf.pages[1].obj, Name.Fit]))
    with pdf.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem("Page 2", 1))
    return saved(pdf)


def filled_form() -> bytes:
    """A form that was filled in with a reader: fields with their looks, and nothing that runs."""
    pdf = plain(1, b" ")
    look = pdf.make_stream(
        b"/Tx BMC q BT /F1 12 Tf 2 5 Td (Dr Camille Exemple) Tj ET Q EMC",
        Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 200, 20], Resources=pdf.pages[0].Resources,
    )  # fmt: skip
    entry = pdf.make_indirect(annotation(
        "Widget", FT=Name.Tx, T=String("nom"), V=String("Dr Camille Exemple"), F=4, AP=Dictionary(N=look),
        DA=String("/F1 12 Tf 0 g"),
    ))  # fmt: skip
    pdf.pages[0].Annots = Array([entry])
    pdf.Root.AcroForm = Dictionary(
        Fields=Array([entry]), DR=pdf.pages[0].Resources, DA=String("/F1 12 Tf 0 g")
    )
    return saved(pdf)


def annotation(subtype: str, **more: object) -> Dictionary:
    return Dictionary(Type=Name.Annot, Subtype=Name("/" + subtype), Rect=[100, 100, 300, 120], **more)


def printed() -> bytes:
    """A letter as the fund itself prints them."""
    return typst.compile(b'= Autorisation d\'exercer\n#lorem(300)\n#link("https://example.org")[page]')


def _with_root(**entries: object) -> bytes:
    pdf = plain()
    for name, value in entries.items():
        pdf.Root[f"/{name}"] = value
    return saved(pdf)


def _with_annotation(subtype: str, **more: object) -> bytes:
    pdf = plain()
    pdf.pages[0].Annots = Array([pdf.make_indirect(annotation(subtype, **more))])
    return saved(pdf)


def _action(kind: str, **more: object) -> bytes:
    return _with_annotation("Link", A=Dictionary(S=Name("/" + kind), **more))


def _page_that_calls() -> bytes:
    pdf = plain()
    pdf.pages[0].AA = Dictionary(O=Dictionary(S=Name.URI, URI=String("http://example.org")))
    return saved(pdf)


def _carrying() -> bytes:
    pdf = plain()
    pdf.attachments["rechnung.xml"] = b"<a/>"
    return saved(pdf)


def _hidden_script() -> bytes:
    """The script lies in an object stream, nothing refers to it, and its name is spelt with escapes."""
    pdf = plain()
    pdf.Root.Extra = Array(
        [Array([Dictionary(Deep=Dictionary(S=Name.JavaScript, JS=String("app.alert(1)")))])]
    )
    return saved(pdf, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def _escaped_name() -> bytes:
    # The same length, so that the table of offsets stays true.
    name = _with_root(OpenAction=Dictionary(S=Name("/JavaScript"), ABCDEFGH=String("x")))
    return name.replace(b"/ABCDEFGH", b"/J#53    ").replace(b"/JavaScript", b"/Trans     ")


def _encrypted(user: str) -> bytes:
    return saved(plain(), encryption=pikepdf.Encryption(owner="owner", user=user, R=4))


def _no_pages() -> bytes:
    return saved(pikepdf.new())


def _stream_page(data: bytes, filters: object) -> bytes:
    pdf = plain()
    stream = pdf.make_stream(b" ")
    stream.write(data, filter=filters, type_check=False)
    pdf.pages[0].Contents = stream
    return saved(pdf, stream_decode_level=pikepdf.StreamDecodeLevel.none, compress_streams=False)


def bomb(megabytes: int = 100) -> bytes:
    """A page whose content unpacks to a hundred megabytes."""
    return _stream_page(_zeros(megabytes), Name.FlateDecode)


def _zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    piece = b" " * (1 << 20)
    return b"".join(packer.compress(piece) for _ in range(megabytes)) + packer.flush()


def nested_bomb() -> bytes:
    """Packed twice: a few kilobytes become 600 megabytes."""
    return _stream_page(zlib.compress(_zeros(600), 9), Array([Name.FlateDecode, Name.FlateDecode]))


def picture_bomb() -> bytes:
    """A picture of 14,000 by 14,000 points that takes up no room in the file."""
    pdf = plain(1, b"q 595 0 0 842 0 0 cm /Im0 Do Q")
    image = pdf.make_stream(b" ", Type=Name.XObject, Subtype=Name.Image, Width=14000, Height=14000,
                            ColorSpace=Name.DeviceRGB, BitsPerComponent=8)  # fmt: skip
    image.write(_zeros(561), filter=Name.FlateDecode, type_check=False)
    pdf.pages[0].Resources.XObject = Dictionary(Im0=image)
    return saved(pdf, stream_decode_level=pikepdf.StreamDecodeLevel.none, compress_streams=False)


def endless_forms() -> bytes:
    """Twenty-five forms, each of which draws the next one ten times: 10**25 drawings."""
    pdf = plain()
    inner = pdf.make_stream(b"q Q", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 10, 10])
    for _ in range(25):
        inner = pdf.make_stream(b"/X Do " * 10, Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 10, 10],
                                Resources=Dictionary(XObject=Dictionary(X=inner)))  # fmt: skip
    pdf.pages[0].Resources.XObject = Dictionary(X=inner)
    pdf.pages[0].Contents = pdf.make_stream(b"/X Do")
    return saved(pdf)


def deep() -> bytes:
    """Arrays in arrays, deeper than any reader follows."""
    return good().replace(b"/Title ", b"/T" + b"[" * 100_000 + b" ", 1)


def many_objects() -> bytes:
    pdf = plain()
    pdf.Root.Many = Array([pdf.make_indirect(Dictionary(A=n)) for n in range(3000)])
    return saved(pdf, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def _loop() -> bytes:
    """A tree of pages that is its own branch."""
    pdf = plain(2)
    pdf.Root.Pages.Kids.append(pdf.Root.Pages)
    return saved(pdf)


def _broken_stream() -> bytes:
    packed = bytearray(zlib.compress(TEXT * 50))
    packed[8:20] = b"\xff" * 12
    return _stream_page(bytes(packed), Name.FlateDecode)


def office(folder: str) -> bytes:
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("filler.bin", bytes(6000))
        archive.writestr(f"{folder}/document.xml", "<a/>")
    return buffer.getvalue()


def zipped() -> bytes:
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("autorisation.pdf", good())
    return buffer.getvalue()


MAIL = b"Return-Path: <a@example.org>\r\nFrom: a@example.org\r\nSubject: Demande\r\n\r\nBonjour\r\n"
HTML = b"<!-- saved --><!DOCTYPE html>\n<html><body>Connexion</body></html>"


def _blank_then_text() -> bytes:
    pdf = plain(2)
    pdf.pages[0].Contents = pdf.make_stream(b" ")
    return saved(pdf)


GOOD: dict[str, Callable[[], bytes]] = {
    "plain": good,
    "object streams": compressed,
    "linearised": lambda: saved(plain(3), linearize=True),
    "printed by Typst": printed,
    "scan": scan,
    "links and bookmarks": linked,
    "filled form": filled_form,
    "blank first page": _blank_then_text,
    "line end after the end": lambda: good() + b"\r\n\x00\n",
}

#: Name, code it must be refused with, and the bytes.
BAD: dict[str, tuple[str, Callable[[], bytes]]] = {
    "zero bytes": ("DOC-001", lambda: b""),
    "JPEG": ("DOC-002", picture),
    "PNG": ("DOC-002", lambda: picture("PNG")),
    "TIFF": ("DOC-002", lambda: picture("TIFF")),
    "WebP": ("DOC-002", lambda: picture("WEBP")),
    "HEIC": ("DOC-002", lambda: b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(200)),
    "web page": ("DOC-003", lambda: HTML),
    "web page in UTF-16": ("DOC-003", lambda: HTML.decode().encode("utf-16")),
    "Word": ("DOC-004", lambda: office("word")),
    "Excel": ("DOC-004", lambda: office("xl")),
    "old Word": ("DOC-004", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
    "RTF": ("DOC-004", lambda: b"{\\rtf1\\ansi Bonjour}"),
    "text": ("DOC-004", "Voilà l'autorisation demandée.\n".encode),
    "ZIP with a good PDF": ("DOC-005", zipped),
    "e-mail": ("DOC-006", lambda: MAIL),
    "noise": ("DOC-007", lambda: bytes(range(256)) * 20),
    "program": ("DOC-007", lambda: b"\x7fELF\x02\x01\x01" + bytes(500)),
    "PostScript": ("DOC-007", lambda: b"%!PS-Adobe-3.0\nshowpage\n"),
    "web page that is a PDF too": ("DOC-008", lambda: b"<html><script>1</script>" + good()),
    "space before the PDF": ("DOC-008", lambda: b" " + good()),
    "ZIP after the PDF": ("DOC-008", lambda: good() + zipped()),
    "web page after the PDF": ("DOC-008", lambda: good() + b"<script>alert(1)</script>"),
    "half an upload": ("DOC-010", lambda: good()[: len(good()) // 2]),
    "only a beginning": ("DOC-010", lambda: b"%PDF-1.7\n"),
    "beginning and end": ("DOC-010", lambda: b"%PDF-1.7\n%%EOF\n"),
    "broken stream": ("DOC-010", _broken_stream),
    "table of offsets gone": ("DOC-010", lambda: good().replace(b"\nxref\n", b"\nxxxx\n")),
    "pages in a circle": ("DOC-010", _loop),
    "user password": ("DOC-011", lambda: _encrypted("secret")),
    "empty user password": ("DOC-011", lambda: _encrypted("")),
    "no pages": ("DOC-012", _no_pages),
    "script at opening": ("DOC-014", lambda: _with_root(OpenAction=Dictionary(S=Name.JavaScript, JS=String("x")))),
    "script by name": (
        "DOC-014",
        lambda: _with_root(Names=Dictionary(JavaScript=Dictionary(Names=Array([String("a"), Dictionary()])))),
    ),
    "script hidden deep": ("DOC-014", _hidden_script),
    "script spelt with escapes": ("DOC-014", _escaped_name),
    "starts a program": ("DOC-014", lambda: _action("Launch", F=String("cmd.exe"))),
    "sends a form": ("DOC-014", lambda: _action("SubmitForm", F=String("http://example.org"))),
    "reads a file": ("DOC-014", lambda: _action("ImportData", F=String("/etc/passwd"))),
    "link that is a script": ("DOC-014", lambda: _action("URI", URI=String("javascript:alert(1)"))),
    "link to a disk": ("DOC-014", lambda: _action("URI", URI=String("file:///c:/x"))),
    "link to a share": ("DOC-014", lambda: _action("GoToR", F=String("\\\\198.51.100.1\\x.pdf"), D=Array([0]))),
    "calls home when opened": (
        "DOC-014",
        lambda: _with_root(OpenAction=Dictionary(S=Name.URI, URI=String("https://example.org/seen"))),
    ),
    "calls home when a page opens": ("DOC-014", _page_that_calls),
    "calls home as a second step": (
        "DOC-014",
        lambda: _with_root(OpenAction=Dictionary(
            S=Name.Named, N=Name.NextPage, Next=Array([Dictionary(S=Name.URI, URI=String("http://example.org"))])
        )),
    ),
    "carries a file": ("DOC-015", _carrying),
    "file pinned to a page": ("DOC-015", lambda: _with_annotation("FileAttachment", FS=Dictionary(F=String("x")))),
    "portfolio": ("DOC-015", lambda: _with_root(Collection=Dictionary(View=Name.D))),
    "XFA form": ("DOC-016", lambda: _with_root(AcroForm=Dictionary(Fields=Array(), XFA=String("<xdp/>")))),
    "film": ("DOC-016", lambda: _with_annotation("RichMedia")),
    "sound": ("DOC-016", lambda: _with_annotation("Sound")),
    "bomb": ("DOC-017", bomb),
    "bomb in a bomb": ("DOC-017", nested_bomb),
    "huge picture": ("DOC-017", picture_bomb),
    "endless drawing": ("DOC-017", endless_forms),
    "arrays without end": ("DOC-010", deep),
    "blank page": ("DOC-018", lambda: saved(plain(1, b" "))),
    "white text": ("DOC-018", lambda: saved(plain(1, b"1 g " + TEXT))),
    "blank scan": ("DOC-018", lambda: scan(marks=False)),
}  # fmt: skip


def damaged(content: bytes, cuts: Iterator[tuple[int, bytes]]) -> bytes:
    """``content`` with some of its bytes written over."""
    changed = bytearray(content)
    for place, piece in cuts:
        changed[place % len(changed) : place % len(changed) + len(piece)] = piece
    return bytes(changed)
