"""What every request to the pages passes: size, the desk's networks, further headers, own language."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django_htmx.http import HttpResponseClientRefresh

from caisse.fund.access.callers import may_reach_desk
from caisse.fund.pages import errors

Answer = Callable[[HttpRequest], HttpResponse]

#: What a page may ask of the browser's devices: security keys on our own pages, nothing else.
_PERMISSIONS = ", ".join(
    (
        "publickey-credentials-get=(self)",
        "publickey-credentials-create=(self)",
        *(
            f"{name}=()"
            for name in (
                "accelerometer", "autoplay", "camera", "display-capture", "fullscreen", "geolocation",
                "gyroscope", "magnetometer", "microphone", "midi", "payment", "usb",
            )
        ),
    )
)  # fmt: skip


class Gatekeeper:
    """Refuses what is too large before any of it is read, and hides the desk from other networks."""

    def __init__(self, get_response: Answer) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > settings.FUND.pages.request_bytes:
            answer = errors.too_large(request)
            # What is left of the request is not read; the line is of no use any more.
            answer["Connection"] = "close"
            return answer
        if request.path_info.startswith("/desk") and not may_reach_desk(request):
            return errors.not_found(request)
        return self._next(request)


class FurtherHeaders:
    """Headers Django does not set by itself; pages of a person are kept by no cache."""

    def __init__(self, get_response: Answer) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._next(request)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        response.headers.setdefault("Cache-Control", "no-store")
        return response


class OwnLanguage:
    """A signed-in user reads his own language, whatever browser he sits at."""

    def __init__(self, get_response: Answer) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = translation.get_language()
        return self._next(request)


#: Where a script puts what it did not ask for: in the page's place, or beside what was typed.
_INSTEAD = {"Retarget": "#main", "Reselect": "#main", "Reswap": "outerHTML"}
_BESIDE = {"Retarget": "#messages", "Reselect": "#why", "Reswap": "innerHTML show:#messages:top"}


class WholeAnswers:
    """A script asks for a part of a page: an error takes the page's place, and so does the sign-in."""

    def __init__(self, get_response: Answer) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._next(request)
        if "HX-Request" not in request.headers:
            return response
        if response.status_code >= 400:
            for name, value in (_BESIDE if response.status_code == 413 else _INSTEAD).items():
                response.headers[f"HX-{name}"] = value
        elif response.headers.get("Location", "").startswith("/account/"):
            # The whole page asks again, and is led to the sign-in and back to itself.
            return HttpResponseClientRefresh()
        return response
