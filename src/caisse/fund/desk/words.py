"""What the desk calls states, queues, doors and lines of a history, and how each looks."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

type Words = Mapping[str, str | Promise]

CASE_STATES: Words = {
    "draft": _("Draft"),
    "submitted": _("New"),
    "in_review": _("In review"),
    "incomplete": _("Asked back"),
    "awaiting_signatures": _("Waiting for signatures"),
    "awaiting_board": _("Waiting for the Board"),
    "proposed": _("Decision proposed"),
    "cooling_off": _("Cooling-off time"),
    "granted": _("Granted"),
    "refused": _("Refused"),
    "withdrawn": _("Withdrawn"),
    "lapsed": _("Closed unanswered"),
}
CASE_TONES: Mapping[str, str] = {
    "submitted": "info",
    "in_review": "info",
    "incomplete": "warn",
    "awaiting_signatures": "warn",
    "awaiting_board": "warn",
    "proposed": "info",
    "cooling_off": "warn",
    "granted": "good",
    "refused": "bad",
}
DOCUMENT_STATES: Words = {
    "received": _("To judge"),
    "accepted": pgettext_lazy("document", "Accepted"),
    "refused": pgettext_lazy("document", "Refused"),
    "replaced": pgettext_lazy("document", "Replaced"),
    "removed": pgettext_lazy("document", "Taken back"),
    "absent": pgettext_lazy("document", "Missing"),
    "online": _("Filled in on line"),
}
DOCUMENT_TONES: Mapping[str, str] = {
    "received": "info",
    "accepted": "good",
    "refused": "bad",
    "absent": "warn",
}
QUEUES: Words = {
    "mine": _("Mine"),
    "new": pgettext_lazy("queue", "New"),
    "in_review": _("In review"),
    "to_confirm": _("To confirm"),
    "incomplete": _("Asked back"),
    "signatures": _("Signatures"),
    "board": _("Board"),
    "cooling_off": _("Cooling-off time"),
    "by_mail": _("Come by mail"),
    "overdue": _("Overdue"),
    "closed": _("Closed"),
}
QUEUE_HINTS: Words = {
    "mine": _("Open cases assigned to you."),
    "new": _("Handed in, taken by nobody yet."),
    "in_review": _("An officer examines them."),
    "to_confirm": _("A colleague proposes a decision; a second person confirms it or sends it back."),
    "incomplete": _("The applicant was asked for something and has not answered yet."),
    "signatures": _("Members have to sign before the case goes on."),
    "board": _("On the agenda of a session of the Board."),
    "cooling_off": _("Granted; carried out when the time to object is over."),
    "by_mail": _("Opened from a mail; profession and documents may have to be sorted."),
    "overdue": _("The day they were due is past."),
    "closed": _("Granted, refused, withdrawn or closed unanswered; the newest first."),
}
DOORS: Words = {
    "portal": _("Portal"),
    "mail": _("E-mail"),
    "desk": _("Entered at the desk"),
    "paper": _("Paper"),
}
LANGUAGES: Words = {"fr": _("French"), "de": _("German"), "en": _("English")}
OUTCOMES: Words = {"granted": _("Granted"), "refused": _("Refused"), "adjourned": _("Adjourned")}
OUTCOME_TONES: Mapping[str, str] = {"granted": "good", "refused": "bad", "adjourned": "warn"}
ENTRIES: Words = {
    "opened": _("Case opened"),
    "moved": _("State changed"),
    "assigned": _("Assigned"),
    "document_received": _("Document received"),
    "document_accepted": _("Document accepted"),
    "document_refused": _("Document refused"),
    "file_refused": _("File refused at the door"),
    "note": _("Note for colleagues"),
    "returned": _("Proposal sent back"),
    "objection": _("Objection of the holder"),
    "appeal": _("Opposition"),
    "letter": _("Letter"),
    "adjourned": _("Adjourned by the Board"),
    "mail": _("Mail"),
    "signer_not_reached": _("Signer not reached by mail"),
    "signer_told_by_letter": _("Letter to a signer, to be printed and sent"),
    "reminder": _("Reminder"),
    "signed": _("Signature given"),
    "signature_refused": _("Signature refused"),
    "signature_void": _("Signature no longer counts"),
    "hand_over_renewed": _("Password offered again"),
    "secret_collected": _("Password collected"),
}
STANDINGS: Words = {
    "valid": pgettext_lazy("code", "Valid"),
    "suspended": pgettext_lazy("code", "Suspended"),
    "ended": pgettext_lazy("code", "Ended"),
    "not_yet": pgettext_lazy("code", "Not yet valid"),
    "unknown": pgettext_lazy("code", "Not known"),
}
STANDING_TONES: Mapping[str, str] = {"valid": "good", "suspended": "warn", "ended": "bad", "not_yet": "info"}
SESSION_STATES: Words = {
    "planned": _("Planned"),
    "convened": _("Convened"),
    "held": _("Held"),
    "cancelled": _("Cancelled"),
}
ROLES: Words = {
    "officer": _("Case officer"),
    "supervisor": _("Supervisor"),
    "board_secretary": _("Secretary of the Board"),
    "editor": _("Editor of the newsletter"),
    "auditor": _("Auditor"),
    "administrator": _("Administrator of users"),
}
MAIL_STATES: Words = {
    "queued": _("Waiting to leave"),
    "held": _("Held: no relay"),
    "sent": _("Sent"),
    "failed": _("Failed"),
}
MAIL_TONES: Mapping[str, str] = {"queued": "info", "held": "warn", "sent": "good", "failed": "bad"}
ISSUE_STATES: Words = {
    "draft": _("Draft"),
    "scheduled": _("Scheduled"),
    "sending": _("Being sent"),
    "sent": _("Sent"),
}
PROVIDER_KINDS: Words = {
    "person": _("Person"),
    "company": _("Company"),
    "association": _("Liberal association"),
    "institution": _("Institution"),
}
#: Who acts beside the users, by the first word of the actor.
ACTORS: Words = {
    "applicant": _("Applicant"),
    "visitor": _("Applicant"),
    "clock": _("The day that came"),
    "mail": _("By e-mail"),
    "worker": _("Automatic"),
    "command": _("Command line"),
}
NUMBERS: Words = {
    "national": _("National number"),
    "legal": _("Number of the legal person"),
    "rcs": _("Trade register"),
    "vat": _("VAT number"),
}


def language() -> str:
    """The language the page is shown in: fr, de or en."""
    return (get_language() or "fr")[:2]


def pick(texts: Mapping[str, str]) -> str:
    """The text of a catalogue entry in the language of the page."""
    return texts[language()]


def word(words: Words, key: str) -> str | Promise:
    """What the desk calls something; the key itself for what has no word yet."""
    return words.get(key, key)


def actor(by: str) -> str | Promise:
    """Who acted, for an actor without a name: the applicant of this case, the clock, the command line."""
    return ACTORS.get(by.partition(" ")[0], by)
