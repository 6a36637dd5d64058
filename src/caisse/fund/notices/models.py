"""Mails that leave and that arrive, the relay they leave by, newsletter subscriptions and issues."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

MAIL_STATES = ("queued", "held", "sent", "failed")
SUBSCRIPTION_STATES = ("asked", "confirmed", "ended")
INCOMING_STATES = ("received", "read")
#: What became of a mail: a case was opened or continued, somebody else's case was named, nothing usable was
#: in it, it was automatic, a report of failed delivery, had been read before, could not be read at all, or
#: its sender had opened as many cases as he may within a day.
INCOMING_OUTCOMES = (
    "opened", "continued", "foreign", "nothing", "automatic", "report", "repeat", "unreadable", "over_limit"
)  # fmt: skip
ISSUE_STATES = ("draft", "scheduled", "sending", "sent")


class Mail(models.Model):
    """One mail to one address; ``about`` names what it belongs to, such as ("case", "2026-000123").

    ``held`` waits for a relay or for somebody to release it; ``failed`` is not tried again. ``bounced_at`` is
    when the addressee's side reported that it could not be delivered after all.
    """

    message_id = models.CharField(max_length=200, unique=True)
    to = models.CharField(max_length=254)
    language = models.CharField(max_length=2, blank=True)
    subject = models.CharField(max_length=250)
    text = models.TextField()
    html = models.TextField(blank=True)
    #: Parts of the text that let whoever reads them act, such as the key in a link; blanked once it is sent.
    secrets = ArrayField(models.CharField(max_length=300), default=list, db_default=[])
    headers = models.JSONField(default=dict)
    about_type = models.CharField(max_length=30)
    about_id = models.CharField(max_length=60)
    bulk = models.BooleanField(default=False)
    state = models.CharField(max_length=8)
    queued_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.IntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=300, blank=True)
    bounced_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="notices_mail_state", condition=Q(state__in=MAIL_STATES))
        ]
        indexes: ClassVar = [
            models.Index(name="notices_mail_due", fields=["bulk", "due_at"], condition=Q(state="queued")),
            models.Index(name="notices_mail_about", fields=["about_type", "about_id"]),
            models.Index(name="notices_mail_queued_at", fields=["queued_at"]),
        ]


class MailAttachment(models.Model):
    """A file that goes along with a mail."""

    mail = models.ForeignKey(Mail, models.CASCADE, related_name="attachments")
    position = models.SmallIntegerField()
    name = models.CharField(max_length=150)
    content_type = models.CharField(max_length=100)
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="notices_attachment_position", fields=["mail", "position"])
        ]


class RelayState(models.Model):
    """The one row that says since when the relay does not answer, and when it is asked again."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    failing_since = models.DateTimeField(null=True)
    try_again_at = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)
    why = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(name="notices_one_relay", condition=Q(id=1))]


class Subscription(models.Model):
    """A newsletter subscription of an address; no profession means all. ``serial`` makes older links void."""

    email = models.CharField(max_length=254)
    language = models.CharField(max_length=2)
    professions = ArrayField(models.CharField(max_length=40), default=list)
    state = models.CharField(max_length=10, default="asked")
    serial = models.IntegerField(default=1)
    asked_at = models.DateTimeField()
    mailed_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_why = models.CharField(max_length=20, blank=True)
    hard_bounces = models.IntegerField(default=0)
    soft_bounces = models.IntegerField(default=0)
    bounced_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="notices_subscription_email"),
            models.CheckConstraint(
                name="notices_subscription_state", condition=Q(state__in=SUBSCRIPTION_STATES)
            ),
        ]


class Issue(models.Model):
    """One newsletter: ``texts`` has subject and body (Markdown) per language; no profession means all."""

    professions = ArrayField(models.CharField(max_length=40), default=list)
    texts = models.JSONField(default=dict)
    state = models.CharField(max_length=10, default="draft")
    written_by = models.CharField(max_length=60)
    changed_at = models.DateTimeField()
    send_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="notices_issue_state", condition=Q(state__in=ISSUE_STATES))
        ]


class IssueDelivery(models.Model):
    """The guard of "once": this issue went to this subscription, by this mail."""

    issue = models.ForeignKey(Issue, models.PROTECT, related_name="deliveries", db_index=False)
    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="deliveries")
    mail = models.OneToOneField(Mail, models.SET_NULL, null=True, related_name="delivery")

    class Meta:
        verbose_name_plural = "issue deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(name="notices_issue_once", fields=["issue", "subscription"])
        ]


class IncomingMail(models.Model):
    """A mail that arrived; its bytes lie unchanged in HOME/mail-in under ``sha256``.

    ``sender`` is the address it claims to be from, ``body_sha256`` its content without the headers that mail
    servers add on the way. ``notes`` lists its attachments: name, kept or why not.
    """

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField()
    envelope_from = models.CharField(max_length=320, blank=True)
    recipients = ArrayField(models.CharField(max_length=320))
    received_at = models.DateTimeField()
    state = models.CharField(max_length=8, default="received")
    message_id = models.CharField(max_length=250, blank=True)
    body_sha256 = models.CharField(max_length=64, blank=True)
    sender = models.CharField(max_length=320, blank=True)
    outcome = models.CharField(max_length=20, blank=True)
    case_number = models.CharField(max_length=20, blank=True)
    notes = models.JSONField(default=list)
    answer = models.OneToOneField(Mail, models.SET_NULL, null=True, related_name="answers")
    read_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="notices_incoming_state", condition=Q(state__in=INCOMING_STATES)),
            models.CheckConstraint(
                name="notices_incoming_outcome", condition=Q(outcome__in=("", *INCOMING_OUTCOMES))
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                name="notices_incoming_unread", fields=["received_at"], condition=Q(state="received")
            ),
            models.Index(name="notices_incoming_id", fields=["message_id"]),
            models.Index(name="notices_incoming_sender", fields=["sender", "read_at"]),
            models.Index(name="notices_incoming_case", fields=["case_number"]),
        ]
