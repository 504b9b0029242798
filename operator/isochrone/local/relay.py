"""Carries the bytes of a connection between two sockets, each way as late as the distance makes it.

A connection that takes `rtt` there and back is ready after one round trip, as TCP's handshake needs it, and everything
on it takes half of one. Where there is no distance, nothing is kept.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

_CHUNK: Final = 65_536
_MOST: Final = 64
"""Chunks under way in one direction; whoever sends more waits."""

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]
"""Both directions of one connection."""
Find = Callable[[], Awaitable[tuple[Ends, float]]]
"""Connects to whoever is behind, and says how far that is, as a round trip in seconds. Raises OSError."""


async def carry(client: Ends, server: Ends, *, rtt: float) -> None:
    """Carry until both have closed their side, or one is broken off; then neither is left open. `rtt` in seconds."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_way(client[0], server[1], rtt / 2))
            group.create_task(_way(server[0], client[1], rtt / 2))
    except* OSError:  # One of them broke it off, so the other's end is broken off too.
        for _, writer in (client, server):
            writer.transport.abort()
    finally:
        for _, writer in (client, server):
            writer.close()


async def _way(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: float) -> None:
    if delay:
        await _late(source, sink, delay)
    else:
        while data := await source.read(_CHUNK):
            sink.write(data)
            await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


async def _late(source: asyncio.StreamReader, sink: asyncio.StreamWriter, delay: float) -> None:
    under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_MOST)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        group.create_task(_arrive(under_way, sink))
        is_open = True
        while is_open:
            data = await source.read(_CHUNK)
            await under_way.put((loop.time() + delay, data))
            is_open = bool(data)


async def _arrive(under_way: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due, data = await under_way.get()
        await asyncio.sleep(due - loop.time())
        if not data:
            return
        sink.write(data)
        await sink.drain()


class Relay:
    """A port behind which somebody else is, at a distance."""

    def __init__(self, find: Find) -> None:
        self._find = find
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int = 0) -> int:
        """Listen; gives the port. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, host, port)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def close(self) -> None:
        """Take no more, and break off what is open."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve((reader, writer)))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, client: Ends) -> None:
        try:
            server, rtt = await self._find()
            await asyncio.sleep(rtt)
        except OSError:  # Nobody is there.
            client[1].transport.abort()
        except asyncio.CancelledError:
            client[1].transport.abort()
            raise
        else:
            await carry(client, server, rtt=rtt)
