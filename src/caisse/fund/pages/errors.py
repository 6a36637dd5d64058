"""Error pages: in the reader's language, saying how to go on, and nothing about what is there."""

import logging
import secrets

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

_log = logging.getLogger(__name__)


def _page(status: int, title: str, text: str, mark: str = "") -> HttpResponse:
    """A page that needs neither the database nor a session; ``mark`` finds what broke in the log."""
    number = f"{status}-{mark}" if mark else str(status)
    content = render_to_string("pages/error.html", {"number": number, "title": title, "text": text})
    response = HttpResponse(content, status=status)
    response["Content-Language"] = translation.get_language()
    return response


def _in_language(request: HttpRequest) -> translation.override:
    """The language the request asks for: it may have failed before any middleware settled it."""
    chosen = getattr(request, "LANGUAGE_CODE", None) or translation.get_language_from_request(request)
    return translation.override(chosen)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """400: what came cannot be understood."""
    with _in_language(request):
        text = _("Your browser sent something we do not understand. Go back, reload the page and try again.")
        return _page(400, _("This request cannot be read"), text)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: signed in, but not for this."""
    with _in_language(request):
        text = _("Your role does not include this page. Ask an administrator if you need it for your work.")
        return _page(403, _("This page is not for your role"), text)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form was not one of ours, or the browser keeps no cookies."""
    with _in_language(request):
        text = _(
            "The form was open for too long, or your browser refuses cookies. Go back, reload the page and "
            "send it again; what you typed is usually still there."
        )
        return _page(403, _("The form could not be accepted"), text)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """404: not there, or not for whoever asks; the same answer for both."""
    with _in_language(request):
        text = _("Check the address. If you followed a link in a mail, you may have to sign in first.")
        return _page(404, _("There is no such page"), text)


def too_large(request: HttpRequest) -> HttpResponse:
    """413: larger than [pages] request_bytes."""
    with _in_language(request):
        text = _(
            "What you sent is too large. Go back and send fewer documents at a time, or scan them at a lower "
            "resolution: 200 dots per inch in grey are enough."
        )
        return _page(413, _("This is too large"), text)


def broken(request: HttpRequest) -> HttpResponse:
    """500: we failed. What the reader can quote stands in the log beside what broke."""
    mark = secrets.token_hex(4)
    _log.error("a page broke; its reader was told the number 500-%s", mark)
    with _in_language(request):
        text = _("Something broke on our side and was noted. What you sent before is kept. Try again later.")
        return _page(500, _("This did not work"), text, mark)
