"""A mail as bytes: the same row gives the same bytes, so a repeat after a crash can be recognised."""

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from django.conf import settings

from caisse.fund.notices.models import Mail

#: Text in lines of at most 78 ASCII characters: every mail server takes it as it is.
_POLICY = SMTP.clone(max_line_length=78, cte_type="7bit")
#: Headers are not folded: a long link in one would come out as encoded words nobody reads as a link.
_HEADERS = _POLICY.clone(max_line_length=990)


def message_bytes(mail: Mail) -> bytes:
    """The whole message (RFC 5322), text first, then HTML if there is any, then the attachments."""
    message = EmailMessage(policy=_POLICY)
    message["From"] = _sender()
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.queued_at)
    message["Message-ID"] = mail.message_id
    for name, value in mail.headers.items():
        message[name] = value
    message.set_content(mail.text)
    if mail.html:
        message.add_alternative(mail.html, subtype="html")
    for attachment in mail.attachments.order_by("position"):
        main, _, sub = attachment.content_type.partition("/")
        message.add_attachment(
            bytes(attachment.content), maintype=main, subtype=sub, filename=attachment.name
        )
    if mail.language:
        # After the text: what is built before belongs to the first part.
        message["Content-Language"] = mail.language
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{number}_{mail.message_id[1:33]}")
    return message.as_bytes(policy=_HEADERS)


def _sender() -> Address:
    name, address = parseaddr(settings.FUND.mail.sender)
    return Address(display_name=name, addr_spec=address)
