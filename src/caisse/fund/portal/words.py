"""What the portal calls states, documents, codes and lines of a history, in words a visitor understands."""

import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

type Word = str | Promise
type Words = Mapping[str, Word]


@dataclass(frozen=True, slots=True)
class State:
    """How a state of a case is called, how it looks, and what happens next and through whom."""

    label: Word
    tone: str
    next: Word


CASE_STATES: Mapping[str, State] = {
    "draft": State(
        _("Draft"),
        "warn",
        _("Nothing has been handed in yet. Complete the application and submit it."),
    ),
    "submitted": State(
        _("Submitted"),
        "info",
        _("The fund has received it. An officer will examine it; you do not have to do anything."),
    ),
    "in_review": State(
        _("Being examined"), "info", _("An officer examines it. You do not have to do anything.")
    ),
    "incomplete": State(
        _("Your answer is needed"),
        "bad",
        _("The fund needs something from you. Answer or change what is listed, then submit again."),
    ),
    "awaiting_signatures": State(
        _("Waiting for signatures"),
        "warn",
        _("Everybody concerned has to sign. The case goes on once all have signed."),
    ),
    "awaiting_board": State(
        _("Waiting for the Board"),
        "info",
        _("The Board of the fund decides in one of its next monthly sessions. You will be told by letter."),
    ),
    "proposed": State(
        _("About to be decided"), "info", _("The decision is being checked by a second person.")
    ),
    "cooling_off": State(
        _("Granted, not yet in force"),
        "warn",
        _("The change takes effect after a waiting time. Until then its holder can object."),
    ),
    "granted": State(_("Granted"), "good", _("The case is closed. You find the letter below.")),
    "refused": State(
        _("Refused"),
        "bad",
        _("The case is closed. The letter gives the reasons and how to oppose the decision."),
    ),
    "withdrawn": State(_("Withdrawn"), "", _("You took the case back. It stays readable here.")),
    "lapsed": State(
        _("Closed unanswered"),
        "bad",
        _("No answer came in time, so the case was closed. You can apply again at any time."),
    ),
}
DOCUMENT_STATES: Words = {
    "received": pgettext_lazy("document", "Received"),
    "accepted": pgettext_lazy("document", "Accepted"),
    "refused": pgettext_lazy("document", "Refused"),
    "online": _("Filled in on line"),
    "online_open": _("To be filled in on line"),
    "absent": pgettext_lazy("document", "Missing"),
}
DOCUMENT_TONES: Mapping[str, str] = {
    "received": "info",
    "accepted": "good",
    "refused": "bad",
    "online": "good",
    "online_open": "warn",
    "absent": "warn",
}
#: What is said where a document does not do and the catalogue has no words of its own.
LACKS: Words = {
    "absent": _("This document is still missing."),
    "refused": _("This document was refused. Attach another one."),
}
ENTRIES: Words = {
    "opened": _("Case opened"),
    "document_received": _("Document received"),
    "file_refused": _("File not accepted"),
    "document_refused": _("Document refused"),
    "letter": _("Letter of the fund"),
    "appeal": _("Opposition filed"),
    "objection": _("Objection to the change"),
    "mail": _("Your e-mail"),
    "reminder": _("Reminder of the fund"),
    "hand_over_renewed": _("Password offered again"),
    "secret_collected": _("Password collected"),
    "signed": _("Signature given"),
}
CODE_STATES: Words = {
    "valid": pgettext_lazy("code", "Valid"),
    "suspended": pgettext_lazy("code", "Suspended"),
    "ended": pgettext_lazy("code", "Ended"),
    "not_yet": pgettext_lazy("code", "Not yet valid"),
    "unknown": pgettext_lazy("code", "Not known"),
}
CODE_TONES: Mapping[str, str] = {"valid": "good", "suspended": "bad", "ended": "", "not_yet": "info"}
ROADS: Words = {
    "convention": _("A complete application leads to the code."),
    "agreement": _("The Board of the fund decides on the approval (agrément) first, in a monthly session."),
    "none": "",
}
EXCHANGE: Words = {
    "compulsory": _("Electronic exchange with the fund is compulsory."),
    "optional": _("Electronic exchange with the fund is possible."),
    "not_offered": _("Electronic exchange with the fund is not offered to this profession."),
}
#: How access to the exchange stands, and its tone.
ACCESS: Mapping[str, tuple[Word, str]] = {
    "open": (pgettext_lazy("access", "Open"), "good"),
    "closed": (pgettext_lazy("access", "Closed"), ""),
    "to_collect": (pgettext_lazy("access", "Password waits to be collected"), "warn"),
    "not_yet": (pgettext_lazy("access", "Opens later"), "info"),
    "expired": (pgettext_lazy("access", "Password not collected in time"), "bad"),
}
STANDINGS: Words = {
    "sourced": _("read in the source"),
    "inferred": _("concluded from the source"),
    "ours": _("decided by the fund"),
}
LANGUAGES: Words = {"fr": _("French"), "de": _("German"), "en": _("English")}


def language() -> str:
    """The language the page is shown in: fr, de or en."""
    return (get_language() or "fr")[:2]


def pick(texts: Mapping[str, str]) -> str:
    """The text of a catalogue entry in the language of the page."""
    return texts[language()]


def in_order(name: str) -> str:
    """What names are sorted by: letters count whatever their accents and case."""
    plain = unicodedata.normalize("NFD", name.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def word(words: Words, key: str) -> Word:
    """What the portal calls something; the key itself for what has no word yet."""
    return words.get(key, key)


def day(typed: str) -> str:
    """A day of the sheet as the language of the page writes it; what is no day as it was typed."""
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y"):
        with suppress(ValueError):
            return date_format(datetime.strptime(typed, form).date(), "SHORT_DATE_FORMAT")  # noqa: DTZ007 - a day
    return typed
