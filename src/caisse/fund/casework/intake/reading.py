"""The job of an incoming mail: read it, open or continue a case, answer. Taken up again, it doubles nothing.

A case that is opened is written down on the mail's row in the same transaction; each attachment is one more,
and recognised when it is there already; the answer and the end of the reading are the last.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from caisse.fund.casework import queries
from caisse.fund.casework.actions.applications import NewCase, open_case, renew_key
from caisse.fund.casework.actions.moving import audit, locked, note
from caisse.fund.casework.intake import answers, filing
from caisse.fund.casework.intake.addresses import case_address, is_bounce, is_ours
from caisse.fund.casework.intake.answers import Refused, Told
from caisse.fund.casework.intake.language import detect
from caisse.fund.casework.intake.message import Reading, read_message
from caisse.fund.casework.lifecycle import CLOSED, OPEN_TO_APPLICANT
from caisse.fund.casework.links import case_link, secret_of
from caisse.fund.casework.models import Case
from caisse.fund.exchange.errors import StoreDamaged
from caisse.fund.exchange.store import Store
from caisse.fund.faults import reach
from caisse.fund.notices import incoming
from caisse.fund.notices.actions import queue_mail
from caisse.fund.notices.bounced import note_report
from caisse.fund.notices.errors import MailRefused
from caisse.fund.notices.incoming import Outcome
from caisse.fund.notices.models import IncomingMail
from caisse.fund.notices.texts import LANGUAGES

BY = "mail"
#: Mails without a case are of this kind until the applicant or an officer says otherwise.
_KIND, _LANGUAGE = "new_code", "fr"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Result:
    """What is to be written at the end: the outcome, the answer, to whom, and the case it is about."""

    outcome: str
    told: Told | None = None
    to: str = ""
    case: Case | None = None
    notes: tuple[tuple[str, str], ...] = ()
    new_key: bool = False


def read_mail(mail_id: int) -> str:
    """Read one mail unless that is done already; the outcome in a word (see notices.models)."""
    mail = IncomingMail.objects.get(pk=mail_id)
    if mail.state == "read":
        return mail.outcome
    content, at = _content(mail.sha256), timezone.now()
    if all(is_bounce(one) for one in mail.recipients):
        return _end_report(mail, content, at)
    reading = read_message(content)
    result = _result(mail, reading, at)
    with transaction.atomic():
        IncomingMail.objects.select_for_update().get(pk=mail_id)
        answer_id = _answer(mail, reading, result, at)
        if result.case is not None and result.outcome in ("opened", "continued", "foreign"):
            _note_on_case(mail, reading, result, at)
        incoming.note_read(
            mail_id=mail_id, by=BY, at=at,
            outcome=Outcome(
                result.outcome, reading.sender.lower(), reading.message_id, reading.body_sha256,
                result.case.number if result.case else "", result.notes, answer_id,
            ),
        )  # fmt: skip
        reach("intake.read.before_commit")
    reach("intake.read.after_commit")
    return result.outcome


def _content(sha256: str) -> bytes:
    content = bytes(Store(settings.HOME.mail_in).content(sha256))
    if hashlib.sha256(content).hexdigest() != sha256:
        raise StoreDamaged(sha256)
    return content


def _end_report(mail: IncomingMail, content: bytes, at: datetime) -> str:
    with transaction.atomic():
        noted = note_report(recipients=mail.recipients, content=content, by=BY, at=at)
        outcome = "report" if noted else "automatic"
        incoming.note_read(mail_id=mail.pk, outcome=Outcome(outcome), by=BY, at=at)
    return outcome


def _result(mail: IncomingMail, reading: Reading, at: datetime) -> _Result:
    if _is_repeat(mail, reading):
        return _Result("repeat")
    if reading.automatic or not mail.envelope_from or _is_own(reading.sender):
        return _Result("automatic")
    if not reading.sender:
        return _Result("unreadable")
    if mail.case_number:
        # Taken up again: this mail had opened its case when the job died.
        return _file(Case.objects.get(number=mail.case_number), reading, at, opened=True)
    found = filing.find_case(mail.recipients, reading)
    if found.case is not None and found.proven:
        return _file(found.case, reading, at)
    if found.named:
        return _Result("foreign", Told("foreign"), reading.sender, found.case)
    return _open(mail, reading, at)


def _is_own(sender: str) -> bool:
    return is_ours(sender) or sender.lower() == parseaddr(settings.FUND.mail.sender)[1].lower() != ""


def _is_repeat(mail: IncomingMail, reading: Reading) -> bool:
    """The same mail by another way: its bytes differ only in what mail servers wrote above it."""
    same = IncomingMail.objects.filter(
        message_id=reading.message_id,
        body_sha256=reading.body_sha256,
        sender=reading.sender.lower(),
        state="read",
    )
    # One that came while no more cases could be opened may come again as it is.
    return bool(reading.message_id) and same.exclude(pk=mail.pk).exclude(outcome="over_limit").exists()


def _open(mail: IncomingMail, reading: Reading, at: datetime) -> _Result:
    if reading.trouble or not filing.first_sound(reading.attachments):
        refused = filing.refusals(reading.attachments) or _whole(reading)
        notes = tuple((one.name, one.code) for one in refused)
        return _Result("nothing", Told("nothing", refused=refused), reading.sender, notes=notes)
    most, since = settings.FUND.mail.cases_per_day, at - _DAY
    if most and incoming.opened_since(reading.sender.lower(), since) >= most:
        # Told once: whoever floods us must not make us flood him.
        told = incoming.told_of_limit_since(reading.sender.lower(), since)
        return _Result("over_limit", None if told else Told("over_limit"), reading.sender)
    new = NewCase(_KIND, "", reading.sender, _language(reading) or _LANGUAGE, "mail")
    with transaction.atomic():
        opened = open_case(new=new, by=BY, at=at)
        incoming.note_case(mail_id=mail.pk, case_number=opened.number)
    reach("intake.opened")
    return _file(Case.objects.get(pk=opened.case_id), reading, at, opened=True)


def _whole(reading: Reading) -> list[Refused]:
    """The reason why a mail as a whole was not taken apart."""
    return (
        filing.refusals([filing.Attachment(reading.subject or "-", b"", reading.trouble)])
        if reading.trouble
        else []
    )


def _file(case: Case, reading: Reading, at: datetime, *, opened: bool = False) -> _Result:
    outcome = "opened" if opened else "continued"
    if case.state in CLOSED:
        return _Result(outcome, Told("closed", case.number), case.email, case)
    filed = filing.file_attachments(case.pk, reading.attachments, by=BY, at=at)
    reach("intake.filed")
    missing = ()
    if not opened and case.state in OPEN_TO_APPLICANT:
        missing = [one.label for one in queries.missing(case, on=timezone.localdate(at))]
    refused = filed.refused or _whole(reading)
    told = Told(outcome, case.number, kept=filed.kept, refused=refused, missing=missing)
    return _Result(outcome, told, case.email, case, tuple(filed.notes()), new_key=opened)


def _answer(mail: IncomingMail, reading: Reading, result: _Result, at: datetime) -> int | None:
    """Queue the answer, unless its addressee had as many as he may get within an hour."""
    if result.told is None:
        return None
    since = at - timedelta(hours=1)
    many = incoming.answers_since(reading.sender.lower(), since) >= settings.FUND.mail.answers_per_hour
    if many and result.outcome != "over_limit":
        return None
    told, language, headers = (
        result.told,
        _language_of_answer(reading, result),
        answers.thread(reading.message_id),
    )
    if result.case is not None and result.outcome != "foreign":
        headers["Reply-To"] = case_address(result.case.number)
    if result.new_key:
        key = renew_key(case_id=result.case.pk, by=BY, at=at)
        told = Told(told.kind, told.number, case_link(told.number, key), told.kept, told.refused)
    secrets = [secret_of(told.link)] if told.link else []
    about = ("case", result.case.number) if told.number else ("incoming mail", mail.pk)
    try:
        return queue_mail(
            to=result.to, subject=answers.subject(told, language), text=answers.body(told, language),
            headers=headers, language=language or "", about=about, secrets=secrets, by=BY, at=at,
        )  # fmt: skip
    except MailRefused:
        return None


def _language(reading: Reading) -> str | None:
    if reading.language in LANGUAGES:
        return reading.language
    return detect(f"{reading.subject} {reading.text}")


def _language_of_answer(reading: Reading, result: _Result) -> str | None:
    if result.outcome == "continued" and result.case is not None:
        return result.case.language
    return _language(reading)


def _note_on_case(mail: IncomingMail, reading: Reading, result: _Result, at: datetime) -> None:
    """The mail's words in the case's history; of a stranger's mail only that there was one."""
    case = locked(result.case.pk)
    foreign = result.outcome == "foreign"
    data = {"incoming_mail": mail.pk, "attachments": len(reading.attachments)}
    text = reading.sender if foreign else reading.text
    kind = "mail_from_stranger" if foreign else "mail_received"
    note(case, kind, by=BY, at=at, text=text, data=data, shown=not foreign)
    audit(case, f"case.{kind}", by=BY, at=at, data={"incoming_mail": mail.pk})
