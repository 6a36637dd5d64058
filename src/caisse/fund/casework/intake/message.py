"""What is in a mail: its sender, its words, its attachments; read defensively, since anybody can write one.

Nothing here raises for what a mail contains: a mail that cannot be taken apart says so in ``trouble``.
"""

import hashlib
import re
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses

from lxml import etree, html

#: A mail with more is not taken apart: nobody sends it by hand, and it costs more than it is worth.
MOST_PARTS, MOST_NESTED, LARGEST_HEADER, _MOST_BOUNDARIES = 200, 20, 64_000, 10_000
#: Attachments looked at; what comes after is named as too many.
MOST_ATTACHMENTS = 40
_LONGEST_VALUE, LONGEST_TEXT, _LONGEST_HTML = 4_000, 20_000, 200_000
#: A picture that the mail's text shows, not larger than this (bytes), is part of somebody's signature.
LARGEST_DECORATION = 50_000

#: Reason codes, see tables/reasons/mail.toml.
WINMAIL, SEALED, TOO_MANY, TOO_COMPLEX = "MAI-001", "MAI-002", "MAI-003", "MAI-004"
_SEALED = {"application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted"}
#: Parts that mail programs add and nobody means as a document.
_IGNORED = {
    "application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature",
    "application/pgp-keys", "text/calendar", "text/vcard", "text/x-vcard", "message/delivery-status",
    "message/disposition-notification", "text/rfc822-headers",
}  # fmt: skip
_CONTAINER = re.compile(rb"^content-type\s*:\s*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE)
_ANY_PART = re.compile(rb"^content-(?:type|transfer-encoding)\s*:", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]{1,64}@[A-Za-z0-9.-]{1,200}\.[A-Za-z0-9-]{2,60}")


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file of a mail. ``trouble``: "" or the reason code why it is no document whatever is in it.

    ``shown_as``: the id by which the mail's HTML may show it, if it is a picture.
    """

    name: str
    content: bytes
    trouble: str = ""
    shown_as: str = ""


@dataclass(slots=True)
class Reading:
    """A mail taken apart. ``trouble``: "" or the code of the one reason why it was not."""

    sender: str = ""
    subject: str = ""
    message_id: str = ""
    refers_to: tuple[str, ...] = ()
    language: str = ""
    body_sha256: str = ""
    automatic: bool = False
    text: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    trouble: str = ""


def read_message(content: bytes) -> Reading:
    """Take a mail apart."""
    head, body = _split(content)
    reading = Reading(body_sha256=hashlib.sha256(body).hexdigest())
    if len(head) > LARGEST_HEADER:
        reading.trouble = TOO_COMPLEX
        return reading
    _read_head(reading, message_from_bytes(head + b"\r\n\r\n", policy=policy.compat32))
    nested, parts = len(_CONTAINER.findall(content)), len(_ANY_PART.findall(content))
    boundaries = len(re.findall(rb"^--", content, re.MULTILINE))
    if nested > MOST_NESTED or parts > 2 * MOST_PARTS or boundaries > _MOST_BOUNDARIES:
        reading.trouble = TOO_COMPLEX
        return reading
    message = message_from_bytes(content, policy=policy.compat32)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    if len(leaves) > MOST_PARTS:
        reading.trouble = TOO_COMPLEX
        return reading
    _read_parts(reading, leaves)
    return reading


def read_head(content: bytes) -> Reading:
    """Who wrote a mail, and what it names, of its first bytes; nothing of a head that is too large."""
    head, _body = _split(content)
    reading = Reading()
    if len(head) > LARGEST_HEADER:
        reading.trouble = TOO_COMPLEX
    else:
        _read_head(reading, message_from_bytes(head + b"\r\n\r\n", policy=policy.compat32))
    return reading


def _split(content: bytes) -> tuple[bytes, bytes]:
    found = re.search(rb"\r?\n\r?\n", content[: LARGEST_HEADER + 4])
    if found is None:
        return content, b""
    return content[: found.start()], content[found.end() :]


def _value(message: Message, name: str) -> str:
    """A header as one line of text; "" when it is missing, too long or not to be decoded."""
    raw = _raw(message, name)
    if len(raw) > _LONGEST_VALUE:
        return ""
    try:
        decoded = str(make_header(decode_header(raw)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        decoded = raw
    return _one_line(decoded)


def _one_line(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _raw(message: Message, name: str) -> str:
    """A header as it was written; bytes beyond ASCII, which nobody should send, as UTF-8 or Latin-1."""
    found = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
    content = str(found).encode("utf-8", "surrogateescape")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _read_head(reading: Reading, message: Message) -> None:
    reading.subject = _value(message, "Subject")[:500]
    reading.sender = _sender(message)
    reading.message_id = _value(message, "Message-ID")[:250]
    named = _value(message, "In-Reply-To") + " " + _value(message, "References")
    reading.refers_to = tuple(dict.fromkeys(re.findall(r"<[^<>\s]{3,250}>", named)))[:50]
    reading.language = _value(message, "Content-Language")[:2].lower()
    auto = _value(message, "Auto-Submitted").lower()
    reading.automatic = (
        auto not in ("", "no")
        or _value(message, "Precedence").lower() in ("bulk", "junk", "list", "auto_reply")
        or any(message.get(name) is not None for name in ("List-Id", "X-Autoreply", "X-Autorespond"))
        or message.get_content_type() == "multipart/report"
        or re.match(r"(?:mailer-daemon|postmaster|no-?reply)@", reading.sender, re.I) is not None
    )


def _sender(message: Message) -> str:
    """The one address the mail says it is from; "" when there is none, or more than one."""
    if len(message.get_all("From", [])) != 1:
        return ""
    raw = _raw(message, "From")
    if len(raw) > _LONGEST_VALUE:
        return ""
    found = [address for _name, address in getaddresses([raw]) if address]
    return found[0] if len(found) == 1 and _ADDRESS.fullmatch(found[0]) and found[0].isascii() else ""


def _read_parts(reading: Reading, leaves: list[Message]) -> None:
    page = ""
    for part in leaves:
        content_type, name = part.get_content_type().lower(), _file_name(part)
        if _is_text(part, content_type, name):
            words = _words(part)
            if content_type == "text/html":
                page = page or words[:_LONGEST_HTML]
            else:
                reading.text = reading.text or words
        elif content_type not in _IGNORED and len(reading.attachments) <= MOST_ATTACHMENTS:
            reading.attachments.append(_attachment(part, content_type, name, len(reading.attachments) + 1))
    shown = set(re.findall(r"cid:([^\"'\s>]{1,200})", page))
    reading.attachments = [one for one in reading.attachments if not _is_decoration(one, shown)]
    text = reading.text or _plain(page)
    # Some charsets decode to halves of characters, which nothing can store.
    sound = text[: 2 * LONGEST_TEXT].encode("utf-8", "replace").decode("utf-8")
    reading.text = sound.replace("\x00", "").replace("\r\n", "\n").strip()[:LONGEST_TEXT]


def _plain(page: str) -> str:
    """The words of a mail that has HTML only."""
    parser = html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True, encoding="utf-8")
    try:
        tree = html.document_fromstring(page.encode(), parser=parser)
    except (etree.LxmlError, ValueError):
        return ""
    etree.strip_elements(tree, "script", "style", "head", "title", with_tail=False)
    for element in tree.iter("br", "p", "div", "tr", "li"):
        element.tail = "\n" + (element.tail or "")
    return "".join(tree.itertext())


def _attachment(part: Message, content_type: str, name: str, number: int) -> Attachment:
    trouble = ""
    if content_type in ("application/ms-tnef", "application/vnd.ms-tnef") or name.lower() == "winmail.dat":
        trouble = WINMAIL
    elif content_type in _SEALED or name.lower().endswith((".p7m", ".pgp", ".gpg")):
        trouble = SEALED
    elif number > MOST_ATTACHMENTS:
        trouble = TOO_MANY
    content_id = str(part.get("Content-ID") or "")[:300].strip("<> \r\n\t")
    return Attachment(
        name or f"{number}",
        b"" if trouble else _bytes(part),
        trouble,
        content_id if content_type.startswith("image/") else "",
    )


def _is_decoration(one: Attachment, shown: set[str]) -> bool:
    return one.shown_as in shown and len(one.content) <= LARGEST_DECORATION if one.shown_as else False


def _is_text(part: Message, content_type: str, name: str) -> bool:
    disposition = str(part.get("Content-Disposition") or "")[:200].strip().lower()
    return (
        content_type in ("text/plain", "text/html") and not name and not disposition.startswith("attachment")
    )


def _file_name(part: Message) -> str:
    """The name a part goes by (RFC 2231, RFC 2047, or plain bytes as some programs write it), or ""."""
    for header in ("Content-Disposition", "Content-Type"):
        raw = _raw(part, header)
        if len(raw) > _LONGEST_VALUE:
            return "?"
        if not raw.isascii():
            part.replace_header(header, raw)
    try:
        name = part.get_filename() or ""
        decoded = str(make_header(decode_header(name))) if "=?" in name else name
    except (HeaderParseError, LookupError, UnicodeError, ValueError, TypeError):
        return "?"
    return _one_line(decoded)[:255]


def _bytes(part: Message) -> bytes:
    """What an attachment holds, its transfer encoding undone as far as it can be."""
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        content = None
    return content if isinstance(content, bytes) else b""


def _words(part: Message) -> str:
    """A text part in its charset; in the most likely one when what it names is wrong or unknown."""
    content = _bytes(part)[: 4 * _LONGEST_HTML]
    for charset in (part.get_content_charset() or "utf-8", "utf-8"):
        try:
            return content.decode(charset)
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return content.decode("cp1252", "replace")
