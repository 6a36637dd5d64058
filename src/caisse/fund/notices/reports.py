"""Reports of failed delivery (RFC 3464) at the bounce address: about which mail, for good or in passing.

Which mail is said by the address the report went to, never by what the report quotes: anybody can write that.
"""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import Message
from email.policy import default

#: A report has a few KB around what it quotes; nothing beyond this is read.
LARGEST_REPORT = 1_000_000
_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
#: Permanent by their class, but a matter of today: mailbox full, message too big, system full, policy.
_PASSING = re.compile(r"5\.(2\.[234]|3\.[14]|7\.\d+)")


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says: ``permanent`` for an address that does not exist, else a passing failure."""

    permanent: bool
    status: str


def read_report(content: bytes) -> Report | None:
    """The failure a report tells of; None when it tells of none (delayed, delivered, no report at all)."""
    message = message_from_bytes(content[:LARGEST_REPORT], policy=default)
    found = [report for part in _status_parts(message) for report in _recipients(part)]
    if not found:
        return None
    return next((report for report in found if report.permanent), found[0])


def _status_parts(message: Message) -> list[Message]:
    return [part for part in message.walk() if part.get_content_type() == "message/delivery-status"]


def _recipients(part: Message) -> list[Report]:
    blocks = part.get_payload()
    reports = []
    for block in blocks if isinstance(blocks, list) else ():
        if str(block.get("Action", "")).strip().lower() == "failed":
            found = _STATUS.search(str(block.get("Status", "")))
            status = found[0] if found else ""
            reports.append(Report(status.startswith("5") and not _PASSING.fullmatch(status), status))
    return reports
