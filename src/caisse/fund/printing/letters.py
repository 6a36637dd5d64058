"""What each letter needs: one class a kind, named in `kind`; texts are in the addressee's language already.

Days are dates. A day named `…_from` or `effective_on` is the first that holds; one named `…_until` is the
first that no longer holds: letters print the day before it as the last. Codes are whole numbers.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar, Literal

from caisse.fund.home import Sender

Lines = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What stands around every letter: who writes to whom, on which day, under which reference."""

    sender: Sender
    #: The address as it shows in the window of the envelope: name first, at most seven lines.
    to: Lines
    on: date
    reference: str = ""
    #: The department or the person who answers questions.
    contact: str = ""
    enclosures: Lines = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """Where a decision can be contested and within how many days of its notification."""

    to: Literal["board", "arbitral_council"]
    days: int
    address: Lines = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A document or a field of the sheet, and what is to be said about it."""

    label: str
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """One ground of a decision, with the article it rests on."""

    text: str
    article: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of an association with the individual code and the first day of membership."""

    name: str
    code: int
    member_from: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One detail that changed; `before` is empty when there was none."""

    label: str
    before: str = ""
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What letters have in common."""

    kind: ClassVar[str]
    head: Head


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement(Letter):
    """An application arrived: its number, what came with it and what is missing."""

    kind = "acknowledgement"
    case: str
    request: str
    received_on: date
    documents: tuple[Named, ...] = ()
    missing: tuple[Named, ...] = ()
    deadline: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskBack(Letter):
    """What has to be completed or corrected before the fund can decide; `deadline` is the last day."""

    kind = "ask_back"
    case: str
    request: str
    points: tuple[Named, ...]
    deadline: date


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeGranted(Letter):
    """A code is allotted. `site`: the practice site's address lines, or none."""

    kind = "code_granted"
    case: str
    code: int
    profession: str
    site: Lines = ()
    valid_from: date
    valid_until: date | None = None
    exchange: Literal["compulsory", "optional", "not_offered"]
    remarks: Lines = ()
    appeal: Appeal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Letter):
    """An application is refused, on which grounds."""

    kind = "refusal"
    case: str
    request: str
    grounds: tuple[Ground, ...]
    appeal: Appeal


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedUnanswered(Letter):
    """An application is closed because what was asked never came; `deadline` was the last day."""

    kind = "closed_unanswered"
    case: str
    request: str
    asked_on: date
    deadline: date
    appeal: Appeal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureRequest(Letter):
    """To somebody who has no mail address: what is to be signed, how, and until when (the last day).

    It bears no link that would open anything: whoever finds it can do nothing with it.
    """

    kind = "signature_request"
    case: str
    statement: str
    deadline: date
    portal: str
    reminder: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedUnsigned(Letter):
    """A change that needs everybody's signature is closed without them all; `deadline` was the last day."""

    kind = "closed_unsigned"
    case: str
    request: str
    asked_on: date
    deadline: date
    appeal: Appeal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeConfirmed(Letter):
    """A change of address, site, manager, account or invoicing is recorded."""

    kind = "change_confirmed"
    case: str
    request: str
    code: int | None = None
    effective_on: date
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenceWarning(Letter):
    """A licence ends soon; `effect` is what then happens to the code and those that rest on it as well."""

    kind = "licence_warning"
    code: int
    further_codes: tuple[int, ...] = ()
    licence: str
    number: str = ""
    valid_until: date
    days_left: int
    effect: Literal["suspended", "ended", "noted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLapsed(Letter):
    """A code is suspended or ended by event; `reason` is a sentence in the addressee's language."""

    kind = "code_lapsed"
    code: int
    effect: Literal["suspended", "ended"]
    effective_on: date
    reason: str
    appeal: Appeal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeReopened(Letter):
    """A code holds again from `effective_on`; `gap_from` is the first day it did not, if there was one."""

    kind = "code_reopened"
    code: int
    effective_on: date
    gap_from: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeEnded(Letter):
    """A code ends because its holder stops."""

    kind = "code_ended"
    case: str
    request: str
    code: int
    valid_until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccountNotice(Letter):
    """Sent to the address known BEFORE the request: another account is about to be used from `effective_on`.

    `account_ending`: the last characters of the new IBAN, never all of it.
    """

    kind = "bank_account_notice"
    case: str
    code: int
    requested_on: date
    effective_on: date
    account_ending: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationFounded(Letter):
    """A liberal association is registered and has its common code."""

    kind = "association_founded"
    case: str
    name: str
    code: int
    valid_from: date
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationChanged(Letter):
    """A member joined from, or left with effect from, `effective_on`; `members` are those of that day."""

    kind = "association_changed"
    case: str
    name: str
    code: int
    change: Literal["joined", "left"]
    member: str
    member_code: int
    effective_on: date
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationEnded(Letter):
    """The association and its common code end; `code`: None when it never got one."""

    kind = "association_ended"
    name: str
    code: int | None = None
    valid_until: date
    why: Literal["too_few", "dissolved"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeGranted(Letter):
    """Access is open. `where`: the page on which the secret is collected; never the secret."""

    kind = "exchange_granted"
    case: str
    code: int
    user: str
    where: str
    collect_by: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeEnded(Letter):
    """Access to the exchange is closed from `effective_on`."""

    kind = "exchange_ended"
    code: int
    user: str
    effective_on: date
    why: Literal["request", "code_ended", "code_suspended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealReceived(Letter):
    """An opposition to the decision on case `about` arrived."""

    kind = "appeal_received"
    case: str
    about: str
    decided_on: date
    received_on: date
    session_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealDecided(Letter):
    """The Board decided on an opposition."""

    kind = "appeal_decided"
    case: str
    about: str
    decided_on: date
    session_on: date
    outcome: Literal["upheld", "partly", "rejected"]
    grounds: tuple[Ground, ...] = field(default=())
    appeal: Appeal | None = None
