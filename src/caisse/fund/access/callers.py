"""Where a request comes from: the connecting address, or what a proxy of ours says of it."""

from ipaddress import ip_network

from django.conf import settings
from django.http import HttpRequest

from caisse.fund.networks import address_of, is_within

_SIGNS_OF_A_PROXY = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")


def _peer(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


def address_of_caller(request: HttpRequest) -> str:
    """The caller's address; behind a proxy of ours the last one it names; "0.0.0.0" if unknown."""
    peer = _peer(request)
    if is_within(peer, settings.FUND.pages.proxies):
        named = request.headers.get("X-Forwarded-For", "").rpartition(",")[2]
        address = address_of(named)
    else:
        address = address_of(peer)
    return str(address) if address else "0.0.0.0"


def network_of_caller(request: HttpRequest, bits: tuple[int, int] = (32, 64)) -> str:
    """The network the caller's address lies in, of so many bits for IPv4 and IPv6.

    As it is for counting attempts; wider for a log, where it names no machine.
    """
    address = address_of(address_of_caller(request))
    assert address is not None
    return str(ip_network((address, bits[address.version == 6]), strict=False))


def may_reach_desk(request: HttpRequest) -> bool:
    """Whether the caller is in a network of the desk; never through a proxy we do not know."""
    pages = settings.FUND.pages
    known = is_within(_peer(request), pages.proxies)
    if not known and any(name in request.headers for name in _SIGNS_OF_A_PROXY):
        return False
    return is_within(address_of_caller(request), pages.desk_networks)
