"""Mails that arrived: their rows. What is in them is read by casework."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from caisse.fund.audit.actions import record_event
from caisse.fund.faults import reach
from caisse.fund.notices.actions import MAIL_QUEUE
from caisse.fund.notices.models import IncomingMail

READ_TASK = "caisse.fund.casework.tasks.read_mail"
#: Unread for so long and without a job, a mail gets one.
_FORGOTTEN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a mail, for `note_read`; the words of ``outcome`` are those of the model."""

    outcome: str
    sender: str = ""
    message_id: str = ""
    body_sha256: str = ""
    case_number: str = ""
    notes: Sequence[Sequence[str]] = field(default_factory=list)
    answer_id: int | None = None


def receive_mail(
    *, sha256: str, size: int, envelope_from: str, recipients: Sequence[str], by: str, at: datetime
) -> bool:
    """Enter a mail whose bytes are durable already, with its job; False when the same was received before."""
    with transaction.atomic():
        mail, is_new = IncomingMail.objects.get_or_create(
            sha256=sha256,
            defaults={
                "size": size, "received_at": at,
                "envelope_from": envelope_from, "recipients": list(recipients),
            },
        )  # fmt: skip
        if is_new:
            record_event(
                action="mail.received", by=by, at=at, subject=("incoming mail", mail.pk),
                data={"sha256": sha256, "size": size},
            )  # fmt: skip
            _ask_to_read(mail)
            reach("notices.received.before_commit")
    reach("notices.received.after_commit")
    return is_new


def note_read(*, mail_id: int, outcome: Outcome, by: str, at: datetime) -> None:
    """Note what became of a mail, in the caller's transaction."""
    IncomingMail.objects.filter(pk=mail_id).update(
        state="read", read_at=at, outcome=outcome.outcome, sender=outcome.sender[:320],
        message_id=outcome.message_id[:250], body_sha256=outcome.body_sha256, case_number=outcome.case_number,
        notes=[list(one) for one in outcome.notes], answer_id=outcome.answer_id,
    )  # fmt: skip
    record_event(
        action="mail.read",
        by=by,
        at=at,
        subject=("incoming mail", mail_id),
        data={"outcome": outcome.outcome},
    )


def note_case(*, mail_id: int, case_number: str) -> None:
    """Note which case a mail that is still being read belongs to, in the caller's transaction."""
    IncomingMail.objects.filter(pk=mail_id).update(case_number=case_number)


def answers_since(sender: str, since: datetime) -> int:
    """How many answers went to a sender since then."""
    return IncomingMail.objects.filter(sender=sender, read_at__gte=since, answer__isnull=False).count()


def opened_since(sender: str, since: datetime) -> int:
    """How many cases mails of a sender opened since then."""
    return IncomingMail.objects.filter(sender=sender, read_at__gte=since, outcome="opened").count()


def opening_since(since: datetime) -> int:
    """How many cases mails of anybody opened since then or, not read yet, may open; reports open none."""
    opened = IncomingMail.objects.filter(read_at__gte=since, outcome="opened").count()
    return opened + IncomingMail.objects.filter(state="received").exclude(envelope_from="").count()


def is_known(sha256: str) -> bool:
    """Whether a mail of these bytes was received before."""
    return IncomingMail.objects.filter(sha256=sha256).exists()


def told_of_limit_since(sender: str, since: datetime) -> bool:
    """Whether a sender was told since then that he may open no more cases for now."""
    told = IncomingMail.objects.filter(sender=sender, read_at__gte=since, outcome="over_limit")
    return told.filter(answer__isnull=False).exists()


def remember_unread_mails() -> int:
    """A chore: give every unread mail that lost its job a new one; how many."""
    waiting = IncomingMail.objects.filter(state="received", received_at__lt=timezone.now() - _FORGOTTEN)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT args ->> 'mail_id' FROM procrastinate_jobs"
            " WHERE task_name = %s AND status IN ('todo', 'doing')",
            [READ_TASK],
        )
        busy = {int(row[0]) for row in cursor.fetchall()}
        lost = [mail for mail in waiting if mail.pk not in busy]
        for mail in lost:
            _ask_to_read(mail)
    return len(lost)


def _ask_to_read(mail: IncomingMail) -> None:
    # One after the other for each sender: a second mail finds what the first one opened.
    task = app.configure_task(READ_TASK, queue=MAIL_QUEUE, lock=f"mail from {mail.envelope_from.lower()}")
    task.defer(mail_id=mail.pk)
