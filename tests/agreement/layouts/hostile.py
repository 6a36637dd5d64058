"""Hostile files, each read in a child process under limits of the operating system.

python -m tests.agreement.layouts.hostile    prints for each case how the child ended and the findings' codes
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from caisse.agreement.layouts import catalogue
from caisse.agreement.layouts.reading import read
from tests.bench.invoice_files import invoice_file

MEGABYTE = 1024 * 1024
#: What one hostile file may cost, beside the file itself and the interpreter with its modules.
MEMORY = 200 * MEGABYTE
CPU_SECONDS = 1


@cache
def valid() -> bytes:
    """A small valid file to hide something in."""
    return invoice_file(10)


def with_doctype(doctype: str, reference: str = "") -> bytes:
    """The valid file with a document type before the root, and something instead of an invoice number."""
    head, root = b'<?xml version="1.0" encoding="UTF-8"?>\n', valid().split(b"\n", 1)[1]
    return (
        head + doctype.encode() + root.replace(b"INV-2024-000001", reference.encode() or b"INV-2024-000001")
    )


def laughs() -> bytes:
    """Ten entities, each ten times the one before."""
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    return with_doctype(f'<!DOCTYPE d [<!ENTITY l0 "ha">{entities}]>', "&l9;")


def quadratic() -> bytes:
    """One long entity named ten thousand times."""
    return with_doctype(f'<!DOCTYPE d [<!ENTITY a "{"a" * 200_000}">]>', "&a;" * 20_000)


def record(inner: bytes) -> bytes:
    """The valid file with something strange as its first record's beginning."""
    return valid().replace(b"<facture>", b"<facture>" + inner, 1)


CASES: dict[str, tuple[Callable[[], bytes], str]] = {
    "external entity": (lambda: with_doctype('<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>', "&x;"), "XML-002"),
    "billion laughs": (laughs, "XML-002"),
    "quadratic blow-up": (quadratic, "XML-002"),
    "remote DTD": (lambda: with_doctype('<!DOCTYPE d SYSTEM "http://127.0.0.1:9/a.dtd">'), "XML-002"),
    "doctype after 200 KB of comment": (lambda: with_doctype("<!--" + "x" * 200_000 + "--><!DOCTYPE d>"), "XML-002"),
    "doctype after 20 MB of comment": (lambda: with_doctype("<!--" + "x" * 20_000_000 + "--><!DOCTYPE d>"), "XML-005"),
    "undeclared entity": (lambda: record(b"&x;"), "XML-003"),
    "nested elements": (lambda: record(b"<a>" * 300_000 + b"</a>" * 300_000), "XML-005"),
    "nested elements in the head": (lambda: valid().replace(b"<entete>", b"<entete>" + b"<a>" * 60_000, 1), "XML-005"),
    "nested records": (lambda: record(b"<facture>" * 300_000 + b"</facture>" * 300_000), "XML-005"),
    "giant text": (lambda: record(b"<a>" + b"x" * 60_000_000 + b"</a>"), "XML-005"),
    "giant text in a valid place": (lambda: valid().replace(b"INV-2024-000001", b"x" * 60_000_000), "XML-005"),
    "giant white space": (lambda: record(b" \n" * 30_000_000), "XML-005"),
    "giant text in the head": (lambda: valid().replace(b"2024-03-A", b"x" * 60_000_000), "XML-005"),
    "attributes": (lambda: record(b"<a " + b" ".join(b'a%d="1"' % i for i in range(300_000)) + b"/>"), "XML-005"),
    "attributes of the root": (
        lambda: valid().replace(b"<decompteFacturation>", b"<decompteFacturation " + b" ".join(b'a%d="1"' % i for i in range(10_000)) + b">"),
        "XML-005",
    ),
    "giant attribute": (lambda: record(b'<a b="' + b"x" * 20_000_000 + b'"/>'), "XML-005"),
    "giant comment": (lambda: record(b"<!--" + b"x" * 20_000_000 + b"-->"), "XML-005"),
    "giant name": (lambda: record(b"<" + b"x" * 20_000_000 + b"/>"), "XML-005"),
    "instruction": (lambda: record(b"<?php system('id') ?>"), "XML-002"),
    "stylesheet": (lambda: valid().replace(b"<decompte", b'<?xml-stylesheet href="a"?><decompte', 1), "XML-002"),
    "endless errors": (lambda: record(b"<a/>" * 1_000_000), "XML-004"),
    "UTF-16": (lambda: valid().decode().replace("UTF-8", "UTF-16").encode("utf-16"), "XML-001"),
    "UTF-16 without a mark": (lambda: valid().decode().encode("utf-16-le"), "XML-001"),
    "UTF-32": (lambda: valid().decode().encode("utf-32"), "XML-001"),
    "UTF-7": (lambda: valid().replace(b"UTF-8", b"UTF-7"), "XML-001"),
    "Latin-1 declared": (lambda: valid().replace(b"UTF-8", b"ISO-8859-1"), "XML-001"),
    "Latin-1 undeclared": (lambda: valid().replace(b"INV-2024", b"INV-\xe9-2024"), "XML-001"),
    "overlong UTF-8": (lambda: valid().replace(b"INV-2024", b"INV-\xc0\xbc-2024"), "XML-001"),
    "surrogates": (lambda: valid().replace(b"INV-2024", b"INV-\xed\xa0\x80-2024"), "XML-001"),
    "EBCDIC": (lambda: valid().decode().encode("cp500"), "XML-001"),
    "zero bytes": (lambda: valid().replace(b"INV-2024", b"INV-\x00-2024"), "XML-003"),
    "nothing": (lambda: b"", "XML-003"),
    "only zeros": (lambda: bytes(1_000_000), "XML-003"),
    "only less-than signs": (lambda: b"<" * 30_000_000, "XML-003"),
    "a second document": (lambda: valid() + valid(), "XML-003"),
    "a second document behind an archive": (lambda: b"PK\x03\x04" + valid(), "XML-003"),
    "XML 1.1": (lambda: valid().replace(b'version="1.0"', b'version="1.1"'), "XML-003"),
    "too big": (lambda: bytes(300 * MEGABYTE), "XML-005"),
}  # fmt: skip


def allow(memory: int, cpu_seconds: int) -> None:
    """Let this process use only so much more memory, and CPU time."""
    status = Path("/proc/self/status").read_text()
    in_use = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmSize"))
    resource.setrlimit(resource.RLIMIT_AS, (in_use + memory, in_use + memory))
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime + 0.999) + cpu_seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until, until))


def read_under_limits(case: str) -> str:
    """The codes of the findings of one hostile file."""
    content = CASES[case][0]()
    allow(MEMORY, CPU_SECONDS)
    reading = read(content, catalogue.find("LAB", "FAC", 2))
    assert reading.document is None
    return " ".join(finding.code for finding in reading.findings)


def in_a_child(case: str) -> tuple[int, str]:
    """How a forked child ended that read the case, and what it said. The modules are loaded already."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.write(writer, read_under_limits(case)[:4000].encode())
            code = 0
        except BaseException as error:
            os.write(writer, repr(error)[:4000].encode())
        os._exit(code)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        said = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def main() -> None:
    """Every case in turn, as JSON."""
    catalogue.all_layouts()
    json.dump({case: in_a_child(case) for case in CASES}, sys.stdout)


if __name__ == "__main__":
    main()
