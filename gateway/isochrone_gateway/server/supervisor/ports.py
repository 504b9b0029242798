"""One listening socket of a worker with all that its connections share."""

import asyncio
import dataclasses
import socket
import ssl
from collections.abc import Callable
from typing import cast

from isochrone_gateway.config.site import Limits as SiteLimits
from isochrone_gateway.server.exchange import Address, Handler
from isochrone_gateway.server.http1 import ServerConnection
from isochrone_gateway.server.limits import Limits, Timeouts
from isochrone_gateway.server.listener import Listener
from isochrone_gateway.server.supervisor.acceptor import Acceptor, Terms
from isochrone_gateway.server.supervisor.proxied import Proxied
from isochrone_gateway.server.supervisor.tls import ServerTls

_DEFAULT_LIMITS = Limits()
_DEFAULT_TIMEOUTS = Timeouts()
_ADDED = 64 * 1024
"""Bytes that a gateway may add to a request before it sends it on: headers of the hop, parameters of the route."""


def limits_of(site: SiteLimits) -> tuple[Limits, Timeouts]:
    """The server's limits as the config wants them; what the config doesn't say stays."""
    limits = dataclasses.replace(_DEFAULT_LIMITS, head=site.header_bytes, body=site.body_bytes)
    timeouts = dataclasses.replace(
        _DEFAULT_TIMEOUTS,
        idle=site.keep_alive_timeout_ms / 1000,
        head=site.header_timeout_ms / 1000,
        body=site.body_timeout_ms / 1000,
        write=site.write_stall_timeout_ms / 1000,
    )
    return limits, timeouts


def for_peers(limits: Limits) -> Limits:
    """Those of requests that another gateway has admitted by the same limits, and added to.

    It may be sending a large body while it is refused: cut off before it has read why, it would know nothing.
    """
    body = limits.body + _ADDED
    return dataclasses.replace(limits, head=limits.head + _ADDED, body=body, linger=max(limits.linger, body))


class Port:
    """Waits for its first handler, then accepts."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, *, is_ahead: Callable[[], bool] = lambda: False
    ) -> None:
        self._loop = loop
        self._most = 0
        self._tls: ServerTls | None = None
        self._proxied: Proxied | None = None
        self._listener: Listener | None = None
        terms = Terms(
            protocol=self._new_connection,
            tls=self._context,
            has_room=self._has_room,
            is_ahead=is_ahead,
            proxied=lambda: self._proxied,
        )
        self.acceptor = Acceptor(loop, sock, terms)

    @property
    def connections(self) -> int:
        """Open, or being opened."""
        open_ = 0 if self._listener is None else len(self._listener.connections)
        return open_ + self.acceptor.opening

    @property
    def listener(self) -> Listener | None:
        return self._listener

    def use(
        self,
        handler: Handler,
        site: SiteLimits,
        tls: ServerTls | None,
        *,
        proxied: Proxied | None = None,
        of_peers: bool = False,
    ) -> None:
        """Give new requests to this handler. Connections stay, and requests that are open keep their handler.

        `proxied`: new connections are passed on by proxies. `of_peers`: they are other gateways.
        """
        limits, timeouts = limits_of(site)
        if of_peers:
            limits = for_peers(limits)
        listener = self._listener
        if listener is None:
            self._listener = Listener(handler, loop=self._loop, limits=limits, timeouts=timeouts)
        else:
            listener.use(handler, limits, timeouts)
        self._most = site.connections
        self._tls = tls
        self._proxied = proxied

    def refresh(self) -> None:
        """Look at the certificate's files again. Raises ConfigError; what was read before stays."""
        if self._tls is not None:
            self._tls.refresh()

    def drain(self, grace: float, *, settle: float = 0.0) -> None:
        """Close the socket and let each connection end. `settle`: how long connections that are half-way may take."""
        self.acceptor.finish(settle)
        if self._listener is not None:
            self._listener.drain(grace)

    async def wait_closed(self) -> None:
        await self.acceptor.wait_closed()
        if self._listener is not None:
            await self._listener.wait_closed()

    def cut(self) -> None:
        if self._listener is not None:
            self._listener.cut()

    def close(self) -> None:
        self.acceptor.close()
        self.cut()

    def _new_connection(self, client: Address | None) -> asyncio.Protocol:
        if self._listener is None:
            raise RuntimeError("a connection before the first handler")
        connection = ServerConnection(self._listener)
        if client is not None:
            connection.attribute_to(client)
        return cast("asyncio.Protocol", connection)

    def _context(self) -> ssl.SSLContext | None:
        return None if self._tls is None else self._tls.context

    def _has_room(self) -> bool:
        return self.connections < self._most
