"""The relay on real sockets: bytes, ends and breaks go through, as late as the distance says."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

import pytest

from isochrone.local.front_door import front_door
from isochrone.local.relay import Ends, Relay

HOST = "127.0.0.1"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def run(work: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await work

    asyncio.run(limited())


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All that comes, once its end has come."""
    writer.write(await reader.read())
    await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    async with await asyncio.start_server(serve, HOST, 0) as server:
        yield server.sockets[0].getsockname()[1]


async def asked(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def ended(reader: asyncio.StreamReader) -> bool:
    """In order, or by a reset, without a byte."""
    with contextlib.suppress(ConnectionResetError):
        return await reader.read() == b""
    return True


def to(port: int, rtt: float = 0.0) -> Relay:
    async def find() -> tuple[Ends, float]:
        return await asyncio.open_connection(HOST, port), rtt

    return Relay(find)


@pytest.mark.parametrize("rtt", [0.0, 0.02], ids=["here", "far"])
def test_bytes_and_both_ends_go_through(rtt: float) -> None:
    async def work() -> None:
        async with listening(echo) as behind:
            relay = to(behind, rtt)
            port = await relay.start(HOST)
            sent = bytes(range(256)) * 40_000
            assert await asked(port, sent) == sent
            await relay.close()

    run(work())


def test_a_first_answer_takes_two_round_trips() -> None:
    async def work() -> None:
        async with listening(echo) as behind:
            relay = to(behind, 0.2)
            port = await relay.start(HOST)
            began = time.monotonic()
            assert await asked(port, b"x") == b"x"
            assert time.monotonic() - began >= 0.4
            await relay.close()

    run(work())


@pytest.mark.parametrize("rtt", [0.0, 0.02], ids=["here", "far"])
def test_a_break_on_one_side_is_one_on_the_other(rtt: float) -> None:
    async def breaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        writer.transport.abort()

    async def work() -> None:
        async with listening(breaks) as behind:
            relay = to(behind, rtt)
            reader, writer = await asyncio.open_connection(HOST, await relay.start(HOST))
            writer.write(b"x")
            assert await ended(reader)
            writer.close()
            await relay.close()

    run(work())


def test_the_front_door_tries_the_next_site_where_one_does_not_take_a_connection() -> None:
    async def work() -> None:
        async with listening(echo) as there:

            async def dial(site: str) -> Ends:
                if site == "dead":
                    raise ConnectionRefusedError
                return await asyncio.open_connection(HOST, there)

            door = front_door(lambda: ("dead", "live"), dial, lambda _: 0.0)
            assert await asked(await door.start(HOST), b"hello") == b"hello"
            await door.close()

    run(work())


def test_a_connection_waits_for_a_site() -> None:
    async def work() -> None:
        live, was_asked = list[str](), asyncio.Event()

        def order() -> tuple[str, ...]:
            was_asked.set()
            return tuple(live)

        async with listening(echo) as there:
            door = front_door(order, lambda _: asyncio.open_connection(HOST, there), lambda _: 0.0)
            answer = asyncio.create_task(asked(await door.start(HOST), b"hello"))
            await was_asked.wait()
            assert not answer.done()
            live.append("fra1")
            assert await answer == b"hello"
            await door.close()

    run(work())


def test_closing_ends_what_is_open() -> None:
    async def work() -> None:
        reached = asyncio.Event()

        async def waits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(1)
            reached.set()
            await reader.read()
            writer.close()

        async with listening(waits) as behind:
            relay = to(behind)
            reader, writer = await asyncio.open_connection(HOST, await relay.start(HOST))
            writer.write(b"x")
            await reached.wait()
            await relay.close()
            assert await ended(reader)
            writer.close()

    run(work())
