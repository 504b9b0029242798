"""IP addresses: one value for one address, however it was written."""

import ipaddress

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def plain(address: IPAddress) -> IPAddress:
    """An IPv4 address within IPv6, as a socket for both gives it, is that IPv4 address (RFC 4291 section 2.5.5.2)."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def parse(text: str) -> IPAddress | None:
    """An address as sockets give it, perhaps with a zone."""
    try:
        return plain(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None
