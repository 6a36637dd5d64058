"""Whether an address lies in a network of fund.toml."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network


def address_of(text: str) -> IPv4Address | IPv6Address | None:
    """The address in ``text``, an IPv4 one also when it came over an IPv6 socket; None when it is none."""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_within(text: str, networks: Iterable[Network]) -> bool:
    """True when the address ``text`` (of a connecting client) lies in one of ``networks``."""
    address = address_of(text)
    return address is not None and any(address in network for network in networks)
