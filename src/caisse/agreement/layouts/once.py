"""libxml2 judges every distinct structure and every distinct value once, not every record that repeats them.

Only ever accepts. It answers None whenever anything is not exactly as it must be, and the whole is then
judged as it stands. Decision 0002 says why accepting this way is the same as accepting the whole.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from caisse.agreement.layouts.catalogue import Layout
from caisse.agreement.layouts.columns import Tokens
from caisse.agreement.layouts.decoding import KEEP_LAST, Words, words_of
from caisse.agreement.layouts.structure import Structure, structure
from caisse.agreement.layouts.tokens import NameHash, Positions
from caisse.agreement.layouts.validation import accepts, judge

#: Set in the token of an end tag; the rest is the number of its name.
_END: Final = 0x80
#: Bytes of structures remembered for one schema; beyond, all are forgotten and judged again.
_REMEMBERED: Final = 4 * 1024 * 1024
#: Structures are worth judging apart while their records are less than one part in so many of the bytes.
_WORTH: Final = 3
#: Fewer bytes than this are always worth it.
_LITTLE: Final = 16 * 1024
#: Records judged for their structures in one piece; more distinct ones are no repetition.
_SAMPLES: Final = 512
_WORD: Final = 8
_MIXER: Final = np.uint64(0x9E3779B97F4A7C15)
_SEVENS: Final = np.uint64(0x7F7F7F7F7F7F7F7F)
_EIGHTS: Final = np.uint64(0x8080808080808080)
_BLANK: Final = b" \n\t\r"
_SPACES: Final = tuple(np.uint64(0x0101010101010101 * space) for space in _BLANK)

Ids = NDArray[np.uint8]


@dataclass(slots=True, eq=False)
class _Plan:
    """What is looked for in a layout's tokens, and the structures libxml2 has accepted in this process."""

    structure: Structure
    record: int
    names: NameHash
    holds_value: NDArray[np.bool_]
    runs: tuple[tuple[bytes, re.Pattern[bytes]], ...]
    spelling: "_Spelling"
    known: set[bytes] = field(default_factory=set)
    size: int = 0

    def remember(self, structures: set[bytes]) -> None:
        """Structures that libxml2 has accepted."""
        added = sum(map(len, structures))
        if self.size + added > _REMEMBERED:
            self.known, self.size = set(), 0
        if added <= _REMEMBERED:
            self.known |= structures
            self.size += added


@lru_cache(maxsize=32)
def _plan(layout: Layout, names: NameHash) -> _Plan | None:
    """None when the layout's schema forbids judging structures and values apart."""
    parts = structure(layout)
    if parts is None or len(names.names) >= _END:
        return None
    number = {name: index for index, name in enumerate(names.names)}
    holds_value = np.zeros(256, np.bool_)
    holds_value[[number[name] for name in parts.leaves]] = True
    runs = []
    for name in parts.repeated:
        start, end = (re.escape(bytes([number[name] | bit])) for bit in (0, _END))
        runs.append(
            (bytes([number[name]]), re.compile(b"%s[^%s%s]*%s" % (start, start, end, end), re.DOTALL))
        )
    return _Plan(
        structure=parts,
        record=number[parts.record],
        holds_value=holds_value,
        runs=tuple(runs),
        names=names,
        spelling=_Spelling(names.names),
    )


class _Spelling:
    """The exact letters of each name, eight at a time."""

    def __init__(self, names: Sequence[str]) -> None:
        spelled = [name.encode() for name in names]
        self.lengths = np.array([len(name) for name in spelled], np.int64)
        self.keep = KEEP_LAST[np.minimum(self.lengths, _WORD)]
        self.last = _as_words([name[-_WORD:].rjust(_WORD, b"\0") for name in spelled])
        #: Words from the beginning that with the last one cover the name.
        self.rows: list[tuple[NDArray[np.bool_], Words]] = []
        for at in range(0, max(map(len, spelled)) - _WORD, _WORD):
            has = self.lengths > at + _WORD
            self.rows.append(
                (has, _as_words([name[at : at + _WORD].ljust(_WORD, b"\0") for name in spelled]))
            )

    def fits(self, words: Words, ids: Ids, starts: Positions, ends: Positions) -> bool:
        """Whether every name from ``starts`` to before ``ends`` is exactly that of its number."""
        if ((ends - starts) != self.lengths[ids]).any():
            return False
        if ((words[ends - _WORD] & self.keep[ids]) != self.last[ids]).any():
            return False
        for row, (has, expected) in enumerate(self.rows):
            longer = has[ids]
            starts, ids = starts[longer], ids[longer]
            if (words[starts + row * _WORD] != expected[ids]).any():
                return False
        return True


def _as_words(spelled: Sequence[bytes]) -> Words:
    return np.frombuffer(b"".join(spelled), "<u8")


def _read(words: Words, starts: Positions, expected: bytes) -> bool:
    """Whether the bytes from each offset are exactly these."""
    length = len(expected)
    last = max(0, length - _WORD)
    if len(starts) and (int(starts.min()) < 0 or int(starts.max()) + last >= len(words)):
        return False
    if length < _WORD:
        keep = np.uint64((1 << 8 * length) - 1)
        return not ((words[starts] & keep) != _as_words([expected.ljust(_WORD, b"\0")])).any()
    return not any(
        (words[starts + at] != _as_words([expected[at : at + _WORD]])).any()
        for at in (*range(0, last, _WORD), last)
    )


def judge_once(tokens: Tokens, head: bytes, tail: bytes, layout: Layout) -> Any | None:
    """The root of a document of this head and tail when the whole fits the schema; None when in doubt."""
    plan = _plan(layout, tokens.plan.names)
    if plan is None or not len(tokens.starts):
        return None
    # Words are read up to eight bytes before a tag's end, letters from the beginning of its name.
    room = len(tokens.content) - int(tokens.every_opening[-1])
    # Without NUL no two values of different lengths share one word.
    if tokens.every_closing[0] < _WORD or room < plan.names.from_start + 2 or b"\0" in tokens.content:
        return None
    words = words_of(tokens.content)
    marks = _marks(plan, tokens, words)
    if marks is None or not _are_spelled(plan, tokens, words) or not _are_blank(words, tokens):
        return None
    root = _judge_structures(plan, tokens, marks, head, tail, layout)
    if root is None or not _judge_values(plan, tokens, words):
        return None
    return root


def _marks(plan: _Plan, tokens: Tokens, words: Words) -> Ids | None:
    """One byte for each tag but the end tags of values; None unless all is records, up to other end tags.

    A value is what stands between a start tag and an end tag next to each other; only elements that hold a
    value may have one, and they must.
    """
    is_end, starts = tokens.is_end, tokens.starts
    ids = tokens.by_name.ids
    if tokens.every_opening[0] != 0 or is_end[0] or (plan.holds_value[ids] != is_end[starts + 1]).any():
        return None
    inner = is_end.copy()
    inner[1:] &= is_end[:-1]
    places = np.flatnonzero(inner)
    opening, closing = tokens.every_opening[places] + 1, tokens.every_closing[places]
    end_ids = plan.names.ids(tokens.text, opening, closing)
    if not plan.spelling.fits(words, end_ids, opening + 1, closing):
        return None
    ends_of_records = places[end_ids == plan.record]
    if not len(ends_of_records) or starts[-1] > ends_of_records[-1]:
        return None
    marks = np.zeros(len(is_end), np.uint8)
    marks[starts] = ids
    marks[places] = end_ids | np.uint8(_END)
    kept = inner
    kept[starts] = True
    return marks[: ends_of_records[-1] + 1][kept[: ends_of_records[-1] + 1]]


def _are_spelled(plan: _Plan, tokens: Tokens, words: Words) -> bool:
    """Whether start tags, and the end tags of values, are exactly as their names are written."""
    by_name = tokens.by_name
    for number, name in enumerate(plan.names.names):
        tags = by_name.of(name)
        start, end = b"<%s>" % name.encode(), b"</%s>" % name.encode()
        if tags.start == tags.stop:
            continue
        if not _read(words, by_name.values_from[tags] - len(start), start):
            return False
        if plan.holds_value[number] and not _read(words, by_name.values_until[tags], end):
            return False
    return True


def _are_blank(words: Words, tokens: Tokens) -> bool:
    """Whether there is only white space between tags where no value stands."""
    starts, ends = tokens.every_closing[:-1] + 1, tokens.every_opening[1:]
    # A value stands where a start tag is followed by an end tag.
    chosen = np.flatnonzero((ends > starts) & (tokens.is_end[:-1] | ~tokens.is_end[1:]))
    starts, ends = starts[chosen], ends[chosen]
    while len(starts):
        keep = KEEP_LAST[np.minimum(ends - starts, _WORD)]
        found = words[ends - _WORD]
        blank = np.zeros(len(found), np.uint64)
        for spaces in _SPACES:
            other = found ^ spaces
            # Eighty in each byte that is that space, and nothing elsewhere.
            blank |= ~(((other & _SEVENS) + _SEVENS) | other | _SEVENS)
        if (~blank & keep & _EIGHTS).any():
            return False
        more = ends - starts > _WORD
        starts, ends = starts[more], ends[more] - _WORD
    return True


def _judge_structures(
    plan: _Plan, tokens: Tokens, marks: Ids, head: bytes, tail: bytes, layout: Layout
) -> Any | None:
    """Has libxml2 judge the head, the tail and one record for each structure not yet known."""
    content = tokens.content
    records = marks.tobytes().split(bytes([plan.record]))
    if records.pop(0):
        return None
    closing_tag = b"</%s>" % plan.structure.record.encode()
    end = content.rfind(closing_tag) + len(closing_tag)
    starts = [*tokens.by_name.openings(plan.structure.record).tolist(), end]
    chosen, learnt = _unknown(plan, records)
    if chosen is None:
        return None
    samples = [content[starts[index] : starts[index + 1]] for index in chosen or (0,)]
    if sum(map(len, samples)) > max(_LITTLE, len(content) // _WORTH) and len(samples) > 1:
        return None
    rest = content[end:]
    # What stands before the tail stands between two records when other pieces follow.
    if tail and rest.strip(_BLANK):
        return None
    document = b"".join((head, *samples, rest, tail))
    judged = judge(document, layout, plain=True, most=1)
    if judged.root is None or judged.errors:
        return None
    plan.remember(learnt)
    return judged.root


def _unknown(plan: _Plan, records: list[bytes]) -> tuple[list[int] | None, set[bytes]]:
    """Records to be judged, by their places, and the structures known once they are accepted.

    None for the places when a record is not one start tag, its content and its end tag.
    """
    unknown = set(records) - plan.known
    if not unknown:
        return [], set()
    places = {record: index for index, record in enumerate(records)}
    end = bytes([plan.record | _END])
    learnt: set[bytes] = set()
    chosen: list[int] = []
    for record in unknown:
        if not record.endswith(end) or record.count(end) != 1:
            return None, set()
        parts = _parts(plan, record)
        if parts - plan.known - learnt:
            chosen.append(places[record])
            learnt |= parts
            if len(chosen) > _SAMPLES:
                return None, set()
    return chosen, learnt | unknown


def _parts(plan: _Plan, record: bytes) -> set[bytes]:
    """A record with each run of a repeated element as one empty element, and those elements."""
    parts: set[bytes] = set()
    for start, pattern in plan.runs:
        parts.update(pattern.findall(record))
        run = start + bytes([start[0] | _END])
        # No letter of a structure may be taken for the backslash of a template.
        record = _collapsed(pattern.sub(run.replace(b"\\", b"\\\\"), record), run)
    # Told apart from a whole record, which has its own end tag and no start tag, by the start tag.
    parts.add(bytes([plan.record]) + record)
    return parts


def _collapsed(record: bytes, run: bytes) -> bytes:
    """Each row of one and the same thing as that thing once."""
    while run + run in record:
        record = record.replace(run + run, run)
    return record


def _judge_values(plan: _Plan, tokens: Tokens, words: Words) -> bool:
    """Has libxml2 judge one element for each distinct value of each name."""
    content, by_name = tokens.content, tokens.by_name
    elements: list[bytes] = [b"<values>"]
    for name in plan.structure.leaves:
        chosen = by_name.of(name)
        starts, ends = by_name.values_from[chosen], by_name.values_until[chosen]
        if len(starts):
            starts, ends = _distinct(words, starts, ends)
            starts, ends = starts - (len(name) + 2), ends + (len(name) + 3)
            elements += [
                content[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
            ]
    elements.append(b"</values>")
    return accepts(b"".join(elements), plan.structure.values)


def _distinct(words: Words, starts: Positions, ends: Positions) -> tuple[Positions, Positions]:
    """At least one slice for each distinct value; values of more than sixteen bytes are all kept."""
    lengths = ends - starts
    longest = int(lengths.max())
    if longest > 2 * _WORD or int(ends[0]) < 2 * _WORD:
        short = (lengths <= 2 * _WORD) & (ends >= 2 * _WORD)
        if not short.any():
            return starts, ends
        some_starts, some_ends = _distinct(words, starts[short], ends[short])
        rest = ~short
        return np.concatenate((starts[rest], some_starts)), np.concatenate((ends[rest], some_ends))
    same = longest == int(lengths.min())
    last = words[ends - _WORD]
    last &= KEEP_LAST[min(longest, _WORD)] if same else KEEP_LAST[np.minimum(lengths, _WORD)]
    if longest <= _WORD:
        return _first_of_each(starts, ends, last, None)
    first = words[ends - 2 * _WORD]
    first &= KEEP_LAST[longest - _WORD] if same else KEEP_LAST[np.maximum(lengths - _WORD, 0)]
    return _first_of_each(starts, ends, last, first)


def _first_of_each(
    starts: Positions, ends: Positions, last: Words, first: Words | None
) -> tuple[Positions, Positions]:
    """One slice for each distinct pair of words; a clash of keys keeps one too many, never one too few."""
    if (last == last[0]).all() and (first is None or (first == first[0]).all()):
        return starts[:1], ends[:1]
    order = np.argsort(last if first is None else (last * _MIXER) ^ first)
    last = last[order]
    is_new = np.ones(len(order), np.bool_)
    is_new[1:] = last[1:] != last[:-1]
    if first is not None:
        first = first[order]
        is_new[1:] |= first[1:] != first[:-1]
    kept = order[is_new]
    return starts[kept], ends[kept]
