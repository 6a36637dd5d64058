"""The documents of a case: handed in, dated, taken back, looked at."""

import logging
from datetime import date

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from caisse.fund.casework import queries
from caisse.fund.casework.actions import files
from caisse.fund.casework.documents.keeping import TooLarge, limits_of, stage
from caisse.fund.casework.documents.signatures import TrustStore, TrustUnreadable, verify
from caisse.fund.casework.errors import TooManyFiles
from caisse.fund.casework.models import Case, CaseDocument
from caisse.fund.exchange.store import Store
from caisse.fund.portal import screens
from caisse.fund.portal.forms import DocumentForm
from caisse.fund.portal.reach import actor, case_page
from caisse.fund.portal.screens import DocumentLine
from caisse.fund.portal.views.shared import act, frame, step_page
from caisse.fund.portal.words import language

log = logging.getLogger("caisse.documents")


@require_http_methods(["GET", "HEAD", "POST"])
@step_page
def documents(request: HttpRequest, case: Case) -> HttpResponse:
    """Hand in one document, or say which days stand on it."""
    told = frame(case, "documents")
    lines = screens.documents_of(case, told["lacking"])
    given: DocumentForm | None = None
    if request.method == "POST":
        line = _line(lines, request.POST.get("place", ""))
        if line is None:
            raise Http404
        given = _form(case, line, request)
        if given.is_valid() & _take(request, case, line, given):
            messages.success(request, _("Kept: {document}").format(document=line.label))
            return redirect(f"{reverse('portal:documents', args=[case.number])}#{line.anchor}")
        # What could be kept is kept, and is shown as it stands now.
        told = frame(case, "documents")
        lines = screens.documents_of(case, told["lacking"])
    forms = {line.anchor: _form(case, line) for line in [*lines, _other()]}
    if given is not None:
        forms[str(given.prefix)] = given
    told |= {
        "lines": [(line, forms[line.anchor]) for line in lines], "faulty": given,
        "limits": limits_of(settings.FUND.documents), "other": (_other(), forms[_other().anchor]),
    }  # fmt: skip
    return render(request, "portal/documents.html", told)


def _other() -> DocumentLine:
    """The place for what nobody asked for."""
    label = _("Another document")
    kind = queries.UNSORTED
    return DocumentLine(kind, kind, "", label, "", "", "absent", "", "", "", False, None)


def _line(lines: list[DocumentLine], place: str) -> DocumentLine | None:
    return next((line for line in [*lines, _other()] if line.place == place), None)


def _form(case: Case, line: DocumentLine, request: HttpRequest | None = None) -> DocumentForm:
    kind = queries.catalogue_of(case).documents.get(line.kind)
    document = line.document
    dates = {"issued_on": document.issued_on, "expires_on": document.expires_on} if document else {}
    data, given = (request.POST, request.FILES) if request else (None, None)
    return DocumentForm(
        kind, data, given, prefix=line.anchor, dates=dates, replaces=document is not None and line.may_change
    )


def _take(request: HttpRequest, case: Case, line: DocumentLine, form: DocumentForm) -> bool:
    """Keep the file, with its days or without; else the days alone. Says at the form what was not taken."""
    upload = form.cleaned_data.get("file")
    if upload is None:
        if line.document is None or not line.may_change:
            form.add_error("file", _("Choose a file first."))
            return False
        return _date(request, case, line.document, form.days)
    name = files.shown_name(upload.name or "")
    try:
        most = limits_of(settings.FUND.documents).bytes
        staged = stage(upload.chunks(), folder=settings.HOME.staging, most_bytes=most)
        arriving = files.Arriving(staged.path, name, line.kind, line.part, **form.days)
        files.receive_file(case_id=case.pk, arriving=arriving, by=actor(request, case), at=timezone.now())
    except (files.FileRefused, TooLarge) as refusal:
        form.add_error("file", f"{name}: {refusal.text(language())} {refusal.remedy(language())}")
    except TooManyFiles as refusal:
        form.add_error("file", str(refusal.text))
    else:
        return True
    return False


def _date(request: HttpRequest, case: Case, document: CaseDocument, days: dict[str, date | None]) -> bool:
    given = {**days, "document_id": document.pk, "by": actor(request, case)}
    return act(request, case, files.date_own_document, **given)


def _document(case: Case, document_id: int) -> CaseDocument:
    found = case.documents.filter(pk=document_id).exclude(state="removed").first()
    if found is None:
        raise Http404
    return found


@require_safe
@case_page
def document(request: HttpRequest, case: Case, document_id: int) -> HttpResponse:
    """One document with what is known of it, its signatures among it."""
    found = _document(case, document_id)
    line = next((one for one in screens.documents_of(case, []) if one.document == found), None)
    told = {**frame(case), "document": found, "line": line, "signatures": _signatures(found)}
    return render(request, "portal/document.html", told)


def _signatures(found: CaseDocument) -> list[tuple[bool, tuple[str, ...]]] | None:
    """For each signature whether it may be relied on, and why, in words; None when that is not known now."""
    if not found.inspection.get("signatures"):
        return []
    path = Store(settings.HOME.documents).path(found.sha256)
    try:
        reports = verify(path, trust=TrustStore(settings.HOME.trust), at=found.received_at)
    except TrustUnreadable:
        log.exception("signatures of document %s", found.pk)
        return None
    return [(report.holds, report.words(language())) for report in reports]


@require_safe
@case_page
def original(request: HttpRequest, case: Case, document_id: int) -> HttpResponse:
    """The file as it was handed in."""
    found = _document(case, document_id)
    return pdf_download(found.sha256, found.name)


def pdf_download(sha256: str, name: str) -> FileResponse:
    """A PDF of the store, to be saved rather than shown: it is not ours, and no page of ours."""
    ending = "" if name.lower().endswith(".pdf") else ".pdf"
    response = FileResponse(
        Store(settings.HOME.documents).open(sha256),
        as_attachment=True,
        filename=f"{name}{ending}",
        content_type="application/pdf",
    )
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@require_POST
@step_page
def remove(request: HttpRequest, case: Case, document_id: int) -> HttpResponse:
    """Take a document back that nobody has judged."""
    _document(case, document_id)
    if act(request, case, files.remove_document, document_id=document_id, by=actor(request, case)):
        messages.success(request, _("The document was taken back."))
    return redirect("portal:documents", case.number)
