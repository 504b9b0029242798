"""Clients that ask a gateway without pause, many at once, and check each byte of what they get.

A request is lost if it gets no answer, or another one than that of an engine. An answer is cut if it ends before its
end without saying so.
"""

import asyncio
import contextlib
import dataclasses
import json
import re
from collections import Counter
from collections.abc import AsyncIterator

from tests.faults import answers
from tests.faults.answers import Prompt
from tests.faults.gateways import LIMIT
from tests.unit.pipeline.harness import KEY

_ENGINE = re.compile(rb'"id":"([^"]+)"')


@dataclasses.dataclass
class Tally:
    """What all clients together have seen."""

    whole: Counter[str] = dataclasses.field(default_factory=Counter)
    """Answers that are right to the last byte, by engine."""
    broken: Counter[str] = dataclasses.field(default_factory=Counter)
    """Streams that ended with an error frame, by engine and code, right up to there and without a `[DONE]`."""
    lost: list[str] = dataclasses.field(default_factory=list)
    cut: list[str] = dataclasses.field(default_factory=list)
    wrong: list[str] = dataclasses.field(default_factory=list)
    ended: int = 0
    """Requests that were answered with the error `draining`."""
    turned_away: int = 0
    """Connections that were refused: nobody listens any more."""
    announced: int = 0
    """Answers that said `connection: close`."""

    @property
    def answered(self) -> int:
        return self.whole.total() + self.broken.total()

    def problems(self) -> list[str]:
        return [*self.lost, *self.cut, *self.wrong]


@dataclasses.dataclass(frozen=True)
class Answer:
    status: int
    closes: bool
    body: bytes
    is_complete: bool


class NoAnswerError(Exception):
    """The connection ended, or nothing came for too long, before there was an answer."""


class Client:
    """Asks over and over on a kept connection; on a new one only where the gateway has said that it closes."""

    def __init__(self, port: int, prompt: Prompt, tally: Tally, *, streams: bool) -> None:
        self._port = port
        self._prompt = prompt
        self._tally = tally
        self._streams = streams
        self._asked = 0

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            except ConnectionRefusedError:
                self._tally.turned_away += 1
                return
            with contextlib.closing(writer):
                while not stop.is_set() and await self._ask_once(reader, writer):
                    pass

    async def _ask_once(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request; whether the connection may be used again."""
        self._asked += 1
        prompt = dataclasses.replace(self._prompt, name=f"{self._prompt.name}.{self._asked}")
        writer.write(request(prompt, streams=self._streams))
        try:
            answer = await _read(reader)
        except (NoAnswerError, ConnectionError) as error:
            self._tally.lost.append(f"{prompt.name}: {error!r}")
            return False
        self._judge(prompt, answer)
        self._tally.announced += answer.closes
        return answer.is_complete and not answer.closes

    def _judge(self, prompt: Prompt, answer: Answer) -> None:
        tally, name, body = self._tally, prompt.name, answer.body
        found = _ENGINE.search(body)
        if answer.status == 503 and b'"code":"draining"' in body:
            tally.ended += 1
            return
        if answer.status != 200 or found is None:
            tally.lost.append(f"{name}: {answer.status} {body[:300]!r}")
            return
        engine = found[1].decode()
        right = answers.stream(engine, prompt) if self._streams else answers.whole(engine, prompt)
        if not answer.is_complete:
            tally.cut.append(f"{name}: {body[-300:]!r}")
        elif body == right:
            tally.whole[engine] += 1
        elif code := _error_at_the_end(body, right):
            tally.broken[f"{engine} {code}"] += 1
        else:
            tally.wrong.append(f"{name}: {body[-300:]!r}")


def _error_at_the_end(body: bytes, right: bytes) -> str:
    """The code of the error frame, if all before it is right, and it is the last."""
    before, separator, last = body.rpartition(b"data: ")
    if not separator or not right.startswith(before) or b"[DONE]" in body or not last.endswith(b"\n\n"):
        return ""
    error = json.loads(last).get("error", {})
    return str(error.get("code", ""))


def request(prompt: Prompt, *, streams: bool) -> bytes:
    asked = {"model": "chat", "messages": [{"role": "user", "content": prompt.text()}]}
    body = json.dumps({**asked, "stream": True} if streams else asked).encode()
    lines = f"host: lab.example.com\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n"
    return f"POST /v1/chat/completions HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body


async def _read(reader: asyncio.StreamReader) -> Answer:
    try:
        raw = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
    except asyncio.IncompleteReadError as error:
        raise NoAnswerError(repr(error.partial)) from error
    except TimeoutError as error:
        raise NoAnswerError(f"silent for {LIMIT:g} s") from error
    head = raw.decode("latin-1").lower()
    status, closes = int(head.split()[1]), "connection: close" in head
    body = bytearray()
    try:
        async with asyncio.timeout(LIMIT):
            if "transfer-encoding: chunked" in head:
                await _read_chunks(reader, body)
            else:
                body += await reader.readexactly(int(head.partition("content-length: ")[2].split()[0]))
    except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
        return Answer(status, closes, bytes(body), is_complete=False)
    return Answer(status, closes, bytes(body), is_complete=True)


async def _read_chunks(reader: asyncio.StreamReader, body: bytearray) -> None:
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)


@contextlib.asynccontextmanager
async def asking(port: int, *, streams: int = 200, unary: int = 10) -> AsyncIterator[Tally]:
    """Ask all the time; on leaving, let each client finish what it began."""
    tally, stop = Tally(), asyncio.Event()
    # Of different lengths, so that at any moment some begin, some end, and most are under way.
    clients = [
        Client(port, Prompt(f"c{number}", 10 + number % 40, 0.02), tally, streams=number < streams)
        for number in range(streams + unary)
    ]
    tasks = [asyncio.create_task(client.run(stop)) for client in clients]
    try:
        yield tally
    finally:
        stop.set()
        await asyncio.gather(*tasks)
