"""An API server that misbehaves as it is told: a TLS server whose answers are written out by the test."""

import asyncio
import contextlib
import json
import pathlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from tests.cluster import pki

from isochrone_gateway.source.credentials import ServiceAccount

Answer = list[bytes | float]
"""What is written, and how many seconds are waited in between; then the connection is closed."""
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def whole(body: bytes | dict[str, Any], status: int = 200, *, close: bool = False) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    ending = "connection: close\r\n" if close else ""
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(data)}\r\n{ending}\r\n".encode() + data


def listed(index: bytes | None, revision: str = "10") -> bytes:
    items = [] if index is None else [config_map(index, revision)]
    return whole({"metadata": {"resourceVersion": revision}, "items": items})


def config_map(index: bytes, revision: str) -> dict[str, Any]:
    return {"metadata": {"name": "index", "resourceVersion": revision}, "data": {"index.json": index.decode()}}


def event(kind: str, content: dict[str, Any]) -> bytes:
    line = json.dumps({"type": kind, "object": content}).encode() + b"\n"
    return b"%x\r\n%b\r\n" % (len(line), line)


STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


class ScriptedApi:
    """Gives lists and watches the next of their answers; the last one again and again."""

    def __init__(self) -> None:
        self.lists: list[Answer] = []
        self.watches: list[Answer] = []
        self.targets: list[str] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.targets.append(head.split()[1])
                assert "authorization: Bearer the-token" in head
                answers = self.watches if "watch=true" in self.targets[-1] else self.lists
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                for step in answer:
                    if isinstance(step, float):
                        await asyncio.sleep(step)
                    else:
                        writer.write(step)
                        await writer.drain()
                if answer and answer[-1] == b"":
                    break
        writer.close()

    def count(self, what: Callable[[str], bool]) -> int:
        return sum(map(what, self.targets))


@contextlib.asynccontextmanager
async def serving(folder: pathlib.Path) -> AsyncIterator[tuple[ScriptedApi, ServiceAccount]]:
    api = ScriptedApi()
    async with listening(folder, api.serve) as account:
        yield api, account


@contextlib.asynccontextmanager
async def listening(folder: pathlib.Path, answer: Serve) -> AsyncIterator[ServiceAccount]:
    """A TLS server on this machine, and a service account that is let in."""
    authority = pki.new_authority()
    pair = authority.issue_server("127.0.0.1")
    files = {"ca.crt": authority.pair.certificate, "server.pem": pair.certificate + b"\n" + pair.key}
    files |= {"token": b"the-token", "namespace": b"edge"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        try:
            await answer(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()
        finally:
            handlers.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        yield ServiceAccount(folder=folder, host="127.0.0.1", port=port)
    finally:
        server.close()
        for task in list(handlers):
            task.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        await server.wait_closed()
