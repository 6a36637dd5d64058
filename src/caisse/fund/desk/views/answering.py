"""What the desk's pages share: how they answer."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from caisse.fund.access.queries import actor
from caisse.fund.casework.errors import CaseMoved, CaseworkRefusal

#: Nothing an officer reads is kept by a cache.
PRIVATE = "private, no-store"


def today() -> date:
    """The day in the fund's place."""
    return timezone.localdate()


def acting(request: HttpRequest) -> dict[str, Any]:
    """Who acts and when, as actions of other rooms want it."""
    return {"by": actor(request.user), "at": timezone.now()}


def officer(request: HttpRequest) -> dict[str, Any]:
    """Which officer acts and when, as casework's actions want it."""
    return {"officer_id": request.user.pk, "at": timezone.now()}


def told(request: HttpRequest, error: CaseworkRefusal) -> None:
    """Say at the top of the page why something was not done."""
    if isinstance(error, CaseMoved):
        text = _("The case has moved on meanwhile; nothing was changed and what you wrote is still here.")
        messages.warning(request, text)
    else:
        messages.error(request, str(error.text))


def file_answer(
    content: bytes | Iterable[bytes],
    content_type: str,
    name: str,
    *,
    attached: bool = False,
    theirs: bool = True,
) -> HttpResponse:
    """A file for one reader: kept by no cache and never taken for anything else than it is.

    ``theirs``: it came from outside; should a browser show it all the same, it may do nothing in our name.
    """
    answer = HttpResponse(content, content_type=content_type)
    plain = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "-_.") else "_" for sign in name)
    answer["Content-Disposition"] = f'{"attachment" if attached else "inline"}; filename="{plain}"'
    answer["Cache-Control"] = PRIVATE
    answer["X-Content-Type-Options"] = "nosniff"
    if theirs:
        answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer
