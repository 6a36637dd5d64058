"""What the agenda and the minutes of a Board session need; printed in the fund's working language."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from caisse.fund.home import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A case on the agenda: who asks for what, and what the department proposes."""

    case: str
    applicant: str
    request: str
    proposal: str
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A case after the session: what the Board decided and why."""

    case: str
    applicant: str
    request: str
    outcome: Literal["granted", "refused", "adjourned", "upheld", "partly", "rejected"]
    grounds: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Which session, where and when."""

    kind: ClassVar[str]
    sender: Sender
    #: The day the document is made.
    on: date
    number: str
    held_on: date
    time: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardAgenda(Session):
    """What a session will consider, in order."""

    kind = "board_agenda"
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardMinutes(Session):
    """Who was there and what was decided."""

    kind = "board_minutes"
    chair: str
    present: tuple[str, ...]
    excused: tuple[str, ...] = ()
    items: tuple[Decided, ...]
