"""The outbox's job: hand what is due to the relay, one mail a transaction.

The relay's "250" and the commit that says so cannot be one step. A process that dies between them leaves
the mail queued; it is then sent once more with the same Message-ID and the same bytes, which mail servers and
mail programs recognise. So a crash can repeat one mail once, and never loses one.
"""

import smtplib
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from caisse.fund.audit.actions import record_event
from caisse.fund.faults import reach
from caisse.fund.notices.actions import ask_to_send
from caisse.fund.notices.addresses import bounce_address
from caisse.fund.notices.bounced import note_refused_at_once
from caisse.fund.notices.errors import RelayUnreachable
from caisse.fund.notices.models import Mail, RelayState
from caisse.fund.notices.queries import has_forgotten_mails
from caisse.fund.notices.relay import Answer, connected, hand_over
from caisse.fund.notices.writing import message_bytes

#: One job sends for so long (seconds) or so many mails; then other jobs of the worker have their turn.
_SHIFT_SECONDS, _SHIFT_MAILS = 10.0, 100
#: A mail is tried again after 1, 2, 4 … minutes, at most 4 hours, for 5 days (RFC 5321, 4.5.4.1).
_LONGEST_PAUSE, _GIVEN_UP_AFTER = timedelta(hours=4), timedelta(days=5)
#: The relay itself is asked again after 15, 30, 60 … seconds, at most 15 minutes.
_RELAY_PAUSE, _LONGEST_RELAY_PAUSE = timedelta(seconds=15), timedelta(minutes=15)

#: Due for so long without having left, a mail's job was lost.
_FORGOTTEN = timedelta(minutes=5)


def send_waiting() -> int:
    """Send what is due and return how many mails left; queues itself again while more is due or waits."""
    if not settings.FUND.mail.relay:
        return 0
    pause = RelayState.objects.filter(try_again_at__gt=timezone.now()).first()
    if pause is not None or _next_due() is None:
        return 0
    sent, until = 0, time.monotonic() + _SHIFT_SECONDS
    try:
        with connected() as session:
            _relay_answers(at=timezone.now())
            while sent < _SHIFT_MAILS and time.monotonic() < until and _send_one(session):
                sent += 1
    except RelayUnreachable as error:
        _relay_fails(why=error.detail, at=timezone.now())
        return sent
    if _next_due() is not None:
        ask_to_send()
    return sent


def remember_forgotten_mails() -> int:
    """A chore: give the outbox a job when mails are due for long and none takes them; how many jobs."""
    at = timezone.now()
    if not settings.FUND.mail.relay or not has_forgotten_mails(before=at - _FORGOTTEN):
        return 0
    ask_to_send()
    return 1


def _next_due() -> int | None:
    due = Mail.objects.filter(state="queued", due_at__lte=timezone.now())
    return due.order_by("bulk", "due_at", "pk").values_list("pk", flat=True).first()


def _send_one(session: smtplib.SMTP) -> bool:
    """Hand over the mail that is due first; False when none is."""
    with transaction.atomic():
        due = Mail.objects.select_for_update(skip_locked=True).filter(
            state="queued", due_at__lte=timezone.now()
        )
        mail = due.order_by("bulk", "due_at", "pk").first()
        if mail is None:
            return False
        reach("notices.taken")
        broken: RelayUnreachable | None = None
        try:
            answer = hand_over(session, bounce_address(mail.pk), mail.to, message_bytes(mail))
        except RelayUnreachable as error:
            # Noted on the mail as well: one that breaks every session must not stand before all others.
            answer, broken = Answer("later", error.detail), error
        reach("notices.sent.before_commit")
        _settle(mail, answer, at=timezone.now())
    reach("notices.sent.after_commit")
    if broken is not None:
        raise broken
    return True


def _settle(mail: Mail, answer: Answer, *, at: datetime) -> None:
    """Write down what became of a mail."""
    mail.attempts += 1
    mail.answer = answer.text
    if answer.outcome == "sent":
        mail.state, mail.sent_at = "sent", at
        _blank_secrets(mail)
    elif answer.outcome == "never" or at - mail.queued_at > _GIVEN_UP_AFTER:
        mail.state, mail.failed_at = "failed", at
    else:
        mail.due_at = at + min(timedelta(minutes=2 ** min(mail.attempts - 1, 10)), _LONGEST_PAUSE)
        ask_to_send(at=mail.due_at)
    mail.save(
        update_fields=[
            "attempts",
            "answer",
            "state",
            "sent_at",
            "failed_at",
            "due_at",
            "text",
            "html",
            "secrets",
        ]
    )
    if mail.state != "queued":
        record_event(
            action=f"mail.{mail.state}", by="worker", at=at, subject=("mail", mail.pk),
            data={"attempts": mail.attempts},
        )  # fmt: skip
    if mail.state == "failed":
        note_refused_at_once(mail=mail, permanent=answer.outcome == "never", at=at)


def _blank_secrets(mail: Mail) -> None:
    """What lets a reader act is the addressee's alone from now on."""
    for secret in mail.secrets:
        mail.text, mail.html = mail.text.replace(secret, "…"), mail.html.replace(secret, "…")
    mail.secrets = []


def _relay_fails(*, why: str, at: datetime) -> None:
    with transaction.atomic():
        relay, _ = RelayState.objects.select_for_update().get_or_create(pk=1)
        relay.failing_since = relay.failing_since or at
        relay.attempts += 1
        relay.why = why
        relay.try_again_at = at + min(_RELAY_PAUSE * 2 ** min(relay.attempts - 1, 8), _LONGEST_RELAY_PAUSE)
        relay.save()
        ask_to_send(at=relay.try_again_at)
        if relay.attempts == 1:
            record_event(action="mail.relay_failing", by="worker", at=at, subject=("relay", 1))


def _relay_answers(*, at: datetime) -> None:
    with transaction.atomic():
        failing = RelayState.objects.filter(failing_since__isnull=False)
        if failing.update(failing_since=None, try_again_at=None, attempts=0, why=""):
            record_event(action="mail.relay_answers", by="worker", at=at, subject=("relay", 1))
