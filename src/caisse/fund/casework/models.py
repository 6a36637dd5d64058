"""Cases and what belongs to them. Files lie unchanged in the store of documents, under their SHA-256."""

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import HashIndex
from django.db import models
from django.db.models import F, Q

from caisse.fund.casework.clock_models import ClockDay, ClockDeed  # noqa: F401 - models of this room
from caisse.fund.casework.lifecycle import CASE, DOCUMENT, SESSION, STANDING_DOCUMENTS
from caisse.fund.casework.telling import TELLING_FIELDS, plain_field

OUTCOMES = ("granted", "refused")
BOARD_OUTCOMES = ("granted", "refused", "adjourned")
SIGNING_METHODS = ("strong_sign_in", "signed_document")


def place_of(kind: str, part: str) -> str:
    """The place of a document in the list of what is asked for: ``kind`` or ``kind:part``."""
    return f"{kind}:{part}" if part else kind


class CaseCounter(models.Model):
    """The last number given in a year; its row is locked while a case is opened."""

    year = models.IntegerField(primary_key=True)
    last = models.IntegerField(default=0)


class Case(models.Model):
    """One request of one applicant or provider; it keeps its number whatever is asked back.

    ``facts``: yes/no answers that decide what is asked for. ``counts``: how many of what is asked for apiece.
    ``sheet``: the information sheet's fields. ``edition``: of the catalogue it is judged by.
    """

    number = models.CharField(max_length=11, unique=True)
    kind = models.CharField(max_length=30)
    profession = models.CharField(max_length=40, blank=True)
    edition = models.CharField(max_length=10)
    language = models.CharField(max_length=2)
    door = models.CharField(max_length=10)
    email = models.EmailField(max_length=254)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    provider = models.ForeignKey("registry.Provider", models.PROTECT, null=True, related_name="cases")
    code = models.IntegerField(null=True)
    about = models.ForeignKey("self", models.PROTECT, null=True, related_name="followed_by")
    facts = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    sheet = models.JSONField(default=dict)
    state = models.CharField(max_length=20, default="draft")
    state_at = models.DateTimeField()
    opened_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    assigned_to = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    due_on = models.DateField(null=True)
    key_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="casework_case_state", condition=Q(state__in=tuple(CASE))),
            models.CheckConstraint(
                name="casework_case_language", condition=Q(language__in=("fr", "de", "en"))
            ),
        ]
        indexes: ClassVar = [
            models.Index(name="casework_case_queue", fields=["state", "state_at"]),
            models.Index(name="casework_case_officer", fields=["assigned_to", "state"]),
            models.Index(name="casework_case_due", fields=["due_on"], condition=Q(due_on__isnull=False)),
            # By hash: what is typed into a draft may be longer than other indexes take.
            *(HashIndex(plain_field(name), name=f"casework_case_{name}") for name in TELLING_FIELDS),
        ]


class CaseDocument(models.Model):
    """One PDF of a case; ``part`` tells apart what is asked for more than once ("2", "ccss"), else empty.

    ``expires_on`` is the last day on which it holds, as it is printed on it.
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=40)
    part = models.CharField(max_length=20, blank=True)
    received_as = models.CharField(max_length=40)
    state = models.CharField(max_length=10, default="received")
    name = models.CharField(max_length=150)
    sha256 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    pages = models.IntegerField()
    received_at = models.DateTimeField()
    received_by = models.CharField(max_length=120)
    issued_on = models.DateField(null=True)
    expires_on = models.DateField(null=True)
    inspection = models.JSONField(default=dict)
    scan = models.CharField(max_length=16, default="not_configured")
    reason = models.TextField(blank=True)
    judged_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    judged_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="casework_document_state", condition=Q(state__in=tuple(DOCUMENT))),
            models.CheckConstraint(
                name="casework_document_refused_why", condition=~Q(state="refused") | ~Q(reason="")
            ),
            models.UniqueConstraint(
                name="casework_document_once",
                fields=["case", "kind", "part"],
                condition=Q(state__in=STANDING_DOCUMENTS),
            ),
        ]

    @property
    def place(self) -> str:
        """Its place in the list of what is asked for: ``kind`` or ``kind:part``."""
        return place_of(self.kind, self.part)


class Submission(models.Model):
    """What the applicant handed in at one time: sheet, answers and documents as they then stood."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="submissions")
    number = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    by = models.CharField(max_length=120)
    facts = models.JSONField()
    sheet = models.JSONField()
    documents = models.JSONField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="casework_submission_number", fields=["case", "number"])
        ]


class Question(models.Model):
    """Something asked back. ``about``: "sheet:iban", "document:licence" or empty for the case as a whole."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="questions")
    about = models.CharField(max_length=80, blank=True)
    text = models.TextField()
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True)
    answer = models.TextField(blank=True)


class Entry(models.Model):
    """One line of a case's history. ``shown``: the applicant sees it too."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="entries")
    at = models.DateTimeField()
    by = models.CharField(max_length=120)
    kind = models.CharField(max_length=30)
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    shown = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar = [models.Index(name="casework_entry_case", fields=["case", "at"])]


class Decision(models.Model):
    """What is to be, or was, decided; with four eyes the one who confirms is another than who proposes."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=10)
    grounds = models.TextField(blank=True)
    effective_from = models.DateField(null=True)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)
    holds_until = models.DateField(null=True)
    final_at = models.DateTimeField(null=True)
    result = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="casework_decision_outcome", condition=Q(outcome__in=OUTCOMES)),
            models.CheckConstraint(
                name="casework_refusal_with_grounds", condition=~Q(outcome="refused") | ~Q(grounds="")
            ),
            models.CheckConstraint(
                name="casework_four_eyes",
                condition=Q(confirmed_by__isnull=True) | ~Q(confirmed_by=F("proposed_by")),
            ),
            models.UniqueConstraint(
                name="casework_one_open_decision",
                fields=["case"],
                condition=Q(final_at__isnull=True, returned_at__isnull=True),
            ),
        ]


class Letter(models.Model):
    """A letter of the fund: what it says, and once it is made its PDF's hash and the mail it went with.

    ``kind`` and ``content`` are those of `caisse.fund.printing`; the same content makes the same PDF again.
    """

    case = models.ForeignKey(Case, models.PROTECT, null=True, related_name="letters")
    provider = models.ForeignKey("registry.Provider", models.PROTECT, null=True, related_name="letters")
    kind = models.CharField(max_length=40)
    language = models.CharField(max_length=2)
    to = models.EmailField(max_length=254, blank=True)
    content = models.JSONField()
    ordered_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.BigIntegerField(default=0)
    mail_id = models.BigIntegerField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(name="casework_letter_waiting", fields=["id"], condition=Q(made_at__isnull=True))
        ]


class BoardSession(models.Model):
    """A meeting of the Board, which decides on agreements once a month."""

    day = models.DateField(unique=True)
    state = models.CharField(max_length=10, default="planned")
    present = models.TextField(blank=True)
    agenda = models.ForeignKey(Letter, models.PROTECT, null=True, related_name="+")
    minutes = models.ForeignKey(Letter, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="casework_session_state", condition=Q(state__in=tuple(SESSION)))
        ]


class BoardItem(models.Model):
    """A case on the agenda of a session: what the office recommends and what the Board decided."""

    session = models.ForeignKey(BoardSession, models.PROTECT, related_name="items")
    case = models.ForeignKey(Case, models.PROTECT, related_name="board_items")
    position = models.PositiveSmallIntegerField()
    recommendation = models.TextField()
    outcome = models.CharField(max_length=10, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(name="casework_board_item_once", fields=["session", "case"]),
            models.CheckConstraint(
                name="casework_board_outcome", condition=Q(outcome__in=("", *BOARD_OUTCOMES))
            ),
        ]


class Signature(models.Model):
    """A consent a case needs: by whom, to what text, and, once given, how and the record that proves it.

    ``void_at``: the text was asked for anew in other words, or of somebody else. A refusal is never undone.
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="signatures")
    signer_code = models.IntegerField()
    role = models.CharField(max_length=10)
    language = models.CharField(max_length=2)
    statement = models.TextField()
    asked_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    signed_at = models.DateTimeField(null=True)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    method = models.CharField(max_length=20, blank=True)
    evidence = models.JSONField(default=dict)
    record = models.TextField(blank=True)
    refused_at = models.DateTimeField(null=True)
    refused_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    refusal = models.TextField(blank=True)
    void_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="casework_signature_once",
                fields=["case", "signer_code"],
                condition=Q(void_at__isnull=True),
            ),
            models.CheckConstraint(
                name="casework_signature_method",
                condition=Q(signed_at__isnull=True, method="", record="")
                | Q(signed_at__isnull=False, method__in=SIGNING_METHODS) & ~Q(record=""),
            ),
            models.CheckConstraint(
                name="casework_signed_or_refused",
                condition=Q(signed_at__isnull=True) | Q(refused_at__isnull=True),
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                name="casework_signature_open",
                fields=["signer_code"],
                condition=Q(signed_at__isnull=True, refused_at__isnull=True, void_at__isnull=True),
            )
        ]


class HandOver(models.Model):
    """The one occasion on which a provider collects the password of an account of the exchange.

    The password is made when it is collected and shown once; nothing here leads to it.
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="hand_overs")
    account = models.ForeignKey("exchange.Account", models.PROTECT, related_name="hand_overs")
    offered_at = models.DateTimeField()
    available_from = models.DateField()
    available_until = models.DateField()
    collected_at = models.DateTimeField(null=True)
    collected_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    evidence = models.JSONField(default=dict)
    void_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="casework_hand_over_once", fields=["account"], condition=Q(void_at__isnull=True)
            ),
            models.CheckConstraint(
                name="casework_hand_over_period", condition=Q(available_until__gt=F("available_from"))
            ),
        ]


class AccessEnd(models.Model):
    """The day from which an account of the exchange is closed because its holder asked for it."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="access_ends")
    account = models.ForeignKey("exchange.Account", models.PROTECT, related_name="access_ends")
    day = models.DateField()
    done_at = models.DateTimeField(null=True)
    void_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="casework_access_ends_once",
                fields=["account"],
                condition=Q(done_at__isnull=True, void_at__isnull=True),
            )
        ]
