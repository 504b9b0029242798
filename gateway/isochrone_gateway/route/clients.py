"""Whose address a request comes from, if proxies stand between: only what a trusted one says, and only that far.

Each proxy appends the address that it was asked from to X-Forwarded-For, so the list is read from its end. What the
client itself sent stands at the beginning, where anybody can write anything.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from isochrone_gateway.config.site import ClientAddress, ClientAddressSource
from isochrone_gateway.wire.addresses import IPAddress, parse, plain

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_MOST: Final = 64
"""Entries that are looked at. No chain of real proxies is as long."""
_ENTRY: Final = re.compile(
    r"[ \t]*(?:\[([0-9A-Fa-f:.]{2,45})\](?::[0-9]{1,5})?|([0-9.]{7,15})(?::[0-9]{1,5})?|([0-9A-Fa-f:.]{2,45}))[ \t]*"
)
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")


class Networks:
    """Networks to look addresses up in."""

    __slots__ = ("_networks",)

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._networks = tuple(_plain_network(ipaddress.ip_network(text, strict=False)) for text in sorted(texts))

    def __contains__(self, address: IPAddress) -> bool:
        return any(address in network for network in self._networks)


def forwarders(told: ClientAddress) -> Networks:
    """The proxies whose X-Forwarded-For is read: none, unless the config says that it is what to go by."""
    return Networks(told.trusted_proxies if told.source is ClientAddressSource.X_FORWARDED_FOR else ())


def client_address(peer: str, forwarded: bytes | None, proxies: Networks) -> str:
    """The right-most address of X-Forwarded-For that is no trusted proxy's, if the peer is a trusted proxy.

    An entry that is no address ends the reading: whatever is left of it, nobody vouches for. The client is then who
    was found last, as it is if all are trusted proxies.
    """
    address = parse(peer)
    if address is None:
        return peer
    if forwarded is not None and address in proxies:
        for entry in reversed(forwarded.decode("latin-1").rsplit(",", _MOST - 1)):
            found = _parse_entry(entry)
            if found is None:
                break
            address = found
            if address not in proxies:
                break
    return str(address)


def _parse_entry(entry: str) -> IPAddress | None:
    """An entry with or without a port; with one, IPv6 must be in brackets."""
    found = _ENTRY.fullmatch(entry)
    if found is None:
        return None
    try:
        address = ipaddress.ip_address(found[1] or found[2] or found[3])
    except ValueError:
        return None
    return None if found[1] is not None and address.version == 4 else plain(address)  # noqa: PLR2004 - IPv4


def _plain_network(network: IPNetwork) -> IPNetwork:
    if not isinstance(network, ipaddress.IPv6Network) or not network.subnet_of(_MAPPED):
        return network
    return ipaddress.IPv4Network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - 96))
