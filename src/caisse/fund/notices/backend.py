"""Django's way to the outbox: mails written by Django or an app, such as those of the sign-in."""

from collections.abc import Sequence
from email.utils import parseaddr
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone
from django.utils.translation import get_language

from caisse.fund.notices.actions import HEADERS, Attachment, queue_mail


class OutboxBackend(BaseEmailBackend):
    """Queues every message, once for each addressee, in the transaction of whoever sends it."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Queue the messages and return how many; raises MailRefused when one cannot be a mail."""
        for message in email_messages:
            for address in dict.fromkeys(message.recipients()):
                queue_mail(
                    to=parseaddr(address)[1], subject=message.subject, text=message.body, html=_html(message),
                    attachments=[_attachment(place, one) for place, one in enumerate(message.attachments, 1)],
                    headers={name: value for name, value in message.extra_headers.items() if name in HEADERS},
                    language=(get_language() or "")[:2], about=("sign-in", ""),
                    by="sign-in", at=timezone.now(),
                )  # fmt: skip
        return len(email_messages)


def _html(message: EmailMessage) -> str:
    alternatives = getattr(message, "alternatives", ())
    return next((str(one.content) for one in alternatives if one.mimetype == "text/html"), "")


def _attachment(number: int, one: Any) -> Attachment:
    content = one.content if isinstance(one.content, bytes) else str(one.content).encode()
    return Attachment(one.filename or f"{number}", one.mimetype or "application/octet-stream", content)
