"""What of a caller's address may stand in a log. Who may call at all is said by `FundConfig.is_allowed`."""

from ipaddress import ip_address, ip_network


def shortened(peer: str | None) -> str:
    """The caller's network: enough to find a wrong allow-list, not enough to name a machine."""
    try:
        address = ip_address((peer or "").partition("%")[0])
    except ValueError:
        return "unknown"
    mapped = getattr(address, "ipv4_mapped", None) or address
    return str(ip_network((mapped, 24 if mapped.version == 4 else 48), strict=False))
