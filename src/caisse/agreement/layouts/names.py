"""The file-naming rule: ``[F/D]provider8 year4 number2 _frame_type_layout3_reference[.extension]``."""

import re
from dataclasses import dataclass, replace
from typing import NamedTuple

from caisse.agreement.errors import InvalidFileName

#: Frames whose files begin with D (long-term care); every other frame's files begin with F.
LONG_TERM_CARE_FRAMES = frozenset({"ASD"})
#: Longest reference a layout can echo (``T_ReferenceExterne``).
REFERENCE_LENGTH = 50

_NAME = re.compile(
    r"(?P<prefix>[FD])(?P<provider>[1-9][0-9]{7})(?P<year>[12][0-9]{3})(?P<number>[0-9]{2})"
    r"_(?P<frame>[A-Z]{3})_(?P<type>[A-Z]{3,6})_(?P<layout>[0-9]{3})"
    r"_(?P<reference>[A-Za-z0-9-]+)(?:\.(?P<extension>(?i:xml|pdf|txt)))?"
)

#: The naming rule as told to a sender.
RULE = "[F|D][provider code 8][year 4][number 01-99]_[frame 3]_[type 3-6]_[layout 001-999]_[reference].xml"


class SendingKey(NamedTuple):
    """What makes a sending one of its kind: the same key is the same sending."""

    provider: int
    year: int
    number: int
    frame: str
    type: str
    reference: str


@dataclass(frozen=True, slots=True)
class FileName:
    """The parts of a file name. ``number`` is the month of the statement or the sending number, 1 to 99."""

    prefix: str
    provider: int
    year: int
    number: int
    frame: str
    type: str
    layout: int
    reference: str
    extension: str = "xml"

    def format(self) -> str:
        """The name as it is written on the file."""
        stem = (
            f"{self.prefix}{self.provider:08d}{self.year:04d}{self.number:02d}"
            f"_{self.frame}_{self.type}_{self.layout:03d}_{self.reference}"
        )
        return f"{stem}.{self.extension}" if self.extension else stem

    @property
    def key(self) -> SendingKey:
        """The key under which a sending is recognised when it is repeated."""
        return SendingKey(self.provider, self.year, self.number, self.frame, self.type, self.reference)


def prefix_of(frame: str) -> str:
    """The first letter the names of this frame's files carry."""
    return "D" if frame in LONG_TERM_CARE_FRAMES else "F"


def parse(name: str) -> FileName:
    """The parts of ``name``; raises InvalidFileName when it does not follow the rule."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidFileName(f"{name!r} is not {RULE}")
    parts = match.groupdict()
    number, layout = int(parts["number"]), int(parts["layout"])
    if number == 0 or layout == 0 or len(parts["reference"]) > REFERENCE_LENGTH:
        raise InvalidFileName(f"{name!r} is not {RULE} with a reference of at most {REFERENCE_LENGTH}")
    return FileName(
        prefix=parts["prefix"],
        provider=int(parts["provider"]),
        year=int(parts["year"]),
        number=number,
        frame=parts["frame"],
        type=parts["type"],
        layout=layout,
        reference=parts["reference"],
        extension=parts["extension"] or "",
    )


def answer_name(request: FileName, file_type: str, layout: int) -> FileName:
    """The name of an answer: the request's with the type and the layout number replaced."""
    return replace(request, type=file_type, layout=layout, extension="xml")
