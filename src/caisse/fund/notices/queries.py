"""Every read of the outbox."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q

from caisse.fund.notices.models import IncomingMail, Issue, Mail, RelayState, Subscription


@dataclass(frozen=True, slots=True)
class MailLine:
    """One mail without its content, as a list shows it."""

    id: int
    to: str
    subject: str
    about: tuple[str, str]
    state: str
    queued_at: datetime
    attempts: int
    sent_at: datetime | None
    bounced_at: datetime | None
    answer: str


def latest_mails(
    *, states: Sequence[str] = (), about: tuple[str, object] | None = None, limit: int = 100
) -> list[MailLine]:
    """Mails, newest first: all, those in some states, or those about one thing."""
    found = Mail.objects.defer("text", "html").order_by("-queued_at", "-pk")
    if states:
        found = found.filter(state__in=states)
    if about is not None:
        found = found.filter(about_type=about[0], about_id=str(about[1]))
    return [
        MailLine(
            mail.pk, mail.to, mail.subject, (mail.about_type, mail.about_id), mail.state, mail.queued_at,
            mail.attempts, mail.sent_at, mail.bounced_at, mail.answer,
        )
        for mail in found[:limit]
    ]  # fmt: skip


def mails_by_state() -> dict[str, int]:
    """How many mails are queued, held, sent and failed."""
    counted = Mail.objects.values_list("state").annotate(count=Count("pk")).order_by("state")
    return dict(counted)


def relay_trouble() -> RelayState | None:
    """Since when the relay takes no mail and why; None while it does."""
    return RelayState.objects.filter(failing_since__isnull=False).first()


def has_forgotten_mails(*, before: datetime) -> bool:
    """True when a mail that is due since ``before`` has not left, though the relay was to be asked."""
    trouble = relay_trouble()
    if trouble is not None and trouble.try_again_at is not None and trouble.try_again_at > before:
        return False
    return Mail.objects.filter(state="queued", due_at__lt=before).exists()


@dataclass(frozen=True, slots=True)
class IssueLine:
    """A newsletter issue in a list, with how many mails were written, left, failed or came back."""

    id: int
    subject: str
    professions: tuple[str, ...]
    state: str
    changed_at: datetime
    send_at: datetime | None
    sent_at: datetime | None
    written: int
    left: int
    failed: int
    bounced: int


def issue_lines(*, language: str, limit: int = 50) -> list[IssueLine]:
    """Newsletter issues, newest first, with their subjects in one language."""
    found = Issue.objects.order_by("-pk").annotate(
        written=Count("deliveries"),
        left=Count("deliveries", filter=Q(deliveries__mail__state="sent")),
        failed=Count("deliveries", filter=Q(deliveries__mail__state="failed")),
        bounced=Count("deliveries", filter=Q(deliveries__mail__bounced_at__isnull=False)),
    )
    return [
        IssueLine(
            issue.pk, issue.texts.get(language, {}).get("subject", ""), tuple(issue.professions),
            issue.state, issue.changed_at, issue.send_at, issue.sent_at,
            issue.written, issue.left, issue.failed, issue.bounced,
        )
        for issue in found[:limit]
    ]  # fmt: skip


def issue_of(issue_id: int) -> Issue | None:
    """One newsletter issue with its texts; None when there is none."""
    return Issue.objects.filter(pk=issue_id).first()


def subscriptions_by_state() -> dict[str, int]:
    """How many subscriptions are asked for, confirmed and ended."""
    return dict(Subscription.objects.values_list("state").annotate(count=Count("pk")).order_by("state"))


def confirmed_by_language() -> dict[str, int]:
    """How many confirmed subscriptions there are in each language."""
    confirmed = Subscription.objects.filter(state="confirmed")
    return dict(confirmed.values_list("language").annotate(count=Count("pk")).order_by("language"))


@dataclass(frozen=True, slots=True)
class IncomingLine:
    """One mail that arrived, without its content; ``notes``: attachment, and "kept" or the reason code."""

    id: int
    sender: str
    received_at: datetime
    size: int
    outcome: str
    case_number: str
    notes: tuple[tuple[str, str], ...]
    answered: bool


def latest_incoming(*, outcomes: Sequence[str] = (), limit: int = 100) -> list[IncomingLine]:
    """Mails that arrived, newest first: all, or those with some outcomes; "" is not read yet."""
    found = IncomingMail.objects.order_by("-received_at", "-pk")
    if outcomes:
        found = found.filter(outcome__in=outcomes)
    return [
        IncomingLine(
            mail.pk, mail.sender or mail.envelope_from, mail.received_at, mail.size, mail.outcome,
            mail.case_number, tuple((name, code) for name, code in mail.notes), mail.answer_id is not None,
        )
        for mail in found[:limit]
    ]  # fmt: skip


def stored_mails() -> Iterator[tuple[str, int, str]]:
    """SHA-256, size in bytes and what it is, of every mail whose bytes lie in mail-in/."""
    for mail in IncomingMail.objects.only("sha256", "size").iterator():
        yield mail.sha256, mail.size, f"incoming mail {mail.pk}"


def confirmed_by_profession() -> dict[str, dict[str, int]]:
    """How many subscriptions are confirmed for each profession, by language; "" stands for all of them."""
    found: dict[str, dict[str, int]] = {}
    rows = Subscription.objects.filter(state="confirmed").values_list("professions", "language")
    for professions, language in rows.iterator():
        for key in professions or [""]:
            counts = found.setdefault(key, {})
            counts[language] = counts.get(language, 0) + 1
    return found


def bounced_subscriptions() -> dict[str, int]:
    """How many subscriptions had bounces that are confirmed still, and how many ended by them."""
    bounced = Subscription.objects.filter(bounced_at__isnull=False)
    return {
        "confirmed": bounced.filter(state="confirmed").count(),
        "ended": bounced.filter(state="ended", ended_why="bounced").count(),
    }
