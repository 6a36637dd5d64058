"""The newsletter: written by one person, looked at in every language, sent by another."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from caisse.agreement.tables.professions import catalogue_on
from caisse.fund.access.gates import desk_page
from caisse.fund.access.queries import actor
from caisse.fund.desk import words
from caisse.fund.desk.forms import IssueForm, SendForm
from caisse.fund.desk.gates import SENDERS, WRITERS, may
from caisse.fund.desk.screen import names_of
from caisse.fund.desk.views.answering import acting, today
from caisse.fund.desk.words import language, pick, word
from caisse.fund.notices import issues, queries
from caisse.fund.notices.errors import IssueNotReady, SubscriptionRefused
from caisse.fund.notices.models import Issue
from caisse.fund.notices.rendering import render as rendered

_BOTH = tuple(dict.fromkeys((*WRITERS, *SENDERS)))


@require_safe
@desk_page(*_BOTH)
def newsletter(request: HttpRequest) -> HttpResponse:
    """The issues, the subscribers by profession and language, the bounces."""
    labels = {key: pick(one.label) for key, one in catalogue_on(today()).professions.items()}
    counted = queries.confirmed_by_profession()
    rows = [
        (
            labels.get(key, key) if key else _("All professions"),
            [counts.get(one, 0) for one in words.LANGUAGES],
            sum(counts.values()),
        )
        for key, counts in sorted(counted.items())
    ]
    lines = queries.issue_lines(language=language())
    shown = {
        "issues": [(one, word(words.ISSUE_STATES, one.state)) for one in lines],
        "rows": rows,
        "columns": [word(words.LANGUAGES, one) for one in words.LANGUAGES],
        "totals": queries.subscriptions_by_state(),
        "bounces": queries.bounced_subscriptions(),
        "writes": may(request, WRITERS),
    }  # fmt: skip
    return render(request, "desk/newsletter/newsletter.html", shown)


def _issue(issue_id: int) -> Issue:
    found = queries.issue_of(issue_id)
    if found is None:
        raise Http404
    return found


def _form(*args: Any, **kwargs: Any) -> IssueForm:
    return IssueForm(*args, catalogue=catalogue_on(today()), **kwargs)


@require_http_methods(["GET", "HEAD", "POST"])
@desk_page(*WRITERS)
def write(request: HttpRequest, issue_id: int | None = None) -> HttpResponse:
    """Write an issue in the three languages, or go on with a draft."""
    issue = _issue(issue_id) if issue_id is not None else None
    if issue is not None and issue.state != "draft":
        messages.error(request, _("This newsletter is no draft any more. Call it back first."))
        return redirect("desk:issue", issue_id=issue.pk)
    if request.method != "POST":
        initial: dict[str, Any] = {"professions": issue.professions} if issue else {}
        for one in words.LANGUAGES if issue else ():
            for part in ("subject", "body"):
                initial[f"{part}_{one}"] = issue.texts.get(one, {}).get(part, "")
        return render(request, "desk/newsletter/write.html", {"form": _form(initial=initial), "issue": issue})
    form = _form(request.POST)
    if form.is_valid():
        try:
            written = issues.write_issue(
                texts=form.texts(),
                professions=form.cleaned_data["professions"],
                issue_id=issue_id,
                **acting(request),
            )
        except (IssueNotReady, SubscriptionRefused):
            form.add_error(None, _("It was not kept: it is no draft any more, or a text is too long."))
        else:
            messages.success(request, _("Kept as a draft."))
            return redirect("desk:issue", issue_id=written)
    return render(request, "desk/newsletter/write.html", {"form": form, "issue": issue}, status=400)


@require_safe
@desk_page(*_BOTH)
def issue(request: HttpRequest, issue_id: int) -> HttpResponse:
    """One issue: how it reads in each language, whom it goes to, and what can be done with it."""
    return _show(request, _issue(issue_id))


def _show(
    request: HttpRequest, issue: Issue, form: SendForm | None = None, *, status: int = 200
) -> HttpResponse:
    labels = {key: pick(one.label) for key, one in catalogue_on(today()).professions.items()}
    parts = {"subject": _("subject"), "body": _("text")}
    own = issue.written_by == actor(request.user)
    shown = {
        "issue": issue,
        "state": word(words.ISSUE_STATES, issue.state),
        "author": names_of([issue.written_by]).get(issue.written_by, issue.written_by),
        "professions": [labels.get(key, key) for key in issue.professions],
        "previews": [(one, word(words.LANGUAGES, one), rendered(issue, one)) for one in words.LANGUAGES],
        "faults": [(word(words.LANGUAGES, one), parts[part]) for one, part in issues.faults_of(issue)],
        "addressees": issues.addressees(issue).count(),
        "delivered": issue.deliveries.count(),
        "own": own,
        "seen": issue.changed_at.isoformat(),
        "sends": may(request, SENDERS) and not own,
        "writes": may(request, WRITERS),
        "form": form or SendForm(),
    }
    return render(request, "desk/newsletter/issue.html", shown, status=status)


@require_POST
@desk_page(*SENDERS)
def send(request: HttpRequest, issue_id: int) -> HttpResponse:
    """Send an issue that a colleague wrote, at once or at a moment."""
    found = _issue(issue_id)
    form = SendForm(request.POST)
    if not form.is_valid():
        return _show(request, found, form, status=400)
    if request.POST.get("seen") != found.changed_at.isoformat():
        messages.warning(request, _("A colleague has changed it meanwhile. Look at it again, then send it."))
        return _show(request, found, form, status=409)
    if found.written_by == actor(request.user):
        messages.error(request, _("You wrote it: a colleague has to send it."))
        return _show(request, found, form, status=403)
    at = timezone.now()
    try:
        issues.schedule_issue(
            issue_id=found.pk, send_at=form.cleaned_data["send_at"] or at, **acting(request)
        )
    except IssueNotReady:
        messages.error(
            request,
            _("It cannot be sent now. Complete what is missing, or see whether a colleague has sent it."),
        )
        return _show(request, _issue(issue_id), form, status=409)
    messages.success(request, _("It is on its way."))
    return redirect("desk:issue", issue_id=issue_id)


@require_POST
@desk_page(*_BOTH)
def call_back(request: HttpRequest, issue_id: int) -> HttpResponse:
    """Make a scheduled issue a draft again."""
    try:
        issues.call_back_issue(issue_id=_issue(issue_id).pk, **acting(request))
    except IssueNotReady:
        messages.error(request, _("It cannot be called back any more: it is being sent."))
    return redirect("desk:issue", issue_id=issue_id)


@require_POST
@desk_page(*WRITERS)
def proof(request: HttpRequest, issue_id: int) -> HttpResponse:
    """Send an issue as it stands to whoever asks, in the language chosen."""
    try:
        issues.send_proof(
            issue_id=_issue(issue_id).pk, to=request.user.email, language=request.POST.get("language", "fr"),
            **acting(request),
        )  # fmt: skip
    except (IssueNotReady, SubscriptionRefused):
        messages.error(request, _("The proof cannot be sent: write the subject first."))
    else:
        messages.success(request, _("A proof is on its way to your address."))
    return redirect("desk:issue", issue_id=issue_id)


@require_POST
@desk_page(*WRITERS)
def discard(request: HttpRequest, issue_id: int) -> HttpResponse:
    """Throw a draft away."""
    try:
        issues.discard_issue(issue_id=_issue(issue_id).pk, **acting(request))
    except IssueNotReady:
        messages.error(request, _("It cannot be thrown away: it is no draft any more."))
        return redirect("desk:issue", issue_id=issue_id)
    return redirect("desk:newsletter")
