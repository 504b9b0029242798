"""Which addresses may be connected to: the guard against server-side request forgery.

It is asked about each resolved address right before the connection is made to just that address, so a name that
changes its mind between check and use (DNS rebinding) gains nothing. Callers of the gateway never choose hosts; this
is for the day when a configured name, or its DNS, is not what its owner believes.
"""

import dataclasses
import ipaddress
from typing import Final

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 6052 section 2.1: NAT64 carries an IPv4 address in the last 32 bits.
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
# What `is_global` misses, wholly or in some Python versions: IANA's special-purpose address registries as of 2026-11,
# and Azure's host service at a public address ("What is IP address 168.63.129.16?", Azure docs).
_NOT_PUBLIC: Final = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "168.63.129.16/32", "64:ff9b:1::/48", "3fff::/20", "5f00::/16"))
)


@dataclasses.dataclass(frozen=True, slots=True)
class AddressRule:
    """Public addresses, and those in `also`. With `anywhere` set, all."""

    also: tuple[IPNetwork, ...] = ()
    anywhere: bool = False

    def permits(self, text: str) -> bool:
        if self.anywhere:
            return True
        address = ipaddress.ip_address(text)
        inner = embedded(address)
        if any(candidate in network for candidate in {address, inner} for network in self.also):
            return True
        return is_public(inner)


PUBLIC: Final = AddressRule()
ANYWHERE: Final = AddressRule(anywhere=True)


def embedded(address: IPAddress) -> IPAddress:
    """Give the IPv4 address that an IPv6 one stands for, or else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: IPAddress) -> bool:
    """Is it a unicast address of the open internet (IANA special-purpose registries)?

    That leaves out loopback, link-local (with the clouds' metadata services), private, shared (100.64.0.0/10),
    benchmarking, documentation, multicast and reserved ranges.
    """
    if address.is_multicast or address.is_reserved or any(address in network for network in _NOT_PUBLIC):
        return False
    if isinstance(address, ipaddress.IPv6Address) and (address.is_site_local or address.teredo is not None):
        return False
    return address.is_global
