"""Signatures: asked of everybody a change needs, given with two factors or in a PDF, or refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from caisse.fund.access.models import User
from caisse.fund.access.queries import actor, may_act_for, persons_of
from caisse.fund.casework import consents, letters_to_several, queries
from caisse.fund.casework.actions.letters import order_letter, write_letter
from caisse.fund.casework.actions.moving import audit, by_officer, locked, move, note
from caisse.fund.casework.consents import TEXTS
from caisse.fund.casework.documents.keeping import limits_of
from caisse.fund.casework.documents.signatures import SignatureReport, TrustStore, verify
from caisse.fund.casework.errors import (
    CaseMoved,
    NotAllowed,
    NotOffered,
    ReasonNeeded,
    SignatureInvalid,
    UnknownCase,
)
from caisse.fund.casework.models import Case, CaseDocument, Signature
from caisse.fund.casework.sheet_rules import further_faults
from caisse.fund.casework.signature_records import Signed, make_record, sha256_of
from caisse.fund.casework.strong import proof_of
from caisse.fund.exchange.receipts import signing_key
from caisse.fund.exchange.store import Store
from caisse.fund.notices.actions import queue_mail
from caisse.fund.notices.texts import text
from caisse.fund.printing.wording import Wording
from caisse.fund.registry import queries as register
from caisse.fund.registry.models import Provider


@transaction.atomic
def ask_signatures(*, case_id: int, officer_id: int, at: datetime) -> int:
    """Ask everybody the change needs to sign it, and let the case wait; how many were asked now.

    Signatures given to other words, or of somebody who no longer has to sign, become void. Raises NotOffered
    (nobody has to sign such a case), NotAllowed (the register speaks against it) or CaseMoved.
    """
    case = locked(case_id, states=("in_review",))
    by = by_officer(case, officer_id)
    wanted = {one.code: one for one in consents.needed(case)}
    if not wanted:
        raise NotOffered("Nobody has to sign this case.")
    found = further_faults(case, queries.sheet_values(case), timezone.localdate(at))
    if found:
        raise NotAllowed("; ".join(fault.texts["en"] for fault in found))
    kept = set()
    for row in consents.standing_signatures(case):
        same = row.signer_code in wanted and row.statement == wanted[row.signer_code].statement
        if same and row.refused_at is None:
            kept.add(row.signer_code)
        else:
            _make_void(case, row, by=by, at=at)
    asked = [one for code, one in wanted.items() if code not in kept]
    days = queries.catalogue_of(case).period("signature_days")
    due = timezone.localdate(at) + timedelta(days=days)
    if not asked and not queries.unsigned(case).exists():
        raise CaseMoved("Everybody has signed already.")
    for one in asked:
        row = Signature.objects.create(
            case=case, signer_code=one.code, role=one.role, language=one.language, statement=one.statement,
            asked_at=at,
        )  # fmt: skip
        _tell(case, row, one.provider_id, "mail", due, by=by, at=at)
    data = {"asked": sorted(one.code for one in asked), "kept": sorted(kept)}
    audit(case, "case.signatures_asked", by=by, at=at, data=data)
    move(case, "awaiting_signatures", by=by, at=at)
    case.due_on = due
    case.save(update_fields=["due_on"])
    return len(asked)


def remind_signers(case: Case, *, by: str, at: datetime) -> None:
    """Tell everybody who has not answered yet until when the change can be signed; the case is locked.

    Who was told by letter gets another one.
    """
    if case.due_on is None:
        raise CaseMoved("It waits for no signature.")
    for row in queries.unsigned(case).order_by("signer_code"):
        provider = register.provider_by_code(row.signer_code)
        _tell(case, row, provider.pk if provider else 0, "reminder", case.due_on, by=by, at=at)
    subject = text(TEXTS, "reminder_subject", case.language, case=case.number)
    note(case, "reminder", by=by, at=at, text=subject, shown=True)


@transaction.atomic
def lapse_unsigned(*, case_id: int, by: str, at: datetime) -> bool:
    """Close a case that not everybody signed in time and tell all; False when there is nothing to do.

    It stays open while somebody was never told: an officer has to reach him first.
    """
    case = locked(case_id)
    if queries.untold(case).exists():
        return False
    if case.state != "awaiting_signatures" or case.due_on is None or timezone.localdate(at) < case.due_on:
        return False
    write_letter(case, "unsigned", by=by, at=at, later=True)
    move(case, "lapsed", by=by, at=at, why="not signed in time")
    return True


def _make_void(case: Case, row: Signature, *, by: str, at: datetime) -> None:
    row.void_at = at
    row.save(update_fields=["void_at"])
    data = {"signature": row.pk, "code": row.signer_code}
    note(case, "signature_void", by=by, at=at, data=data)
    audit(case, "case.signature_void", by=by, at=at, data=data)


def _tell(
    case: Case, row: Signature, provider_id: int, name: str, due: date, *, by: str, at: datetime
) -> None:
    """Mail the signer at the address the register knows, else whoever may sign; with neither, write a letter
    to one who was told so before, and of others note that nobody was reached.

    ``name``: of the text, "mail", "reminder" or (nobody can be mailed) "letter"; ``due``: the first day on
    which it is too late to sign.
    """
    last = Wording(row.language).last_day(due)
    to = _addresses(provider_id, timezone.localdate(at))
    link = f"{settings.FUND.pages.url}/signatures/{row.pk}/"
    for address in to:
        queue_mail(
            to=address, subject=text(TEXTS, f"{name}_subject", row.language, case=case.number),
            text=text(
                TEXTS, name, row.language, statement=row.statement, link=link, last=last,
                fund=settings.FUND.name,
            ),
            about=("case", case.number), by=by, at=at, language=row.language,
        )  # fmt: skip
    if to:
        row.told_at = at
        row.save(update_fields=["told_at"])
    elif name == "letter" or row.told_at is not None:
        _order_letter(case, row, due, name, by=by, at=at)
    else:
        note(case, "signer_not_reached", by=by, at=at, data={"code": row.signer_code})


def _addresses(provider_id: int, on: date) -> list[str]:
    provider = Provider.objects.filter(pk=provider_id).first()
    if provider is not None and provider.email:
        return [provider.email]
    return [user.email for user, scope in persons_of(provider_id, on) if scope == "owner"]


def _order_letter(case: Case, row: Signature, due: date, name: str, *, by: str, at: datetime) -> None:
    """Have the letter made that asks for the signature on paper; an officer prints and sends it."""
    written = letters_to_several.signature_request(
        case, row, due, on=timezone.localdate(at), reminder=name == "reminder"
    )
    order_letter(*written, case=case, later=True, by=by, at=at)
    row.told_at = at
    row.save(update_fields=["told_at"])
    note(case, "signer_told_by_letter", by=by, at=at, data={"code": row.signer_code})


@transaction.atomic
def tell_by_letter(*, case_id: int, code: int, officer_id: int, at: datetime) -> bool:
    """Tell a signer whom no mail reached: by mail if there is an address meanwhile, else by a letter that
    the officer prints and sends; True for a letter. The time to sign begins again with this day.

    Raises OwnCase, or CaseMoved when no such signer waits to be told.
    """
    case = locked(case_id, states=("awaiting_signatures",))
    by = by_officer(case, officer_id)
    row, provider = queries.untold(case).filter(signer_code=code).first(), register.provider_by_code(code)
    if row is None or provider is None:
        raise CaseMoved("This signer was told or need not sign.")
    today = timezone.localdate(at)
    days = queries.catalogue_of(case).period("signature_days")
    case.due_on = max(case.due_on or today, today + timedelta(days=days))
    case.save(update_fields=["due_on"])
    by_mail = bool(_addresses(provider.pk, today))
    _tell(case, row, provider.pk, "mail" if by_mail else "letter", case.due_on, by=by, at=at)
    data = {"signature": row.pk, "code": code, "by": "mail" if by_mail else "letter"}
    audit(case, "case.signer_told", by=by, at=at, data=data)
    return not by_mail


@transaction.atomic
def give_signature(*, signature_id: int, user: User, evidence: Mapping[str, Any] | None, at: datetime) -> str:
    """Sign what one was asked to sign; the record, a JWS that can be verified later without the fund.

    ``evidence``: what `access.gates.strong_evidence` tells of the session. Raises NotForYou unless the user
    proved two factors in the last minutes, UnknownCase unless he owns the code's provider, CaseMoved when the
    signature is not asked for (any more).
    """
    row, case = _asked_of(signature_id, user, at)
    proof = proof_of(evidence, at)
    _record(case, row, user.pk, "strong_sign_in", proof, by=actor(user), at=at)
    _go_on_when_all_signed(case, by=actor(user), at=at)
    return row.record


@transaction.atomic
def refuse_signature(*, signature_id: int, user: User, reason: str, at: datetime) -> None:
    """Refuse to sign: the case goes back to the officer, who sees why; it cannot be granted as it is."""
    row, case = _asked_of(signature_id, user, at)
    if not reason.strip():
        raise ReasonNeeded
    row.refused_at, row.refused_by, row.refusal = at, user, reason.strip()[:2000]
    row.save(update_fields=["refused_at", "refused_by", "refusal"])
    data = {"signature": row.pk, "code": row.signer_code}
    note(case, "signature_refused", by=actor(user), at=at, text=row.refusal, data=data)
    audit(case, "case.signature_refused", by=actor(user), at=at, data=data)
    move(case, "in_review", by=actor(user), at=at)


def _asked_of(signature_id: int, user: User, at: datetime) -> tuple[Signature, Case]:
    """The signature, locked with its case, when ``user`` may answer it; else it does not exist."""
    found = Signature.objects.filter(pk=signature_id).first()
    provider = register.provider_by_code(found.signer_code) if found else None
    if found is None or provider is None:
        raise UnknownCase
    if not may_act_for(user, provider.pk, "owner", timezone.localdate(at)):
        raise UnknownCase
    case = locked(found.case_id, states=("awaiting_signatures",))
    row = Signature.objects.select_for_update().get(pk=signature_id)
    if row.signed_at or row.refused_at or row.void_at:
        raise CaseMoved("This signature is not asked for any more.")
    return row, case


def _record(
    case: Case,
    row: Signature,
    user_id: int,
    method: str,
    evidence: Mapping[str, Any],
    *,
    by: str,
    at: datetime,
) -> None:
    signed = Signed(
        case.number, row.signer_code, row.role, row.statement, row.language, at, method, user_id, evidence
    )
    row.record = make_record(signing_key(settings.HOME), settings.FUND.name, signed)
    row.signed_at, row.signed_by_id, row.method, row.evidence = at, user_id, method, dict(evidence)
    row.save(update_fields=["record", "signed_at", "signed_by", "method", "evidence"])
    note(case, "signed", by=by, at=at, data={"code": row.signer_code, "method": method}, shown=True)
    data = {
        "signature": row.pk, "code": row.signer_code, "method": method,
        "statement_sha256": sha256_of(row.statement), "record_sha256": sha256_of(row.record),
    }  # fmt: skip
    audit(case, "case.signed", by=by, at=at, data=data)


def _go_on_when_all_signed(case: Case, *, by: str, at: datetime) -> None:
    if not queries.unsigned(case).exists():
        move(case, "in_review", by=by, at=at, why="everybody has signed")


@dataclass(frozen=True, slots=True)
class Assigned:
    """A signature in a PDF, by the name of its field, and the member an officer found it to be of."""

    field: str
    code: int


def assign_signatures(
    *, document_id: int, assigned: Sequence[Assigned], officer_id: int, at: datetime
) -> list[int]:
    """Count signatures in a PDF of the case as those of members; the codes that have signed thereby.

    Each is verified again, against the authorities the fund trusts, as of the day the document came. Raises
    SignatureInvalid when one does not hold, is named twice, or its certificate counts for another member.
    """
    document = CaseDocument.objects.filter(pk=document_id).first()
    if document is None:
        raise UnknownCase
    reports = reports_of(document)
    with transaction.atomic():
        case = locked(document.case_id, states=("awaiting_signatures", "in_review"))
        by = by_officer(case, officer_id)
        document = CaseDocument.objects.select_for_update().get(pk=document_id)
        if document.state not in ("received", "accepted"):
            raise CaseMoved(f"The document is {document.state}.")
        for one in assigned:
            _assign(case, document, one, reports, officer_id, by=by, at=at)
        audit(case, "case.signatures_assigned", by=by, at=at, data={"document": document.pk})
        if case.state == "awaiting_signatures":
            _go_on_when_all_signed(case, by=by, at=at)
    return [one.code for one in assigned]


def reports_of(document: CaseDocument) -> dict[str, SignatureReport]:
    """What the signatures of a document are worth, by the names of their fields; verified off line."""
    found = verify(
        Store(settings.HOME.documents).path(document.sha256), trust=TrustStore(settings.HOME.trust),
        at=document.received_at, limits=limits_of(settings.FUND.documents),
    )  # fmt: skip
    return {report.field: report for report in found}


def _assign(
    case: Case, document: CaseDocument, one: Assigned, reports: Mapping[str, SignatureReport],
    officer_id: int, *, by: str, at: datetime,
) -> None:  # fmt: skip
    report = reports.get(one.field)
    if report is None or not report.holds:
        raise SignatureInvalid(one.field)
    standing = Signature.objects.select_for_update().filter(case=case, void_at__isnull=True)
    row = standing.filter(signer_code=one.code).first()
    if row is None or row.signed_at or row.refused_at:
        raise CaseMoved(f"The signature of code {one.code} is not asked for (any more).")
    taken = standing.filter(evidence__certificate_sha256=report.certificate_sha256)
    if taken.exists():
        raise SignatureInvalid("Its certificate counts for another member.")
    evidence = {
        "document_sha256": document.sha256, "document": document.pk, "field": report.field,
        "certificate_sha256": report.certificate_sha256, "signer": report.signer, "issuer": report.issuer,
        "signed_at": report.signed_at, "time_source": report.time_source,
    }  # fmt: skip
    _record(case, row, officer_id, "signed_document", evidence, by=by, at=at)
