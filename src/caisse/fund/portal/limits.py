"""How often somebody may make the fund write a mail or open a draft; counted by network and by key."""

from allauth.core import ratelimit
from django.http import HttpRequest


def may(request: HttpRequest, what: str, key: str) -> bool:
    """Whether the visitor may do ``what`` (a rate of the settings) once more; counts this time."""
    return ratelimit.consume(request, action=what, key=key.lower())
