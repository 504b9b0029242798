"""HTTP by hand: what a test wants to send byte by byte, or not to finish."""

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from tests.unit.pipeline.harness import KEY, Gateway

LIMIT = 60.0
"""Seconds; what comes later than that never comes."""


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> Any:
        return self.json["error"]["code"]


class Talk:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> tuple[int, dict[str, str]]:
        raw = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), LIMIT)).decode("latin-1")
        first, *lines = raw.strip().split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return int(first.split()[1]), {name.lower(): value.strip() for name, _, value in pairs}

    async def answer(self) -> Answer:
        status, headers = await self.head()
        size = int(headers.get("content-length", 0))
        return Answer(status, headers, await asyncio.wait_for(self.reader.readexactly(size), LIMIT))

    async def chunk(self) -> bytes:
        size = int(await asyncio.wait_for(self.reader.readline(), LIMIT), 16)
        data = await self.reader.readexactly(size + 2)
        return data[:-2]


def post(body: bytes, *, path: str = "/v1/chat/completions", headers: Mapping[str, str] | None = None) -> bytes:
    lines = {
        "host": "lab.example.com",
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "content-length": str(len(body)),
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def get(path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET") -> bytes:
    lines = {"host": "lab.example.com", "authorization": f"Bearer {KEY}", **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value)
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode()


@contextlib.asynccontextmanager
async def talking(gateway: Gateway) -> AsyncIterator[Talk]:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.number)
    try:
        yield Talk(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def ask(gateway: Gateway, request: bytes) -> Answer:
    async with talking(gateway) as talk:
        talk.send(request)
        return await talk.answer()
