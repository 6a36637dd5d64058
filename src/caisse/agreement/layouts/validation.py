"""Bytes and a schema to findings: a gate before the parser, libxml2 hardened, limits as data.

The gate looks at the head of the file with expat and refuses what only an attacker writes (DOCTYPE, entities,
other encodings, bombs) before libxml2 sees a byte. libxml2 then judges every byte against the schema.
"""

import codecs
import re
import threading
from collections.abc import Buffer, Sequence
from dataclasses import dataclass
from typing import Any, Final
from xml.parsers import expat

from lxml import etree

from caisse.agreement import file_kinds
from caisse.agreement.errors import BrokenSystem
from caisse.agreement.findings import Finding
from caisse.agreement.layouts.catalogue import Layout


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold at most; each is named in finding XML-005. Sizes in bytes.

    ``head``: everything before the first record. ``record``: one record (an invoice with its lines).
    ``tail``: everything after the last record. ``text``: one element's text. ``findings``: findings told.
    """

    size: int = 256 * 1024 * 1024
    head: int = 256 * 1024
    record: int = 8 * 1024 * 1024
    tail: int = 64 * 1024
    depth: int = 32
    attributes: int = 16
    text: int = 64 * 1024
    findings: int = 100


LIMITS: Final = Limits()
#: What XML-003 expects.
WELL_FORMED: Final = "a well-formed XML 1.0 document, sent whole"

_OTHER_ENCODINGS: Final = {
    b"\xff\xfe": "UTF-16LE",
    b"\xfe\xff": "UTF-16BE",
    b"\x00<": "UTF-16BE",
    b"<\x00": "UTF-16LE",
}
_DECLARED_WITHIN: Final = 4096
_DECLARED: Final = (
    re.compile(rb"<cadreLegal>\s*([A-Z]{3})\s*</"),
    re.compile(rb"<type>\s*([A-Z]{3,6})\s*</"),
    re.compile(rb"<layout>\s*([0-9]{1,3})\s*</"),
)
_CONTINUATION_BYTES: Final = bytes(range(0x80, 0xC0))
_ENCODING_ERRORS: Final = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_INVALID_TOKEN,
        expat.errors.XML_ERROR_UNKNOWN_ENCODING,
        expat.errors.XML_ERROR_INCORRECT_ENCODING,
    )
)


class Refused(Exception):
    """Carries the finding on which the scan of a file stopped."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.code)
        self.finding = finding


class _Reached(Exception):
    """The first record begins."""


@dataclass(frozen=True, slots=True)
class Cuts:
    """Byte offsets at which a file may be cut: records from ``head`` to ``tail``, and where some begin."""

    head: int
    tail: int
    starts: tuple[int, ...] = ()


def gate(view: memoryview, layout: Layout, limits: Limits) -> int:
    """The offset at which the first record begins (the size when there is none); raises Refused.

    Costs microseconds: expat reads no further than the first record's start tag.
    """
    size = len(view)
    if size > limits.size:
        raise Refused(over("size", size, limits.size, "bytes"))
    start = bytes(view[:2])
    if start in _OTHER_ENCODINGS:
        raise Refused(Finding("XML-001", found=_OTHER_ENCODINGS[start], expected="UTF-8"))
    # What is deposited by mistake: the wrong file from the same folder, or the right one packed.
    if (kind := file_kinds.by_signature(view)) is not None:
        raise Refused(Finding("XML-003", xml_line=1, found=kind, expected=WELL_FORMED))
    scan = _Scan(layout, limits, stop_at_record=True)
    final = size <= limits.head
    if scan.run(view if final else view[: limits.head], final=final):
        return scan.head
    if not final:
        raise Refused(over("head", None, limits.head, f"bytes before the first <{layout.record.path[-1]}>"))
    return size


def survey(view: memoryview, layout: Layout, limits: Limits, spacing: int) -> Cuts:
    """Every limit checked over the whole file, and starts of records at least ``spacing`` bytes apart.

    The slow and certain way (expat sees every byte), taken whenever a file is not plain. Raises Refused.
    """
    scan = _Scan(layout, limits, stop_at_record=False, spacing=spacing)
    scan.run(view, final=True)
    if scan.head < 0:
        return Cuts(len(view), len(view))
    return Cuts(scan.head, scan.tail, tuple(scan.starts))


def declared_type(view: memoryview) -> tuple[str, str, int] | None:
    """Frame, type and layout number a file says of itself near its beginning, whatever else is wrong with it.

    Only a hint at which schema to hold it against; the schema then proves it.
    """
    head = bytes(view[:_DECLARED_WITHIN])
    frame, file_type, number = (pattern.search(head) for pattern in _DECLARED)
    if frame is None or file_type is None or number is None:
        return None
    return frame[1].decode(), file_type[1].decode(), int(number[1])


def over(limit: str, found: int | None, most: int, unit: str, xml_line: int | None = None) -> Finding:
    """The finding that a limit is exceeded, naming the limit."""
    return Finding(
        "XML-005",
        xml_line=xml_line,
        found=f"{limit}: more than {most} {unit}" if found is None else f"{limit}: {found} {unit}",
        expected=f"{limit}: at most {most} {unit}",
    )


class _Scan:
    """One expat pass: prolog, limits, and where records begin."""

    def __init__(self, layout: Layout, limits: Limits, *, stop_at_record: bool, spacing: int = 0) -> None:
        self.limits = limits
        self.stop_at_record = stop_at_record
        self.spacing = spacing
        self.root = layout.root
        self.record_path = [layout.root, *layout.record.path]
        self.path: list[str] = []
        self.head = -1
        self.tail = -1
        self.starts: list[int] = []
        self.record_start = 0
        self.text_bytes = 0
        self.parser = parser = expat.ParserCreate()
        parser.ordered_attributes = True
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.ProcessingInstructionHandler = self._instruction
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        if not stop_at_record:
            parser.CharacterDataHandler = self._text

    def run(self, view: memoryview, *, final: bool) -> bool:
        """True when the first record was reached; raises Refused."""
        try:
            self.parser.Parse(view, final)
        except _Reached:
            return True
        except expat.ExpatError as error:
            raise Refused(self._broken(view, error)) from None
        if final and not self.stop_at_record:
            self._record_size(len(view))
        return False

    def _broken(self, view: memoryview, error: expat.ExpatError) -> Finding:
        if error.code in _ENCODING_ERRORS:
            at = self.parser.ErrorByteIndex
            around = bytes(view[max(0, at - 4) : at + 4]).lstrip(_CONTINUATION_BYTES)
            bad = first_non_utf8(around, final=False)
            if bad is not None or error.code != expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN]:
                return Finding("XML-001", xml_line=error.lineno, found=bad or str(error), expected="UTF-8")
        message = expat.errors.messages[error.code]
        found = f"{message}, column {error.offset + 1}"
        return Finding("XML-003", xml_line=error.lineno, found=found, expected=WELL_FORMED)

    def _line(self) -> int:
        return self.parser.CurrentLineNumber

    def _declaration(self, version: str, encoding: str | None, _standalone: int) -> None:
        if version != "1.0":
            raise Refused(Finding("XML-003", xml_line=1, found=f"XML {version}", expected="XML 1.0"))
        if encoding is not None and encoding.upper() != "UTF-8":
            raise Refused(Finding("XML-001", xml_line=1, found=encoding[:50], expected="UTF-8"))

    def _doctype(self, name: str, *_rest: Any) -> None:
        raise Refused(Finding("XML-002", xml_line=self._line(), found=f"<!DOCTYPE {name[:50]}"))

    def _instruction(self, target: str, _data: str) -> None:
        raise Refused(Finding("XML-002", xml_line=self._line(), found=f"<?{target[:50]}"))

    def _start(self, name: str, attributes: list[str]) -> None:
        path = self.path
        if not path and name != self.root:
            raise Refused(
                Finding("XML-004", xml_line=self._line(), found=f"<{name[:100]}>", expected=f"<{self.root}>")
            )
        path.append(name)
        self.text_bytes = 0
        if len(path) > self.limits.depth:
            raise Refused(over("depth", None, self.limits.depth, "elements", self._line()))
        if len(attributes) > 2 * self.limits.attributes:
            count = len(attributes) // 2
            raise Refused(over("attributes", count, self.limits.attributes, "attributes", self._line()))
        if len(path) == len(self.record_path):
            self._at_record_depth(path == self.record_path)

    def _at_record_depth(self, is_record: bool) -> None:
        at = self.parser.CurrentByteIndex
        if is_record:
            if self.head < 0:
                self.head = at
                if self.stop_at_record:
                    raise _Reached
                self.starts.append(at)
            else:
                self._record_size(at)
                if at - self.starts[-1] >= self.spacing:
                    self.starts.append(at)
            self.record_start = at
            self.tail = -1
        elif self.head >= 0 and self.tail < 0:
            self.tail = at

    def _record_size(self, end: int) -> None:
        if self.head >= 0 and self.tail < 0 and end - self.record_start > self.limits.record:
            length = end - self.record_start
            raise Refused(over("record", length, self.limits.record, "bytes in one record", self._line()))

    def _end(self, _name: str) -> None:
        self.path.pop()
        self.text_bytes = 0
        if len(self.path) == len(self.record_path) - 2 and self.head >= 0 and self.tail < 0:
            self._record_size(self.parser.CurrentByteIndex)
            self.tail = self.parser.CurrentByteIndex

    def _text(self, text: str) -> None:
        self.text_bytes += len(text)
        if self.text_bytes > self.limits.text:
            raise Refused(over("text", None, self.limits.text, "characters", self._line()))


def first_non_utf8(content: bytes, *, final: bool = True) -> str | None:
    """The first byte that is not UTF-8, or None. Unless ``final``, the end may lie within a letter."""
    if content.isascii():
        return None
    try:
        codecs.utf_8_decode(content, "strict", final)
    except UnicodeDecodeError as error:
        return f"0x{content[error.start]:02X}"
    return None


def _parser(*, plain: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        collect_ids=False,
        # In a plain file only white space between elements is dropped; it has no meaning there.
        remove_blank_text=plain,
        remove_comments=True,
        remove_pis=True,
    )


class _Engine(threading.local):
    """libxml2's objects of one thread: their error logs must not mix."""

    def __init__(self) -> None:
        self.plain = _parser(plain=True)
        self.exact = _parser(plain=False)
        self.schemas: dict[bytes, etree.XMLSchema] = {}

    def schema(self, source: bytes) -> etree.XMLSchema:
        """The compiled schema."""
        compiled = self.schemas.get(source)
        if compiled is None:
            try:
                compiled = etree.XMLSchema(etree.fromstring(source, _parser(plain=False)))
            except etree.LxmlError as error:
                raise BrokenSystem(f"A published schema does not compile: {error}") from error
            self.schemas[source] = compiled
        return compiled


_ENGINE: Final = _Engine()


@dataclass(frozen=True, slots=True)
class SchemaError:
    """One complaint of libxml2: the line in what it was given, the element's path, its own words."""

    line: int
    path: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Judged:
    """libxml2's verdict: a tree when well-formed; ``errors`` empty when it also fits the schema."""

    root: Any
    errors: Sequence[SchemaError]


def judge(document: Buffer, layout: Layout, *, plain: bool, most: int) -> Judged:
    """libxml2's verdict on a whole document; at most ``most`` errors, no ``root`` when not well-formed."""
    engine = _ENGINE
    schema = engine.schema(layout.schema)
    try:
        root = etree.fromstring(document, engine.plain if plain else engine.exact)
    except etree.XMLSyntaxError as error:
        return Judged(None, (SchemaError(error.lineno or 1, None, error.msg or "not well-formed"),))
    if schema.validate(root):
        return Judged(root, ())
    errors = [
        SchemaError(entry.line, entry.path, entry.message)
        for entry, _ in zip(schema.error_log, range(most), strict=False)
    ]
    return Judged(root, errors or (SchemaError(1, None, "not valid"),))


def accepts(document: Buffer, schema: bytes) -> bool:
    """Whether libxml2 finds a whole document well-formed and fit for the schema, white space as it stands."""
    try:
        root = etree.fromstring(document, _ENGINE.exact)
    except etree.XMLSyntaxError:
        return False
    return bool(_ENGINE.schema(schema).validate(root))
