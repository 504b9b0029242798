"""Servers and clients over real sockets, on both event loops."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, cast

import pytest
import uvloop

from isochrone_gateway.server import Handler, Limits, Listener, ServerConnection, Timeouts

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
TIMES = Timeouts(idle=0.5, head=0.5, body=0.5, body_progress=100, write=0.5, write_progress=100, linger=0.5, tick=0.05)

PATIENT = Timeouts(
    idle=300, head=300, body=300, body_progress=100, write=300, write_progress=100, linger=300, tick=0.05
)
"""None passes within a test, not even on a machine that stands still for a while."""

loops = pytest.mark.parametrize("loop", ["uvloop", "asyncio"])


def play(loop: str, test: Coroutine[Any, Any, None]) -> None:
    factory = uvloop.new_event_loop if loop == "uvloop" else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(asyncio.wait_for(test, 100))


@contextlib.asynccontextmanager
async def serving(
    handler: Handler, *, limits: Limits | None = None, timeouts: Timeouts = PATIENT, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Listener, int]]:
    loop = asyncio.get_running_loop()
    listener = Listener(handler, loop=loop, limits=limits or Limits(), timeouts=timeouts)
    server = await loop.create_server(cast("Any", lambda: ServerConnection(listener)), "127.0.0.1", 0, ssl=tls)
    try:
        yield listener, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        listener.cut()
        await listener.wait_closed()
        await server.wait_closed()


async def connect(
    port: int, *, receive_buffer: int | None = None, tls: ssl.SSLContext | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    sock = socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return await asyncio.open_connection(sock=sock, ssl=tls, server_hostname="localhost" if tls else None)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def send_forever(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"x" * 50_000)
        await writer.drain()
        await asyncio.sleep(0.001)


async def until(condition: Callable[[], object]) -> None:
    for _ in range(3000):  # Not by the clock: the loop may stand still.
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")
