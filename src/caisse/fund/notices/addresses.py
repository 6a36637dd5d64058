"""Our mail addresses with a token in them: where a report of failed delivery says which mail it is about.

``bounces+12-k3v…@fund.example`` names mail 12; the letters after it are a keyed hash, so nobody can make
somebody else's mail bounce. Lower case throughout: mail servers may not keep the case of an address.
"""

import base64
import re

from django.conf import settings
from django.core.validators import EmailValidator, ValidationError
from django.utils.crypto import salted_hmac

from caisse.fund.notices.errors import MailRefused

_TOKEN = re.compile(r"(\d{1,18})-([a-z2-7]{16})")
_valid = EmailValidator()


def check_address(address: str) -> str:
    """The address as given; raises MailRefused unless it is one plain ASCII mail address."""
    try:
        _valid(address)
    except ValidationError:
        raise MailRefused("the address is none") from None
    if not address.isascii() or len(address) > 254 or address.startswith("-"):
        raise MailRefused("the address is none")
    return address


def domain() -> str:
    """The domain of the fund's sender address."""
    return settings.FUND.mail.sender.rpartition("@")[2].rstrip("> ") or "caisse.example"


def bounce_address(mail_id: int) -> str:
    """The envelope sender of a mail, where reports about it go."""
    local, _, host = settings.FUND.mail.bounces.partition("@")
    return f"{local}+{mail_id}-{_mac(mail_id)}@{host}"


def mail_of_bounce(recipient: str) -> int | None:
    """The mail a report sent to ``recipient`` is about; None when the token is not ours."""
    local, _, _host = recipient.lower().partition("@")
    base, _, token = local.partition("+")
    found = _TOKEN.fullmatch(token)
    if base != settings.FUND.mail.bounces.partition("@")[0].lower() or not found:
        return None
    mail_id = int(found[1])
    return mail_id if _mac(mail_id) == found[2] else None


def _mac(mail_id: int) -> str:
    digest = salted_hmac("caisse.notices.bounce", str(mail_id), algorithm="sha256").digest()
    return base64.b32encode(digest[:10]).decode().lower()
