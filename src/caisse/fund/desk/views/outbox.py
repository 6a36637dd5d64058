"""Mails on their way out: what is held, what failed, and sending it again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from caisse.fund.desk import words
from caisse.fund.desk.gates import OFFICERS, may, reader_page
from caisse.fund.desk.views.answering import acting
from caisse.fund.desk.words import word
from caisse.fund.notices import actions, queries
from caisse.fund.notices.errors import MailNotFailed, NoRelay


@require_safe
@reader_page()
def outbox(request: HttpRequest) -> HttpResponse:
    """The latest mails, of one state or of all, without what they say."""
    state = request.GET.get("state", "")
    wanted = (state,) if state in words.MAIL_STATES else ()
    mails = [
        (one, word(words.MAIL_STATES, one.state), words.MAIL_TONES.get(one.state, ""))
        for one in queries.latest_mails(states=wanted)
    ]
    counts = queries.mails_by_state()
    shown = {
        "mails": mails,
        "state": state if wanted else "",
        "states": [(key, label, counts.get(key, 0)) for key, label in words.MAIL_STATES.items()],
        "trouble": queries.relay_trouble(),
        "works": may(request, OFFICERS),
    }
    return render(request, "desk/outbox.html", shown)


@require_POST
@reader_page(*OFFICERS)
def send_again(request: HttpRequest, mail_id: int) -> HttpResponse:
    """Send a mail that failed once more."""
    try:
        actions.send_again(mail_id=mail_id, **acting(request))
    except MailNotFailed:
        messages.error(request, _("Only a mail that failed can be sent again."))
    else:
        messages.success(request, _("It is tried again."))
    return redirect("desk:outbox")


@require_POST
@reader_page("supervisor")
def release(request: HttpRequest) -> HttpResponse:
    """Let the mails leave that were held for want of a relay."""
    try:
        count = actions.release_held_mails(**acting(request))
    except NoRelay:
        messages.error(request, _("No relay is named in fund.toml; the mails stay here."))
    else:
        messages.success(request, _("%(count)s mails are on their way.") % {"count": count})
    return redirect("desk:outbox")
