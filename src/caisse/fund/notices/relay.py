"""The conversation with the mail relay named in fund.toml, and what its answers mean."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from django.conf import settings

from caisse.agreement.errors import BrokenSystem
from caisse.fund.mail_config import Relay, read_relay
from caisse.fund.notices.addresses import domain
from caisse.fund.notices.errors import RelayUnreachable

#: So long (seconds) the relay may take for one answer.
PATIENCE = 30.0
PASSWORD = "mail-password"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one mail: ``outcome`` is sent, later or never; ``text`` what the relay said."""

    outcome: str
    text: str


@contextmanager
def connected() -> Iterator[smtplib.SMTP]:
    """A session with the relay; raises RelayUnreachable when it cannot be had or breaks."""
    relay = read_relay(settings.FUND.mail.relay)
    try:
        session = _open(relay)
    except (OSError, smtplib.SMTPException, BrokenSystem) as error:
        raise RelayUnreachable(_said(error)) from error
    try:
        yield session
    finally:
        with suppress(OSError, smtplib.SMTPException):
            session.quit()
        session.close()


def _open(relay: Relay) -> smtplib.SMTP:
    context = ssl.create_default_context(cafile=settings.FUND.mail.relay_ca or None)
    if relay.security == "smtps":
        session: smtplib.SMTP = smtplib.SMTP_SSL(
            relay.host, relay.port, domain(), timeout=PATIENCE, context=context
        )
    else:
        session = smtplib.SMTP(relay.host, relay.port, domain(), timeout=PATIENCE)
    try:
        session.ehlo()
        if relay.security == "smtp+starttls":
            session.starttls(context=context)
            session.ehlo()
        elif relay.security == "smtp" and session.has_extn("starttls"):
            # Whoever offers TLS without being asked for it need not have a certificate anybody knows.
            session.starttls(context=_any_certificate())
            session.ehlo()
        if relay.user:
            session.login(relay.user, settings.HOME.secret(PASSWORD).decode().strip())
    except BaseException:
        session.close()
        raise
    return session


def _any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def hand_over(session: smtplib.SMTP, sender: str, to: str, message: bytes) -> Answer:
    """Give one message to the relay; raises RelayUnreachable when the session breaks meanwhile."""
    try:
        session.sendmail(sender, [to], message)
    except smtplib.SMTPRecipientsRefused as refused:
        code, text = refused.recipients[to]
        return _refused(code, text)
    except smtplib.SMTPSenderRefused as refused:
        return _refused(refused.smtp_code, refused.smtp_error)
    except smtplib.SMTPDataError as refused:
        return _refused(refused.smtp_code, refused.smtp_error)
    except (OSError, smtplib.SMTPException) as error:
        raise RelayUnreachable(_said(error)) from error
    return Answer("sent", "")


def _refused(code: int, text: bytes | str) -> Answer:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    if code == 421:
        # The relay is closing the session: that is about the relay, not about this mail.
        raise RelayUnreachable(f"{code} {said}"[:300])
    return Answer("never" if code >= 500 else "later", f"{code} {said}"[:300])


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        return f"{error.smtp_code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"[
            :300
        ]
    return f"{type(error).__name__}: {error}"[:300]
