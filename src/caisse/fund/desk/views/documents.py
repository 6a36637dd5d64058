"""The documents of a case: looked at page by page, judged, sorted, dated, downloaded."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from caisse.agreement.identifiers import provider_code
from caisse.fund.casework import consents, looking, queries
from caisse.fund.casework.actions import examination
from caisse.fund.casework.documents import rendering, signatures
from caisse.fund.casework.errors import CaseMoved, CaseworkRefusal, ReasonNeeded
from caisse.fund.casework.models import Case, CaseDocument, Signature
from caisse.fund.desk import screen as screens
from caisse.fund.desk.forms import DatesForm, JudgeForm, SortForm
from caisse.fund.desk.gates import OFFICERS, case_page, may
from caisse.fund.desk.views import cases
from caisse.fund.desk.views.answering import acting, file_answer, officer, today, told
from caisse.fund.desk.words import language
from caisse.fund.exchange.store import Store
from caisse.fund.registry import queries as register

#: Widths of the pictures: in the page, and enlarged.
WIDTH, WIDE = 900, 1600


def pane(request: HttpRequest, made: screens.Screen, *, judge: bool, **forms: Any) -> dict[str, Any]:
    """What the documents' side of the page shows: the list, and one document opened at one of its pages."""
    chosen = _chosen(request, made)
    shown: dict[str, Any] = {"screen": made, "chosen": chosen, "works": judge}
    if chosen is None or chosen.document is None:
        return shown
    document = chosen.document
    page = _page_number(request.GET.get("page"), document.pages)
    shown |= {
        "page": page,
        "pages": range(1, document.pages + 1),
        "previous": page - 1 if page > 1 else None,
        "next": page + 1 if page < document.pages else None,
        "warnings": document.inspection.get("warnings", []),
        "judges": judge and made.case.state == "in_review",
        "sorts": judge and document.state == "received" and document.received_as == queries.UNSORTED,
        "dates": judge and made.case.state == "in_review",
    }
    return shown | _forms(made.case, document) | forms


def _forms(case: Case, document: CaseDocument) -> dict[str, Any]:
    judged = document.judged_at.isoformat() if document.judged_at else ""
    days = {"issued_on": document.issued_on, "expires_on": document.expires_on}
    return {
        "judge_form": JudgeForm(
            document=document,
            language=case.language,
            on=today(),
            initial={"judged": judged},
            auto_id="judge_%s",
        ),
        "sort_form": SortForm(case=case, initial={"place": document.place}, auto_id="sort_%s"),
        "dates_form": DatesForm(on=today(), initial=days, auto_id="dates_%s"),
    }


def _chosen(request: HttpRequest, made: screens.Screen) -> screens.DocumentLine | None:
    """The document the address asks for, else the first to judge, else the first there is."""
    wanted = request.GET.get("document", "")
    if wanted.isdecimal() and len(wanted) < 18:
        line = made.line_of(int(wanted))
        if line is not None:
            return line
    return next(iter(made.to_judge), next((one for one in made.documents if one.document), None))


def _page_number(text: str | None, last: int) -> int:
    wanted = int(text) if text and text.isdecimal() and len(text) < 6 else 1
    return max(1, min(wanted, last))


def _document(case: Case, document_id: int) -> CaseDocument:
    document = looking.document_of(case, document_id)
    if document is None:
        raise Http404
    return document


def _path(document: CaseDocument) -> Path:
    return Store(settings.HOME.documents).path(document.sha256)


def _show(
    request: HttpRequest, case: Case, document_id: int | None, *, status: int = 200, **forms: Any
) -> HttpResponse:
    """The documents' side alone for HTMX, else the whole page, opened at a document."""
    request.GET = request.GET.copy()
    if document_id is not None:
        request.GET["document"] = str(document_id)
    if not request.htmx:  # type: ignore[attr-defined]
        return cases.show(request, case, status=status, **forms)
    case = looking.case_of_number(case.number) or case
    made = screens.screen_of(case, today())
    shown = {
        **screens.head_of(case),
        "is_part": True,
        **pane(request, made, judge=may(request, OFFICERS), **forms),
    }
    return render(request, "desk/case/documents.html", shown)


@require_safe
@case_page()
def document(request: HttpRequest, case: Case, document_id: int) -> HttpResponse:
    """One document, opened beside the sheet at ``?page=``."""
    _document(case, document_id)
    examination.note_reading(case_id=case.pk, what=f"document {document_id}", **acting(request))
    return _show(request, case, document_id)


@require_safe
@case_page()
def picture(request: HttpRequest, case: Case, document_id: int, page: int) -> HttpResponse:
    """One page of a document as a picture; ``?wide`` enlarges it. On the record like every look."""
    found = _document(case, document_id)
    if not 1 <= page <= found.pages:
        raise Http404
    width = WIDE if "wide" in request.GET else WIDTH
    examination.note_reading(case_id=case.pk, what=f"document {document_id}, page {page}", **acting(request))
    pictures = rendering.Previews(settings.HOME.previews)
    try:
        content = pictures.page_png(_path(found), found.sha256, page=page, width=width)
    except rendering.CannotBeDrawn:
        raise Http404 from None
    return file_answer(content, "image/png", f"{case.number}-{document_id}-{page}.png")


@require_safe
@case_page()
def original(request: HttpRequest, case: Case, document_id: int) -> HttpResponse:
    """The document as it came, to be kept as a file."""
    found = _document(case, document_id)
    examination.note_reading(case_id=case.pk, what=f"document {document_id}, original", **acting(request))
    content = _path(found).read_bytes()
    return file_answer(content, "application/pdf", f"{case.number}-{document_id}.pdf", attached=True)


@require_safe
@case_page()
def signed(request: HttpRequest, case: Case, document_id: int) -> HttpResponse:
    """What is known of a document's electronic signatures, in words."""
    found = _document(case, document_id)
    examination.note_reading(case_id=case.pk, what=f"document {document_id}, signatures", **acting(request))
    trust = signatures.TrustStore(settings.HOME.trust)
    told = {"case": case, "document": found, "unsigned": [_signer(one) for one in queries.unsigned(case)]}
    try:
        reports = signatures.verify(_path(found), trust=trust, at=found.received_at)
    except signatures.TrustUnreadable as error:
        return render(request, "desk/case/signed.html", {**told, "broken": str(error)}, status=503)
    counts = {one.evidence.get("certificate_sha256"): _signer(one)[1]
              for one in consents.standing_signatures(case) if one.signed_at}  # fmt: skip
    shown = [(one, one.words(language()), counts.get(one.certificate_sha256 or None)) for one in reports]
    return render(request, "desk/case/signed.html", {**told, "reports": shown})


def _signer(one: Signature) -> tuple[int, str]:
    """The code somebody signs for, and the same with its holder's name, as the register has it."""
    provider = register.provider_by_code(one.signer_code)
    shown = provider_code.format(str(one.signer_code))
    return one.signer_code, f"{shown} {provider.name}" if provider else shown


@require_POST
@case_page(*OFFICERS)
def judge(request: HttpRequest, case: Case, document_id: int) -> HttpResponse:
    """Accept or refuse a document and open the next one; whoever judged later than a colleague is told."""
    found = _document(case, document_id)
    form = JudgeForm(request.POST, document=found, language=case.language, on=today(), auto_id="judge_%s")
    if not form.is_valid():
        return _show(request, case, document_id, status=400, judge_form=form)
    accepted = request.POST.get("verdict") == "accept"
    try:
        with transaction.atomic():
            examination.judge_document(
                document_id=found.pk, accepted=accepted, reason="" if accepted else form.whole_reason(),
                seen=form.cleaned_data["judged"], **officer(request),
            )  # fmt: skip
    except ReasonNeeded as error:
        form.add_error("reason", str(error.text))
        return _show(request, case, document_id, status=400, judge_form=form)
    except CaseworkRefusal as error:
        told(request, error)
        if isinstance(error, CaseMoved):
            form = _again(form, found)
        return _show(request, case, document_id, status=409, judge_form=form)
    made = screens.screen_of(looking.case_of_number(case.number), today())
    following = screens.next_to_judge(made, found.pk)
    _tell_verdict(request, made.line_of(found.pk), accepted=accepted, last=following is None)
    if request.htmx:  # type: ignore[attr-defined]
        return _show(request, case, following or found.pk)
    return redirect(_at(case, following or found.pk))


def _tell_verdict(
    request: HttpRequest, line: screens.DocumentLine | None, *, accepted: bool, last: bool
) -> None:
    """The next document is open already: say what became of this one, and when it was the last."""
    words = _("“{label}” is accepted.") if accepted else _("“{label}” is refused.")
    said = [words.format(label=line.label if line else "")]
    if last:
        said.append(_("All documents are judged."))
    messages.success(request, " ".join(said))


def _again(form: JudgeForm, document: CaseDocument) -> JudgeForm:
    """The form with what was typed, for the document as it stands now."""
    document.refresh_from_db()
    data = form.data.copy()
    data["judged"] = document.judged_at.isoformat() if document.judged_at else ""
    return JudgeForm(data, document=document, language=form.language, on=today(), auto_id="judge_%s")


def _at(case: Case, document_id: int) -> str:
    return f"{reverse('desk:case', kwargs={'number': case.number})}?document={document_id}#documents"


@require_POST
@case_page(*OFFICERS)
def sort(request: HttpRequest, case: Case, document_id: int) -> HttpResponse:
    """Say which of the documents asked for a PDF is that came by mail."""
    found = _document(case, document_id)
    form = SortForm(request.POST, case=case, auto_id="sort_%s")
    if not form.is_valid():
        return _show(request, case, document_id, status=400, sort_form=form)
    kind, _colon, part = form.cleaned_data["place"].partition(":")
    try:
        examination.sort_document(document_id=found.pk, kind=kind, part=part, **acting(request))
    except CaseworkRefusal as error:
        told(request, error)
    return redirect(_at(case, document_id))


@require_POST
@case_page(*OFFICERS)
def dates(request: HttpRequest, case: Case, document_id: int) -> HttpResponse:
    """Correct the days that stand on a document."""
    found = _document(case, document_id)
    form = DatesForm(request.POST, on=today(), auto_id="dates_%s")
    if not form.is_valid():
        return _show(request, case, document_id, status=400, dates_form=form)
    try:
        examination.date_document(document_id=found.pk, **form.cleaned_data, **acting(request))
    except CaseworkRefusal as error:
        told(request, error)
    return redirect(_at(case, document_id))
