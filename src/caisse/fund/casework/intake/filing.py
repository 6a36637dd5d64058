"""Which case a mail belongs to, and its attachments as documents of that case."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings

from caisse.agreement.tables import reasons
from caisse.fund.casework.actions.files import Arriving, FileRefused, receive_file, shown_name
from caisse.fund.casework.documents.inspection import Inspection, inspect
from caisse.fund.casework.errors import CaseMoved, TooManyFiles
from caisse.fund.casework.intake.addresses import case_of
from caisse.fund.casework.intake.answers import TEXTS, Refused
from caisse.fund.casework.intake.message import Attachment, Reading
from caisse.fund.casework.models import Case, Letter
from caisse.fund.casework.queries import UNSORTED
from caisse.fund.notices.models import Mail
from caisse.fund.notices.texts import LANGUAGES, read_texts

_NUMBER = re.compile(r"(?<!\d)20\d\d-\d{6}(?!\d)")


@dataclass(frozen=True, slots=True)
class Found:
    """The case a mail names, if there is one; ``proven`` when its sender may add to it."""

    named: bool
    case: Case | None = None
    proven: bool = False


@dataclass(slots=True)
class Filed:
    """What became of the attachments."""

    kept: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def notes(self) -> list[tuple[str, str]]:
        """Each attachment's name with "kept" or the code it was refused for."""
        return [(name, "kept") for name in self.kept] + [(one.name, one.code) for one in self.refused]


def find_case(recipients: Sequence[str], reading: Reading) -> Found:
    """The case a mail belongs to: by the address it was sent to, the mail it answers, or its subject.

    Only the address with its key, or a sender whose address is the case's own, may add to a case.
    """
    for recipient in recipients:
        number = case_of(recipient)
        if number and (case := Case.objects.filter(number=number).first()):
            return Found(True, case, True)
    number = _answered(reading.refers_to) or _named(reading.subject)
    if number is None:
        return Found(False)
    case = Case.objects.filter(number=number).first()
    return Found(True, case, case is not None and case.email.lower() == reading.sender.lower())


def _named(subject: str) -> str | None:
    found = _NUMBER.search(subject)
    return found[0] if found else None


def _answered(refers_to: Sequence[str]) -> str | None:
    """The number of the case one of our mails was about that this one answers."""
    for mail in Mail.objects.filter(message_id__in=refers_to).order_by("-pk"):
        if mail.about_type == "case":
            return mail.about_id
        if mail.about_type == "letter":
            letter = (
                Letter.objects.filter(pk=mail.about_id, case__isnull=False).select_related("case").first()
            )
            if letter is not None:
                return letter.case.number
    return None


def first_sound(attachments: Sequence[Attachment]) -> bool:
    """True when at least one attachment is a document the fund can take."""
    return any(not one.trouble and _judge(one).ok for one in attachments)


def refusals(attachments: Sequence[Attachment]) -> list[Refused]:
    """Why each attachment is not taken, of a mail without a single sound one."""
    return [_by_code(one) if one.trouble else _by_inspection(one.name, _judge(one)) for one in attachments]


def file_attachments(case_id: int, attachments: Sequence[Attachment], *, by: str, at: datetime) -> Filed:
    """Take the attachments into a case, each in a transaction of its own; done again, none is there twice."""
    filed = Filed()
    for one in attachments:
        if one.trouble:
            filed.refused.append(_by_code(one))
            continue
        arriving = Arriving(_staged(one), one.name, UNSORTED)
        try:
            receive_file(case_id=case_id, arriving=arriving, by=by, at=at)
            filed.kept.append(shown_name(one.name))
        except FileRefused as refusal:
            filed.refused.append(_by_inspection(one.name, refusal.inspection))
        except (TooManyFiles, CaseMoved):
            texts = read_texts(TEXTS)
            filed.refused.append(
                Refused(shown_name(one.name), "full", texts["too_many"], texts["too_many_remedy"])
            )
    return filed


def _judge(one: Attachment) -> Inspection:
    path = _staged(one)
    try:
        return inspect(path)
    finally:
        path.unlink(missing_ok=True)


def _staged(one: Attachment) -> Path:
    path = settings.HOME.staging / f"mail-{uuid.uuid4().hex}"
    path.write_bytes(one.content)
    return path


def _by_code(one: Attachment) -> Refused:
    reason = reasons.reason(one.trouble)
    return Refused(shown_name(one.name), one.trouble, reason.texts, reason.remedies)


def _by_inspection(name: str, judged: Inspection) -> Refused:
    return Refused(
        shown_name(name), judged.code or "", {language: judged.text(language) for language in LANGUAGES},
        {language: judged.remedy(language) for language in LANGUAGES},
    )  # fmt: skip
