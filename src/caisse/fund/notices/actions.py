"""Every write of the outbox: a mail is queued in the caller's transaction and leaves by a job afterwards."""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, Unpack

from django.conf import settings
from django.db import transaction
from procrastinate.contrib.django import app

from caisse.fund.audit.actions import record_event
from caisse.fund.notices.addresses import check_address, domain
from caisse.fund.notices.errors import MailNotFailed, MailRefused, NoRelay
from caisse.fund.notices.models import Mail, MailAttachment

SEND_TASK = "caisse.fund.notices.tasks.send_waiting"
ISSUE_TASK = "caisse.fund.notices.tasks.send_issue"
MAIL_QUEUE = "mail"
#: All attachments of a mail together (bytes): many mail servers refuse more than 10 MB.
LARGEST_ATTACHMENTS = 7_000_000

#: Headers a caller may set; addresses, date, id and everything that decides where a mail goes are ours.
HEADERS = frozenset(
    {"Auto-Submitted", "In-Reply-To", "References", "Reply-To", "List-Id", "List-Unsubscribe",
     "List-Unsubscribe-Post", "Precedence"}
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u0085\u2028\u2029]")
_CONTENT_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,80}")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes along with a mail; ``content_type`` such as application/pdf."""

    name: str
    content_type: str
    content: bytes


class MailParts(TypedDict, total=False):
    """What a mail may have besides its text. ``language`` is fr, de or en; ``bulk`` lets others go first.

    ``secrets``: parts of the text that are blanked in the outbox once the relay has the mail.
    """

    html: str
    attachments: Sequence[Attachment]
    headers: Mapping[str, str]
    language: str
    bulk: bool
    secrets: Sequence[str]


def queue_mail(
    *, to: str, subject: str, text: str, about: tuple[str, object], by: str, at: datetime,
    **parts: Unpack[MailParts],
) -> int:  # fmt: skip
    """Write one mail to one address in the caller's transaction and return its id; a job sends it.

    Keep personal data out of ``subject``. Without a relay in fund.toml the mail is held. Raises MailRefused
    when address, subject, headers or attachments cannot go into a mail.
    """
    with transaction.atomic():
        mail = write_mail(to=to, subject=subject, text=text, about=about, at=at, **parts)
        record_event(
            action="mail.queued", by=by, at=at, subject=("mail", mail.pk),
            data={"about": mail.about_type, "state": mail.state},
        )  # fmt: skip
        if mail.state == "queued":
            ask_to_send()
    return mail.pk


def write_mail(
    *, to: str, subject: str, text: str, about: tuple[str, object], at: datetime, **parts: Unpack[MailParts]
) -> Mail:
    """`queue_mail` without event and job, for many mails written together; the caller sees to both."""
    headers = dict(parts.get("headers", {}))
    attachments = list(parts.get("attachments", ()))
    _check_headers(subject, headers)
    _check_attachments(attachments)
    mail = Mail.objects.create(
        message_id=f"<{uuid.uuid4().hex}@{domain()}>",
        to=check_address(to),
        language=parts.get("language", ""),
        subject=subject,
        text=text.replace("\x00", ""),
        html=parts.get("html", "").replace("\x00", ""),
        secrets=list(parts.get("secrets", ())),
        headers={"Auto-Submitted": "auto-generated", **headers},
        about_type=about[0],
        about_id=str(about[1]),
        bulk=parts.get("bulk", False),
        state="queued" if settings.FUND.mail.relay else "held",
        queued_at=at,
        due_at=at,
    )
    MailAttachment.objects.bulk_create(
        MailAttachment(
            mail=mail, position=position, name=one.name, content_type=one.content_type, content=one.content
        )
        for position, one in enumerate(attachments)
    )
    return mail


def _check_headers(subject: str, headers: dict[str, str]) -> None:
    if not subject.strip() or len(subject) > 250 or _CONTROL.search(subject):
        raise MailRefused("the subject is empty, too long or more than one line")
    for name, value in headers.items():
        if name not in HEADERS or len(value) > 900 or _CONTROL.search(value) or not value.isascii():
            raise MailRefused(f"the header {name[:40]!r} cannot be set so")


def _check_attachments(attachments: list[Attachment]) -> None:
    for one in attachments:
        plain = one.name.strip(" .") and len(one.name) <= 150 and not re.search(r'[/\\"]', one.name)
        if not plain or _CONTROL.search(one.name) or not _CONTENT_TYPE.fullmatch(one.content_type):
            raise MailRefused("an attachment has no usable name or type")
    if sum(len(one.content) for one in attachments) > LARGEST_ATTACHMENTS:
        raise MailRefused(f"the attachments are larger than {LARGEST_ATTACHMENTS} bytes")


def ask_to_send(*, at: datetime | None = None) -> None:
    """Queue the job that sends what is due, in the caller's transaction; ``at`` a moment, else at once."""
    app.configure_task(SEND_TASK, queue=MAIL_QUEUE, lock="outbox", schedule_at=at).defer()


def release_held_mails(*, by: str, at: datetime) -> int:
    """Queue every mail held for want of a relay, and return how many; raises NoRelay without one."""
    if not settings.FUND.mail.relay:
        raise NoRelay
    with transaction.atomic():
        released = Mail.objects.filter(state="held").update(state="queued", due_at=at)
        if released:
            record_event(
                action="mail.released", by=by, at=at, subject=("mails", "held"), data={"count": released}
            )
            ask_to_send()
    return released


def send_again(*, mail_id: int, by: str, at: datetime) -> None:
    """Queue a mail that failed once more, with the same Message-ID; raises MailNotFailed."""
    with transaction.atomic():
        failed = Mail.objects.filter(pk=mail_id, state="failed")
        if not failed.update(state="queued", due_at=at, queued_at=at, attempts=0, failed_at=None, answer=""):
            raise MailNotFailed(str(mail_id))
        record_event(action="mail.sent_again", by=by, at=at, subject=("mail", mail_id))
        ask_to_send()
