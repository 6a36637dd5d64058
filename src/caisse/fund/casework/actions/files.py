"""Files of a case: taken in when they are sound PDFs, refused with a remedy, replaced, removed."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from caisse.agreement.errors import ContentRefused
from caisse.agreement.tables import reasons
from caisse.fund.casework import queries
from caisse.fund.casework.actions.moving import audit, locked, note
from caisse.fund.casework.documents import inspection as inspecting
from caisse.fund.casework.documents import scanning
from caisse.fund.casework.documents.keeping import keep, limits_of
from caisse.fund.casework.errors import CaseMoved, TooManyFiles, UnknownCase
from caisse.fund.casework.lifecycle import CLOSED, OPEN_TO_APPLICANT, STANDING_DOCUMENTS
from caisse.fund.casework.models import Case, CaseDocument, place_of
from caisse.fund.exchange.store import Store

#: Files one case may hold, replaced ones included.
MOST_FILES = 200
_UNSAFE = re.compile(r"[\\/\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Arriving:
    """An upload in staging, with what its sender says of it; ``kind`` may be `queries.UNSORTED`."""

    path: Path
    name: str
    kind: str
    part: str = ""
    issued_on: date | None = None
    expires_on: date | None = None


class FileRefused(ContentRefused):
    """The file is not taken in. Its reason says what to do; the case is as it was."""

    def __init__(self, code: str, inspection: inspecting.Inspection) -> None:
        """``code`` is a published reason."""
        self.code, self.inspection = code, inspection
        super().__init__(code)

    def text(self, language: str) -> str:
        """Why, in ``fr``, ``de`` or ``en``."""
        return self.inspection.text(language) or reasons.reason(self.code).text(language)

    def remedy(self, language: str) -> str:
        """What the sender can do, in ``fr``, ``de`` or ``en``."""
        return reasons.reason(self.code).remedy(language)


def receive_file(
    *, case_id: int, arriving: Arriving, from_applicant: bool = True, by: str, at: datetime
) -> int:
    """Judge an upload and take it into the case, in place of what stood there; the document's id.

    The file is taken out of staging in any case. Raises FileRefused, UnknownCase (no such document asked
    for), CaseMoved (nothing may be handed in now) or TooManyFiles.
    """
    try:
        judged = inspecting.inspect(arriving.path, limits=limits_of(settings.FUND.documents))
        scan = scanning.scan(arriving.path, scanner=settings.FUND.documents.scanner) if judged.ok else None
        if scan is None or scan.state == "infected":
            code = judged.code or scan.code
            _refuse(case_id, arriving, code, judged.sha256, by, at)
            raise FileRefused(code, judged)
        with transaction.atomic():
            case = locked(case_id)
            _may_receive(case, arriving, from_applicant)
            keep(arriving.path, sha256=judged.sha256, size=judged.size, store=Store(settings.HOME.documents))
            return _enter(case, arriving, judged, scan.state, by, at)
    finally:
        arriving.path.unlink(missing_ok=True)


def shown_name(name: str) -> str:
    """A sender's file name without path, control or direction characters, at most 150 characters."""
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])).strip(
        " ."
    )
    stem, dot, ending = plain.rpartition(".")
    if len(plain) <= 150:
        return plain or "document.pdf"
    return f"{(stem or ending)[: 149 - len(ending)]}{dot}{ending}"[:150]


def _may_receive(case: Case, arriving: Arriving, from_applicant: bool) -> None:
    allowed = case.state in OPEN_TO_APPLICANT if from_applicant else case.state not in CLOSED
    if arriving.kind == queries.UNSORTED:
        allowed = case.state not in CLOSED
    elif arriving.kind not in queries.catalogue_of(case).documents or len(arriving.part) > 20:
        raise UnknownCase(arriving.kind)
    if not allowed:
        raise CaseMoved(f"It is {case.state}.")
    if case.documents.count() >= MOST_FILES:
        raise TooManyFiles


def _enter(
    case: Case, arriving: Arriving, judged: inspecting.Inspection, scan: str, by: str, at: datetime
) -> int:
    part = arriving.part
    standing = case.documents.filter(kind=arriving.kind, state__in=STANDING_DOCUMENTS)
    if arriving.kind == queries.UNSORTED:
        same = standing.filter(sha256=judged.sha256).first()
        if same is not None:
            return same.pk
        part = str(case.documents.filter(received_as=queries.UNSORTED).count() + 1)
    else:
        standing.filter(part=part).update(state="replaced")
    document = CaseDocument.objects.create(
        case=case, kind=arriving.kind, part=part, received_as=arriving.kind, name=shown_name(arriving.name),
        sha256=judged.sha256, size=judged.size, pages=judged.pages, received_at=at, received_by=by,
        issued_on=arriving.issued_on, expires_on=arriving.expires_on, scan=scan,
        inspection={"warnings": judged.warnings, "signatures": judged.signature_fields},
    )  # fmt: skip
    place = document.place
    note(case, "document_received", by=by, at=at, text=document.name, data={"place": place}, shown=True)
    audit(
        case, "case.document_received", by=by, at=at,
        data={"document": document.pk, "place": place, "sha256": judged.sha256, "size": judged.size},
    )  # fmt: skip
    return document.pk


@transaction.atomic
def _refuse(case_id: int, arriving: Arriving, code: str, sha256: str, by: str, at: datetime) -> None:
    case = locked(case_id)
    data = {"code": code, "place": place_of(arriving.kind, arriving.part)}
    note(case, "file_refused", by=by, at=at, text=shown_name(arriving.name), data=data, shown=True)
    audit(case, "case.file_refused", by=by, at=at, data={**data, "sha256": sha256})


@transaction.atomic
def remove_document(*, document_id: int, case_id: int, by: str, at: datetime) -> None:
    """Let the applicant take back a document nobody has judged; the fund keeps that it was there."""
    case = locked(case_id, states=OPEN_TO_APPLICANT)
    document = CaseDocument.objects.select_for_update().filter(pk=document_id, case=case).first()
    if document is None:
        raise UnknownCase
    if document.state != "received":
        raise CaseMoved(f"The document is {document.state}.")
    document.state = "removed"
    document.save(update_fields=["state"])
    audit(case, "case.document_removed", by=by, at=at, data={"document": document.pk})


@transaction.atomic
def date_own_document(
    *, document_id: int, case_id: int, issued_on: date | None, expires_on: date | None, by: str, at: datetime
) -> None:
    """Let the applicant say (again) which days stand on a document that nobody has judged."""
    case = locked(case_id, states=OPEN_TO_APPLICANT)
    document = CaseDocument.objects.select_for_update().filter(pk=document_id, case=case).first()
    if document is None:
        raise UnknownCase
    if document.state != "received":
        raise CaseMoved(f"The document is {document.state}.")
    document.issued_on, document.expires_on = issued_on, expires_on
    document.save(update_fields=["issued_on", "expires_on"])
    audit(case, "case.document_dated", by=by, at=at, data={"document": document.pk})
