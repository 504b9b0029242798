"""A target to an open connection: resolve, check, connect to one of the addresses, TLS.

All addresses may be tried: the next one when the last failed, or beside it when it takes long (RFC 8305; the event
loop has nothing like it). Only connecting is raced. Off the request's warm path, so plain asyncio.
"""

import asyncio
import collections
import contextlib
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast

from isochrone_gateway.upstream.call import FailureKind
from isochrone_gateway.upstream.resolver import ResolveError, Resolver
from isochrone_gateway.upstream.target import Target, TlsSettings
from isochrone_gateway.upstream.tls import Contexts

P = TypeVar("P")

_SHUTDOWN: float = 1.0
_PATIENCE: Final = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""A silent server is asked after 15 s whether it is still there, three times, 5 s apart. Else it would take hours.

An answer in one piece may take many minutes, in which a machine that has lost its power looks like one that works.
"""


class DialError(Exception):
    """There is no connection."""

    def __init__(self, kind: FailureKind, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class Dialer:
    """Opens connections."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, resolver: Resolver, contexts: Contexts, stagger: float
    ) -> None:
        self._loop = loop
        self._resolver = resolver
        self._contexts = contexts
        self._stagger = stagger

    async def connect(self, target: Target, factory: Callable[[], P], seconds: float) -> P:
        """Give the protocol of an open connection, or raise DialError."""
        where = f"{target.host}:{target.port}"
        try:
            async with asyncio.timeout(seconds):
                addresses = await self._addresses(target)
                sock = await self._race(target, addresses)
                return await self._establish(target, sock, factory)
        except TimeoutError:
            raise DialError(FailureKind.CONNECT, f"no connection to {where} within {seconds:g} s") from None

    async def _addresses(self, target: Target) -> Sequence[str]:
        try:
            addresses = await self._resolver.resolve(target.host)
        except ResolveError as error:
            raise DialError(FailureKind.RESOLVE, str(error)) from error
        permitted = [address for address in addresses if target.addresses.permits(address)]
        if not permitted:
            detail = f"{target.host} is {', '.join(addresses)}, which is no permitted public address"
            raise DialError(FailureKind.FORBIDDEN_ADDRESS, detail)
        return permitted

    async def _race(self, target: Target, addresses: Sequence[str]) -> socket.socket:
        """Connect to the first address that answers."""
        left = collections.deque(addresses)
        running: dict[asyncio.Task[socket.socket], str] = {}
        problem: OSError | None = None
        try:
            while left or running:
                if left:
                    address = left.popleft()
                    running[self._loop.create_task(self._tcp(address, target.port))] = address
                done, _ = await asyncio.wait(
                    running, timeout=self._stagger if left else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    address = running.pop(task)
                    error = task.exception()
                    if error is None:
                        return task.result()
                    if not isinstance(error, OSError):
                        raise error
                    problem = error
                    self._resolver.avoid(address)
        finally:
            for task in running:
                task.add_done_callback(_close_late)
                task.cancel()
        raise DialError(FailureKind.CONNECT, f"{target.host}:{target.port}: {_reason(problem)}") from problem

    async def _tcp(self, address: str, port: int) -> socket.socket:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _PATIENCE.items():
                if hasattr(socket, name):
                    sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
            await self._loop.sock_connect(sock, (address, port))
        except BaseException:
            sock.close()
            raise
        return sock

    async def _establish(self, target: Target, sock: socket.socket, factory: Callable[[], P]) -> P:
        try:
            if target.tls is None:
                return cast("P", (await self._loop.create_connection(cast("Any", factory), sock=sock))[1])
            return await self._handshake(target, target.tls, sock, factory)
        except BaseException:
            sock.close()
            raise

    async def _handshake(
        self, target: Target, settings: TlsSettings, sock: socket.socket, factory: Callable[[], P]
    ) -> P:
        where = f"{target.host}:{target.port}"
        try:
            context = await self._contexts.get(settings)
            transport, protocol = await self._loop.create_connection(
                cast("Any", factory),
                sock=sock,
                ssl=context,
                server_hostname=settings.server_name or target.host,
                ssl_shutdown_timeout=_SHUTDOWN,
            )
        except ssl.SSLCertVerificationError as error:
            raise DialError(FailureKind.TLS, f"{where}: {error.verify_message}") from error
        except ssl.SSLError as error:
            raise DialError(FailureKind.TLS, f"{where}: {error.reason or error}") from error
        except OSError as error:
            raise DialError(FailureKind.TLS, f"{where}: the handshake failed: {_reason(error)}") from error
        if settings.uri is not None and settings.uri not in _uris(transport):
            transport.abort()
            raise DialError(FailureKind.TLS, f"{where}: the certificate doesn't name {settings.uri}")
        return cast("P", protocol)


def _close_late(task: asyncio.Task[socket.socket]) -> None:
    """Close the socket of a connection that came too late."""
    with contextlib.suppress(asyncio.CancelledError, OSError):
        task.result().close()


def _reason(error: OSError | None) -> str:
    if error is None:
        return "no address"
    return error.strerror or str(error) or type(error).__name__


def _uris(transport: asyncio.BaseTransport) -> frozenset[str]:
    certificate = transport.get_extra_info("peercert") or {}
    names = certificate.get("subjectAltName", ())
    return frozenset(value for kind, value in names if kind == "URI")
