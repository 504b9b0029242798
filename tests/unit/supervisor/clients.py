"""Clients that ask a gateway without pause, many at once, and count what they got."""

import asyncio
import contextlib
import dataclasses
from collections import Counter


@dataclasses.dataclass
class Tally:
    """What all clients together have seen."""

    answers: Counter[str] = dataclasses.field(default_factory=Counter)
    """By the last line of the body."""
    refused_connections: int = 0
    cut: list[str] = dataclasses.field(default_factory=list)
    """Requests that got no answer, or half of one."""
    unannounced: int = 0
    """Kept connections that were closed between two requests. HTTP clients then ask again (RFC 9112 section 9.3.1)."""
    closed_after: int = 0
    """Answers with `connection: close`."""


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    close: bool
    body: bytes


class ClosedError(Exception):
    """The connection ended before the first byte of an answer."""


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> Answer:
    writer.write(f"GET {path} HTTP/1.1\r\nhost: test\r\n\r\n".encode())
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    except asyncio.IncompleteReadError as error:
        raise error if error.partial else ClosedError from error
    status = int(head.split()[1])
    close = "connection: close" in head
    if "transfer-encoding: chunked" in head:
        return Answer(status, close, await _chunks(reader))
    length = int(head.partition("content-length: ")[2].split()[0])
    return Answer(status, close, await reader.readexactly(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")), 16)
        body += await reader.readexactly(size)
        await reader.readexactly(2)
        if size == 0:
            return body


async def keep_asking(port: int, path: str, tally: Tally, stop: asyncio.Event) -> None:
    """Ask over and over on a kept connection; a new one only where the gateway closed in order."""
    while not stop.is_set():
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            tally.refused_connections += 1
            return
        with contextlib.closing(writer):
            asked = 0
            while not stop.is_set():
                asked += 1
                try:
                    answer = await asyncio.wait_for(ask(reader, writer, path), 100)
                except (ClosedError, asyncio.IncompleteReadError, OSError) as error:
                    if asked > 1 and isinstance(error, ClosedError):
                        tally.unannounced += 1
                        break
                    tally.cut.append(repr(error))
                    return
                tally.answers[answer.body.decode().split("\n")[-1].split(" ")[0] or "interrupted"] += 1
                if answer.close:
                    tally.closed_after += 1
                    break
