"""Connections that a proxy passes on: whose they are is in the PROXY header before their first byte.

The header is taken off the bare socket before anything else is made of the connection: TLS begins after it, and what
serves the connection never knows that it was there. It is looked at where it lies (MSG_PEEK), and exactly its own
bytes are taken, so nothing behind it can be lost.

Who isn't among the trusted proxies is let go: a header from there could be forged, and without one it would be served
as somebody that it isn't.
"""

import asyncio
import dataclasses
import socket
from typing import Any, Final, NamedTuple

from isochrone_gateway.config.site import ClientAddressSource, Site
from isochrone_gateway.route.clients import Networks
from isochrone_gateway.server.exchange import Address
from isochrone_gateway.wire.addresses import parse
from isochrone_gateway.wire.proxy_protocol import HEADER_MAX, Fault, Header, HeaderReader

UNTRUSTED: Final = "untrusted_proxy"
TIMEOUT: Final = "proxy_header_timeout"
CUT: Final = "proxy_header_cut"


class Unknown(NamedTuple):
    """Nobody can say whose connection it is: it must be closed. `why` is stable: metrics show it."""

    why: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Proxied:
    """How connections are passed on: by these proxies only, with a header that is whole within `limit` seconds."""

    proxies: Networks
    limit: float

    async def client(self, connection: socket.socket, peer: Any) -> Address | Unknown | None:
        """Take the header off a new connection: whose it is; None if it is the peer's own."""
        address = parse(str(peer[0])) if isinstance(peer, tuple) else None
        if address is None or address not in self.proxies:
            return Unknown(UNTRUSTED)
        try:
            async with asyncio.timeout(self.limit):
                header = await _take_header(connection)
        except TimeoutError:
            return Unknown(TIMEOUT)
        return header if isinstance(header, Unknown) else header.source


def proxied_by(site: Site) -> Proxied | None:
    """How connections of clients come, if proxies pass them on."""
    told = site.client_address
    if told.source is not ClientAddressSource.PROXY_PROTOCOL:
        return None
    return Proxied(proxies=Networks(told.trusted_proxies), limit=site.limits.header_timeout_ms / 1000)


async def _take_header(connection: socket.socket) -> Header | Unknown:
    reader = HeaderReader()
    while True:
        try:
            seen = connection.recv(HEADER_MAX, socket.MSG_PEEK)
        except BlockingIOError:
            await _readable(connection)
            continue
        if not seen:
            return Unknown(CUT)
        found = reader.feed(seen)
        if isinstance(found, Fault):
            return Unknown(found.value)
        size = len(seen) - len(reader.rest)
        if len(connection.recv(size)) != size:
            return Unknown(CUT)
        if found is not None:
            return found


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(connection.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(connection.fileno())
