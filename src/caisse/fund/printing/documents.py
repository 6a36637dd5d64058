"""Every kind of document by its name, and the way from its data to its PDF."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from caisse.fund.home import Sender
from caisse.fund.printing import board, composing, letters, sessions
from caisse.fund.printing.annual import AnnualStatement, annual_statement
from caisse.fund.printing.composing import Composed
from caisse.fund.printing.typesetting import typeset
from caisse.fund.printing.wording import LANGUAGES, Wording

__all__ = ["KINDS", "LANGUAGES", "read", "render", "subject"]

Document = letters.Letter | sessions.Session

COMPOSERS: dict[type[letters.Letter], composing.Composer] = {
    **composing.COMPOSERS,
    AnnualStatement: annual_statement,
}
#: The name of each kind -> the class that says what it needs.
KINDS: dict[str, type[Document]] = {
    **{letter.kind: letter for letter in COMPOSERS},
    **{kind.kind: kind for kind in (sessions.BoardAgenda, sessions.BoardMinutes)},
}


def read(kind: str, data: Mapping[str, Any]) -> Document:
    """The document of a kind from plain data, such as its stored JSON (days as 2026-11-22).

    Raises ValueError naming every entry that is missing, unknown or of the wrong sort, without its value.
    """
    if kind not in KINDS:
        raise ValueError(f"there is no document {kind!r}; there are {', '.join(sorted(KINDS))}")
    try:
        return _reader(kind).validate_python(data, extra="forbid")
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ValueError(f"{kind}: {'; '.join(faults)}") from None


def render(kind: str, language: str, data: Mapping[str, Any] | Document) -> bytes:
    """The PDF of a document in French, German or English; the same data gives the same bytes.

    ``data`` is an object of the kind's class or what `read` takes. Raises ValueError for wrong data.
    """
    say = Wording(language)
    document = _document(kind, data)
    composed = _composed(document, say)
    if isinstance(document, letters.Letter):
        return typeset("letter.typ", _letter(document, composed, say), on=document.head.on)
    return typeset("session.typ", _session(document, composed, say), on=document.on)


def subject(kind: str, language: str, data: Mapping[str, Any] | Document) -> str:
    """The subject of a document, as it is also used for the mail that brings it."""
    return _composed(_document(kind, data), Wording(language)).subject


@cache
def _reader(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(KINDS[kind])


def _document(kind: str, data: Mapping[str, Any] | Document) -> Document:
    if isinstance(data, Mapping):
        return read(kind, data)
    if getattr(data, "kind", None) != kind:
        raise ValueError(f"{type(data).__name__} is not what a {kind} needs")
    return data


def _composed(document: Document, say: Wording) -> Composed:
    if isinstance(document, sessions.BoardAgenda):
        return board.agenda(document, say)
    if isinstance(document, sessions.BoardMinutes):
        return board.minutes(document, say)
    return COMPOSERS[type(document)](document, say)


def _page(sender: Sender, composed: Composed, say: Wording) -> dict[str, Any]:
    """What every page needs."""
    phone = say("letter.phone", phone=sender.phone) if sender.phone else ""
    reached = [way for way in (phone, sender.email, sender.website) if way]
    return {
        "language": say.language,
        "title": composed.subject,
        "author": sender.name,
        "sender": {"name": sender.name, "department": sender.department, "lines": sender.lines},
        "foot": [part for part in ([sender.name, *sender.lines], reached) if part],
        "page": say("letter.page"),
        "blocks": composed.blocks,
    }


def _letter(letter: letters.Letter, composed: Composed, say: Wording) -> dict[str, Any]:
    head = letter.head
    dated = (
        say("letter.dated", place=head.sender.place, on=head.on) if head.sender.place else say.day(head.on)
    )
    marks = [(say("letter.reference"), head.reference), (say("letter.contact"), head.contact)]
    return {
        **_page(head.sender, composed, say),
        "to": head.to,
        "dated": dated,
        "marks": [[label, value] for label, value in marks if value],
        "reference": head.reference,
        "salutation": say("letter.salutation"),
        "closing": say("letter.closing"),
        "enclosures": {"title": say("letter.enclosures"), "items": head.enclosures},
    }


def _session(session: sessions.Session, composed: Composed, say: Wording) -> dict[str, Any]:
    return {**_page(session.sender, composed, say), "reference": session.number}
