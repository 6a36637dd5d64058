"""Newsletter issues: written, looked at, scheduled, and sent to every subscription exactly once."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from procrastinate.contrib.django import app

from caisse.fund.audit.actions import record_event
from caisse.fund.faults import reach
from caisse.fund.notices.actions import ISSUE_TASK, MAIL_QUEUE, ask_to_send, queue_mail, write_mail
from caisse.fund.notices.addresses import domain
from caisse.fund.notices.errors import IssueNotReady
from caisse.fund.notices.links import unsubscribe_link
from caisse.fund.notices.models import Issue, IssueDelivery, Subscription
from caisse.fund.notices.rendering import Rendered, render
from caisse.fund.notices.subscriptions import checked_language, checked_professions
from caisse.fund.notices.texts import LANGUAGES

#: Mails written in one transaction; a killed job writes at most so many again, and none twice.
_PORTION = 200
_LONGEST_BODY = 50_000


def write_issue(
    *, texts: Mapping[str, Mapping[str, str]], professions: Sequence[str], by: str, at: datetime,
    issue_id: int | None = None,
) -> int:  # fmt: skip
    """Keep a draft (``texts``: language -> subject, body) and return its id; no profession means all.

    A draft may be incomplete. Raises IssueNotReady when the issue is no draft any more or a text is too long.
    """
    kept = {
        language: {
            part: str(texts.get(language, {}).get(part, ""))[: _LONGEST_BODY + 1]
            for part in ("subject", "body")
        }
        for language in LANGUAGES
    }
    if any(len(one["body"]) > _LONGEST_BODY or len(one["subject"]) > 200 for one in kept.values()):
        raise IssueNotReady(f"a subject has at most 200 characters, a text {_LONGEST_BODY:,}")
    values = {
        "texts": kept,
        "professions": checked_professions(professions, at=at),
        "written_by": by,
        "changed_at": at,
    }
    with transaction.atomic():
        if issue_id is None:
            issue_id = Issue.objects.create(**values).pk
        elif not Issue.objects.filter(pk=issue_id, state="draft").update(**values):
            raise IssueNotReady("it is no draft any more")
        record_event(action="issue.written", by=by, at=at, subject=("issue", issue_id))
    return issue_id


def faults_of(issue: Issue) -> list[tuple[str, str]]:
    """What is missing before an issue can be sent: (language, subject or body)."""
    return [
        (language, part)
        for language in LANGUAGES
        for part in ("subject", "body")
        if not " ".join(issue.texts.get(language, {}).get(part, "").split())
        or (part == "subject" and not issue.texts[language][part].isprintable())
    ]


def schedule_issue(*, issue_id: int, send_at: datetime, by: str, at: datetime) -> None:
    """Send a complete draft at ``send_at``, or at once when that is past; raises IssueNotReady."""
    with transaction.atomic():
        issue = _draft(issue_id)
        if faults := faults_of(issue):
            raise IssueNotReady(", ".join(f"{part} ({language})" for language, part in faults))
        issue.state, issue.send_at = "scheduled", max(send_at, at)
        issue.save(update_fields=["state", "send_at"])
        record_event(
            action="issue.scheduled", by=by, at=at, subject=("issue", issue_id),
            data={"send_at": issue.send_at.isoformat()},
        )  # fmt: skip
        task = app.configure_task(
            ISSUE_TASK, queue=MAIL_QUEUE, lock=f"issue {issue_id}", schedule_at=issue.send_at
        )
        task.defer(issue_id=issue_id)


def call_back_issue(*, issue_id: int, by: str, at: datetime) -> None:
    """Make a scheduled issue a draft again; raises IssueNotReady once it is being sent."""
    with transaction.atomic():
        if not Issue.objects.filter(pk=issue_id, state="scheduled").update(state="draft", send_at=None):
            raise IssueNotReady("only an issue that is scheduled can be called back")
        record_event(action="issue.called_back", by=by, at=at, subject=("issue", issue_id))


def discard_issue(*, issue_id: int, by: str, at: datetime) -> None:
    """Delete a draft; raises IssueNotReady when it is none."""
    with transaction.atomic():
        _draft(issue_id).delete()
        record_event(action="issue.discarded", by=by, at=at, subject=("issue", issue_id))


def send_proof(*, issue_id: int, to: str, language: str, by: str, at: datetime) -> int:
    """Send an issue as it stands to one address, such as its author's, and return the mail's id."""
    issue = Issue.objects.get(pk=issue_id)
    shown: Rendered = render(issue, checked_language(language))
    if not shown.subject.strip():
        raise IssueNotReady(f"subject ({language})")
    return queue_mail(
        to=to, subject=shown.subject, text=shown.text, html=shown.html, language=language,
        about=("issue", issue_id), by=by, at=at,
    )  # fmt: skip


def _draft(issue_id: int) -> Issue:
    found = Issue.objects.select_for_update().filter(pk=issue_id, state="draft").first()
    if found is None:
        raise IssueNotReady("it is no draft any more")
    return found


def addressees(issue: Issue) -> QuerySet[Subscription]:
    """The confirmed subscriptions an issue goes to, as of now."""
    found = Subscription.objects.filter(state="confirmed")
    if issue.professions:
        found = found.filter(Q(professions=[]) | Q(professions__overlap=issue.professions))
    return found


def send_issue(issue_id: int) -> int:
    """Write the mails of a scheduled issue that are not written yet, and return how many."""
    issue = _begin(issue_id)
    if issue is None:
        return 0
    written = 0
    while portion := _write_portion(issue):
        written += portion
        reach("notices.portion.after_commit")
    at = timezone.now()
    with transaction.atomic():
        if Issue.objects.filter(pk=issue_id, state="sending").update(state="sent", sent_at=at):
            total = IssueDelivery.objects.filter(issue_id=issue_id).count()
            record_event(
                action="issue.sent", by="worker", at=at, subject=("issue", issue_id), data={"mails": total}
            )
    return written


def _begin(issue_id: int) -> Issue | None:
    at = timezone.now()
    with transaction.atomic():
        issue = Issue.objects.select_for_update().filter(pk=issue_id).first()
        if issue is None or issue.state not in ("scheduled", "sending") or issue.send_at > at:
            return None
        if issue.state == "scheduled":
            issue.state, issue.started_at = "sending", at
            issue.save(update_fields=["state", "started_at"])
            record_event(action="issue.sending", by="worker", at=at, subject=("issue", issue_id))
    return issue


def _write_portion(issue: Issue) -> int:
    at = timezone.now()
    with transaction.atomic():
        waiting = addressees(issue).filter(confirmed_at__lte=issue.started_at)
        found = list(
            waiting.exclude(deliveries__issue=issue).order_by("pk").select_for_update(of=("self",))[:_PORTION]
        )
        IssueDelivery.objects.bulk_create(_delivery(issue, one, at=at) for one in found)
        reach("notices.portion.before_commit")
        if found and settings.FUND.mail.relay:
            ask_to_send()
    return len(found)


def _delivery(issue: Issue, to: Subscription, *, at: datetime) -> IssueDelivery:
    shown = render(issue, to.language, to)
    mail = write_mail(
        to=to.email, subject=shown.subject, text=shown.text, html=shown.html, language=to.language, bulk=True,
        about=("subscription", to.pk), at=at,
        headers={
            "List-Id": f"<newsletter.{domain()}>",
            "List-Unsubscribe": f"<{unsubscribe_link(to)}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Precedence": "bulk",
        },
    )  # fmt: skip
    return IssueDelivery(issue=issue, subscription=to, mail=mail)
