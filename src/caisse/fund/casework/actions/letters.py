"""Letters: ordered in the transaction that is their cause, made once, sent by mail with the PDF."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override
from procrastinate.contrib.django import app

from caisse.fund import printing
from caisse.fund.audit.actions import record_event
from caisse.fund.casework import letters_to_several
from caisse.fund.casework.actions.moving import note
from caisse.fund.casework.documents.keeping import keep_made
from caisse.fund.casework.letter_contents import Addressee, Content
from caisse.fund.casework.links import LINK_TEXTS, objection_link, secret_of
from caisse.fund.casework.models import Case, Decision, Letter
from caisse.fund.casework.queue_names import LETTER_QUEUE, LETTER_TASK
from caisse.fund.exchange.store import Store
from caisse.fund.faults import reach
from caisse.fund.notices.actions import Attachment, queue_mail
from caisse.fund.notices.texts import text as text_of_mail

#: The language of agendas and minutes: the fund's working language.
WORKING_LANGUAGE = "fr"
#: A letter ordered so long ago that nobody is about to make is looked after, so many at once.
_FORGOTTEN, _REMEMBERED_AT_ONCE = timedelta(minutes=10), 1000
# A job that failed for good is no job: the letter gets another one.
_HAVE_JOBS = """
    SELECT (args ->> 'letter_id')::bigint FROM procrastinate_jobs
    WHERE task_name = %(task)s AND (args ->> 'letter_id')::bigint = ANY(%(letters)s)
        AND (status IN ('todo', 'doing') OR EXISTS (
            SELECT 1 FROM procrastinate_events e
            WHERE e.job_id = procrastinate_jobs.id AND e.at > now() - interval '1 hour'))
"""


_only_ordered: ContextVar[list[int] | None] = ContextVar("only_ordered", default=None)


@contextmanager
def only_ordered() -> Iterator[list[int]]:
    """Within it, letters are written down and neither made nor sent; the list collects their ids.

    For a look at the letters of an act that is undone afterwards.
    """
    ordered: list[int] = []
    token = _only_ordered.set(ordered)
    try:
        yield ordered
    finally:
        _only_ordered.reset(token)


def write_letter(
    case: Case, moment: str, *, by: str, at: datetime, decision: Decision | None = None, later: bool = False
) -> list[int]:
    """Write the letters of a moment of a case (`letter_contents.MOMENTS`) and send them; their ids.

    ``later``: a job makes and sends them, so that nothing stays locked while they are typeset.
    """
    written = []
    for addressee, content in letters_to_several.of_moment(case, moment, decision, on=timezone.localdate(at)):
        letter = order_letter(addressee, content, case=case, later=later, by=by, at=at)
        written.append(letter)
    for letter in () if later or _only_ordered.get() is not None else written:
        make_letter(letter_id=letter, by=by, at=at)
    return written


@transaction.atomic
def order_letter(
    addressee: Addressee, content: Content, *, case: Case | None = None, later: bool = False, by: str,
    at: datetime,
) -> int:  # fmt: skip
    """Write down what a letter says; with ``later`` a job makes it, else the caller does. The letter's id."""
    letter = Letter.objects.create(
        case=case, provider_id=addressee.provider_id, kind=content.kind, language=addressee.language,
        to=addressee.email, content=content.data, ordered_at=at,
    )  # fmt: skip
    record_event(
        action="letter.ordered", by=by, at=at, subject=("letter", letter.pk), data={"kind": content.kind}
    )
    if (looked_at := _only_ordered.get()) is not None:
        looked_at.append(letter.pk)
    elif later:
        app.configure_task(LETTER_TASK, queue=LETTER_QUEUE).defer(letter_id=letter.pk)
    return letter.pk


@transaction.atomic
def make_letter(*, letter_id: int, by: str, at: datetime) -> bool:
    """Make the PDF of an ordered letter, keep it and queue its mail; False when that was done before."""
    letter = Letter.objects.select_for_update().get(pk=letter_id)
    if letter.made_at is not None:
        return False
    content = printing.render(letter.kind, letter.language, letter.content)
    letter.sha256, letter.size, letter.made_at = (
        keep_made(content, Store(settings.HOME.documents)),
        len(content),
        at,
    )
    reach("casework.letter.kept")
    subject = printing.subject(letter.kind, letter.language, letter.content)
    if letter.to:
        letter.mail_id = _send(letter, subject, content, by, at)
    letter.save(update_fields=["sha256", "size", "made_at", "mail_id"])
    if letter.case is not None:
        data = {"letter": letter.pk, "kind": letter.kind}
        note(letter.case, "letter", by=by, at=at, text=subject, data=data, shown=True)
    record_event(
        action="letter.made", by=by, at=at, subject=("letter", letter.pk), data={"sha256": letter.sha256}
    )
    reach("casework.letter.before_commit")
    return True


def _send(letter: Letter, subject: str, content: bytes, by: str, at: datetime) -> int:
    number = letter.case.number if letter.case else ""
    with override(letter.language):
        text = _(
            "Good day,\n\nyou find our letter attached to this mail.\n\nPlease name the number of your case"
            " in whatever you write to us about it. Do not send confidential documents by ordinary mail if"
            " you can hand them in through the portal instead: {portal}\n\n{fund}\n"
        ).format(portal=settings.FUND.pages.url, fund=settings.FUND.name)
    secrets: list[str] = []
    if letter.kind == "bank_account_notice":
        words, secrets = _how_to_object(letter)
        text += words
    shown = f"{subject} ({number})" if number else subject
    return queue_mail(
        to=letter.to, subject=shown, text=text, about=("letter", letter.pk), by=by, at=at,
        language=letter.language, secrets=secrets,
        attachments=(Attachment(f"{letter.kind}-{number or letter.pk}.pdf", "application/pdf", content),),
    )  # fmt: skip


def _how_to_object(letter: Letter) -> tuple[str, list[str]]:
    """Where the holder stops the change, without an account, and what of it is secret: the notice goes to
    the address known before.
    """
    decision = letter.case.decisions.filter(final_at__isnull=True, returned_at__isnull=True).first()
    if decision is None:
        return "", []
    link = objection_link(decision)
    return f"\n{text_of_mail(LINK_TEXTS, 'objection', letter.language, link=link)}\n", [secret_of(link)]


def remember_forgotten_letters() -> int:
    """A chore: give every letter that waits without a job one; how many. The job makes a letter once."""
    waiting = Letter.objects.filter(made_at__isnull=True, ordered_at__lt=timezone.now() - _FORGOTTEN)
    found = list(waiting.order_by("pk").values_list("pk", flat=True)[:_REMEMBERED_AT_ONCE])
    if not found:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_HAVE_JOBS, {"task": LETTER_TASK, "letters": found})
        have = {row[0] for row in cursor.fetchall()}
    lost = [letter for letter in found if letter not in have]
    for letter in lost:
        app.configure_task(LETTER_TASK, queue=LETTER_QUEUE).defer(letter_id=letter)
    return len(lost)


def write_paper(content: Content, *, by: str, at: datetime) -> int:
    """Make a paper of the fund's own, such as an agenda, in its working language; the letter's id."""
    letter = order_letter(Addressee((), WORKING_LANGUAGE), content, by=by, at=at)
    make_letter(letter_id=letter, by=by, at=at)
    return letter
