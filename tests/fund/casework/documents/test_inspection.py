"""Every hostile document is refused for its own reason within its limits; every honest one is taken."""

import dataclasses
import io
import signal
from concurrent.futures import ThreadPoolExecutor

import pikepdf
import pytest

from caisse.agreement.tables import phrases, reasons
from caisse.fund.casework.documents import children
from caisse.fund.casework.documents.inspection import inspect
from caisse.fund.casework.documents.limits import DocumentLimits

from . import hostile

LIMITS = DocumentLimits(cpu_seconds=3, memory_bytes=512 * 1024 * 1024)


@pytest.fixture
def judge(tmp_path):
    def judge(content: bytes, limits: DocumentLimits = LIMITS):
        path = tmp_path / "photo.jpg"
        path.write_bytes(content)
        return inspect(path, limits=limits)

    return judge


@pytest.mark.parametrize("name", hostile.GOOD)
def test_an_honest_document_is_taken(judge, name):
    found = judge(hostile.GOOD[name]())
    assert found.ok, (found.code, found.detail)
    assert found.pages and found.version and found.kind == "a PDF document"
    assert found.text("fr") == found.remedy("fr") == ""


@pytest.mark.parametrize("name", hostile.BAD)
def test_a_hostile_one_is_refused_for_its_own_reason(judge, name):
    code, made = hostile.BAD[name]
    found = judge(made())
    assert (found.code, found.ok) == (code, False), found.detail
    assert all(found.text(language) and found.remedy(language) for language in reasons.LANGUAGES)


def test_what_was_sent_instead_is_named_in_the_reader_s_language(judge):
    found = judge(hostile.picture())
    assert found.text("fr") == "Le fichier est une image et non un PDF (une image JPEG)."
    assert "Scan" in found.remedy("de") or "scannen" in found.remedy("de")
    assert phrases.translate(judge(hostile.office("word")).kind, "de") == "ein Word-Dokument"


def test_limits_of_size_pages_and_objects(judge):
    content = hostile.compressed()
    assert judge(content, dataclasses.replace(LIMITS, bytes=len(content) - 1)).code == "DOC-009"
    assert judge(content, dataclasses.replace(LIMITS, bytes=len(content), pages=3)).ok
    found = judge(content, dataclasses.replace(LIMITS, pages=2))
    assert (found.code, found.detail) == ("DOC-013", "3 > 2")
    assert judge(hostile.many_objects(), dataclasses.replace(LIMITS, objects=1000)).code == "DOC-017"
    assert judge(hostile.many_objects()).ok


def test_a_blank_page_before_the_first_that_shows_something_is_told(judge):
    assert judge(hostile.GOOD["blank first page"]()).warnings == ("page 1 shows nothing",)
    pdf = hostile.plain(3)
    pdf.pages[0].Contents = pdf.pages[1].Contents = pdf.make_stream(b" ")
    (told,) = judge(hostile.saved(pdf)).warnings
    assert phrases.translate(told, "de") == "die Seiten 1 bis 2 zeigen nichts"


def test_the_title_is_shortened_and_cannot_smuggle_control_characters(judge):
    pdf = hostile.plain()
    pdf.docinfo["/Title"] = "a\x00b\x1b[31m\u202eGNP" + "x" * 1000
    title = judge(hostile.saved(pdf)).title
    assert title.startswith("a b [31m GNP") and len(title) == 200


def test_the_process_that_looks_cannot_open_a_file_or_socket(tmp_path):
    """The same limits as for a document, tried from inside."""
    import subprocess
    import sys

    code = (
        "import socket, os\n"
        "from caisse.fund.casework.documents.child import give_up\n"
        "give_up(cpu_seconds=5, memory_bytes=1 << 30)\n"
        "for what in (lambda: open('/etc/passwd'), lambda: socket.socket(), lambda: os.pipe(),\n"
        "             lambda: os.write(os.dup(1), b'')):\n"
        "    try: what()\n"
        "    except OSError as error: print(error.errno)\n"
        "try: bytearray(2 << 30)\n"
        "except MemoryError: print('memory')\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["24", "24", "24", "24", "memory"]


def test_a_fault_of_ours_never_reads_as_a_verdict(tmp_path, monkeypatch):
    path = tmp_path / "good.pdf"
    path.write_bytes(hostile.good())
    nursery = children.Nursery()
    monkeypatch.setattr(children, "_NURSERY", nursery)
    assert inspect(path, limits=LIMITS).ok
    nursery._process.send_signal(signal.SIGSTOP)
    with pytest.raises(children.Unfinished):
        inspect(path, limits=dataclasses.replace(LIMITS, wall_seconds=0.1))
    nursery._process.send_signal(signal.SIGCONT)
    nursery.end()
    monkeypatch.setattr(children.sys, "executable", "/bin/false")
    with pytest.raises(children.Unfinished):
        inspect(path, limits=LIMITS)
    monkeypatch.undo()
    assert inspect(path, limits=LIMITS).ok
    nursery.end()


def test_a_nursery_that_died_is_followed_by_another(tmp_path, monkeypatch):
    path = tmp_path / "good.pdf"
    path.write_bytes(hostile.good())
    nursery = children.Nursery()
    monkeypatch.setattr(children, "_NURSERY", nursery)
    assert inspect(path, limits=LIMITS).ok
    first = nursery._process
    assert first is not None
    first.kill()
    first.wait()
    assert inspect(path, limits=LIMITS).ok
    assert nursery._process is not None and nursery._process.pid != first.pid
    nursery.end()


def pages(count: int) -> bytes:
    pdf, one = pikepdf.new(), pikepdf.open(io.BytesIO(hostile.good()))
    for _ in range(count):
        pdf.pages.append(one.pages[0])
    return hostile.saved(pdf)


def test_each_of_many_askers_gets_the_answer_to_its_own_document(tmp_path):
    paths = []
    for number in range(1, 13):
        paths.append(tmp_path / f"{number}.pdf")
        paths[-1].write_bytes(pages(number) if number % 3 else b"<!doctype html><p>no</p>")
    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda path: inspect(path, limits=LIMITS), paths))
    assert [one.pages for one in found] == [number if number % 3 else 0 for number in range(1, 13)]
