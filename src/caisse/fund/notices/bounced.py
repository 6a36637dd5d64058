"""Mails that could not be delivered: what it means for the mail and for the subscription it belonged to."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from caisse.fund.audit.actions import record_event
from caisse.fund.notices.addresses import mail_of_bounce
from caisse.fund.notices.models import Mail, Subscription
from caisse.fund.notices.reports import read_report

#: A passing failure is forgotten when the next one comes so much later.
_FORGOTTEN_AFTER = timedelta(days=90)


def note_bounce(*, mail_id: int, permanent: bool, said: str, by: str, at: datetime) -> bool:
    """Note that a mail which had left was reported undeliverable; True the first time for this mail.

    A report of a passing failure is noted as well, unless a permanent one came before it.
    """
    with transaction.atomic():
        mail = Mail.objects.select_for_update().filter(pk=mail_id).first()
        if mail is None or mail.bounced_at is not None:
            return False
        mail.bounced_at, mail.answer = at, said[:300]
        mail.save(update_fields=["bounced_at", "answer"])
        record_event(
            action="mail.bounced", by=by, at=at, subject=("mail", mail_id), data={"permanent": permanent}
        )
        _count(mail, permanent=permanent, by=by, at=at)
    return True


def note_refused_at_once(*, mail: Mail, permanent: bool, at: datetime) -> None:
    """The relay itself did not take the mail: for a subscription the same as a report that comes later."""
    _count(mail, permanent=permanent, by="worker", at=at)


def _count(mail: Mail, *, permanent: bool, by: str, at: datetime) -> None:
    if mail.about_type != "subscription":
        return
    found = Subscription.objects.select_for_update().filter(pk=mail.about_id, state="confirmed").first()
    if found is None:
        return
    if permanent:
        found.hard_bounces += 1
    else:
        recent = found.bounced_at is not None and at - found.bounced_at < _FORGOTTEN_AFTER
        found.soft_bounces = found.soft_bounces + 1 if recent else 1
    found.bounced_at = at
    limits = settings.FUND.mail
    if found.hard_bounces >= limits.hard_bounces or found.soft_bounces >= limits.soft_bounces:
        found.state, found.ended_at, found.ended_why = "ended", at, "bounced"
        record_event(
            action="subscription.ended", by=by, at=at, subject=("subscription", found.pk), why="bounced"
        )
    found.save()


def note_report(*, recipients: Sequence[str], content: bytes, by: str, at: datetime) -> bool:
    """Note what a mail to the bounce address reports; False when it reports nothing about a mail of ours."""
    mail_ids = [found for one in recipients if (found := mail_of_bounce(one)) is not None]
    report = read_report(content) if mail_ids else None
    if report is None:
        return False
    noted = [
        note_bounce(
            mail_id=mail_id, permanent=report.permanent, said=f"reported: {report.status}", by=by, at=at
        )
        for mail_id in mail_ids
    ]
    return any(noted)
